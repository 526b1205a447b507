//! `user-import dead`: list, show, replay, discard.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use shared::{contract::Id, text::printable};
use uuid::Uuid;

use super::{
    list::tenant,
    operator::{By, confirmed, not_confirmed, show},
};
use crate::{
    broker::{self, DeadLetter, DeadLetters, Link},
    db::{self, Audit, Db, Import, State},
    operate::{self, ReplayOptions},
};

/// The commands for dead letters.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the dead letters: which message, why, of which import, and where that import stands by now
    List(Box<ListArgs>),
    /// Show one dead letter with its whole message
    Show(Box<ShowArgs>),
    /// Send dead letters on their way again; a failed import is taken up as by `user-import replay`
    Replay(Box<ChangeArgs>),
    /// Throw dead letters away; their imports stay as they are
    Discard(Box<ChangeArgs>),
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct Servers {
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
    #[command(flatten)]
    broker: broker::Options,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct Filter {
    /// Only those that were set aside for this reason: malformed, newer_version, import_id_taken, permanent_error,
    /// retries_exhausted, kills_workers, messages_lost
    #[arg(long, value_name = "REASON")]
    dead_reason: Option<String>,
    /// Only those of this tenant
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// Only those of this import
    #[arg(long, value_name = "ID")]
    import: Option<Uuid>,
    /// Only those whose import is completed, cancelled or rejected by now: nothing is left to do for them
    #[arg(long)]
    over: bool,
}

/// Options of `dead list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reading takes nothing away and changes no order. Letters that another `dead` command holds are not
listed.

Example:
  user-import dead list --dead-reason retries_exhausted")]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    servers: Servers,
}

/// Options of `dead show`.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The message's ID, as `dead list` shows it
    #[arg(value_name = "MESSAGE")]
    message_id: String,
    #[command(flatten)]
    servers: Servers,
}

/// Options of `dead replay` and `dead discard`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Say which: one message, or --all, or all that match what is given of --dead-reason, --tenant,
--import and --over. A letter leaves the queue only after the broker has stored and routed what
takes its place; the others keep their order.

Exit codes: 0 done; 5 not confirmed, nothing was changed; 2 usage; 1 anything that failed.

Examples:
  user-import dead replay --all --dry-run
  user-import dead replay --dead-reason retries_exhausted --reason 'storage is back'
  user-import dead discard --over --yes")]
pub(super) struct ChangeArgs {
    /// The message's ID, as `dead list` shows it
    #[arg(value_name = "MESSAGE", conflicts_with = "all")]
    message_id: Option<String>,
    /// All dead letters
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Go ahead without a question, where one would be asked: before discarding
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    servers: Servers,
}

/// What becomes of a letter that is to be replayed and is not whole.
const LEFT: &str = "left where it is: too large, its rest was not kept, discard it";

/// A letter and the import that it is about.
struct Found {
    letter: DeadLetter,
    import: Option<Import>,
}

impl Found {
    fn value(&self) -> Value {
        let letter = &self.letter;
        json!({
            "message_id": letter.message_id, "reason": letter.reason, "error": letter.error, "origin": letter.origin,
            "tries": letter.retry_count, "size_bytes": letter.size_bytes, "is_cut": letter.is_cut(),
            "import_id": letter.subject.map(|about| about.import_id),
            "tenant_id": letter.subject.map(|about| about.tenant_id),
            "import_state": self.import.as_ref().map(|import| import.state.as_str()),
        })
    }

    fn line(&self) -> String {
        let letter = &self.letter;
        let about = letter.subject.map_or_else(
            || "no import".to_owned(),
            |about| format!("import {} of tenant {}", about.import_id, about.tenant_id),
        );
        let state = self
            .import
            .as_ref()
            .map_or("unknown", |import| import.state.as_str());
        let error = printable(letter.error.as_deref().unwrap_or("no error noted"));
        format!(
            "{}  {} (from {}, tried {} times)\n    {about}, {state} by now: {error}",
            printable(&letter.message_id),
            printable(&letter.reason),
            printable(&letter.origin),
            letter.retry_count
        )
    }

