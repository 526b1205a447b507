//! From the body of a message to a job, with the bounds that types cannot express.

use super::{Fields, Job, ListSource, MAX_KEY_BYTES, RoleSource};

/// Largest job that is read, in bytes: three lists of the most and longest IDs have 60 KiB, indented 90 KiB.
pub const MAX_JOB_BYTES: usize = 256 * 1024;

/// Why a message is not a job.
#[derive(Debug, thiserror::Error)]
pub enum InvalidJob {
    /// It is larger than [`MAX_JOB_BYTES`].
    #[error("{size_bytes} bytes are more than the {MAX_JOB_BYTES} that a job may have")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// It is not JSON, or not of the job's schema.
    #[error("not a job: {0}")]
    Json(#[from] serde_json::Error),
    /// A text or list is longer or shorter than allowed, or holds a NUL character, which PostgreSQL cannot store.
    #[error("not a job: {0} must have {1} and no NUL character")]
    Length(&'static str, &'static str),
}

/// Reads a job from the body of a message.
pub fn parse(body: &[u8]) -> Result<Job, InvalidJob> {
    if body.len() > MAX_JOB_BYTES {
        return Err(InvalidJob::TooLarge {
            size_bytes: body.len(),
        });
    }
    let job: Job = serde_json::from_slice(body)?;
    job.check_lengths()?;
    Ok(job)
}

impl Job {
    /// What the schema says about lengths, which types do not.
    fn check_lengths(&self) -> Result<(), InvalidJob> {
        let Fields {
            username,
            email,
            virtual_extension,
            role,
            desks,
            skill_groups,
            tags,
            ..
        } = &self.fields;
        let Fields {
            pbx_device,
            sip_uri,
            first_name,
            last_name,
            ..
        } = &self.fields;
        let lists = [desks, skill_groups, tags].into_iter().flatten();
        let role = match role {
            Some(RoleSource::Column(name)) => Some(name),
            Some(RoleSource::Value(_)) | None => None,
        };
        let mut columns = [username, email, pbx_device, sip_uri, first_name, last_name]
            .into_iter()
            .flatten()
            .map(|column| &column.column)
            .chain(
                virtual_extension
                    .iter()
                    .filter_map(|source| source.column.as_ref()),
            )
            .chain(role);
        let is_name = |name: &String| !name.is_empty() && !name.contains('\0');
        let right_list = |list: &ListSource| match list {
            ListSource::Column(name) => is_name(name),
            ListSource::Values(ids) => ids.len() <= MAX_FIXED_IDS,
        };
        let is_text = |text: &str, most: usize| text.chars().count() <= most && !text.contains('\0');
        let key = &self.source.key;
        if !columns.all(is_name) {
            Err(InvalidJob::Length("a column's name", "at least one character"))
        } else if !lists.into_iter().all(right_list) {
            Err(InvalidJob::Length(
                "a list",
                "at most 1000 IDs or a column's name",
            ))
        } else if key.is_empty() || !is_text(key, MAX_KEY_BYTES) {
            Err(InvalidJob::Length("the object key", "1 to 1024 characters"))
        } else if !self
            .source
            .etag
            .as_ref()
            .is_none_or(|etag| is_text(etag, MAX_KEY_BYTES))
        {
            Err(InvalidJob::Length("the ETag", "at most 1024 characters"))
        } else if !self
            .requested_by
            .as_ref()
            .is_none_or(|who| is_text(who, MAX_REQUESTED_BY_CHARS))
        {
            Err(InvalidJob::Length("requested_by", "at most 200 characters"))
        } else {
            Ok(())
        }
    }
}

/// Longest `requested_by`, in characters: a name or an address.
const MAX_REQUESTED_BY_CHARS: usize = 200;

/// Most IDs of one list for all users: far more than a user can make use of.
const MAX_FIXED_IDS: usize = 1000;
