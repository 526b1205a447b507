//! Replaying: an import in a final state goes in, and is resumed in a new attempt with reports of its own.
//!
//! What is unfinished goes on. What an operator has cancelled stays cancelled, unless `cancelled` resumes it. With
//! `errors`, the rows that were refused are validated once more, from their stored cells, against what the tenant has
//! by now. The planning step does the rest, as for a new job.

use serde_json::json;
use shared::{
    assess::{self, AssessedRow},
    field::Field,
    file::{Header, Record, SourceFile},
    mapping::{self, Mapping},
    outcome::Outcome,
    row,
    surplus::Surplus,
};
use uuid::Uuid;

use super::error::Error;
use crate::{
    db::{self, Audit, Db, Import, LockedImport, Row, State},
    message::Message,
};

/// What is resumed, besides the unfinished rows of a failed import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplayOptions {
    /// Also the rows that ended in error or duplicate, and an import that was rejected.
    pub errors: bool,
    /// Also the rows that were cancelled.
    pub cancelled: bool,
    /// Leave the password seed of a failed attempt behind: its key is lost, or it is destroyed. The users that the
    /// attempt created need new passwords.
    pub abandon_passwords: bool,
}

impl ReplayOptions {
    /// Whether there is something for each of these options to do, and for a replay at all.
    pub fn check(self, import: &Import) -> Result<(), Error> {
        let import_id = import.job.import_id;
        if import.rows_purged_at.is_some() {
            return Err(Error::Purged(import_id));
        }
        let nothing = |why| {
            Err(Error::NothingToReplay {
                import_id,
                state: import.state.as_str(),
                why,
            })
        };
        let is_under_way = !import.state.is_final();
        if is_under_way && (self.errors || self.cancelled || self.abandon_passwords) {
            return nothing(
                "--errors, --cancelled and --abandon-passwords are for finished imports; replay without them \
                 publishes its job again",
            );
        }
        if self.abandon_passwords && import.state != State::Failed {
            return nothing("only a failed import has passwords to abandon");
        }
        let unread = import.state == State::Cancelled && import.planned_at.is_none();
        if self.cancelled && import.summary.cancelled == 0 && !unread {
            return nothing("no row of it was cancelled");
        }
        let refused = import.summary.errors + import.summary.duplicates;
        match import.state {
            State::Received | State::Running | State::Failed => Ok(()),
            State::Rejected if self.errors => Ok(()),
            State::Rejected => {
                nothing("once the reason for the rejection is fixed, --errors reads the same file again")
            }
            State::Cancelled if self.cancelled => Ok(()),
            State::Completed | State::Cancelled if self.errors && refused > 0 => Ok(()),
            State::Cancelled => nothing("what was cancelled stays cancelled, unless --cancelled resumes it"),
            State::Completed if refused > 0 => {
                nothing("nothing is unfinished; --errors validates the refused rows again")
            }
            State::Completed => nothing("every row was created"),
        }
    }
}

/// A replayed import.
#[derive(Debug)]
pub struct Replayed {
    /// The import as it stands now.
    pub import: Import,
    /// Whether a new attempt was begun; otherwise one was under way, and only its job is published again.
    pub changed: bool,
    /// Rows that were validated again.
    pub revalidated: usize,
    /// What carries the replay out.
    pub messages: Vec<Message>,
}

/// Resumes an import.
pub async fn replay(
    db: &Db,
    import_id: Uuid,
    options: ReplayOptions,
    audit: &Audit,
) -> Result<Replayed, Error> {
    let Some(mut locked) = db.lock_import(import_id).await? else {
        return Err(Error::Unknown(import_id));
    };
    let before = locked.import().clone();
    let begun = match options.check(&before) {
        Ok(()) if before.state.is_final() => begin(&mut locked, options).await.map(Some),
        Ok(()) => Ok(None),
        Err(refused) => Err(refused),
    };
    let revalidated = match begun {
        Ok(Some(revalidated)) => revalidated,
        Ok(None) => {
            locked.abandon().await?;
            return Ok(replayed(before, false, 0));
        }
        Err(error) => {
            locked.abandon().await?;
            return Err(error);
        }
    };
    let now = locked.import();
    let details = json!({
        "was": before.state.as_str(), "attempt": now.attempt, "pending": now.pending, "revalidated": revalidated,
        "cancelled": now.summary.cancelled, "abandon_passwords": options.abandon_passwords,
    });
    let import = locked.commit(audit, details).await?;
    Ok(replayed(import, true, revalidated))
}

