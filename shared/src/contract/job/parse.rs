//! From the body of a message to a job, with the bounds that types cannot express.

use std::collections::HashSet;

use super::{Fields, FixedList, IdColumn, Job, ListSource, MAX_KEY_BYTES, RoleSource};
use crate::{names, problem::quote_name};

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
    /// Two texts that stand for IDs are compared equal.
    #[error("not a job: of the names in a column, {0} stands twice, apart from case and blanks")]
    SameNames(String),
}

/// Reads a job from the body of a message.
///
/// ```
/// use shared::contract::job::{self, Mode};
///
/// let body = br#"{ "version": 1, "import_id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11", "tenant_id": 42,
///                  "mode": "validate", "source": { "key": "tenants/42/uploads/users.csv" } }"#;
/// let job = job::parse(body)?;
/// assert_eq!((job.tenant_id.get(), job.mode), (42, Mode::Validate));
/// assert_eq!(job::parse(serde_json::to_string(&job)?.as_bytes())?, job);
///
/// // A misspelt option is not ignored.
/// let misspelt = String::from_utf8_lossy(body).replace("mode", "moode");
/// let error = job::parse(misspelt.as_bytes()).unwrap_err();
/// assert!(error.to_string().starts_with("not a job: unknown field `moode`"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parse(body: &[u8]) -> Result<Job, InvalidJob> {
    if body.len() > MAX_JOB_BYTES {
        return Err(InvalidJob::TooLarge {
            size_bytes: body.len(),
        });
    }
    let job: Job = serde_json::from_slice(body)?;
    job.check_lengths()?;
    job.id_columns().try_for_each(check_names)?;
    Ok(job)
}

/// Refuses texts that could not be told apart in a cell, and such as no cell has.
fn check_names(column: &IdColumn) -> Result<(), InvalidJob> {
    let is_list = |ids: &[_]| (1..=MAX_FIXED_IDS).contains(&ids.len());
    let is_text = |text: &str| !text.contains('\0') && text.chars().count() <= MAX_NAME_CHARS;
    let right = column.names.len() <= MAX_FIXED_IDS && column.names.values().all(|ids| is_list(ids));
    if !right || !column.names.keys().all(|text| is_text(text)) {
        let bounds = "up to 1000 texts of up to 1000 characters, with 1 to 1000 IDs each,";
        return Err(InvalidJob::Length("the names in a column", bounds));
    }
    let mut seen = HashSet::new();
    for text in column.names.keys() {
        let folded = names::fold(text);
        if folded.is_empty() || !seen.insert(folded) {
            return Err(InvalidJob::SameNames(quote_name(text)));
        }
    }
    Ok(())
}

impl Job {
    /// The columns of IDs that the job names.
    pub(crate) fn id_columns(&self) -> impl Iterator<Item = &IdColumn> {
        let lists = [&self.fields.desks, &self.fields.skill_groups, &self.fields.tags];
        let lists = lists.into_iter().flatten().filter_map(|list| match list {
            ListSource::Column(column) => Some(column),
            ListSource::Fixed(_) => None,
        });
        let role = self.fields.role.iter().filter_map(|role| match role {
            RoleSource::Column(column) => Some(column),
            RoleSource::Fixed(_) => None,
        });
        role.chain(lists)
    }

    /// What the schema says about lengths, which types do not.
    fn check_lengths(&self) -> Result<(), InvalidJob> {
        let Fields {
            username,
            email,
            virtual_extension,
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
        let mut columns = [username, email, pbx_device, sip_uri, first_name, last_name]
            .into_iter()
            .flatten()
            .map(|column| &column.column)
            .chain(
                virtual_extension
                    .iter()
                    .filter_map(|source| source.column.as_ref()),
            )
            .chain(self.id_columns().map(|column| &column.column));
        let is_name = |name: &String| !name.is_empty() && !name.contains('\0');
        let right_list = |list: &ListSource| match list {
            ListSource::Column(_) => true,
            ListSource::Fixed(FixedList { values }) => values.len() <= MAX_FIXED_IDS,
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

/// Longest text that stands for IDs.
const MAX_NAME_CHARS: usize = 1000;

/// Most IDs of one list for all users: far more than a user can make use of.
const MAX_FIXED_IDS: usize = 1000;
