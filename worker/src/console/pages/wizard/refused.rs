//! The rows of an import that were refused: shown with their problems, corrected in place, and made into a new file.

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use shared::{
    file::Header,
    mapping::{self, Mapping},
    outcome::Outcome,
    problem::Code,
};

use super::{
    problems::{self, ProblemRow},
    ready::check_as_it_stands,
};
use crate::{
    console::{
        access::OwnImport,
        api::receive,
        choices::Choices,
        corrections::{self, Line},
        error::Error,
        form::Fields,
        imports::has_reports,
        inspect::inspect,
        state::Console,
    },
    db::{Import, Row, Upload},
};

/// Outcomes of rows that can be corrected.
pub(super) const OUTCOMES: [Outcome; 2] = [Outcome::Error, Outcome::Duplicate];

/// Says where the corrected rows are: no longer here.
pub(super) fn corrected(successor: &Upload) -> Markup {
    html! {
        p {
            @match successor.import_id {
                Some(import_id) => { "The refused rows were corrected, and imported in " a href={ "/imports/" (import_id) } { "a later import" } "." }
                None => { "The refused rows are being corrected: " a href={ "/uploads/" (successor.upload_id) "/check" } { "continue with " (successor.file_name) } "." }
            }
        }
    }
}

/// The header and the mapping of an import, as its rows are stored.
async fn stored(console: &Console, import: &Import) -> Result<(Vec<String>, Option<Mapping>), Error> {
    let names = console.db.source_header(import).await?;
    let header = Header {
        column_numbers: (1..=names.len()).collect(),
        names: names.clone(),
        line: 1,
        ..Header::default()
    };
    Ok((names, mapping::map(&header, &import.job).ok()))
}

/// The cells beyond the last column, by the line of their row. They are not stored with rows, but are in the file.
async fn surplus(
    console: &Console,
    import: &Import,
    refused: &[Row],
) -> Result<BTreeMap<u32, Vec<String>>, Error> {
    let mut problems = refused.iter().flat_map(|row| &row.problems);
    if !problems.any(|problem| problem.code == Code::WrongColumnCount) {
        return Ok(BTreeMap::new());
    }
    let reference = import.reference();
    let upload = console
        .db
        .upload_of(reference.tenant_id, reference.import_id)
        .await?;
    let Some(upload) = upload else {
        return Ok(BTreeMap::new());
    };
    let file = match inspect(console, &upload, import.job.source.encoding).await {
        Err(Error::Gone(_)) | Ok(Err(_)) => return Ok(BTreeMap::new()),
        file => file?,
    };
    let records = file.into_iter().flat_map(|file| file.records);
    Ok(records.map(|record| (record.line, record.surplus.kept)).collect())
}

/// The table in which the rows are corrected.
pub(super) async fn to_correct(console: &Console, import: &Import, refused: &[Row]) -> Result<Markup, Error> {
    let (names, mapping) = stored(console, import).await?;
    let surplus = surplus(console, import, refused).await?;
    let rows: Vec<ProblemRow<'_>> = refused
        .iter()
        .map(|row| ProblemRow {
            row: row.row,
            shown: row.row,
            line: row.line,
            outcome: row.outcome,
            problems: &row.problems,
            cells: &row.cells,
            surplus: surplus.get(&row.line).map_or(&[], Vec::as_slice),
        })
        .collect();
    let action = format!("/imports/{}/corrections", import.job.import_id);
    let button = "Check the corrected rows";
    Ok(problems::table(
        &action,
        button,
        None,
        &names,
        mapping.as_ref(),
        &rows,
    ))
}

/// Makes a new file of the rows that were refused, and has it checked.
pub(super) async fn correct(
    OwnImport {
        administrator,
        import,
    }: OwnImport,
    State(console): State<Arc<Console>>,
    form: Fields,
) -> Result<Response, Error> {
    let reference = import.reference();
    if !has_reports(&import) || import.rows_purged_at.is_some() {
        return Err(Error::Conflict(
            "the rows of this import are not available for correction".to_owned(),
        ));
    }
    let refused = console
        .db
        .rows(reference.tenant_id, reference.import_id, &OUTCOMES)
        .await?;
    let successor = console
        .db
        .corrected_by(reference.tenant_id, reference.import_id)
        .await?;
    if successor.is_some() {
        return Err(Error::Conflict(
            "the rows of this import have already been corrected: reload the page to see where they are"
                .to_owned(),
        ));
    }
    let (names, mapping) = stored(&console, &import).await?;
    let surplus = surplus(&console, &import, &refused).await?;
    let lines: Vec<Line<'_>> = refused
        .iter()
        .map(|row| Line {
            row: row.row,
            cells: &row.cells,
            surplus: surplus.get(&row.line).map_or(&[], Vec::as_slice),
        })
        .collect();
    let content = corrections::file(&names, &lines, &corrections::read(&form));
    let before = console
        .db
        .upload_of(reference.tenant_id, reference.import_id)
        .await?;
    let name = before
        .as_ref()
        .map_or("users.csv", |upload| upload.file_name.as_str());
    // For an import that was not made by these pages, only its job says what was chosen.
    let chosen = before.as_ref().map(|upload| Choices::stored(&upload.choices));
    let choices = match (chosen.filter(|choices| choices.chosen), mapping) {
        (Some(choices), _) => Some(choices),
        (None, Some(mapping)) => Some(Choices::of_job(&import.job, &names, &mapping)),
        (None, None) => None,
    };
    let choices = Choices {
        encoding: None,
        ..choices.unwrap_or_default()
    };
    let name = format!("corrected-{}", name.trim_start_matches("corrected-"));
    let corrects = (reference.import_id, choices.to_json());
    let upload = receive(&console, &administrator, &name, content.into(), Some(corrects)).await?;
    check_as_it_stands(&console, &administrator, &upload).await
}
