//! A message that is set aside, and why.

use schemars::JsonSchema;
use serde::{Deserialize, de::IgnoredAny};
use shared::contract::{
    Id,
    job::{self, MAX_JOB_BYTES},
};
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

/// A message larger than this is not looked into: four times the largest job, so that the Dialer is told of a job that is a
/// little too large, and nothing of many MiB is parsed.
const MAX_SUBJECT_BYTES: usize = 4 * MAX_JOB_BYTES;

/// How much is kept of a message that is set aside and larger than any of ours: enough to see whose it is. A message
/// may be as large as 128 MiB.
const KEPT_BYTES: usize = 4096;

/// Which import a message is about, as far as even an invalid message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// Its attempt; a job has none.
    pub attempt: Option<u32>,
}

impl Subject {
    /// `None` if the message does not say it, or is far too large to be one of ours.
    pub fn of(body: &[u8]) -> Option<Self> {
        let told = Told::of(body)?;
        Some(Self {
            import_id: told.import_id.known()?,
            tenant_id: told.tenant_id.and_then(TenantText::known)?,
            attempt: match told.attempt {
                None => None,
                Some(Attempt::Number(attempt)) => Some(attempt),
                Some(Attempt::Other(_)) => return None,
            },
        })
    }

    /// The import ID of a job, and its tenant if that can be read too: enough to answer it.
    pub fn of_job(body: &[u8]) -> Option<(Uuid, Option<Id>)> {
        let told = Told::of(body)?;
        Some((
            told.import_id.known()?,
            told.tenant_id.and_then(TenantText::known),
        ))
    }
}

/// What a message says about its import, in whatever way its publisher wrote it: a job is to be answered even if it is
/// refused for just that.
#[derive(Deserialize)]
struct Told {
    import_id: ImportText,
    tenant_id: Option<TenantText>,
    attempt: Option<Attempt>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ImportText {
    Text(String),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TenantText {
    Number(i64),
    Text(String),
    Other(IgnoredAny),
}

/// No job has one; a message between steps whose attempt cannot be read is taken to be about no import.
#[derive(Deserialize)]
#[serde(untagged)]
enum Attempt {
    Number(u32),
    Other(IgnoredAny),
}

impl Told {
    fn of(body: &[u8]) -> Option<Self> {
        let body = Some(body).filter(|body| body.len() <= MAX_SUBJECT_BYTES)?;
        serde_json::from_slice(body.strip_prefix(job::BYTE_ORDER_MARK).unwrap_or(body)).ok()
    }
}

impl ImportText {
    fn known(self) -> Option<Uuid> {
        match self {
            Self::Text(text) => Uuid::try_parse(text.trim()).ok(),
            Self::Other(_) => None,
        }
    }
}

impl TenantText {
    fn known(self) -> Option<Id> {
        let number = match self {
            Self::Number(number) => number,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Other(_) => return None,
        };
        number.try_into().ok()
    }
}

/// A message that is set aside for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why.
    pub reason: DeadReason,
    /// The last error.
    pub error: Option<String>,
    /// Routing key with which it was published.
    pub origin: String,
    /// How often it was tried again before.
    pub retry_count: u32,
    /// Its ID, if its publisher gave it one.
    pub message_id: Option<String>,
    /// The import that it is about, if it says so.
    pub subject: Option<Subject>,
    /// The message, or its beginning if it is larger than any of ours.
    pub body: Vec<u8>,
    /// Size of the message in bytes.
    pub size_bytes: usize,
}

/// As much of a message as a dead letter keeps.
pub fn kept(body: &[u8]) -> Vec<u8> {
    let kept = if body.len() > MAX_JOB_BYTES {
        KEPT_BYTES
    } else {
        body.len()
    };
    body.iter().take(kept).copied().collect()
}

/// Why a message was set aside for an operator.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum DeadReason {
    /// It is not a valid job or message.
    Malformed,
    /// A newer release wrote it.
    NewerVersion,
    /// Its import ID belongs to another job.
    ImportIdTaken,
    /// The import of its ID was purged.
    ImportPurged,
    /// It failed in a way that no retry can fix.
    #[strum(serialize = "permanent_error")]
    #[serde(rename = "permanent_error")]
    #[value(name = "permanent_error")]
    Permanent,
    /// Every retry failed.
    RetriesExhausted,
    /// Every worker that received it died.
    KillsWorkers,
    /// The import's messages were lost again and again.
    MessagesLost,
    /// The broker delivered it as often as its limit allows, and no worker survived to set it aside.
    DeliveryLimit,
    /// It waited longer than the broker's policy allows.
    Expired,
    /// Its queue was longer than the broker's policy allows.
    Maxlen,
    /// Somebody took it from its queue and rejected it.
    Rejected,
    /// The reason is not known.
    Unknown,
}

impl DeadReason {
    /// The name in headers, events and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What it means for the Dialer, in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "The job is not valid.",
            Self::NewerVersion => "The job has a version that this release of the worker cannot read.",
            Self::ImportIdTaken => {
                "The import ID belongs to an import with another job: publish with a new ID."
            }
            Self::ImportPurged => "The import of this ID was purged: publish with a new ID.",
            Self::Permanent => {
                "The import met an error that does not go away by itself: an operator has to look at it."
            }
            Self::RetriesExhausted => {
                "Something that the import needs was not available for too long: an operator can replay the import."
            }
            Self::KillsWorkers => {
                "The import ended every worker that took it: an operator has to look at it."
            }
            Self::MessagesLost => {
                "The broker lost the messages of the import again and again: an operator can replay it."
            }
            Self::DeliveryLimit | Self::Expired | Self::Maxlen | Self::Rejected | Self::Unknown => {
                "The broker set a message of the import aside: an operator can replay the import."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_message_still_tells_its_import() {
        let body = br#"{"version": 9, "import_id": "7c0ffee0-0000-4000-8000-000000000001", "tenant_id": 7, "x": [1]}"#;
        let subject = Subject::of(body).unwrap();
        assert_eq!(
            (subject.import_id.as_u128() >> 96, subject.tenant_id.get()),
            (0x7c0f_fee0, 7)
        );
        let spelt = b"\xEF\xBB\xBF{\"import_id\": \"urn:uuid:7c0ffee0-0000-4000-8000-000000000001\", \"tenant_id\": \"7\"}";
        assert_eq!(Subject::of(spelt), Some(subject), "a refused job is answered");
        let no_tenant = br#"{"import_id": "7c0ffee0-0000-4000-8000-000000000001", "tenant_id": [7]}"#;
        assert_eq!(Subject::of(no_tenant), None);
        assert_eq!(Subject::of_job(no_tenant), Some((subject.import_id, None)));
        assert_eq!(Subject::of(b"no json"), None);
        assert_eq!(Subject::of(br#"{"tenant_id": 7}"#), None);
    }
}