    fn is_failed(&self) -> bool {
        self.import
            .as_ref()
            .is_some_and(|import| import.state == State::Failed)
    }
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list(*args).await,
        Command::Show(args) => show_one(*args).await,
        Command::Replay(args) => change(*args, true).await,
        Command::Discard(args) => change(*args, false).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let (db, _link, mut held) = open(&args.servers).await?;
    let found = choose(&db, &mut held, |found| matches(found, &args.filter)).await?;
    let values: Vec<Value> = found.iter().map(Found::value).collect();
    let text = match found.len() {
        0 => "no dead letters".to_owned(),
        _ => found.iter().map(Found::line).collect::<Vec<_>>().join("\n"),
    };
    drop(found);
    held.close().await?;
    show(args.servers.json, &json!({ "dead_letters": values }), &text)?;
    Ok(ExitCode::SUCCESS)
}

async fn show_one(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let (db, _link, mut held) = open(&args.servers).await?;
    let mut found = choose(&db, &mut held, |found| found.letter.message_id == args.message_id).await?;
    let Some(found) = found.pop() else {
        bail!(
            "there is no dead letter {}: user-import dead list shows what there is",
            args.message_id
        );
    };
    let letter = &found.letter;
    let body = String::from_utf8_lossy(&letter.body).into_owned();
    let mut text = format!("{}\n{}", found.line(), printable(&body));
    if letter.is_cut() {
        text.push_str(&format!(
            "\n… the first {} of {} bytes: the rest was not kept",
            letter.body.len(),
            letter.size_bytes
        ));
    }
    held.close().await?;
    let mut value = found.value();
    if let Some(object) = value.as_object_mut() {
        object.insert("body".to_owned(), Value::from(body.clone()));
    }
    show(args.servers.json, &value, &text)?;
    Ok(ExitCode::SUCCESS)
}

