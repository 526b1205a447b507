//! The form: a row for each field, with where it comes from and samples of it.

use std::collections::HashMap;

use maud::{Markup, html};
use shared::{field::Field, names};

use crate::{
    console::{
        choices::{Choices, From, MOST_NAMES, Missing, names_in},
        inspect::Inspected,
    },
    db::{Named, TenantLists},
};

/// Samples of a column's values that are shown beside its name.
const SAMPLES: usize = 3;

/// Everything that the page is made of.
pub(super) struct FieldsForm<'a> {
    pub(super) file: &'a Inspected,
    pub(super) lists: &'a TenantLists,
    pub(super) choices: &'a Choices,
    pub(super) missing: &'a [Missing],
}

impl FieldsForm<'_> {
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        let found = self.missing.iter().find(|(own, _)| *own == name);
        found.map(|(_, sentence)| sentence.as_str())
    }

    /// A row of the form: label, control, and what is next to it.
    pub(super) fn row(
        &self,
        name: &str,
        label: &str,
        required: bool,
        control: &Markup,
        beside: &Markup,
    ) -> Markup {
        let error = self.error(name);
        html! {
            div.map.wrong[error.is_some()] {
                label.map-name for=(name) { (label) @if required { span.must title="required" { " *" } } }
                div.map-control {
                    (control)
                    @if let Some(error) = error { p.error id={ (name) "-error" } { (error) } }
                }
                div.map-beside { (beside) }
            }
        }
    }

    fn options(&self, chosen: Option<&str>, prefix: &str) -> Markup {
        let names = self
            .file
            .columns
            .columns
            .iter()
            .filter(|column| !column.name.trim().is_empty());
        html! {
            @for column in names {
                option value={ (prefix) (column.name) } selected[chosen == Some(column.name.as_str())] { (column.name) }
            }
        }
    }

    /// Samples of a column; of IDs, with the names of those that the tenant has.
    fn samples(&self, column: Option<&str>, list: &[Named]) -> Markup {
        let samples = column
            .map(|column| self.file.samples(column, SAMPLES))
            .unwrap_or_default();
        html! {
            @if column.is_some() && samples.is_empty() { span.hint { "This column is empty." } }
            @for sample in samples { span.sample { (with_names(sample, list)) } }
        }
    }

    fn chosen(&self, field: Field) -> Option<&str> {
        self.choices.columns.get(&field).map(String::as_str)
    }

    /// A field that comes from a column.
    pub(super) fn column(&self, field: Field, label: &str, required: bool, remark: &str) -> Markup {
        let (name, chosen) = (field.as_str(), self.chosen(field));
        // A name that the header gives is read by the worker, chosen or not.
        let by_header = self.file.columns.suggested.contains_key(&field);
        let control = html! {
            select id=(name) name={ "column." (name) } aria-describedby=[self.error(name).map(|_| format!("{name}-error"))] {
                @if required || !by_header {
                    option value="" selected[chosen.is_none()] { @if required { "Choose a column" } @else { "Not in the file" } }
                }
                (self.options(chosen, ""))
            }
        };
        let beside = html! { (self.samples(chosen, &[])) @if chosen.is_none() { span.hint { (remark) } } };
        self.row(name, label, required, &control, &beside)
    }

    pub(super) fn extension(&self) -> Markup {
        let chosen = self.chosen(Field::VirtualExtension);
        let control = html! {
            select id="virtual_extension" name="column.virtual_extension" {
                option value="" selected[chosen.is_none()] { "Choose a column" }
                (self.options(chosen, ""))
            }
            label.choice {
                input type="checkbox" id="generate" name="generate" value="on" checked[self.choices.generate];
                span { "Generate the next available" @if chosen.is_some() { " where the cell is blank" } }
            }
        };
        let beside = html! {
            (self.samples(chosen, &[]))
            @match &self.lists.extension_range {
                Some((first, last)) if self.choices.generate => span.hint.block { "From your range, " (first) " to " (last) "." },
                None if self.choices.generate => span.hint.block { "Your tenant has no range of extensions, so none can be generated." },
                _ => @if chosen.is_none() { span.hint { "2 to 10 digits, unique in your tenant." } },
            }
        };
        self.row("virtual_extension", "Virtual Extension", true, &control, &beside)
    }

    /// A field whose values are IDs: the same for all from the Dialer, or a column.
    pub(super) fn list(&self, field: Field, label: &str, required: bool, list: &[Named]) -> Markup {
        let name = field.as_str();
        let choice = self.choices.lists.get(&field).cloned().unwrap_or_default();
        let column = (choice.from == From::Column).then_some(choice.column.as_str());
        let is_chosen = |id: i64| choice.ids.iter().any(|own| own.get() == id);
        let control = html! {
            select id=(name) name={ "from." (name) } {
                option value="none" selected[choice.from == From::Nowhere] { @if required { "Choose a source" } @else { "None" } }
                option value="dialer" selected[choice.from == From::Dialer] { "From Dialer" }
                optgroup label="Columns of the file" { (self.options(column, "column:")) }
            }
            @if choice.from == From::Dialer {
                input type="hidden" name={ "shown." (name) } value="1";
                @if list.is_empty() {
                    p.hint { "Your tenant has none." }
                } @else if field == Field::Role {
                    label.hidden for="ids.role" { "Role of all users" }
                    select id="ids.role" name="ids.role" {
                        option value="" { "Choose a role" }
                        @for named in list { option value=(named.id) selected[is_chosen(named.id)] { (named.name) " (" (named.id) ")" } }
                    }
                } @else {
                    fieldset.boxes {
                        legend.hidden { (label) " of all users" }
                        @for named in list {
                            label.choice {
                                input type="checkbox" name={ "ids." (name) } value=(named.id) checked[is_chosen(named.id)];
                                span { (named.name) " " span.hint { (named.id) } }
                            }
                        }
                    }
                }
            }
        };
        let names = column
            .map(|column| names_in(self.file, column, list))
            .unwrap_or_default();
        let beside = html! {
            (self.samples(column, list))
            @match choice.from {
                From::Dialer => span.hint { "All users in the file get the same." },
                From::Column => span.hint.block {
                    @if names.is_empty() { "IDs" } @else { "IDs, or names that you match to IDs below" }
                    "; separate several with " code { ";" } " " code { "|" } " or " code { "," }
                },
                From::Nowhere => span.hint { @if required { "One for all users, or a column of the file." } @else { "Users get none." } },
            }
        };
        html! {
            (self.row(name, label, required, &control, &beside))
            @if let Some(column) = column { (self.names(field, column, list, &names)) }
        }
    }

    /// Texts of the column that are not IDs, each with a choice of what it means.
    fn names(&self, field: Field, column: &str, list: &[Named], found: &[(String, Option<i64>)]) -> Markup {
        let chosen = self.choices.lists.get(&field).map(|choice| {
            let by_name = choice.names.iter().map(|(text, id)| (names::fold(text), *id));
            by_name.collect::<HashMap<_, _>>()
        });
        if found.is_empty() {
            return Markup::default();
        }
        html! {
            details.names open {
                summary { "Names instead of IDs in “" (column) "”: " (found.len().min(MOST_NAMES)) }
                @for (index, (text, same)) in found.iter().take(MOST_NAMES).enumerate() {
                    @let wanted = match chosen.as_ref().and_then(|chosen| chosen.get(&names::fold(text)).copied()) {
                        Some(chosen) => chosen.map(|id| id.get()),
                        None => *same,
                    };
                    div.name-row {
                        label for={ "id." (field) "." (index) } { (text) }
                        input type="hidden" name={ "text." (field) "." (index) } value=(text);
                        select id={ "id." (field) "." (index) } name={ "id." (field) "." (index) } {
                            option value="" { "No ID: the row becomes an error" }
                            @for named in list { option value=(named.id) selected[wanted == Some(named.id)] { (named.name) " (" (named.id) ")" } }
                        }
                    }
                }
                @if found.len() > MOST_NAMES { p.hint { "There are more than " (MOST_NAMES) " different names: use IDs in the file instead." } }
                p.hint { "What you choose for a name applies to all rows." }
            }
        }
    }
}

/// A cell of IDs as people read it: `10 · Agent`, where the tenant has what they stand for.
fn with_names(cell: &str, list: &[Named]) -> String {
    let named = |part: &str| {
        let id = part.trim_start_matches('\'').parse::<i64>().ok()?;
        list.iter().find(|named| named.id == id)
    };
    let parts = cell.split([';', '|', ',']).map(str::trim);
    if !parts.clone().any(|part| named(part).is_some()) {
        return cell.to_owned();
    }
    let parts = parts.map(|part| match named(part) {
        Some(found) => format!("{} · {}", found.id, found.name),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shown_with_the_names_that_the_tenant_knows() {
        let list = [(10, "Agent"), (11, "Boss")].map(|(id, name)| Named {
            id,
            name: name.to_owned(),
        });
        for (cell, text) in [
            ("10", "10 · Agent"),
            ("'11; 12", "11 · Boss, 12"),
            ("Crew; Boss", "Crew; Boss"),
            ("12", "12"),
        ] {
            assert_eq!(with_names(cell, &list), text);
        }
    }
}
