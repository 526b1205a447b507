//! `dead replay` and `dead discard`: the open dead letters that are chosen, page by page.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};
use shared::text::printable;

use super::{
    args::ChangeArgs,
    print::{Printer, line, value},
};
use crate::{
    broker::{self, Link},
    cli::{
        operator::{confirmed, not_confirmed},
        options::Misconfigured,
    },
    db::{Db, DeadCount, DeadFilter, DeadState, Paging, StoredDeadLetter},
    operate::{self, Resent},
    words::counted,
};

/// Dead letters that are read at a time.
const PAGE: u32 = 500;

/// Dead letters that the question before a change shows.
const SHOWN: u32 = 20;

/// What is said of one that is to be replayed but was cut.
const CUT: &str = "left where it is: it was too large to be kept whole, discard it";

/// What is said of one that another command closed first.
const CLOSED: &str = "already replayed or discarded by another command";

pub(super) async fn replay(args: ChangeArgs, broker: &broker::Options) -> anyhow::Result<ExitCode> {
    let mut chosen = Chosen::by(&args).await?;
    if args.dry_run {
        let whole = chosen.found.count - chosen.found.cut;
        return chosen
            .dry_run(
                &format!("this would replay {}:", counted(whole, "dead letter")),
                args.json,
                replay_line,
            )
            .await;
    }
    let link = Link::connect(broker).await?;
    let audit = args.by.audit("dead replay");
    let mut printer = Printer::new(args.json);
    let (mut sent, mut left) = (0, 0);
    while let Some(letters) = chosen.next(PAGE).await? {
        for letter in &letters {
            let resent = operate::resend(&chosen.db, link.publisher(), letter.dead_letter_id, &audit).await?;
            match resent {
                Resent::Import { .. } | Resent::Message => sent += 1,
                Resent::Unroutable(_) | Resent::Refused(_) => left += 1,
                Resent::Cut | Resent::Closed => {}
            }
            let did = match resent {
                Resent::Import { import_id, attempt } => {
                    format!("import {import_id} resumed as attempt {attempt}")
                }
                Resent::Message => format!("sent to {} again", letter.origin),
                Resent::Unroutable(error) => format!("left where it is: {error}"),
                Resent::Refused(error) => format!("left where it is: {error}"),
                Resent::Cut => CUT.to_owned(),
                Resent::Closed => CLOSED.to_owned(),
            };
            print(&mut printer, letter, did)?;
        }
    }
    let text = format!("{}: replay done", counted(sent, "dead letter"));
    printer.end(&[("changed", json!(sent > 0))], &text)?;
    Ok(match left {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

pub(super) async fn discard(args: ChangeArgs) -> anyhow::Result<ExitCode> {
    let mut chosen = Chosen::by(&args).await?;
    let what = format!(
        "this would discard {}:",
        counted(chosen.found.count, "dead letter")
    );
    if args.dry_run {
        return chosen.dry_run(&what, args.json, line).await;
    }
    let question = chosen.question(what).await?;
    if chosen.found.count > 0 && !confirmed(args.yes, args.json, &question)? {
        return not_confirmed(args.json, &question);
    }
    let audit = args.by.audit("dead discard");
    let mut printer = Printer::new(args.json);
    let mut discarded = 0;
    while let Some(letters) = chosen.next(PAGE).await? {
        let ids: Vec<i64> = letters.iter().map(|letter| letter.dead_letter_id).collect();
        let closed = chosen
            .db
            .close_dead_letters(&ids, DeadState::Discarded, &audit)
            .await?;
        discarded += closed.len();
        for letter in &letters {
            let did = match closed.contains(&letter.dead_letter_id) {
                true => "discarded",
                false => CLOSED,
            };
            print(&mut printer, letter, did.to_owned())?;
        }
    }
    let text = format!("{}: discard done", counted(discarded, "dead letter"));
    printer.end(&[("changed", json!(discarded > 0))], &text)?;
    Ok(ExitCode::SUCCESS)
}

/// The dead letters that a command applies to: those that were open when it began.
struct Chosen {
    db: Db,
    filter: DeadFilter,
    found: DeadCount,
    after: i64,
}

impl Chosen {
    async fn by(args: &ChangeArgs) -> anyhow::Result<Self> {
        if !args.all && args.dead_letter_id.is_none() && !args.filter.is_given() {
            return Err(Misconfigured(
                "say which dead letters: a NUMBER, --all, --dead-reason, --tenant, --import, --over, --older-than or \
                 --newer-than"
                    .to_owned(),
            )
            .into());
        }
        let db = args.database.open().await?;
        let filter = args
            .filter
            .filter(&db, args.dead_letter_id, Some(DeadState::Open))
            .await?;
        let found = db.count_dead_letters(&filter).await?;
        if let Some(id) = args.dead_letter_id
            && found.count == 0
        {
            bail!("there is no open dead letter {id}: user-import dead list shows what there is");
        }
        Ok(Self {
            db,
            filter,
            found,
            after: 0,
        })
    }

    /// The next ones, at most `limit`.
    async fn next(&mut self, limit: u32) -> anyhow::Result<Option<Vec<StoredDeadLetter>>> {
        let paging = Paging {
            after: Some(self.after),
            limit,
        };
        let mut letters = self.db.dead_letters(&self.filter, paging).await?.items;
        letters.retain(|letter| letter.dead_letter_id <= self.found.last_id);
        self.after = letters.last().map_or(self.after, |last| last.dead_letter_id);
        Ok(Some(letters).filter(|letters| !letters.is_empty()))
    }

    /// Only says what would be done.
    async fn dry_run(
        mut self,
        what: &str,
        is_json: bool,
        line: impl Fn(&StoredDeadLetter) -> anyhow::Result<String>,
    ) -> anyhow::Result<ExitCode> {
        let mut printer = Printer::new(is_json);
        printer.say(what)?;
        while let Some(letters) = self.next(PAGE).await? {
            for letter in &letters {
                printer.letter(value(letter)?, &line(letter)?)?;
            }
        }
        printer.end(&[("changed", json!(false))], "")?;
        Ok(ExitCode::SUCCESS)
    }

    /// The question before a change: it shows the first of them, however many there are.
    async fn question(&self, mut what: String) -> anyhow::Result<String> {
        for letter in self
            .db
            .dead_letters(&self.filter, Paging::first(SHOWN))
            .await?
            .items
        {
            what.push('\n');
            what.push_str(&line(&letter)?);
        }
        let more = self.found.count - i64::from(SHOWN);
        if more > 0 {
            what.push_str(&format!("\n… and {more} more"));
        }
        Ok(what)
    }
}

fn replay_line(letter: &StoredDeadLetter) -> anyhow::Result<String> {
    let line = line(letter)?;
    Ok(if letter.is_cut {
        format!("{line}\n    {CUT}")
    } else {
        line
    })
}

/// Says what was done with a dead letter.
fn print(printer: &mut Printer, letter: &StoredDeadLetter, did: String) -> anyhow::Result<()> {
    let text = format!("{}: {}", letter.dead_letter_id, printable(&did));
    let mut value = value(letter)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("did".to_owned(), Value::from(did));
    }
    printer.letter(value, &text)
}