async fn change(args: ChangeArgs, replay: bool) -> anyhow::Result<ExitCode> {
    let (filter, json) = (&args.filter, args.servers.json);
    let is_chosen = args.all
        || args.message_id.is_some()
        || filter.over
        || filter.dead_reason.is_some()
        || filter.tenant.is_some()
        || filter.import.is_some();
    if !is_chosen {
        bail!("say which dead letters: a MESSAGE, --all, --dead-reason, --tenant, --import or --over");
    }
    let (db, link, mut held) = open(&args.servers).await?;
    let wanted = |found: &Found| {
        let is_named = args
            .message_id
            .as_ref()
            .is_none_or(|id| *id == found.letter.message_id);
        is_named && matches(found, filter)
    };
    let found = choose(&db, &mut held, wanted).await?;
    if let Some(message_id) = &args.message_id
        && found.is_empty()
    {
        bail!("there is no dead letter {message_id}: user-import dead list shows what there is");
    }
    let verb = if replay { "replay" } else { "discard" };
    let is_left = |found: &Found| replay && found.letter.is_cut();
    let count = found.iter().filter(|found| !is_left(found)).count();
    let lines: Vec<String> = found
        .iter()
        .map(|found| match is_left(found) {
            true => format!("{}\n    {LEFT}", found.line()),
            false => found.line(),
        })
        .collect();
    let what = format!("this would {verb} {count} dead letters:\n{}", lines.join("\n"));
    if args.dry_run {
        held.close().await?;
        let values: Vec<Value> = found.iter().map(Found::value).collect();
        show(
            json,
            &json!({ "changed": false, "dead_letters": values }),
            what.trim_end(),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    if !replay && !found.is_empty() && !confirmed(args.yes, json, &what)? {
        held.close().await?;
        return not_confirmed(json, &what);
    }
    let mut values = Vec::new();
    let mut texts = Vec::new();
    for found in &found {
        let text = if is_left(found) {
            LEFT.to_owned()
        } else if replay {
            revive(&db, &link, found, &args.by.audit("dead replay")).await?
        } else {
            note(&db, &args.by.audit("dead discard"), found).await?;
            "discarded".to_owned()
        };
        if !is_left(found) {
            found.letter.remove().await?;
        }
        texts.push(format!(
            "{}: {}",
            printable(&found.letter.message_id),
            printable(&text)
        ));
        let mut value = found.value();
        if let Some(object) = value.as_object_mut() {
            object.insert("did".to_owned(), Value::from(text));
        }
        values.push(value);
    }
    held.close().await?;
    texts.push(format!("{count} dead letters: {verb} done"));
    show(
        json,
        &json!({ "changed": count > 0, "dead_letters": values }),
        &texts.join("\n"),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Sends one letter on its way again, and says how.
async fn revive(db: &Db, link: &Link, found: &Found, audit: &Audit) -> anyhow::Result<String> {
    // An earlier letter of the same import may have reopened it since; then this one is only sent again, and the step
    // sees that it is of an attempt that is over.
    if let Some(about) = found.letter.subject
        && found.is_failed()
    {
        let replayed = operate::replay(db, about.import_id, ReplayOptions::default(), audit).await?;
        link.publisher().publish(&replayed.messages).await?;
        let (import_id, attempt) = (about.import_id, replayed.import.attempt);
        return Ok(format!("import {import_id} taken up as attempt {attempt}"));
    }
    note(db, audit, found).await?;
    link.publisher()
        .revive(&found.letter.origin, found.letter.body.clone())
        .await?;
    Ok(format!("sent to {} again", found.letter.origin))
}

/// Before the letter is gone, so that none goes without an entry.
async fn note(db: &Db, audit: &Audit, found: &Found) -> anyhow::Result<()> {
    let letter = &found.letter;
    let details = json!({
        "message_id": letter.message_id, "reason": letter.reason, "error": letter.error, "origin": letter.origin,
    });
    let about = letter
        .subject
        .map(|about| (about.tenant_id.get(), about.import_id));
    Ok(db.record(audit, about, details).await?)
}

async fn open(servers: &Servers) -> anyhow::Result<(Db, Link, DeadLetters)> {
    let db = Db::new(&servers.database)?;
    let link = Link::connect(&servers.broker).await?;
    let held = link
        .dead_letters()
        .await
        .context("cannot read the dead letters")?;
    Ok((db, link, held))
}

/// Takes the wanted letters out of those that are held. The others stay held, so that all return in their order.
async fn choose(
    db: &Db,
    held: &mut DeadLetters,
    wanted: impl Fn(&Found) -> bool,
) -> anyhow::Result<Vec<Found>> {
    let mut chosen = Vec::new();
    for letter in std::mem::take(&mut held.letters) {
        let import = match letter.subject {
            // Whoever guesses an ID learns nothing of another tenant's import.
            Some(about) => db
                .find(about.import_id)
                .await?
                .filter(|import| import.job.tenant_id == about.tenant_id),
            None => None,
        };
        let found = Found { letter, import };
        if wanted(&found) {
            chosen.push(found);
        }
    }
    Ok(chosen)
}

fn matches(found: &Found, filter: &Filter) -> bool {
    let is_over = |import: &Import| {
        matches!(
            import.state,
            State::Completed | State::Cancelled | State::Rejected
        )
    };
    filter
        .dead_reason
        .as_ref()
        .is_none_or(|reason| *reason == found.letter.reason)
        && filter.tenant.is_none_or(|tenant| {
            found
                .letter
                .subject
                .is_some_and(|about| about.tenant_id == tenant)
        })
        && filter.import.is_none_or(|import| {
            found
                .letter
                .subject
                .is_some_and(|about| about.import_id == import)
        })
        && (!filter.over || found.import.as_ref().is_some_and(is_over))
}
