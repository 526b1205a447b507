//! Fields of a form that was sent.

use axum::extract::{FromRequest, RawForm, Request};

use super::error::Error;

/// Fields that are read from a form: enough for every cell of the largest file that can be corrected. A field may have
/// only a few bytes, but takes far more in memory.
const MOST_FIELDS: usize = 100_000;

/// The fields of a form in their order: name and value. A name may come several times.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field, if the form has it: the first one.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of a field.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The fields whose names begin like this: what follows in the name, and the value.
    pub(super) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(pairs.iter().map(owned).collect())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let RawForm(body) = RawForm::from_request(request, state).await?;
        let fields = url::form_urlencoded::parse(&body);
        let fields: Vec<(String, String)> = fields.into_owned().take(MOST_FIELDS + 1).collect();
        if fields.len() > MOST_FIELDS {
            return Err(Error::Invalid("the form has too many fields".to_owned()));
        }
        Ok(Self(fields))
    }
}
