//! What is wrong with the shape of a job, in a sentence for the developer who made it: the place, the cause, and what to do.

use std::cmp::Reverse;

use jsonschema::{
    JsonType, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::invalid::InvalidJob;
use crate::problem::quote_name;

/// The first thing that the schema forbids.
pub(super) fn first(schema: &Validator, job: &Value) -> Option<InvalidJob> {
    schema.iter_errors(job).next().map(|error| explain(&error))
}

fn explain(error: &ValidationError<'_>) -> InvalidJob {
    let path = error.instance_path().as_str().to_owned();
    let instance = error.instance();
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => in_alternatives(error, context),
        Kind::AdditionalProperties { unexpected } => {
            let name = unexpected.first().map(String::as_str).unwrap_or_default();
            let place = format!("{path}/{}", escaped(name));
            InvalidJob::shape(place, "is not known here: correct its name, or leave it out")
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            InvalidJob::shape(format!("{path}/{}", escaped(name)), "is missing")
        }
        Kind::Type { kind } => InvalidJob::shape(path, format!("must be {}{}", types(kind), found(instance))),
        Kind::Constant { expected_value } => {
            InvalidJob::shape(path, format!("must be {expected_value}, not {}", short(instance)))
        }
        Kind::Enum { options } => {
            InvalidJob::shape(path, format!("must be one of {options}, not {}", short(instance)))
        }
        Kind::Minimum { limit } => {
            InvalidJob::shape(path, format!("must be at least {limit}, not {}", short(instance)))
        }
        Kind::Maximum { limit } => {
            InvalidJob::shape(path, format!("must be at most {limit}, not {}", short(instance)))
        }
        Kind::MinLength { limit } => {
            InvalidJob::shape(path, format!("must have at least {limit} characters"))
        }
        Kind::MaxLength { limit } => InvalidJob::shape(path, format!("must have at most {limit} characters")),
        Kind::MinItems { limit } => InvalidJob::shape(path, format!("must have at least {limit} entries")),
        Kind::MaxItems { limit } | Kind::MaxProperties { limit } => {
            InvalidJob::shape(path, format!("must have at most {limit} entries"))
        }
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().map(quote_name).unwrap_or_default();
            let cause = match explain(error) {
                InvalidJob::Shape { cause, .. } => cause,
                other => other.to_string(),
            };
            InvalidJob::shape(path, format!("has the name {name}, which {cause}"))
        }
        Kind::Format { format } if format == "uuid" => InvalidJob::shape(
            path,
            format!(
                "must be a UUID of 36 characters, such as 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11, not {}",
                short(instance)
            ),
        ),
        // The only pattern of the schema.
        Kind::Pattern { .. } => InvalidJob::shape(path, "must not hold a NUL character"),
        _ => InvalidJob::shape(path, format!("is not valid: {}", error.masked())),
    }
}

/// Of several forms, the one that was most likely meant: the one with the fewest mistakes, and of these the one with
/// the deepest mistake. A form that is plainly a different one is not considered.
fn in_alternatives(error: &ValidationError<'_>, forms: &[Vec<ValidationError<'static>>]) -> InvalidJob {
    let depth = |error: &ValidationError<'_>| error.instance_path().as_str().matches('/').count();
    let is_other = |form: &&Vec<ValidationError<'static>>| {
        form.iter().any(|inner| match inner.kind() {
            Kind::Type { .. } => inner.instance_path() == error.instance_path(),
            // The tag of a form; `true` is not a tag.
            Kind::Constant { expected_value } => expected_value.is_string(),
            _ => false,
        })
    };
    let meant = forms
        .iter()
        .filter(|form| !is_other(form))
        .min_by_key(|form| (form.len(), Reverse(form.iter().map(depth).max())));
    match meant.and_then(|form| form.first()) {
        Some(first) => explain(first),
        None => no_form(error, forms),
    }
}

/// The value has none of the forms: neither its tag nor its type is one of theirs.
fn no_form(error: &ValidationError<'_>, forms: &[Vec<ValidationError<'static>>]) -> InvalidJob {
    let (mut path, mut tags, mut expected) = (None, Vec::new(), Vec::new());
    for inner in forms.iter().flatten() {
        match inner.kind() {
            Kind::Constant { expected_value } => {
                path.get_or_insert_with(|| inner.instance_path().as_str().to_owned());
                tags.push(expected_value.to_string());
            }
            Kind::Type { kind } if types(kind) != "null" => expected.push(types(kind)),
            _ => {}
        }
    }
    let own = error.instance_path().as_str();
    if tags.is_empty() {
        expected.dedup();
        let cause = format!("must be {}{}", expected.join(" or "), found(error.instance()));
        return InvalidJob::shape(own, cause);
    }
    let path = path.unwrap_or_else(|| own.to_owned());
    let inner = path
        .strip_prefix(own)
        .and_then(|rest| error.instance().pointer(rest));
    let found = inner.map(short).unwrap_or_default();
    InvalidJob::shape(path, format!("must be one of {}, not {found}", tags.join(", ")))
}

fn types(kind: &TypeKind) -> String {
    let name = |of: JsonType| match of {
        JsonType::Null => "null",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a text",
        JsonType::Array => "a list",
        JsonType::Object => "an object",
    };
    match kind {
        TypeKind::Single(of) => name(*of).to_owned(),
        TypeKind::Multiple(of) => of.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

/// What is there instead, and what to do about it.
fn found(value: &Value) -> String {
    let what = match value {
        Value::Null => "null: leave it out",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(text) if text.parse::<f64>().is_ok() => {
            "a number in quotes: write it without the quotes"
        }
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!(", not {what}")
}

/// A value in the form in which a sentence may repeat it.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) => quote_name(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        plain => plain.to_string(),
    }
}

/// A name as a part of a JSON Pointer. Source: RFC 6901, section 3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
