//! Steps 1 and 2: a file is dropped, and looked at before anything is mapped.

use std::sync::Arc;

use axum::{
    Form,
    extract::State,
    http::header,
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};
use shared::{
    contract::Id,
    file::{Delimiter, Encoding},
    rejection::{Rejection, RejectionCode},
    report::table_csv,
};
use strum::VariantArray;

use super::steps::{Step, steps};
use crate::{
    console::{
        access::{Administrator, OwnUpload, Visitor},
        choices::Choices,
        error::Error,
        inspect::{Inspected, PREVIEW_ROWS, fetch, inspect},
        pages::{
            icons,
            layout::{Place, page},
            parts::{counted, notice, sentence},
        },
        separator,
        state::Console,
    },
    db::{Named, TenantLists, Upload, UploadedObject},
    operate,
};

/// Encodings that programs still save tables in; the file's own is added where it is another.
const ENCODINGS: [(&str, &str); 17] = [
    ("utf-8", "UTF-8"),
    ("utf-16le", "UTF-16 (little endian)"),
    ("utf-16be", "UTF-16 (big endian)"),
    ("windows-1252", "Windows-1252 (Western European)"),
    ("windows-1250", "Windows-1250 (Central European)"),
    ("windows-1251", "Windows-1251 (Cyrillic)"),
    ("windows-1253", "Windows-1253 (Greek)"),
    ("windows-1254", "Windows-1254 (Turkish)"),
    ("windows-1255", "Windows-1255 (Hebrew)"),
    ("windows-1256", "Windows-1256 (Arabic)"),
    ("windows-1257", "Windows-1257 (Baltic)"),
    ("koi8-u", "KOI8-U (Cyrillic)"),
    ("macintosh", "Mac OS Roman"),
    ("shift_jis", "Shift-JIS (Japanese)"),
    ("gb18030", "GB 18030 (Chinese)"),
    ("big5", "Big5 (Chinese)"),
    ("euc-kr", "EUC-KR (Korean)"),
];

/// The page on which a file is dropped.
pub(super) async fn create(
    visitor: Visitor,
    administrator: Administrator,
    State(console): State<Arc<Console>>,
) -> Result<impl IntoResponse, Error> {
    let limits = console.limits;
    let open = console.db.open_uploads(administrator.tenant_id, 5).await?;
    let content = html! {
        a.back href="/users" { "← Users" }
        div.title { h1 { "Create users from a file" } }
        (steps(Step::File, None))
        div.columns {
            section.card {
                form id="upload" data-upload data-max-bytes=(limits.max_file_bytes) {
                    div.drop id="drop" {
                        (icons::file())
                        p { strong { "Drag and drop your CSV file here" } }
                        p { "or" }
                        p {
                            label.button for="file" { "Browse" }
                            input.hidden id="file" type="file" name="file" accept=".csv,.txt,text/csv,text/plain" aria-describedby="file-rules";
                        }
                        p id="file-name" aria-live="polite" {}
                    }
                    div.notice.bad id="upload-error" role="alert" hidden {}
                    div id="upload-progress" hidden {
                        label for="upload-bar" { "Uploading" }
                        progress id="upload-bar" max="100" value="0" {}
                        button type="button" id="upload-stop" { "Stop" }
                    }
                    div.go { button.primary id="upload-go" type="submit" disabled { "Upload" } }
                }
                noscript { p { "Uploading a file needs JavaScript." } }
            }
            section.card id="file-rules" {
                h2 { "Rules for the file" }
                ul {
                    li { "At most " (counted(limits.max_rows as u64, "user", "users")) " and " (size(limits.max_file_bytes)) "." }
                    li { "The first row is a header: it says which column holds what." }
                    li { "Columns for Username, Email, Virtual Extension and Role. Extensions can be generated, and one role can be given to all." }
                    li { "Desks, skill groups and tags if you want them: their IDs or names from the Dialer, several separated by " code { ";" } "." }
                    li { "For SIP options other than WebRTC, a column of PBX devices or SIP URIs." }
                }
                p { a.button href="/users/sample.csv" download="sample.csv" { (icons::download()) "Download a sample file" } }
                p.hint { "It is made of your own roles, desks and skill groups." }
            }
        }
        @if !open.is_empty() {
            section.card {
                h2 { "Not finished" }
                ul.plain {
                    @for upload in &open {
                        li { a href={ "/uploads/" (upload.upload_id) } { (upload.file_name) } " " span.hint { (size(upload.object.size_bytes)) } }
                    }
                }
            }
        }
    };
    Ok(page(
        &visitor.bearer,
        Place::Users,
        "Create users from a file",
        &content,
    ))
}

