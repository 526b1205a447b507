//! Rows with problems, each cell with its sentence, to be corrected where they stand.

use std::collections::BTreeSet;

use maud::{Markup, html};
use shared::{field::Field, mapping::Mapping, outcome::Outcome, problem::Problem};

use strum::VariantArray;

use crate::console::pages::{icons, parts::thousands};

/// A row that is no user.
pub(super) struct ProblemRow<'a> {
    /// Its number in the file that a correction makes a new one of.
    pub(super) row: u32,
    /// Its number as reports have it.
    pub(super) shown: u32,
    pub(super) line: u32,
    pub(super) outcome: Outcome,
    pub(super) problems: &'a [Problem],
    pub(super) cells: &'a [String],
}

/// The columns in which something may be wrong: those that are mapped, in the order of the file.
pub(super) fn shown_columns(mapping: Option<&Mapping>) -> Vec<usize> {
    let column = |field: &Field| mapping.and_then(|mapping| mapping.column(*field));
    let mapped: BTreeSet<usize> = Field::VARIANTS.iter().filter_map(column).collect();
    mapped.into_iter().collect()
}

/// A count as one looks for it first.
pub(super) fn count(kind: &str, number: u32, words: &str) -> Markup {
    let icon = match kind {
        "good" => icons::done(),
        "wait" => icons::copies(),
        _ => icons::warning(),
    };
    html! {
        div class={ "count " (kind) } {
            (icon)
            strong { (thousands(number.into())) }
            span { (words) }
        }
    }
}

/// The table, as a form whose cells can be changed.
pub(super) fn table(
    action: &str,
    button: &str,
    names: &[String],
    columns: &[usize],
    mapping: Option<&Mapping>,
    rows: &[ProblemRow<'_>],
) -> Markup {
    html! {
        form method="post" action=(action) data-corrections {
            div.title.tight {
                h2 { "Rows to correct" }
                span.hint { "Change a cell where it stands. A row that you empty is left out." }
            }
            div.scroll tabindex="0" role="region" aria-label="Rows to correct" {
                table.edit {
                    thead { tr {
                        th.number scope="col" { "Row" }
                        th scope="col" { "Result" }
                        @for &column in columns { th scope="col" { (names.get(column).map_or("", String::as_str)) } }
                    } }
                    tbody { @for row in rows { (problem_row(row, names, columns, mapping)) } }
                }
            }
            div.go { button.primary type="submit" { (button) } }
        }
    }
}

fn problem_row(
    row: &ProblemRow<'_>,
    names: &[String],
    columns: &[usize],
    mapping: Option<&Mapping>,
) -> Markup {
    let place = |problem: &Problem| mapping.and_then(|mapping| mapping.column(problem.field?));
    // What belongs to no column that is shown stands with the row.
    let of_row = row
        .problems
        .iter()
        .filter(|problem| place(problem).is_none_or(|column| !columns.contains(&column)));
    html! {
        tr {
            td.number title={ "line " (row.line) } { (row.shown) }
            td.result {
                @if row.outcome == Outcome::Duplicate {
                    span.state.wait { (icons::copies()) "Duplicate" }
                } @else {
                    span.state.bad { (icons::warning()) "Error" }
                }
                @for problem in of_row { p.error { (problem.message) } }
            }
            @for &column in columns {
                @let id = format!("cell.{}.{column}", row.row);
                @let own: Vec<&Problem> = row.problems.iter().filter(|problem| place(problem) == Some(column)).collect();
                @let value = row.cells.get(column).map_or("", String::as_str);
                td {
                    @if value.contains('\n') {
                        textarea id=(id) name=(id) rows="2" aria-invalid=[(!own.is_empty()).then_some("true")]
                            aria-label=(format!("{}, row {}", names.get(column).map_or("", String::as_str), row.shown)) { (value) }
                    } @else {
                        input id=(id) name=(id) type="text" value=(value) autocomplete="off" spellcheck="false"
                            aria-invalid=[(!own.is_empty()).then_some("true")]
                            aria-describedby=[(!own.is_empty()).then(|| format!("{id}-why"))]
                            aria-label=(format!("{}, row {}", names.get(column).map_or("", String::as_str), row.shown));
                    }
                    @if !own.is_empty() {
                        div id={ (id) "-why" } { @for problem in own { p.error { (problem.message) } } }
                    }
                }
            }
        }
    }
}
