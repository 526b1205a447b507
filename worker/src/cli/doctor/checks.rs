//! The checks themselves: an environment goes in; for each thing that can be wrong with it a line and an advice.

use std::{collections::BTreeSet, error::Error as _};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use time::OffsetDateTime;
use uuid::Uuid;

use super::check::Check;
use crate::{
    broker,
    cli::{secret_files, work},
    crypto::seal::{InvalidKeys, KeyRing},
    db::{self, Backlog, Db, Health, STALLED, SchemaVersion},
    secret::Secret,
    storage::{self, Fetched, Storage},
};

/// From here on times in events and audit trail mislead people.
const SKEW_TO_WARN_OF: time::Duration = time::Duration::seconds(5);

/// S3 refuses requests of clocks that differ by more. Source: Amazon S3, error RequestTimeTooSkewed.
const SKEW_TOO_LARGE: time::Duration = time::Duration::minutes(15);

/// What is written into the bucket and read back.
const PROBE: &[u8] = b"user-import doctor";

/// All checks, in the order of what depends on what.
pub(super) async fn all() -> Vec<Check> {
    let mut checks = vec![configuration(), encryption()];
    let (database, operators, broker, storage) =
        tokio::join!(database(), operators_database(), broker(), storage());
    checks.extend(database);
    checks.extend(operators);
    checks.extend(broker);
    checks.extend(storage);
    checks
}

/// Options as the environment alone gives them.
fn from_environment<T: clap::Args>() -> Result<T, String> {
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

/// Whether passwords and personal data go to other machines as plain text.
fn encryption() -> Check {
    const NAME: &str = "encryption";
    let hosts = [
        from_environment::<db::Options>().map(|options| ("the database", options.plain_text_host())),
        from_environment::<broker::Options>().map(|options| ("the broker", options.plain_text_host())),
        from_environment::<storage::Options>()
            .map(|options| ("the object storage", options.plain_text_host())),
    ];
    // What cannot be read is told where it is used.
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
            "whoever can listen on the way to {} learns passwords and personal data",
            plain.join(", ")
        ),
        advice,
    )
}

fn configuration() -> Check {
    match from_environment::<work::Args>() {
        Ok(_) => Check::ok("configuration", "complete"),
        Err(error) => Check::failed(
            "configuration",
            error,
            "correct the environment; user-import work --help names each variable",
        ),
    }
}

async fn database() -> Vec<Check> {
    let options = match from_environment::<db::Options>() {
        Ok(options) => options,
        Err(error) => return vec![Check::failed("database", error, "set DATABASE_URL")],
    };
    let unreachable = |error: db::Error| {
        vec![Check::failed(
            "database",
            error.to_string(),
            error.advice("DATABASE_URL"),
        )]
    };
    if let Err(error) = db::reach(&options).await {
        return unreachable(error);
    }
    let db = match Db::new(&options) {
        Ok(db) => db,
        Err(error) => return unreachable(error),
    };
    if let Err(error) = db.check_encoding().await {
        return unreachable(error);
    }
    match db.check().await {
        Ok(()) => {}
        // Nothing else can be asked of an older schema.
        Err(db::Error::SchemaMissing) => return vec![schema(db.schema_version().await)],
        Err(error) => return unreachable(error),
    }
    let mut checks = vec![schema(db.schema_version().await)];
    let asked = OffsetDateTime::now_utc();
    match db.health().await {
        Ok(health) => {
            let answered = OffsetDateTime::now_utc();
            let server = format!("PostgreSQL {}, as role {}", health.server_version, health.role);
            checks.insert(0, Check::ok("database", server));
            checks.push(permissions(&health));
            checks.push(clock(health.now, asked + (answered - asked) / 2));
            checks.push(imports(&health));
            checks.push(delays(&health));
            checks.push(progress(db.backlog().await));
            checks.push(dead_letters(&health));
        }
        Err(error) => checks.extend(unreachable(error)),
    }
    checks.push(seal_keys(&db).await);
    checks
}

/// The log-in of `purge`, where there is one.
async fn operators_database() -> Option<Check> {
    const NAME: &str = "operators' database";
    const VARIABLE: &str = "OPERATOR_DATABASE_URL";
    #[derive(clap::Args)]
    #[group(skip)]
    struct Login {
        #[arg(long, env = VARIABLE, hide_env_values = true)]
        operator_database_url: Option<Secret>,
    }
    let database_url = from_environment::<Login>().ok()?.operator_database_url?;
    let options = db::Options {
        database_url,
        database_connections: 1,
    };
    let asked = async {
        db::reach(&options).await?;
        Db::new(&options)?.may_purge().await
    };
    Some(match asked.await {
        Ok(true) => Check::ok(NAME, "may purge"),
        Ok(false) => Check::warning(
            NAME,
            "its role may not purge",
            "GRANT user_import_operator TO the role in OPERATOR_DATABASE_URL",
        ),
        Err(error) => Check::failed(NAME, error.to_string(), error.advice(VARIABLE)),
    })
}

