//! Fields of a form that was sent.

use axum::extract::{FromRequest, RawForm, Request};

use super::error::Error;

/// Fields that are read from a form: enough for every cell of the largest file that can be corrected. A field may have
/// only a few bytes, but takes far more in memory.
const MOST_FIELDS: usize = 100_000;

/// The fields of a form in their order: name and value. A name may appear several times.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

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
