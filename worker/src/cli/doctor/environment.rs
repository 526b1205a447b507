//! The environment: whether it is complete, and where it sends secrets as plain text.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{
    broker,
    checks::Check,
    cli::{secret_files, work},
    db, storage,
};

/// Options as the environment alone gives them.
pub(super) fn from_environment<T: clap::Args>() -> Result<T, String> {
    let (command, unread) = secret_files::applied(T::augment_args(clap::Command::new("user-import")));
    let matches = command.try_get_matches_from(["user-import"]);
    let options = matches.and_then(|matches| T::from_arg_matches(&matches));
    options.map_err(|error| [[wrong(&error)].as_slice(), &unread].concat().join("; "))
}

/// What is wrong with the environment.
fn wrong(error: &clap::Error) -> String {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => name.clone(),
        Some(ContextValue::Strings(names)) => names.join(", "),
        _ => String::new(),
    };
    let options = named(ContextKind::InvalidArg);
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return format!("not set: {options}");
    }
    let cause = error.source().map(|cause| format!(": {cause}"));
    format!(
        "{options} cannot be {:?}{}",
        named(ContextKind::InvalidValue),
        cause.unwrap_or_default()
    )
}

pub(super) fn configuration() -> Check {
    match from_environment::<work::Args>() {
        Ok(_) => Check::ok("configuration", "complete"),
        Err(error) => Check::failed(
            "configuration",
            error,
            "correct the environment; user-import work --help lists each variable",
        ),
    }
}

/// Whether passwords and personal data go to other machines as plain text.
pub(super) fn encryption() -> Check {
    const NAME: &str = "encryption";
    let hosts = [
        from_environment::<db::Options>().map(|options| ("the database", options.plain_text_host())),
        from_environment::<broker::Options>().map(|options| ("the broker", options.plain_text_host())),
        from_environment::<storage::Options>()
            .map(|options| ("the object storage", options.plain_text_host())),
    ];
    // Options that cannot be read are reported where they are used.
    let plain: Vec<String> = hosts
        .into_iter()
        .flatten()
        .filter_map(|(server, host)| Some(format!("{server} at {}", host?)))
        .collect();
    if plain.is_empty() {
        return Check::ok(NAME, "nothing goes to another machine as plain text");
    }
    let advice = "use ?sslmode=verify-full&sslrootcert=FILE in DATABASE_URL, amqps:// in AMQP_URL, https:// in S3_ENDPOINT";
    Check::warning(
        NAME,
        format!(
            "whoever can listen on the way to {} can read passwords and personal data",
            plain.join(", ")
        ),
        advice,
    )
}
