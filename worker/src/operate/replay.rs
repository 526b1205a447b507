//! Replaying: an import in a final state goes in, and is resumed in a new attempt with reports of its own.
//!
//! What is unfinished is pending again. With `errors`, the rows that were refused are validated once more, from their
//! stored cells, against what the tenant has by now. The rest is the planning step's, as for a new job.

use serde_json::json;
use shared::{
    assess::{self, AssessedRow},
    field::Field,
    file::{Header, Record, SourceFile, Surplus},
    mapping::{self, Mapping},
    outcome::Outcome,
    row,
};
use uuid::Uuid;

use super::error::Error;
use crate::{
    db::{self, Audit, Db, Import, LockedImport, Row, State},
    message::Message,
};

/// What is resumed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplayOptions {
    /// Also the rows that ended in error or duplicate, and an import that was rejected.
    pub errors: bool,
    /// Leave the password seed of a failed attempt behind: its key is lost. The users that it made need new passwords.
    pub abandon_passwords: bool,
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
    if let Err(refused) = check(&before, options) {
        locked.abandon().await?;
        return Err(refused);
    }
    if !before.state.is_final() {
        locked.abandon().await?;
        return Ok(replayed(before, false, 0));
    }
    locked.reopen(options.abandon_passwords).await?;
    let mut revalidated = 0;
    if options.errors && locked.import().planned_at.is_some() {
        revalidated = match revalidate(&mut locked).await {
            Ok(count) => count,
            Err(error) => {
                locked.abandon().await?;
                return Err(error);
            }
        };
    }
    let now = locked.import();
    let details = json!({
        "was": before.state.as_str(), "attempt": now.attempt, "pending": now.pending, "revalidated": revalidated,
        "abandon_passwords": options.abandon_passwords,
    });
    let import = locked.commit(audit, details).await?;
    Ok(replayed(import, true, revalidated))
}

fn replayed(import: Import, changed: bool, revalidated: usize) -> Replayed {
    Replayed {
        messages: vec![Message::Job(Box::new(import.job.clone()))],
        import,
        changed,
        revalidated,
    }
}

fn check(import: &Import, options: ReplayOptions) -> Result<(), Error> {
    let import_id = import.job.import_id;
    let nothing = |hint| {
        Err(Error::NothingToReplay {
            import_id,
            state: import.state.as_str(),
            hint,
        })
    };
    if import.rows_purged_at.is_some() {
        return Err(Error::Purged(import_id));
    }
    let refused = import.summary.errors + import.summary.duplicates;
    match import.state {
        State::Received | State::Running | State::Failed | State::Cancelled => Ok(()),
        State::Rejected if options.errors => Ok(()),
        State::Rejected => {
            nothing("if the reason for the rejection is mended, --errors reads the same file again")
        }
        State::Completed if !options.errors && refused > 0 => {
            nothing("--errors validates the rows again that were refused")
        }
        State::Completed if refused == 0 => nothing("every row was created"),
        State::Completed => Ok(()),
    }
}

/// Validates every row again that did not become a user, and returns how many. Rows with surplus cells stay refused:
/// what stood in those cells is not stored.
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
        .filter(|(row, _)| row.outcome != Outcome::Created && !row.has_surplus())
        .map(|(_, assessed)| assessed)
        .collect();
    locked.write_assessments(&anew).await?;
    Ok(anew.len())
}

/// A row as if it were read again. Of a row that is a user, the cells are gone, and what makes it unique is the user's.
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
