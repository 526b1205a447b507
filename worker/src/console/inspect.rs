//! An upload as it is read: the same code as the worker's, and a look at the first rows.

use std::sync::Arc;

use axum::body::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use shared::{
    columns::{self, Columns},
    contract::Id,
    file::{self, Encoding, Header, Record},
    limits::Limits,
    names,
    rejection::{Rejection, RejectionCode},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    bounds::{Place, WAIT},
    error::Error,
    state::Console,
};
use crate::{
    db::{Upload, UploadedObject},
    storage::Fetched,
};

/// How many rows a preview has.
pub(super) const PREVIEW_ROWS: usize = 5;

/// This many times the maximum number of rows are looked at, to find those that only look filled.
const ROWS_LOOKED_AT: usize = 20;

/// A file that could be read.
#[derive(Debug)]
pub(super) struct Inspected {
    /// Its columns, and what they seem to be.
    pub(super) columns: Columns,
    /// Its header: the names of all columns, nameless ones included, by which records have their cells.
    pub(super) header: Header,
    /// Its rows.
    pub(super) records: Vec<Record>,
    /// Why an import of it would be rejected, unless columns are chosen.
    pub(super) doubts: Vec<Rejection>,
    /// Its cells take many times the memory of the file, so few are there at a time.
    _turn: OwnedSemaphorePermit,
}

impl Inspected {
    /// Where a column stands, by its exact name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.header.names.iter().position(|own| own == name)
    }

    /// How the file spells the name of a column: exactly so, or as names are compared.
    pub(super) fn spelling(&self, name: &str) -> Option<String> {
        let same = names::normalise(name);
        let by_name = || self.header.names.iter().find(|own| names::normalise(own) == same);
        let exact = self.header.names.iter().find(|own| *own == name);
        exact.or_else(by_name).cloned()
    }

    /// The first few texts of a column that are not blank, each once.
    pub(super) fn samples(&self, name: &str, most: usize) -> Vec<&str> {
        let Some(column) = self.position(name) else {
            return Vec::new();
        };
        let mut samples = Vec::new();
        for record in &self.records {
            let text = record.cell(column).trim();
            if !text.is_empty() && !samples.contains(&text) {
                samples.push(text);
                if samples.len() == most {
                    break;
                }
            }
        }
        samples
    }

    /// The first rows, for a look at them.
    pub(super) fn preview(&self) -> Vec<Vec<String>> {
        let cells = |record: &Record| {
            (0..self.header.names.len())
                .map(|column| record.cell(column).to_owned())
                .collect()
        };
        self.records.iter().take(PREVIEW_ROWS).map(cells).collect()
    }
}

/// Waits until there is room for one more file in memory.
pub(super) async fn place_for_file(console: &Console, tenant_id: Id) -> Result<Place, Error> {
    console.files.wait(tenant_id).await.ok_or(Error::Busy)
}

/// Reads an upload as it stands in storage.
pub(super) async fn fetch(console: &Console, object: &UploadedObject) -> Result<Bytes, Error> {
    let most = console.limits.max_file_bytes;
    match console.storage.get(&object.key, most).await? {
        Fetched::Found {
            content: Some(content),
            ..
        } => Ok(content),
        Fetched::Found { content: None, .. } => Err(Error::TooLarge(most)),
        Fetched::Missing => Err(Error::Gone("the file is no longer in storage: upload it again")),
    }
}

/// Looks at an upload; `Ok(Err(…))` is why an import of it would be rejected whatever is mapped.
pub(super) async fn inspect(
    console: &Console,
    upload: &Upload,
    encoding: Option<Encoding>,
) -> Result<Result<Inspected, Rejection>, Error> {
    let place = place_for_file(console, upload.tenant_id).await?;
    let content = fetch(console, &upload.object).await?;
    inspect_bytes(console, content, encoding, place).await
}

/// The same with the bytes at hand. Reading the largest file takes so long that it is done on a blocking thread.
pub(super) async fn inspect_bytes(
    console: &Console,
    content: Bytes,
    encoding: Option<Encoding>,
    place: Place,
) -> Result<Result<Inspected, Rejection>, Error> {
    let turn = tokio::time::timeout(WAIT, Arc::clone(&console.reading).acquire_owned()).await;
    let turn = turn
        .map_err(|_| Error::Busy)?
        .map_err(|error| Error::Internal(error.into()))?;
    let limits = console.limits;
    // Reading goes on when whoever asked is gone, so it keeps what was acquired for it.
    let reading = move || {
        let found = read(&content, encoding, &limits, turn);
        drop((content, place));
        found
    };
    tokio::task::spawn_blocking(reading)
        .await
        .map_err(|error| Error::Internal(error.into()))
}

fn read(
    content: &[u8],
    encoding: Option<Encoding>,
    limits: &Limits,
    turn: OwnedSemaphorePermit,
) -> Result<Inspected, Rejection> {
    let columns = columns::inspect(content, encoding, limits)?;
    let (doubts, rejections): (Vec<_>, Vec<_>) =
        columns.rejections.iter().cloned().partition(ends_with_mapping);
    if let Some(rejection) = rejections.into_iter().next() {
        return Err(rejection);
    }
    // A file without any row is refused here, whatever is mapped. Far more rows are kept than an import may have: the
    // columns that are chosen decide which of them only look filled. None is left out silently.
    let all = Limits {
        max_rows: limits.max_rows.saturating_mul(ROWS_LOOKED_AT),
        ..*limits
    };
    let file = file::read(content, encoding, &all)?.all_records()?;
    file::check_row_count(&file, &all)?;
    Ok(Inspected {
        columns,
        header: file.header,
        records: file.records,
        doubts,
        _turn: turn,
    })
}

/// Whether the choice of columns may help.
fn ends_with_mapping(rejection: &Rejection) -> bool {
    matches!(
        rejection.code,
        RejectionCode::MissingHeader
            | RejectionCode::MappingConflict
            | RejectionCode::DuplicateHeader
            | RejectionCode::EmptyFile
    )
}

/// An upload as programs see it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UploadView {
    /// The upload that imports and checks are made of.
    pub(super) upload_id: uuid::Uuid,
    /// Its name, as it was given.
    pub(super) file_name: String,
    /// Its size in bytes.
    pub(super) size_bytes: u64,
    /// What the file holds; absent if it cannot be imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) columns: Option<Columns>,
    /// The first rows, as they are read: the cells of each by column.
    pub(super) preview: Vec<Vec<String>>,
    /// Why an import of it would be rejected, whatever is mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejection: Option<Rejection>,
}

impl UploadView {
    pub(super) fn of(upload: &Upload, inspected: Result<Inspected, Rejection>) -> Self {
        let (columns, preview, rejection) = match inspected {
            Ok(inspected) => {
                let preview = inspected.preview();
                (Some(inspected.columns), preview, None)
            }
            Err(rejection) => (None, Vec::new(), Some(rejection)),
        };
        Self {
            upload_id: upload.upload_id,
            file_name: upload.file_name.clone(),
            size_bytes: upload.object.size_bytes,
            columns,
            preview,
            rejection,
        }
    }
}