fn schema(found: Result<SchemaVersion, db::Error>) -> Check {
    const NAME: &str = "schema";
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let advice = "run user-import migrate; if it was, the role may not read the table of migrations";
            return Check::failed(NAME, error.to_string(), advice);
        }
    };
    if !found.missing.is_empty() {
        let text = format!(
            "version {}, this program needs {:?} too",
            found.applied, found.missing
        );
        return Check::failed(NAME, text, "run user-import migrate");
    }
    if !found.different.is_empty() {
        let text = format!(
            "versions {:?} were not applied to their end, or are not those of this program",
            found.different
        );
        return Check::failed(
            NAME,
            text,
            "find out which release migrated this database, and use that one",
        );
    }
    if !found.unknown.is_empty() {
        let text = format!("version {}, newer than this program", found.applied);
        return Check::warning(NAME, text, "update this program");
    }
    Check::ok(NAME, format!("version {}", found.applied))
}

fn permissions(health: &Health) -> Check {
    const NAME: &str = "database permissions";
    if !health.missing.is_empty() {
        let advice = format!("GRANT user_import_worker TO {}", health.role);
        return Check::failed(NAME, format!("missing: {}", health.missing.join(", ")), advice);
    }
    if !health.excess.is_empty() {
        let found = format!("role {} {}", health.role, health.excess.join(", "));
        let advice = "give workers a log-in that is a member of user_import_worker and nothing else";
        return Check::warning(NAME, found, advice);
    }
    Check::ok(NAME, "all that a worker needs, and no more")
}

fn clock(servers: OffsetDateTime, ours: OffsetDateTime) -> Check {
    const NAME: &str = "clock";
    let skew = servers - ours;
    let found = format!("differs from the database's by {:.1} s", skew.as_seconds_f64());
    let advice = "synchronise both machines' clocks (NTP)";
    if skew.abs() > SKEW_TOO_LARGE {
        Check::failed(NAME, found, advice)
    } else if skew.abs() > SKEW_TO_WARN_OF {
        Check::warning(NAME, found, advice)
    } else {
        Check::ok(NAME, found)
    }
}

fn imports(health: &Health) -> Check {
    let found = format!("{} under way, {} failed", health.open, health.failed);
    if health.failed > 0 {
        let advice = "user-import list --state failed says why; user-import replay ID resumes one";
        Check::warning("imports", found, advice)
    } else {
        Check::ok("imports", found)
    }
}

/// What a worker meets may not be seen from here: that a queue refuses messages, or a store objects of one tenant.
fn delays(health: &Health) -> Check {
    const NAME: &str = "delays";
    if health.delayed.is_empty() {
        return Check::ok(NAME, "no import waits to be tried again");
    }
    let advice = "mend what is named; imports go on by themselves, or: user-import list";
    Check::warning(NAME, health.delayed.join("; "), advice)
}

/// Whether imports get on.
fn progress(backlog: Result<Backlog, db::Error>) -> Check {
    const NAME: &str = "progress";
    match backlog {
        Ok(backlog) if backlog.stalled > 0 => {
            let (plural, have) = match backlog.stalled {
                1 => ("", "has"),
                _ => ("s", "have"),
            };
            let found = format!(
                "{} import{plural} {have} not progressed for {} s, the longest for {} s",
                backlog.stalled,
                STALLED.as_secs(),
                backlog.without_progress.as_secs()
            );
            let advice = "behind a backlog that is normal; else user-import list --state received --state running says why";
            Check::warning(NAME, found, advice)
        }
        Ok(_) => Check::ok(NAME, "every import that is under way progresses"),
        Err(error) => Check::failed(NAME, error.to_string(), "see the database"),
    }
}

fn dead_letters(health: &Health) -> Check {
    if health.dead_letters > 0 {
        let advice = "user-import dead list shows them; dead replay or dead discard clears them";
        Check::warning("dead letters", health.dead_letters.to_string(), advice)
    } else {
        Check::ok("dead letters", "none")
    }
}

/// Whether the server drops messages that are returned too often. AMQP shows no policies.
fn delivery_limit(version: Option<&str>) -> Check {
    const NAME: &str = "delivery limit";
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < 4) {
        return Check::ok(NAME, "this server has none of its own");
    }
    let found = "RabbitMQ drops an event after 20 returns, from 4.0 on, unless a policy forbids it; policies cannot be seen from here";
    let advice = "rabbitmqctl list_policies must show one for imports.dead and dialer.import-events; the runbook has it";
    Check::warning(NAME, found, advice)
}

