//! Why an import is refused as a whole. A refusal is a value: the worker reports it, and does not try again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// Why an import is refused, in the order of precedence: of several reasons the first is reported.
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
    /// An unclosed quote, too many columns, or a cell that is too large.
    MalformedCsv,
    /// No text at all, or a header without rows.
    EmptyFile,
    /// The first row is not a header.
    MissingHeader,
    /// A name stands twice in the header.
    DuplicateHeader,
    /// The job names a column that the file has not.
    ColumnNotFound,
    /// One column for two fields, or two columns for one.
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

/// An import that is refused as a whole, with nothing created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// The stable code.
    pub code: RejectionCode,
    /// What is wrong, where, and what to do. It goes into events, so it never holds the text of a cell.
    pub message: String,
}

impl Rejection {
    /// Refuses an import with a sentence that holds no text of a cell.
    pub fn new(code: RejectionCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}
