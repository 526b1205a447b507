//! Step 2: the file is reviewed before anything is mapped.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};
use shared::{
    file::{Delimiter, Encoding},
    rejection::{Rejection, RejectionCode},
};
use strum::VariantArray;

use super::{
    steps::{Step, steps},
    stored::{replace, store},
};
use crate::{
    console::{
        access::{OwnUpload, Visitor},
        api::changed,
        choices::Choices,
        error::Error,
        form::Fields,
        inspect::{Inspected, PREVIEW_ROWS, fetch, inspect, inspect_bytes, place_for_file},
        pages::{
            icons,
            layout::{Place, page},
            parts::{counted, notice, sentence},
        },
        separator,
        size::size,
        state::Console,
    },
    db::Upload,
};

/// Encodings that programs still save tables in; the file's own is added if it is another one.
const ENCODINGS: [(&str, &str); 26] = [
    ("utf-8", "UTF-8"),
    ("utf-16le", "UTF-16 (little endian)"),
    ("utf-16be", "UTF-16 (big endian)"),
    ("windows-1252", "Windows-1252 (Western European)"),
    ("iso-8859-15", "ISO-8859-15 (Western European)"),
    ("macintosh", "Mac OS Roman"),
    ("windows-1250", "Windows-1250 (Central European)"),
    ("iso-8859-2", "ISO-8859-2 (Central European)"),
    ("windows-1257", "Windows-1257 (Baltic)"),
    ("windows-1254", "Windows-1254 (Turkish)"),
    ("windows-1251", "Windows-1251 (Cyrillic)"),
    ("koi8-u", "KOI8-U (Cyrillic)"),
    ("koi8-r", "KOI8-R (Cyrillic)"),
    ("ibm866", "CP 866 (Cyrillic)"),
    ("x-mac-cyrillic", "Mac OS Cyrillic"),
    ("windows-1253", "Windows-1253 (Greek)"),
    ("windows-1255", "Windows-1255 (Hebrew)"),
    ("windows-1256", "Windows-1256 (Arabic)"),
    ("windows-1258", "Windows-1258 (Vietnamese)"),
    ("windows-874", "Windows-874 (Thai)"),
    ("shift_jis", "Shift-JIS (Japanese)"),
    ("euc-jp", "EUC-JP (Japanese)"),
    ("gbk", "GBK (Chinese)"),
    ("gb18030", "GB 18030 (Chinese)"),
    ("big5", "Big5 (Chinese)"),
    ("euc-kr", "EUC-KR (Korean)"),
];

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
        div.title { h1 { "Review the file" } span.hint { (upload.file_name) " · " (size(upload.object.size_bytes)) } }
        (steps(Step::File, Some(upload.upload_id)))
        @if let Err(rejection) = &file { (rejected(rejection)) }
        (reading(&upload, &choices, file.as_ref().ok()))
        @if let Ok(file) = &file {
            @for doubt in &file.doubts {
                (notice("wait", "Check that this file is read as intended", &html! {
                    p { (sentence(&doubt.message)) }
                    @if doubt.code != RejectionCode::DuplicateHeader {
                        p { "Go on to “Map the fields” and choose the columns yourself only if line " (file.header.line) " is the header. If it is a user, "
                            "that user would be lost: add a header above it and upload the file again. If it is a title, delete it." }
                    }
                }))
            }
            (preview(file))
            div.go {
                a.button.primary href={ "/uploads/" (upload.upload_id) "/fields" } { "Map the fields" }
            }
        }
    };
    Ok(page(&visitor.bearer, Place::Users, "Review the file", &content).into_response())
}

fn rejected(rejection: &Rejection) -> Markup {
    notice(
        "bad",
        "This file cannot be imported as it is",
        &html! {
            p { (sentence(&rejection.message)) }
            @if rejection.code == RejectionCode::Undecodable { p { "If you know the encoding, choose it below, then check the names." } }
        },
    )
}

/// The proper name of an encoding.
fn encoding_name(encoding: Encoding) -> String {
    let label = encoding.as_str();
    let listed = ENCODINGS.iter().find(|(own, _)| *own == label);
    listed.map_or_else(|| label.to_uppercase(), |(_, name)| (*name).to_owned())
}

