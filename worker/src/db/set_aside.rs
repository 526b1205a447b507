//! Setting a message aside: a dead letter goes in, and is written in the transaction that fails its import.

use sha2::{Digest, Sha256};

use super::{error::Error, fail::fail, pool::Db};
use crate::message::{DeadLetter, Subject};

/// Longest text of a message's publisher that is kept: enough to read.
const MAX_TEXT_CHARS: usize = 500;

impl Db {
    /// Stores a dead letter, and fails the import, if one is to fail, in the same transaction; returns whether this
    /// made it fail.
    ///
    /// A message that was stored and is delivered again makes no second dead letter as long as the first one is open.
    pub async fn set_aside(&self, letter: &DeadLetter, failing: Option<Subject>) -> Result<bool, Error> {
        let origin = storable(&letter.origin);
        let error = letter.error.as_deref().map(storable);
        let message_id = letter.message_id.as_deref().map(storable);
        let mut transaction = self.pool.begin().await?;
        let mut has_failed = false;
        if let Some(import) = failing {
            has_failed = fail(&mut transaction, import, letter.reason, error.as_deref()).await?;
            crash_point!("failed-not-set-aside");
        }
        sqlx::query!(
            "INSERT INTO imports.dead_letters
                    (reason, error, origin, import_id, tenant_id, attempt, retry_count, message_id, size_bytes, body,
                     fingerprint)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             -- Names no index, because that would need more rights than to insert.
             ON CONFLICT DO NOTHING",
            letter.reason.as_str(),
            error,
            origin,
            letter.subject.map(|import| import.import_id),
            letter.subject.map(|import| import.tenant_id.get()),
            letter.subject.and_then(|import| import.attempt).map(i64::from),
            i64::from(letter.retry_count),
            message_id,
            i64::try_from(letter.size_bytes).unwrap_or(i64::MAX),
            letter.body,
            fingerprint(letter),
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(has_failed)
    }
}

/// PostgreSQL's text holds no NUL, and nobody reads a header of megabytes.
fn storable(text: &str) -> String {
    text.chars()
        .take(MAX_TEXT_CHARS)
        .map(|char| {
            if char == '\0' {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        })
        .collect()
}

/// The same for the same message, whenever the broker delivers it.
fn fingerprint(letter: &DeadLetter) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [letter.message_id.as_deref().unwrap_or_default(), &letter.origin] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(letter.size_bytes.to_be_bytes());
    hash.update(&letter.body);
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::DeadReason;

    #[test]
    fn what_cannot_be_stored_as_text_is_replaced_or_cut() {
        assert_eq!(storable("a\0é"), "a\u{fffd}é");
        assert_eq!(storable(&"é".repeat(600)).chars().count(), MAX_TEXT_CHARS);
    }

    #[test]
    fn a_fingerprint_is_that_of_message_id_origin_and_body() {
        let letter = |id: Option<&str>, origin: &str, body: &str| DeadLetter {
            reason: DeadReason::Malformed,
            error: None,
            origin: origin.into(),
            retry_count: 0,
            message_id: id.map(str::to_owned),
            subject: None,
            size_bytes: body.len(),
            body: body.into(),
        };
        let one = letter(Some("1"), "requested", "x");
        let again = DeadLetter {
            reason: DeadReason::Permanent,
            retry_count: 3,
            ..one.clone()
        };
        assert_eq!(fingerprint(&one), fingerprint(&again));
        for other in [
            letter(Some("2"), "requested", "x"),
            letter(None, "1requested", "x"),
            letter(Some("1"), "reports", "x"),
            letter(Some("1"), "requested", "y"),
        ] {
            assert_ne!(fingerprint(&one), fingerprint(&other), "{other:?}");
        }
    }
}
