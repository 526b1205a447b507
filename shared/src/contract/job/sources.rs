//! Where the values of fields come from: a column, a value for all users, or nowhere.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{contract::Id, names};

/// Most entries of one list: far more than a user can make use of.
const MAX_IDS: usize = 1000;

/// Longest text that stands for IDs.
const MAX_NAME_CHARS: usize = 1000;

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The column's name in the header: exactly, else without regard to case, spaces, `_`, `-`, `*`, `:`, `.` and one
    /// remark in brackets at the end.
    #[schemars(length(min = 1))]
    pub column: String,
}

/// No column, even if the header has one of the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    /// Always `true`. A field that every user needs cannot be ignored: the import is rejected as `required_field_unmapped`.
    pub ignore: Yes,
}

/// `true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(yes: bool) -> Result<Self, Self::Error> {
        if yes {
            Ok(Self)
        } else {
            Err("only true can stand here")
        }
    }
}

impl From<Yes> for bool {
    fn from(_: Yes) -> Self {
        true
    }
}

impl JsonSchema for Yes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Yes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean", "const": true })
    }
}

/// Where a field comes from that can only be read from a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ColumnSource {
    /// This column.
    Column(Column),
    /// Nowhere.
    Ignored(Ignored),
}

impl ColumnSource {
    /// The column of this name.
    pub const fn named(column: String) -> Self {
        Self::Column(Column { column })
    }
}

/// Where virtual extensions come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExtensionSource {
    /// Nowhere.
    Ignored(Ignored),
    /// A column, generated numbers, or both.
    Given(Extensions),
}

impl ExtensionSource {
    /// Whether numbers are generated for cells that are blank or missing.
    pub fn is_generated(&self) -> bool {
        matches!(self, Self::Given(Extensions { generate: true, .. }))
    }
}

/// A column of virtual extensions, generated numbers, or both. Generated numbers are the lowest free ones of the tenant's range.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extensions {
    /// The column's name. Together with `generate`, only its blank cells are filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub column: Option<String>,
    /// Whether missing numbers are generated.
    #[serde(default)]
    pub generate: bool,
}

/// A column of IDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdColumn {
    /// The column's name.
    #[schemars(length(min = 1))]
    pub column: String,
    /// IDs by the texts that stand for them in the column, as a whole cell or a part of one. Texts are compared without
    /// regard to case and to the number of consecutive blanks; any other text is read as an ID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "names_schema")]
    pub names: BTreeMap<String, Vec<Id>>,
}

fn names_schema(generator: &mut SchemaGenerator) -> Schema {
    let id = generator.subschema_for::<Id>();
    json_schema!({
        "type": "object",
        "maxProperties": MAX_IDS,
        "propertyNames": { "type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS },
        "additionalProperties": { "type": "array", "items": id, "minItems": 1, "maxItems": MAX_IDS },
    })
}

impl IdColumn {
    /// The column of this name, with IDs only.
    pub fn named(column: String) -> Self {
        Self {
            column,
            names: BTreeMap::new(),
        }
    }

    /// IDs by their texts, in the form in which these are compared.
    pub(crate) fn folded_names(&self) -> BTreeMap<String, Vec<Id>> {
        self.names
            .iter()
            .map(|(text, ids)| (names::fold(text), ids.clone()))
            .collect()
    }
}

/// Where roles come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RoleSource {
    /// A column of role IDs.
    Column(IdColumn),
    /// One role for all users of the file.
    Fixed(FixedRole),
    /// Nowhere.
    Ignored(Ignored),
}

/// One role for all users of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedRole {
    /// ID of the role.
    pub value: Id,
}

/// Where desks, skill groups or tags come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ListSource {
    /// A column of IDs.
    Column(IdColumn),
    /// The same IDs for all users of the file.
    Fixed(FixedList),
    /// Nowhere.
    Ignored(Ignored),
}

/// The same IDs for all users of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedList {
    /// The IDs.
    #[schemars(length(max = MAX_IDS))]
    pub values: Vec<Id>,
}
