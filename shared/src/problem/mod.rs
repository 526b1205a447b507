//! What can be wrong with a row: stable codes, and the sentences that tell people what to do.

mod flaw;
mod flawed;
mod phrase;
mod quote;
mod sentence;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::field::Field;
pub use flaw::{Damage, Detail, Flaw, Letter};
pub(crate) use phrase::{LOST_LETTER, character_in_place, in_words, named};
pub(crate) use quote::{holds_password, quote, quote_name};

/// Why a row did not become a user. The order is the one in which the codes of one field are reported.
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
pub enum Code {
    /// Stray quotes, in any cell of the row.
    MalformedQuotes,
    /// A required field is blank.
    Required,
    /// Username, e-mail address, SIP URI or a name is over its length.
    TooLong,
    /// Characters that a username or a name may not have; control characters in any mapped cell.
    InvalidCharacters,
    /// A value that a spreadsheet changed: a number or date as extension or PBX device, an exponent as username, commas in
    /// an ID, an error value anywhere.
    SpreadsheetDamage,
    /// E-mail address, extension, PBX device or SIP URI is not of its form.
    InvalidFormat,
    /// An ID that is unknown, inactive, another tenant's, or not a number.
    UnknownReference,
    /// Username or e-mail address is in an earlier row.
    DuplicateInFile,
    /// Username or e-mail address is taken in the Dialer.
    AlreadyExists,
    /// The extension is in use or in an earlier row.
    ExtensionTaken,
    /// No number is left to generate.
    ExtensionRangeExhausted,
    /// The row has more cells than the header.
    WrongColumnCount,
}

impl Code {
    /// The name in events, reports and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One thing that is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The field; `None` if the problem concerns the whole row.
    pub field: Option<Field>,
    /// What is wrong.
    pub code: Code,
    /// What is wrong and what to do, in a sentence that names field and value.
    pub message: String,
    /// What the sentence says besides field and code, by name, so that it can be written in another language.
    /// `deploy/INTEGRATION.md` lists them by code. Empty in problems that earlier releases stored.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

impl Problem {
    /// Whether the row's user is there already: if a row has no other problem, it is a duplicate and not an error.
    pub fn is_duplicate(&self) -> bool {
        matches!(self.code, Code::DuplicateInFile | Code::AlreadyExists)
    }
}