/// Whether every open seed can be opened with the keys that we have.
async fn seal_keys(db: &Db) -> Check {
    const NAME: &str = "seal keys";
    #[derive(clap::Args)]
    #[group(skip)]
    struct Keys {
        #[arg(long, env = "SEAL_KEYS", hide_env_values = true)]
        seal_keys: Secret,
    }
    let keys = from_environment::<Keys>();
    // Read here and not by the command line, whose error would show the keys.
    let ring: Result<KeyRing, String> = keys.and_then(|keys| {
        keys.seal_keys
            .expose()
            .parse()
            .map_err(|error: InvalidKeys| error.to_string())
    });
    let ring = match ring {
        Ok(ring) => ring,
        Err(error) => {
            let advice = "set SEAL_KEYS to ID:KEY with KEY as `openssl rand -base64 32` prints it";
            return Check::failed(NAME, error, advice);
        }
    };
    let open = match db.sealed_imports().await {
        Ok(open) => open,
        Err(error) => return Check::failed(NAME, error.to_string(), "see the database"),
    };
    let (mut lost, mut others, mut first_error) = (0, BTreeSet::new(), None);
    for import in &open {
        let Some(sealed) = &import.sealed_seed else {
            continue;
        };
        if let Err(error) = ring.open(sealed, import.seed_owner()) {
            lost += 1;
            first_error.get_or_insert_with(|| format!("import {}: {error}", import.job.import_id));
        } else if sealed.key_id != ring.active_id() {
            others.insert(sealed.key_id.clone());
        }
    }
    if let Some(error) = first_error {
        let advice = "put the named key back behind the first one in SEAL_KEYS of all workers";
        return Check::failed(
            NAME,
            format!("{lost} of {} open seeds do not open; {error}", open.len()),
            advice,
        );
    }
    let ids: Vec<&str> = ring.key_ids().collect();
    let found = format!(
        "{} open seeds, all open; keys {}, sealing with {}",
        open.len(),
        ids.join(", "),
        ring.active_id(),
    );
    if others.is_empty() {
        Check::ok(NAME, found)
    } else {
        let advice = "user-import rotate-seals seals all seeds with the first key";
        Check::warning(NAME, format!("{found}; some are sealed with {others:?}"), advice)
    }
}

async fn broker() -> Vec<Check> {
    let options = match from_environment::<broker::Options>() {
        Ok(options) => options,
        Err(error) => return vec![Check::failed("broker", error, "set AMQP_URL")],
    };
    let found = match broker::examine(&options).await {
        Ok(found) => found,
        Err(error) => {
            let advice =
                "is the server up, and is AMQP_URL right (user, password, host, port, virtual host)?";
            return vec![Check::failed("broker", error.to_string(), advice)];
        }
    };
    let server = found.version.as_deref().unwrap_or("of unknown version");
    let mut checks = vec![Check::ok("broker", format!("RabbitMQ {server}"))];
    if !found.missing.is_empty() {
        checks.push(Check::failed(
            "topology",
            format!("missing: {}", found.missing.join(", ")),
            "run user-import topology; are AMQP_PREFIX and AMQP_SHARDS those of the other workers?",
        ));
        return checks;
    }
    checks.push(if found.old_way_is_open {
        Check::warning(
            "topology",
            "whoever may publish jobs can publish work too, as workers of older releases do",
            "once no worker of an older release runs: user-import topology --retire-old",
        )
    } else {
        Check::ok("topology", "all exchanges and queues are there")
    });
    checks.push(if found.refused.is_empty() {
        Check::ok("broker permissions", "may publish and read")
    } else {
        Check::failed(
            "broker permissions",
            found.refused.join("; "),
            "give the user configure, write and read on ^(imports(\\..+)?|dialer\\.import-events)$",
        )
    });
    let text = format!("{} connected, {} messages waiting", found.workers, found.waiting);
    checks.push(if found.workers == 0 {
        Check::warning("workers", text, "no worker is connected: start user-import work")
    } else {
        Check::ok("workers", text)
    });
    checks.push(delivery_limit(found.version.as_deref()));
    checks
}

async fn storage() -> Vec<Check> {
    const NAME: &str = "object storage";
    let options = match from_environment::<storage::Options>() {
        Ok(options) => options,
        Err(error) => return vec![Check::failed(NAME, error, "set the S3_ variables")],
    };
    let storage = match Storage::new(&options) {
        Ok(storage) => storage,
        Err(error) => return vec![Check::failed(NAME, error.to_string(), "correct S3_ENDPOINT")],
    };
    // No tenant has the number 0, so this is nobody's, and still where a policy of the bucket would let us write.
    let key = format!("tenants/0/doctor/{}", Uuid::new_v4());
    let advice =
        "is the server up, are S3_ENDPOINT, S3_BUCKET and the keys right, may they write and read tenants/*?";
    if let Err(error) = storage.put(&key, PROBE.to_vec(), "text/plain").await {
        return vec![Check::failed(NAME, error.to_string(), advice)];
    }
    let read = storage.get(&key, PROBE.len() as u64).await;
    let mut checks = vec![match read {
        Ok(Fetched::Found {
            content: Some(content),
            ..
        }) if content == PROBE => Check::ok(NAME, format!("writes and reads bucket {}", options.bucket)),
        Ok(_) => Check::failed(NAME, "what was written could not be read back", advice),
        Err(error) => Check::failed(NAME, error.to_string(), advice),
    }];
    if let Err(error) = storage.delete(&key).await {
        let advice = format!("workers need no deletion, user-import purge does; {key} is left behind");
        checks.push(Check::warning("storage deletion", error.to_string(), advice));
    }
    checks
}
