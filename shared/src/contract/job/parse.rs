//! From the body of a message to a job.
//!
//! The published schema decides what a job is: what it forbids is refused here, by the schema itself, before the types
//! see it. Only what a schema cannot express is checked in addition.

use std::{collections::HashSet, sync::LazyLock};

use jsonschema::Validator;
use schemars::Schema;
use serde_json::Value;

use super::{
    IdColumn, Job, ListSource, RoleSource,
    invalid::{InvalidJob, MAX_JOB_BYTES},
    json::{self, BYTE_ORDER_MARK},
    shape,
};
use crate::{
    contract::{Version, schema},
    field::Field,
    names,
    problem::quote_name,
};

/// The schema of jobs, as it is published.
pub fn schema() -> Schema {
    let examples = [
        include_str!("../../../schemas/examples/job-smallest.json"),
        include_str!("../../../schemas/examples/job.json"),
        include_str!("../../../schemas/examples/job-names.json"),
        include_str!("../../../schemas/examples/job-ignore.json"),
    ];
    schema::of_dialer::<Job>("job", &examples)
}

static SCHEMA: LazyLock<Option<Validator>> = LazyLock::new(|| schema::validator(&schema()));

/// Reads a job from the body of a message. A UTF-8 byte order mark before it does not matter.
///
/// ```
/// use shared::contract::job::{self, Mode};
///
/// let body = br#"{ "version": 1, "import_id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11", "tenant_id": 42,
///                  "mode": "validate", "source": { "key": "tenants/42/uploads/users.csv" } }"#;
/// let job = job::parse(body)?;
/// assert_eq!((job.tenant_id.get(), job.mode), (42, Mode::Validate));
/// assert_eq!(job::parse(serde_json::to_string(&job)?.as_bytes())?, job);
///
/// // A misspelt option is not ignored.
/// let misspelt = String::from_utf8_lossy(body).replace("mode", "moode");
/// let refused = job::parse(misspelt.as_bytes()).unwrap_err();
/// assert_eq!(refused.path(), Some("/moode"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parse(body: &[u8]) -> Result<Job, InvalidJob> {
    let value = checked(body, &SCHEMA)?;
    check_encoding(&value)?;
    let job: Job = serde_json::from_value(value).map_err(|error| InvalidJob::shape("", error.to_string()))?;
    job.id_columns()
        .try_for_each(|(field, column)| check_names(&format!("/fields/{field}/names"), column))?;
    Ok(job)
}

/// The JSON of a message from the Dialer, if it matches its schema.
pub(in crate::contract) fn checked(body: &[u8], schema: &Option<Validator>) -> Result<Value, InvalidJob> {
    if body.len() > MAX_JOB_BYTES {
        return Err(InvalidJob::TooLarge {
            size_bytes: body.len(),
        });
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let mut value = json::read(body).map_err(|error| InvalidJob::Syntax(error.to_string()))?;
    check_version(&value)?;
    let schema = schema
        .as_ref()
        .ok_or_else(|| InvalidJob::shape("", "cannot be checked: the schema is broken"))?;
    if let Some(wrong) = shape::first(schema, &value) {
        return Err(wrong);
    }
    json::write_integers_as_such(&mut value);
    Ok(value)
}

/// Before anything else: a job of a later version may look quite different.
fn check_version(job: &Value) -> Result<(), InvalidJob> {
    match job.get("version").and_then(Value::as_f64) {
        Some(version) if version > f64::from(u32::from(Version)) => {
            let cause = format!("is {version}, which is not known: only 1 is");
            Err(InvalidJob::shape("/version", cause))
        }
        _ => Ok(()),
    }
}

fn check_encoding(job: &Value) -> Result<(), InvalidJob> {
    let path = "/source/encoding";
    let label = job.pointer(path).and_then(Value::as_str).map(str::parse);
    let encoding: Option<Result<crate::file::Encoding, _>> = label;
    match encoding {
        Some(Err(unknown)) => Err(InvalidJob::shape(path, format!("is not valid: {unknown}"))),
        _ => Ok(()),
    }
}

/// Refuses texts that could not be told apart in a cell.
fn check_names(path: &str, column: &IdColumn) -> Result<(), InvalidJob> {
    let mut seen = HashSet::new();
    for text in column.names.keys() {
        let folded = names::fold(text);
        if folded.is_empty() {
            return Err(InvalidJob::shape(path, "has a name of nothing but blanks"));
        }
        if !seen.insert(folded) {
            let cause = format!(
                "has the name {} twice, apart from case and blanks",
                quote_name(text)
            );
            return Err(InvalidJob::shape(path, cause));
        }
    }
    Ok(())
}

impl Job {
    /// The columns of IDs that the job names, by their fields.
    pub(crate) fn id_columns(&self) -> impl Iterator<Item = (Field, &IdColumn)> {
        let lists = [
            (Field::Desks, &self.fields.desks),
            (Field::SkillGroups, &self.fields.skill_groups),
            (Field::Tags, &self.fields.tags),
        ];
        let lists = lists.into_iter().filter_map(|(field, list)| match list {
            Some(ListSource::Column(column)) => Some((field, column)),
            Some(ListSource::Fixed(_) | ListSource::Ignored(_)) | None => None,
        });
        let role = match &self.fields.role {
            Some(RoleSource::Column(column)) => Some((Field::Role, column)),
            Some(RoleSource::Fixed(_) | RoleSource::Ignored(_)) | None => None,
        };
        role.into_iter().chain(lists)
    }
}
