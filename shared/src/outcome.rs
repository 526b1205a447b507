//! The outcome of a row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::problem::Problem;

/// The outcome of a row.
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
pub enum Outcome {
    /// Nothing yet: it is to become a user.
    Pending,
    /// It became a user; in `validate` mode, it would have.
    Created,
    /// Its only problems are that the user is there already.
    Duplicate,
    /// It needs fixing.
    Error,
    /// The import was cancelled before its turn.
    Cancelled,
}

impl Outcome {
    /// The name in reports and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The outcome of a row with these problems; without any, it is pending.
    pub fn of(problems: &[Problem]) -> Self {
        if problems.is_empty() {
            Self::Pending
        } else if problems.iter().all(Problem::is_duplicate) {
            Self::Duplicate
        } else {
            Self::Error
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    #[test]
    fn only_duplicates_make_a_duplicate() {
        let exists = Problem::already_exists(Field::Username, "ann");
        let earlier = Problem::duplicate_in_file(Field::Email, "ann@example.com", "ann@example.com", 1, 2);
        let taken = Problem::extension_taken("1001");
        assert_eq!(Outcome::of(&[]), Outcome::Pending);
        assert_eq!(Outcome::of(&[exists.clone(), earlier]), Outcome::Duplicate);
        assert_eq!(Outcome::of(&[exists, taken.clone()]), Outcome::Error);
        assert_eq!(Outcome::of(&[taken]), Outcome::Error);
    }
}
