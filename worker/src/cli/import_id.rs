//! An import as operators name it: by its ID, or by a prefix of it that no other import has.

use std::str::FromStr;

use anyhow::bail;
use uuid::Uuid;

use crate::{
    db::{Db, Import},
    operate,
    steps::event::rfc3339,
};

/// Hexadecimal digits of a whole ID.
const DIGITS: usize = 32;

/// Fewer digits could match an import by accident.
const FEWEST: usize = 4;

/// How many imports are listed if several match.
const SHOWN: u32 = 10;

/// An ID, or a prefix of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImportId(String);

impl FromStr for ImportId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits: String = text
            .chars()
            .filter(|character| *character != '-')
            .map(|character| character.to_ascii_lowercase())
            .collect();
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) || digits.len() > DIGITS {
            return Err(
                "an ID has 32 hexadecimal digits, such as 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11".to_owned(),
            );
        }
        if digits.len() < FEWEST {
            return Err(format!("at least {FEWEST} digits of the ID are needed"));
        }
        Ok(Self(digits))
    }
}

impl ImportId {
    /// Finds the import; an error if none matches, or more than one.
    pub(super) async fn find(&self, db: &Db) -> anyhow::Result<Import> {
        let (first, last) = self.range()?;
        if first == last {
            if let Some(import) = db.find(first).await? {
                return Ok(import);
            }
            if let Some(purged) = db.find_purged(first).await? {
                bail!(
                    "the import {first} of tenant {} was purged at {}: nothing else of it is kept",
                    purged.tenant_id,
                    rfc3339(purged.purged_at)?
                );
            }
            bail!(operate::Error::Unknown(first));
        }
        let mut found = db.find_between(first, last, SHOWN + 1).await?;
        match (found.pop(), found.is_empty()) {
            (Some(import), true) => Ok(import),
            (None, _) => bail!(
                "no import has an ID that begins with {}: for one that was purged, give the whole ID",
                self.0
            ),
            (Some(last), false) => {
                found.push(last);
                let shown = usize::try_from(SHOWN)?;
                let more = if found.len() > shown { "\n  …" } else { "" };
                let lines: Vec<String> = found
                    .iter()
                    .take(shown)
                    .map(|import| {
                        let job = &import.job;
                        format!(
                            "\n  {} (tenant {}, {})",
                            job.import_id,
                            job.tenant_id,
                            import.state.as_str()
                        )
                    })
                    .collect();
                bail!(
                    "several imports have an ID that begins with {}:{}{more}",
                    self.0,
                    lines.concat()
                )
            }
        }
    }

    /// The whole ID. If a whole one is given, no import need have it.
    pub(super) async fn resolve(&self, db: &Db) -> anyhow::Result<Uuid> {
        match self.range()? {
            (first, last) if first == last => Ok(first),
            _ => Ok(self.find(db).await?.job.import_id),
        }
    }

    /// The first and the last ID with this prefix.
    fn range(&self) -> Result<(Uuid, Uuid), uuid::Error> {
        let filled =
            |digit: &str| Uuid::try_parse(&format!("{}{}", self.0, digit.repeat(DIGITS - self.0.len())));
        Ok((filled("0")?, filled("f")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_stands_for_all_that_begin_so() {
        for (text, first, last) in [
            (
                "018F-6",
                "018f6000-0000-0000-0000-000000000000",
                "018f6fff-ffff-ffff-ffff-ffffffffffff",
            ),
            (
                "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11",
                "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11",
                "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11",
            ),
        ] {
            let (from, to) = text.parse::<ImportId>().unwrap().range().unwrap();
            assert_eq!(
                (from.to_string().as_str(), to.to_string().as_str()),
                (first, last)
            );
        }
        for wrong in [
            "",
            "01f",
            "wxyz",
            "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e110",
            "018f 6c2e",
        ] {
            assert!(wrong.parse::<ImportId>().is_err(), "{wrong}");
        }
    }
}