/// Begins a new attempt and returns how many rows were validated again for it.
async fn begin(locked: &mut LockedImport, options: ReplayOptions) -> Result<usize, Error> {
    let before = locked.import();
    let (import_id, state, is_planned) = (before.job.import_id, before.state, before.planned_at.is_some());
    if before.sealed_seed.is_none() && !options.abandon_passwords {
        let users = locked.undelivered_users().await?;
        if users > 0 {
            return Err(Error::SeedGone { import_id, users });
        }
    }
    locked.reopen(options.abandon_passwords).await?;
    if options.cancelled {
        locked.uncancel().await?;
    }
    if !options.errors || !is_planned {
        return Ok(0);
    }
    let revalidated = revalidate(locked).await?;
    if revalidated == 0 && !options.cancelled && state != State::Failed {
        return Err(Error::NothingToReplay {
            import_id,
            state: state.as_str(),
            why: "no row of it can be validated again: surplus cells and malformed quotes have to be fixed in the file",
        });
    }
    Ok(revalidated)
}

fn replayed(import: Import, changed: bool, revalidated: usize) -> Replayed {
    Replayed {
        messages: vec![Message::Job(Box::new(import.job.clone()))],
        import,
        changed,
        revalidated,
    }
}

/// Validates again every row that did not become a user and is not cancelled, and returns how many. Rows with surplus
/// cells or malformed quotes stay refused: they have to be fixed in the file.
async fn revalidate(locked: &mut LockedImport) -> Result<usize, Error> {
    let job = locked.import().job.clone();
    let format = locked
        .import()
        .format
        .clone()
        .ok_or_else(|| db::Error::corrupt("encoding", "NULL"))?;
    let (names, rows) = locked.stored_rows().await?;
    let header = Header {
        column_numbers: (1..=names.len()).collect(),
        names,
        // Only the rejection of a header names its line, and this header was accepted before.
        line: 1,
        ..Header::default()
    };
    let mapping = mapping::map(&header, &job).map_err(Error::Refused)?;
    // All rows are looked at, because whether one is a duplicate depends on those before it.
    let records: Vec<Record> = rows.iter().map(|row| record(row, &mapping)).collect();
    let file = SourceFile {
        encoding: format.encoding,
        delimiter: format.delimiter,
        header,
        record_count: records.len(),
        records,
        ignored_rows: 0,
    };
    let candidates = row::read(&file, &mapping, &job);
    let tenant = locked.look_up(&row::lookups(&candidates, &job)).await?;
    assess::check_fixed_values(&job, &tenant).map_err(Error::Refused)?;
    let assessed = assess::assess(candidates, &tenant);
    let anew: Vec<&AssessedRow> = rows
        .iter()
        .zip(&assessed)
        .filter(|(row, _)| !matches!(row.outcome, Outcome::Created | Outcome::Cancelled))
        .filter(|(row, _)| !row.has_surplus() && !row.was_malformed())
        .map(|(_, assessed)| assessed)
        .collect();
    locked.write_assessments(&anew).await?;
    Ok(anew.len())
}

/// A row as if it were read again. The cells of a row that became a user are gone, and what makes it unique is the
/// user's.
fn record(row: &Row, mapping: &Mapping) -> Record {
    let mut cells = row.cells.clone();
    if row.outcome == Outcome::Created {
        let fields = [Field::Username, Field::Email, Field::VirtualExtension];
        let user = [&row.username, &row.email, &row.virtual_extension];
        for (field, text) in fields.into_iter().zip(user) {
            if let (Some(column), Some(text)) = (mapping.column(field), text) {
                cells.resize(cells.len().max(column + 1), String::new());
                if let Some(cell) = cells.get_mut(column) {
                    cell.clone_from(text);
                }
            }
        }
    }
    Record {
        row: row.row,
        line: row.line,
        cells,
        surplus: Surplus::of_unknown_text(usize::from(row.has_surplus())),
        malformed_quotes: false,
        was_malformed: row.was_malformed(),
    }
}
