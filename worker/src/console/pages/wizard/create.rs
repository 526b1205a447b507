//! Step 1: a file is dropped.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use maud::html;

use super::steps::{Step, steps};
use crate::console::{
    access::{Administrator, Visitor},
    error::Error,
    pages::{
        icons,
        layout::{Place, page},
        parts::counted,
    },
    size::size,
    state::Console,
};

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
                noscript { p { "Uploading a file requires JavaScript." } }
            }
            section.card id="file-rules" {
                h2 { "File requirements" }
                ul {
                    li { "At most " (counted(limits.max_rows as u64, "user", "users")) " and " (size(limits.max_file_bytes)) "." }
                    li { "The first row is a header that says what each column holds." }
                    li { "Columns for Username, Email, Virtual Extension and Role. Extensions can be generated, and one role can be given to all users." }
                    li { "Optionally desks, skill groups and tags: their IDs or names from the Dialer, several of them separated by semicolons." }
                    li { "For classic PBX, a column of devices; for a custom URI, a column of SIP URIs." }
                }
                p { a.button href="/users/sample.csv" download="sample.csv" { (icons::download()) "Download a sample file" } }
                p.hint { "It uses your own roles, desks and skill groups." }
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
