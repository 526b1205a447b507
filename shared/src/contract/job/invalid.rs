//! Why a message is not a job.

/// Largest job that is read, in bytes: three lists with the most and longest IDs take 60 KiB, or 90 KiB indented.
pub const MAX_JOB_BYTES: usize = 256 * 1024;

/// How much of a path or a cause is quoted: enough to find the place.
const MAX_TEXT_CHARS: usize = 500;

/// Why a message is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJob {
    /// It is larger than [`MAX_JOB_BYTES`].
    #[error("{size_bytes} bytes are more than the {MAX_JOB_BYTES} that a job may have")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// It is JSON, and not a job.
    #[error("{}{cause}", place(path))]
    Shape {
        /// Where, as a JSON Pointer (RFC 6901); empty for the job itself.
        path: String,
        /// What is wrong there.
        cause: String,
    },
}

impl InvalidJob {
    /// Where the job is wrong, as a JSON Pointer; `None` if it is wrong as a whole.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Shape { path, .. } => Some(path.as_str()).filter(|path| !path.is_empty()),
            Self::TooLarge { .. } | Self::Syntax(_) => None,
        }
    }

    pub(in crate::contract) fn shape(path: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Shape {
            path: storable(&path.into()),
            cause: storable(&cause.into()),
        }
    }
}

/// A text from the job's publisher, in a form that PostgreSQL can store and people can read.
fn storable(text: &str) -> String {
    let shown = text.chars().take(MAX_TEXT_CHARS);
    shown
        .map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

fn place(path: &str) -> String {
    if path.is_empty() {
        "the message ".to_owned()
    } else {
        format!("{path} ")
    }
}