/// Whether somebody should look at how the file is read: it cannot be, or only by a guess, or not as a table.
fn is_in_doubt(choices: &Choices, file: Option<&Inspected>) -> bool {
    file.is_none_or(|file| {
        let is_guessed = choices.encoding.is_none() && file.columns.encoding == Encoding::WINDOWS_1252;
        is_guessed || file.header.names.len() < 2 || !file.doubts.is_empty()
    })
}

/// How the file is read; after a change, it is read again at once.
fn reading(upload: &Upload, choices: &Choices, file: Option<&Inspected>) -> Markup {
    let declared = choices.encoding.map(Encoding::as_str).map(str::to_lowercase);
    let found = file.map(|file| encoding_name(file.columns.encoding));
    let is_changed = choices.encoding.is_some() || file.is_some_and(|file| file.header.has_sep_line);
    let is_listed = |label: &str| ENCODINGS.iter().any(|(own, _)| *own == label);
    let delimiter = file
        .filter(|file| file.header.has_sep_line)
        .map(|file| file.columns.delimiter);
    html! {
        section.card {
            form method="post" action={ "/uploads/" (upload.upload_id) } data-live {
                details.reading id="reading" open[is_changed || is_in_doubt(choices, file)] {
                    summary {
                        @match (&found, file) {
                            (Some(found), Some(file)) => { (found) ", separated by " (file.columns.delimiter.as_str()) },
                            _ => "Encoding and separator",
                        }
                        " · " span.link { "Change" }
                    }
                    div.fields {
                        div.field {
                            label for="encoding" { "Encoding" }
                            select id="encoding" name="encoding" {
                                option value="" selected[declared.is_none()] {
                                    "As detected" @if let Some(found) = found.as_ref().filter(|_| declared.is_none()) { ": " (found) }
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
                                    @if let Some(file) = file.filter(|_| delimiter.is_none()) { ": " (file.columns.delimiter.as_str()) }
                                }
                                @for own in Delimiter::VARIANTS {
                                    option value=(own.as_str()) selected[delimiter == Some(*own)] { (own.as_str()) }
                                }
                            }
                            @if delimiter.is_some() {
                                span.hint { "A line " code { "sep=" } " precedes the header and counts as line 1." }
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
            p.hint {
                (counted(columns.ignored_rows as u64, "row without a user is ignored", "rows without a user are ignored"))
                ": nothing stands in the columns that are recognised so far."
            }
        }
        div.scroll tabindex="0" role="region" aria-label="First rows of the file" {
            table.list {
                thead { tr {
                    @for name in &file.header.names {
                        th scope="col" {
                            (name)
                            @match columns.columns.iter().find(|column| column.name == *name).and_then(|column| column.field) {
                                Some(field) => div.hint.known { (icons::done()) " " (field.label()) },
                                None => div.hint { "Not recognised" },
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

/// Reads the file differently from now on.
pub(super) async fn read_otherwise(
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
    form: Fields,
) -> Result<impl IntoResponse, Error> {
    let before = Choices::stored(&upload.choices);
    let encoding = match form.value("encoding") {
        None | Some("") => None,
        Some(label) => Some(
            label
                .parse::<Encoding>()
                .map_err(|error| Error::Invalid(error.to_string()))?,
        ),
    };
    let delimiter = form
        .value("delimiter")
        .and_then(|name| name.parse::<Delimiter>().ok());
    let place = place_for_file(&console, upload.tenant_id).await?;
    let content = fetch(&console, &upload.object).await?;
    let declared = Bytes::from(separator::declare(&content, encoding, delimiter));
    let mut choices = Choices {
        encoding,
        ..before.clone()
    };
    if choices.chosen
        && let Ok(file) = inspect_bytes(&console, declared.clone(), encoding, place).await?
    {
        let lists = console.db.tenant_lists(upload.tenant_id).await?;
        let lists = lists.ok_or(Error::NotFound("tenant"))?;
        let suggested = Choices::suggested(&file, &lists, encoding);
        choices = choices.fitted(&file, suggested);
    }
    if declared != content {
        let object = store(&console, administrator.tenant_id, &upload, declared).await?;
        replace(&console, &upload, &object, &choices).await?;
    } else if choices != before {
        changed(console.db.choose(&upload, &choices.to_json()).await?)?;
    }
    Ok(Redirect::to(&format!("/uploads/{}", upload.upload_id)))
}