/// A size as people say it.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    match bytes {
        bytes if bytes >= KIB * KIB && bytes.is_multiple_of(KIB * KIB) => {
            format!("{} MiB", bytes / KIB / KIB)
        }
        bytes if bytes >= KIB * KIB => format!(
            "{}.{} MiB",
            bytes / KIB / KIB,
            bytes % (KIB * KIB) * 10 / KIB / KIB
        ),
        bytes if bytes >= KIB => format!("{} KiB", bytes / KIB),
        bytes => format!("{bytes} bytes"),
    }
}

/// A file that could be imported as it is, made of what the tenant has.
pub(super) async fn sample(
    administrator: Administrator,
    State(console): State<Arc<Console>>,
) -> Result<impl IntoResponse, Error> {
    let lists = console.db.tenant_lists(administrator.tenant_id).await?;
    let content = sample_csv(&lists.ok_or(Error::NotFound("tenant"))?);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sample.csv\""),
    ];
    Ok((headers, content))
}

fn sample_csv(lists: &TenantLists) -> Vec<u8> {
    const PEOPLE: [(&str, &str); 3] = [("Ada", "Lovelace"), ("Alan", "Turing"), ("Grace", "Hopper")];
    let names = [
        "Username",
        "Email",
        "Virtual Extension",
        "Role",
        "Desks",
        "Skill Groups",
        "Tags",
        "First Name",
        "Last Name",
    ]
    .map(str::to_owned);
    let first: u64 = lists
        .extension_range
        .as_ref()
        .and_then(|(first, _)| first.parse().ok())
        .unwrap_or(1001);
    let width = lists.extension_range.as_ref().map_or(4, |(first, _)| first.len());
    let pick = |list: &[Named], index: usize| {
        let index = index.checked_rem(list.len()).unwrap_or(0);
        list.get(index)
            .map(|named| named.id.to_string())
            .unwrap_or_default()
    };
    let rows = PEOPLE.iter().enumerate().map(|(index, (given, family))| {
        let username = format!("{}.{}", given.to_lowercase(), family.to_lowercase());
        let extension = first.saturating_add(index as u64);
        vec![
            username.clone(),
            format!("{username}@example.com"),
            format!("{extension:0width$}"),
            pick(&lists.roles, index),
            pick(&lists.desks, index),
            pick(&lists.skill_groups, index),
            pick(&lists.tags, index),
            (*given).to_owned(),
            (*family).to_owned(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table_csv(&names, rows.iter().map(Vec::as_slice))
}

/// The page that shows the file as it is read.
pub(super) async fn show(
    visitor: Visitor,
    OwnUpload { upload, .. }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<impl IntoResponse, Error> {
    if let Some(import_id) = upload.import_id {
        return Ok(Redirect::to(&format!("/imports/{import_id}")).into_response());
    }
    let choices = Choices::stored(&upload.choices);
    let file = inspect(&console, &upload, choices.encoding).await?;
    let content = html! {
        a.back href="/users/create" { "← Another file" }
        div.title { h1 { (upload.file_name) } span.hint { (size(upload.object.size_bytes)) } }
        (steps(Step::File, Some(upload.upload_id)))
        @if let Err(rejection) = &file { (rejected(rejection)) }
        (reading(&upload, &choices, file.as_ref().ok()))
        @if let Ok(file) = &file {
            (preview(file))
            div.go {
                a.button.primary href={ "/uploads/" (upload.upload_id) "/fields" } { "Map the fields" }
            }
        }
    };
    Ok(page(&visitor.bearer, Place::Users, &upload.file_name, &content).into_response())
}

fn rejected(rejection: &Rejection) -> Markup {
    notice(
        "bad",
        "This file cannot be imported as it is",
        &html! {
            p { (sentence(&rejection.message)) }
            @if rejection.code == RejectionCode::Undecodable { p { "If you know the encoding, choose it below." } }
        },
    )
}

/// How the file is read; changed, it is read again at once.
fn reading(upload: &Upload, choices: &Choices, file: Option<&Inspected>) -> Markup {
    let declared = choices.encoding.map(Encoding::as_str).map(str::to_lowercase);
    let found = file.map(|file| file.columns.encoding.as_str().to_owned());
    let is_listed = |label: &str| ENCODINGS.iter().any(|(own, _)| *own == label);
    let delimiter = file
        .filter(|file| file.header.has_sep_line)
        .map(|file| file.columns.delimiter);
    html! {
        section.card {
            form method="post" action={ "/uploads/" (upload.upload_id) } data-live {
                div.fields {
                    div.field {
                        label for="encoding" { "Encoding" }
                        select id="encoding" name="encoding" {
                            option value="" selected[declared.is_none()] {
                                "As detected" @if let Some(found) = found.as_ref().filter(|_| declared.is_none()) { " (" (found) ")" }
                            }
                            @for (label, name) in ENCODINGS {
                                option value=(label) selected[declared.as_deref() == Some(label)] { (name) }
                            }
                            @if let Some(other) = declared.as_deref().filter(|label| !is_listed(label)) {
                                option value=(other) selected { (other) }
                            }
                        }
                        span.hint { "Change it if letters look wrong below." }
                    }
                    div.field {
                        label for="delimiter" { "Columns are separated by" }
                        select id="delimiter" name="delimiter" {
                            option value="" selected[delimiter.is_none()] {
                                "As detected"
                                @if let Some(file) = file.filter(|_| delimiter.is_none()) { " (" (file.columns.delimiter.as_str()) ")" }
                            }
                            @for own in Delimiter::VARIANTS {
                                option value=(own.as_str()) selected[delimiter == Some(*own)] { (own.as_str()) }
                            }
                        }
                        @if delimiter.is_some() {
                            span.hint { "A line " code { "sep=" } " stands before the header and is counted as line 1." }
                        } @else {
                            span.hint { "Change it if columns look wrong below." }
                        }
                    }
                }
                noscript { button type="submit" { "Read again" } }
            }
        }
    }
}

fn preview(file: &Inspected) -> Markup {
    let columns = &file.columns;
    let recognised = columns
        .columns
        .iter()
        .filter(|column| column.field.is_some())
        .count();
    html! {
        h2 {
            (counted(columns.rows as u64, "user", "users")) ", "
            (counted(columns.columns.len() as u64, "column", "columns"))
            " (" (recognised) " recognised)"
        }
        @if columns.ignored_rows > 0 {
            p.hint { (counted(columns.ignored_rows as u64, "row", "rows")) " without any user are ignored: their cells in the recognised columns are blank." }
        }
        div.scroll tabindex="0" role="region" aria-label="First rows of the file" {
            table.list {
                thead { tr {
                    @for name in &file.header.names {
                        th scope="col" {
                            (name)
                            @if let Some(field) = columns.columns.iter().find(|column| column.name == *name).and_then(|column| column.field) {
                                div.hint { "→ " (field.label()) }
                            }
                        }
                    }
                } }
                tbody {
                    @for row in file.preview() {
                        tr { @for cell in row { td.cell.long[cell.chars().count() > 12] { (cell) } } }
                    }
                }
            }
        }
        @if columns.rows > PREVIEW_ROWS {
            p.hint { "The first " (PREVIEW_ROWS) " of " (columns.rows) " rows." }
        }
    }
}

/// Reads the file otherwise from now on.
pub(super) async fn read_otherwise(
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<impl IntoResponse, Error> {
    let value = |name: &str| {
        form.iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    };
    let mut choices = Choices::stored(&upload.choices);
    let encoding = match value("encoding") {
        None | Some("") => None,
        Some(label) => Some(
            label
                .parse::<Encoding>()
                .map_err(|error| Error::Invalid(error.to_string()))?,
        ),
    };
    if choices.encoding != encoding {
        // What was mapped by names that were read wrongly means nothing any more.
        choices = Choices {
            encoding,
            ..Choices::default()
        };
        changed(console.db.choose(&upload, &choices.to_json()).await?)?;
    }
    let delimiter = value("delimiter").and_then(|name| name.parse::<Delimiter>().ok());
    let content = fetch(&console, &upload.object).await?;
    let declared = separator::declare(&content, encoding, delimiter);
    if declared != content {
        let object = store(&console, administrator.tenant_id, &upload, declared).await?;
        changed(console.db.replace_upload(&upload, &object).await?)?;
    }
    Ok(Redirect::to(&format!("/uploads/{}", upload.upload_id)))
}

/// Puts another content in the place of an upload's.
pub(super) async fn store(
    console: &Console,
    tenant_id: Id,
    upload: &Upload,
    content: Vec<u8>,
) -> Result<UploadedObject, Error> {
    let size_bytes = content.len() as u64;
    if size_bytes > console.limits.max_file_bytes {
        return Err(Error::TooLarge(console.limits.max_file_bytes));
    }
    let source = operate::upload(&console.storage, tenant_id, upload.upload_id, content).await?;
    Ok(UploadedObject {
        key: source.key,
        etag: source.etag,
        size_bytes,
    })
}

/// Whether an upload could be changed.
pub(super) fn changed(changed: bool) -> Result<(), Error> {
    if changed {
        Ok(())
    } else {
        Err(Error::Conflict(
            "the file is imported already: nothing of it can be changed any more".to_owned(),
        ))
    }
}
