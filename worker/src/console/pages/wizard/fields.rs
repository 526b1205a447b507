//! Steps 3 to 5: where each field comes from, how users log in, and what they may. What is chosen is kept at once, finished
//! or not, so that neither going back nor a session that ends loses it.

use std::sync::Arc;

use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use shared::field::Field;

use super::{
    create::changed,
    ready::{begin_check, header_digest, whole},
    steps::{Step, steps},
};
use crate::{
    console::{
        access::{OwnUpload, Visitor},
        choices::{Choices, From, MOST_NAMES, Missing, SipKind, TWO_FACTOR, names_in},
        error::Error,
        inspect::{Inspected, inspect},
        pages::{
            layout::{Place, page},
            parts::{notice, sentence},
        },
        state::Console,
    },
    db::{Bearer, Named, TenantLists, Upload},
};

/// Samples of a column's values that are shown beside its name.
const SAMPLES: usize = 3;

/// Everything that the page is made of.
struct FieldsForm<'a> {
    file: &'a Inspected,
    lists: &'a TenantLists,
    choices: &'a Choices,
    missing: &'a [Missing],
}

pub(super) async fn show(
    visitor: Visitor,
    OwnUpload { upload, .. }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<Response, Error> {
    if let Some(import_id) = upload.import_id {
        return Ok(Redirect::to(&format!("/imports/{import_id}")).into_response());
    }
    let stored = Choices::stored(&upload.choices);
    let Ok(file) = inspect(&console, &upload, stored.encoding).await? else {
        // What is wrong with it stands there.
        return Ok(Redirect::to(&format!("/uploads/{}", upload.upload_id)).into_response());
    };
    let lists = tenant(&console, &upload).await?;
    let choices = current(&console, &upload, stored, &file, &lists).await?;
    Ok(render(&visitor.bearer, &upload, &file, &lists, &choices, &[], None).into_response())
}

async fn tenant(console: &Console, upload: &Upload) -> Result<TenantLists, Error> {
    let lists = console.db.tenant_lists(upload.tenant_id).await?;
    lists.ok_or(Error::NotFound("tenant"))
}

/// What was chosen, else what was chosen for an earlier file with the same header, else what the header says.
async fn current(
    console: &Console,
    upload: &Upload,
    stored: Choices,
    file: &Inspected,
    lists: &TenantLists,
) -> Result<Choices, Error> {
    if stored.chosen {
        return Ok(stored);
    }
    let remembered = console
        .db
        .remembered(upload.tenant_id, &header_digest(file))
        .await?;
    Ok(match remembered {
        Some(value) => Choices {
            remembered: true,
            encoding: stored.encoding,
            ..Choices::stored(&value)
        },
        None => Choices::suggested(file, lists, stored.encoding),
    })
}

/// Keeps what was chosen; and where it is to be checked, and is whole, has it checked.
pub(super) async fn save(
    visitor: Visitor,
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let action = form
        .iter()
        .find(|(name, _)| name == "action")
        .map(|(_, value)| value.as_str());
    let stored = Choices::stored(&upload.choices);
    let here = format!("/uploads/{}/fields", upload.upload_id);
    if action == Some("forget") {
        let fresh = Choices {
            encoding: stored.encoding,
            ..Choices::default()
        };
        let Ok(file) = inspect(&console, &upload, stored.encoding).await? else {
            return Ok(Redirect::to(&here).into_response());
        };
        let suggested = Choices::suggested(&file, &tenant(&console, &upload).await?, fresh.encoding);
        let suggested = Choices {
            chosen: true,
            ..suggested
        };
        changed(console.db.choose(&upload, &suggested.to_json()).await?)?;
        return Ok(Redirect::to(&here).into_response());
    }
    let choices = Choices::read(&form, stored);
    changed(console.db.choose(&upload, &choices.to_json()).await?)?;
    if action != Some("check") {
        return Ok(Redirect::to(&here).into_response());
    }
    let Ok(file) = inspect(&console, &upload, choices.encoding).await? else {
        return Ok(Redirect::to(&format!("/uploads/{}", upload.upload_id)).into_response());
    };
    match whole(&choices, &file, &administrator, &upload) {
        Ok(settings) => begin_check(&console, &administrator, &upload, settings).await,
        Err((missing, refused)) => {
            let lists = tenant(&console, &upload).await?;
            let page = render(
                &visitor.bearer,
                &upload,
                &file,
                &lists,
                &choices,
                &missing,
                refused.as_deref(),
            );
            Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

fn render(
    bearer: &Bearer,
    upload: &Upload,
    file: &Inspected,
    lists: &TenantLists,
    choices: &Choices,
    missing: &[Missing],
    refused: Option<&str>,
) -> Markup {
    let form = FieldsForm {
        file,
        lists,
        choices,
        missing,
    };
    let content = html! {
        a.back href={ "/uploads/" (upload.upload_id) } { "← File" }
        div.title { h1 { "Map the fields" } span.hint { (upload.file_name) } }
        (steps(Step::Fields, Some(upload.upload_id)))
        @if let Some(refused) = refused {
            (notice("bad", "These fields do not go together", &html! { p { (sentence(refused)) } }))
        }
        @if !missing.is_empty() {
            (notice("bad", "Something is missing", &html! { p { "It stands beside the fields below." } }))
        }
        @if choices.remembered {
            (notice("run", "Filled in as for your last file with this header", &html! {
                form method="post" { input type="hidden" name="action" value="forget"; button.quiet type="submit" { "Start from the header instead" } }
            }))
        }
        form id="fields" method="post" action={ "/uploads/" (upload.upload_id) "/fields" } data-live {
            section.card {
                h2 { "Required fields" }
                (form.column(Field::Username, "Username", true, "The login name."))
                (form.column(Field::Email, "Email", true, "One address for each user."))
                (form.extension())
                (form.list(Field::Role, "Role", true, &lists.roles))
                (form.sip())
            }
            section.card { (form.two_factor()) (form.security()) }
            section.card {
                h2 { "Optional fields" }
                (form.list(Field::Desks, "Desks", false, &lists.desks))
                (form.list(Field::SkillGroups, "Skill Groups", false, &lists.skill_groups))
                (form.list(Field::Tags, "Tags", false, &lists.tags))
                (form.column(Field::FirstName, "First Name", false, "Shown beside the username."))
                (form.column(Field::LastName, "Last Name", false, "Shown beside the username."))
            }
            section.card {
                label.choice {
                    input type="checkbox" name="digits_only" value="on" checked[choices.digits_only];
                    span { "Generate user passwords with digits only (not recommended)"
                        span.hint.block { "For IP phones and softphones that accept nothing but digits. Such passwords are easier to guess." } }
                }
            }
            div.go.sticky {
                span.hint { "Nobody is created yet." }
                button type="submit" name="action" value="save" { "Save" }
                button.primary type="submit" name="action" value="check" { "Check the file" }
            }
        }
    };
    page(bearer, Place::Users, "Map the fields", &content)
}

impl FieldsForm<'_> {
    fn error(&self, name: &str) -> Option<&str> {
        let found = self.missing.iter().find(|(own, _)| *own == name);
        found.map(|(_, sentence)| sentence.as_str())
    }

    /// A row of the form: label, control, and what stands beside it.
    fn row(&self, name: &str, label: &str, required: bool, control: &Markup, beside: &Markup) -> Markup {
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

    fn samples(&self, column: Option<&str>) -> Markup {
        let samples = column
            .map(|column| self.file.samples(column, SAMPLES))
            .unwrap_or_default();
        html! {
            @if column.is_some() && samples.is_empty() { span.hint { "This column is empty." } }
            @for sample in samples { span.sample { (sample) } }
        }
    }

    fn chosen(&self, field: Field) -> Option<&str> {
        self.choices.columns.get(&field).map(String::as_str)
    }

    /// A field that comes from a column.
    fn column(&self, field: Field, label: &str, required: bool, remark: &str) -> Markup {
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
        let beside = html! { (self.samples(chosen)) @if chosen.is_none() { span.hint { (remark) } } };
        self.row(name, label, required, &control, &beside)
    }

    fn extension(&self) -> Markup {
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
            (self.samples(chosen))
            @match &self.lists.extension_range {
                Some((first, last)) if self.choices.generate => span.hint.block { "From your range " (first) " to " (last) "." },
                None if self.choices.generate => span.hint.block { "Your tenant has no range of extensions: none can be generated." },
                _ => @if chosen.is_none() { span.hint { "2 to 10 digits, unique in your tenant." } },
            }
        };
        self.row("virtual_extension", "Virtual Extension", true, &control, &beside)
    }

    /// A field whose values are IDs: the same for all from the Dialer, or a column.
    fn list(&self, field: Field, label: &str, required: bool, list: &[Named]) -> Markup {
        let name = field.as_str();
        let choice = self.choices.lists.get(&field).cloned().unwrap_or_default();
        let column = (choice.from == From::Column).then_some(choice.column.as_str());
        let is_chosen = |id: i64| choice.ids.iter().any(|own| own.get() == id);
        let control = html! {
            select id=(name) name={ "from." (name) } {
                option value="none" selected[choice.from == From::Nowhere] { @if required { "Choose where it comes from" } @else { "None" } }
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
        let beside = html! {
            (self.samples(column))
            @match choice.from {
                From::Dialer => span.hint { "All users of the file get the same." },
                From::Column => span.hint.block { "IDs, or names that you give IDs here; several separated by ; | or ," },
                From::Nowhere => span.hint { @if required { "One for all users, or a column of the file." } @else { "Users get none." } },
            }
        };
        html! {
            (self.row(name, label, required, &control, &beside))
            @if let Some(column) = column { (self.names(field, label, column, list)) }
        }
    }

    /// Texts of the column that are no IDs, each with a choice of what it means.
    fn names(&self, field: Field, label: &str, column: &str, list: &[Named]) -> Markup {
        let found = names_in(self.file, column, list);
        let chosen = self.choices.lists.get(&field).map(|choice| &choice.names);
        if found.is_empty() {
            return Markup::default();
        }
        html! {
            details.names open {
                summary { (found.len().min(MOST_NAMES)) " texts in “" (column) "” are names, not IDs" }
                @for (index, (text, same)) in found.iter().take(MOST_NAMES).enumerate() {
                    @let wanted = chosen.and_then(|names| names.get(text)).map(|id| id.get()).or(*same);
                    div.name-row {
                        label for={ "id." (field) "." (index) } { (text) }
                        input type="hidden" name={ "text." (field) "." (index) } value=(text);
                        select id={ "id." (field) "." (index) } name={ "id." (field) "." (index) } {
                            option value="" { "No ID: the row becomes an error" }
                            @for named in list { option value=(named.id) selected[wanted == Some(named.id)] { (named.name) " (" (named.id) ")" } }
                        }
                    }
                }
                @if found.len() > MOST_NAMES { p.hint { "There are more than " (MOST_NAMES) " different ones: put IDs into the file instead." } }
                p.hint { "The " (label.to_lowercase()) " that a text stands for is used in all rows." }
            }
        }
    }

    fn sip(&self) -> Markup {
        let kind = self.choices.sip;
        html! {
            fieldset.map {
                legend.map-name { "SIP Settings" span.must title="required" { " *" } }
                div.map-control {
                    @for (own, value, name, remark) in SipKind::ALL {
                        label.choice {
                            input type="radio" id={ "sip." (value) } name="sip" value=(value) checked[own == kind];
                            span { (name) span.hint.block { (remark) } }
                        }
                    }
                }
                div.map-beside {}
            }
            @if kind == SipKind::ClassicPbx {
                (self.row("pbx_domain", "PBX Domain", true, &html! {
                    select id="pbx_domain" name="pbx_domain" {
                        option value="" { "Choose a domain" }
                        @for named in &self.lists.pbx_domains {
                            option value=(named.id) selected[self.choices.pbx_domain.is_some_and(|id| id.get() == named.id)] { (named.name) }
                        }
                    }
                    @if self.lists.pbx_domains.is_empty() { p.hint { "Your tenant has no PBX domain." } }
                }, &html! { span.hint { "All users of the file are on it." } }))
            }
            @match kind.field() {
                Some(Field::PbxDevice) => (self.column(Field::PbxDevice, "PBX Device", true, "May be the column of the virtual extension.")),
                Some(field) => (self.column(field, "SIP URI", true, "As sip:user@pbx.example.com.")),
                None => {},
            }
        }
    }

    fn two_factor(&self) -> Markup {
        html! {
            fieldset {
                legend { h2 { "Authentication type" } }
                @for (own, name, remark) in TWO_FACTOR {
                    label.choice {
                        input type="radio" id={ "two_factor." (own.as_str()) } name="two_factor" value=(own.as_str()) checked[own == self.choices.two_factor];
                        span { (name) span.hint.block { (remark) } }
                    }
                }
            }
        }
    }

    fn security(&self) -> Markup {
        let limit = |name: &str, label: &str, value: &str, tip: &str| {
            html! {
                div.field.wrong[self.error(name).is_some()] {
                    label for=(name) { (label) }
                    input id=(name) name=(name) type="text" inputmode="numeric" value=(value) placeholder="Unlimited" aria-describedby={ (name) "-tip" };
                    span.hint id={ (name) "-tip" } { (tip) }
                    @if let Some(error) = self.error(name) { p.error { (error) } }
                }
            }
        };
        html! {
            label.choice.spaced {
                input.switch type="checkbox" role="switch" id="advanced" name="advanced" value="on" checked[self.choices.advanced];
                span { "Advanced security settings" }
            }
            @if self.choices.advanced {
                div.fields {
                    (limit("max_session_minutes", "Longest session in minutes", &self.choices.max_session_minutes,
                        "Users are logged out after so many minutes. Empty: never."))
                    (limit("max_concurrent_sessions", "Sessions at one time", &self.choices.max_concurrent_sessions,
                        "A user can be logged in on so many devices at once. Empty: on any number."))
                }
            }
        }
    }
}
