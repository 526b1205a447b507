//! Why an import is rejected as a whole. A rejection is a value: the worker reports it, and does not try again.
//!
//! A file is rejected, a row is refused: of a rejected file nothing is created, of any other file all but the refused
//! rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// Why an import is rejected, in the order of precedence: of several reasons the first is reported.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RejectionCode {
    /// The Dialer knows no such tenant.
    UnknownTenant,
    /// The object's key is outside the tenant's prefix.
    ForeignObject,
    /// There is no such object.
    ObjectMissing,
    /// The object is not the one that the job was made for.
    ObjectChanged,
    /// More bytes than allowed.
    FileTooLarge,
    /// A spreadsheet, archive, PDF or web page that is only named `.csv`.
    NotCsv,
    /// A byte that cannot be decoded.
    Undecodable,
    /// A quote that is not closed or takes whole rows into its cell, too many columns, or a cell that is too large.
    MalformedCsv,
    /// No text at all, a header without rows, or rows whose mapped cells are all blank.
    EmptyFile,
    /// Our own success report, by its key or by its header.
    ReportUploaded,
    /// The first row is not a header.
    MissingHeader,
    /// A name that is needed occurs twice in the header.
    DuplicateHeader,
    /// The job names a column that the file does not have.
    ColumnNotFound,
    /// One column for two fields, two columns for one, or a field in a column of passwords.
    MappingConflict,
    /// A required field has neither a column nor a value.
    RequiredFieldUnmapped,
    /// A value for all users is not one of the tenant's.
    UnknownReference,
    /// More rows than allowed.
    TooManyRows,
}

impl RejectionCode {
    /// The name in events and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An import that is rejected as a whole, with nothing created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// The stable code.
    pub code: RejectionCode,
    /// What is wrong, where, and what to do, for people who may see the file: it may name its columns.
    pub message: String,
    /// The same for events, which name no columns but those that the job named; `None` where that makes no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_message: Option<String>,
}

impl Rejection {
    /// Rejects an import with a sentence that holds no text of the file.
    pub fn new(code: RejectionCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            event_message: None,
        }
    }

    /// Sets the sentence for events, where the other one holds text of the file.
    #[must_use]
    pub fn with_event_message(mut self, message: impl Into<String>) -> Self {
        self.event_message = Some(message.into());
        self
    }

    /// The sentence for events.
    pub fn event_message(&self) -> &str {
        self.event_message.as_deref().unwrap_or(&self.message)
    }
}
