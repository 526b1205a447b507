//! Rows with problems, each cell with its sentence, to be corrected in place.

use std::collections::BTreeSet;

use maud::{Markup, html};
use shared::{
    field::Field,
    mapping::Mapping,
    outcome::Outcome,
    problem::{Code, Problem},
};

use strum::VariantArray;

use crate::console::pages::{icons, parts::thousands};

/// A row that is not a user.
pub(super) struct ProblemRow<'a> {
    /// Its number in the file that corrections turn into a new one.
    pub(super) row: u32,
    /// Its number as reports have it.
    pub(super) shown: u32,
    pub(super) line: u32,
    pub(super) outcome: Outcome,
    pub(super) problems: &'a [Problem],
    pub(super) cells: &'a [String],
    /// What is beyond its last column.
    pub(super) surplus: &'a [String],
}

/// How many cells beyond the last column are shown; any after them stay as they are.
const MOST_SURPLUS: usize = 8;

impl ProblemRow<'_> {
    fn has(&self, code: Code) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }

    /// A cell of the file's columns, or of those beyond them.
    fn cell(&self, column: usize, width: usize) -> Option<&str> {
        match column.checked_sub(width) {
            None => Some(self.cells.get(column).map_or("", String::as_str)),
            Some(beyond) => self.surplus.get(beyond).map(String::as_str),
        }
    }
}

/// The columns in which something may be wrong, in the order of the file: those that are mapped, those with quotes that may be the
/// wrong ones, and beyond the last column as many as rows have cells there.
fn shown_columns(width: usize, mapping: Option<&Mapping>, rows: &[ProblemRow<'_>]) -> BTreeSet<usize> {
    let column = |field: &Field| mapping.and_then(|mapping| mapping.column(*field));
    let mapped = Field::VARIANTS.iter().filter_map(column);
    let quoted = rows.iter().filter(|row| row.has(Code::MalformedQuotes));
    let quoted = quoted.flat_map(|row| row.cells.iter().enumerate());
    let quoted = quoted.filter_map(|(column, text)| text.contains('"').then_some(column));
    let surplus = rows.iter().map(|row| row.surplus.len()).max().unwrap_or(0);
    let beyond = width..width + surplus.min(MOST_SURPLUS);
    mapped.chain(quoted).chain(beyond).collect()
}

/// The name of a column, also of those that have none.
fn name_of(names: &[String], column: usize) -> String {
    match column.checked_sub(names.len()) {
        None => names.get(column).cloned().unwrap_or_default(),
        Some(beyond) => format!("Extra {}", beyond + 1),
    }
}

/// What rows without a user are counted as, on all pages.
pub(in crate::console::pages) const DUPLICATES: &str = "Duplicates";
pub(in crate::console::pages) const ERRORS: &str = "With errors";

/// A count, large enough to be seen first; one of nothing is grey.
pub(super) fn count(kind: &str, number: u32, words: &str) -> Markup {
    let icon = match kind {
        "good" => icons::done(),
        "wait" => icons::copies(),
        _ => icons::warning(),
    };
    let shade = if number == 0 { "none" } else { kind };
    html! {
        div class={ "count " (shade) } {
            (icon)
            strong { (thousands(number.into())) }
            span { (words) }
        }
    }
}

/// The table, as a form whose cells can be changed; with the file whose rows they are, if another may take its place.
/// As soon as a cell is, its button is the one to press, instead of those with `data-yields`.
pub(super) fn table(
    action: &str,
    button: &str,
    file: Option<&str>,
    names: &[String],
    mapping: Option<&Mapping>,
    rows: &[ProblemRow<'_>],
) -> Markup {
    let columns = shown_columns(names.len(), mapping, rows);
    html! {
        form method="post" action=(action) data-corrections {
            @if let Some(file) = file { input type="hidden" name="file" value=(file); }
            div.title.tight {
                h2 { "Rows to correct" }
                span.hint { "Edit cells in place. A row that you empty is left out." }
            }
            div.scroll tabindex="0" role="region" aria-label="Rows to correct" {
                table.edit.stack {
                    thead { tr {
                        th.number scope="col" { "Row" }
                        th scope="col" { "Result" }
                        @for &column in &columns { th scope="col" { (name_of(names, column)) } }
                    } }
                    tbody { @for row in rows { (problem_row(row, names, &columns, mapping)) } }
                }
            }
            div.go {
                span.hint data-corrected role="status" {}
                button type="submit" data-takes { (button) }
            }
        }
        (unsent_dialog())
    }
}

/// Asks before another form of the page is sent while cells are corrected; its words are completed by the script.
fn unsent_dialog() -> Markup {
    html! {
        dialog id="unsent" aria-labelledby="unsent-title" {
            h2 id="unsent-title" { "Continue without your corrections?" }
            p { span data-corrected {} ". The file is taken as it was before." }
            div.actions {
                button.danger type="button" data-continues { "Continue without them" }
                button.quiet type="button" data-closes autofocus { "Back" }
            }
        }
    }
}

fn problem_row(
    row: &ProblemRow<'_>,
    names: &[String],
    columns: &BTreeSet<usize>,
    mapping: Option<&Mapping>,
) -> Markup {
    let place = |problem: &Problem| mapping.and_then(|mapping| mapping.column(problem.field?));
    // Problems of no column that is shown are listed with the row.
    let of_row = row
        .problems
        .iter()
        .filter(|problem| place(problem).is_none_or(|column| !columns.contains(&column)));
    html! {
        tr {
            td.number data-label="Row" title={ "line " (row.line) } { (row.shown) }
            td.result data-label="Result" {
                @if row.outcome == Outcome::Duplicate {
                    span.state.wait { (icons::copies()) "Duplicate" }
                } @else {
                    span.state.bad { (icons::warning()) "Error" }
                }
                @for problem in of_row { p.error { (problem.message) } }
            }
            @for &column in columns {
                @let name = name_of(names, column);
                @let label = format!("{name}, row {}", row.shown);
                @let id = format!("cell.{}.{column}", row.row);
                @let own: Vec<&Problem> = row.problems.iter().filter(|problem| place(problem) == Some(column)).collect();
                td data-label=(name) { @if let Some(value) = row.cell(column, names.len()) {
                    @if value.contains(['\n', '\r']) {
                        textarea id=(id) name=(id) rows="2" aria-invalid=[(!own.is_empty()).then_some("true")]
                            aria-describedby=[(!own.is_empty()).then(|| format!("{id}-why"))]
                            aria-label=(label) { "\n" (value) }
                    } @else {
                        input id=(id) name=(id) type="text" value=(value) autocomplete="off" spellcheck="false"
                            aria-invalid=[(!own.is_empty()).then_some("true")]
                            aria-describedby=[(!own.is_empty()).then(|| format!("{id}-why"))]
                            aria-label=(label);
                    }
                    @if !own.is_empty() {
                        div id={ (id) "-why" } { @for problem in own { p.error { (problem.message) } } }
                    }
                } }
            }
        }
    }
}
