//! Who makes a request, and what belongs to them. Every handler takes one of the types below as an argument, so that
//! none can be reached without it: [`Visitor`] anybody who is signed in, [`Administrator`] a tenant's, [`OwnImport`]
//! and [`OwnUpload`] what belongs to that tenant, [`Operator`] and [`Acting`] an operator. Nothing else of the console
//! looks at tokens, cookies or tenants.

mod cookie;
pub(super) mod keys;
mod origin;
mod token;

use std::{collections::HashMap, sync::Arc, time::Duration};

use aide::OperationInput;
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use sha2::{Digest as _, Sha256};
use shared::contract::Id;
use time::OffsetDateTime;
use uuid::Uuid;

pub use keys::{InvalidKeys, Keys};

pub(super) use cookie::{clear, has as has_cookie, set};
pub(crate) use keys::MAX_LIFE;
pub(super) use keys::Refused;
pub(super) use origin::check_origin;

use self::token::token;
use super::{error::Error, state::Console};
use crate::db::{Audit, Bearer, BearerRole, Digest, Import, Upload};

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) bearer: Bearer,
    shown: Shown,
}

/// What a visitor has signed in with.
#[derive(Debug, Clone)]
enum Shown {
    Token(Digest),
    Session(Digest),
}

/// How long somebody who is no longer let in may still be told something.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// A tenant's administrator.
#[derive(Debug, Clone)]
pub(super) struct Administrator {
    pub(super) tenant_id: Id,
    pub(super) subject: String,
}

/// An operator, who may look at everything but cells.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    pub(super) subject: String,
    pub(super) may_act: bool,
}

/// An operator who may also make changes.
#[derive(Debug, Clone)]
pub(super) struct Acting {
    subject: String,
}

/// The import that the path names, which belongs to the administrator's tenant.
#[derive(Debug)]
pub(super) struct OwnImport {
    pub(super) administrator: Administrator,
    pub(super) import: Import,
}

/// The import that the path names, which belongs to the administrator's tenant; or will, once a worker takes its job:
/// the tenant's upload that it is made of already exists.
#[derive(Debug)]
pub(super) struct AwaitedImport {
    pub(super) import_id: Uuid,
    pub(super) import: Option<Import>,
    pub(super) upload: Option<Upload>,
}

/// The upload that the path names, which belongs to the administrator's tenant.
#[derive(Debug)]
pub(super) struct OwnUpload {
    pub(super) administrator: Administrator,
    pub(super) upload: Upload,
}

/// The form in which a secret is stored and compared.
pub(super) fn digest(secret: &str) -> Digest {
    Sha256::digest(secret.as_bytes()).into()
}

impl Administrator {
    pub(super) fn audit(&self, command: &'static str) -> Audit {
        Audit {
            command,
            operator: self.subject.clone(),
            reason: None,
        }
    }
}

impl Acting {
    /// The entry of a change. An operator has to give a reason.
    pub(super) fn audit(self, command: &'static str, reason: &str) -> Result<Audit, Error> {
        let reason = reason.replace(char::is_control, " ").trim().to_owned();
        if reason.is_empty() {
            return Err(Error::Invalid(
                "give a reason: it is recorded in the audit trail".to_owned(),
            ));
        }
        Ok(Audit {
            command,
            operator: self.subject,
            reason: Some(reason),
        })
    }
}

impl Visitor {
    /// Who the request is from, by a token of its own, or by the session of its cookie.
    async fn of(parts: &Parts, console: &Console) -> Result<Self, Error> {
        if let Some(token) = token(&parts.headers) {
            let bearer = console.verify(token).await?;
            return Ok(Self {
                bearer,
                shown: Shown::Token(digest(token)),
            });
        }
        let session = cookie::read(&parts.headers).ok_or(Error::SignedOut)?;
        let session = digest(session);
        let bearer = console.db.session(&session).await?.ok_or(Error::SignedOut)?;
        // A key that is no longer configured ends its sessions too.
        if !console.keys.knows(&bearer.key_id) {
            return Err(Error::SignedOut);
        }
        Ok(Self {
            bearer,
            shown: Shown::Session(session),
        })
    }

    /// Ends the session of the cookie. A visitor who sends the token with each request has none.
    pub(super) async fn log_out(&self, console: &Console) -> Result<(), Error> {
        if let Shown::Session(session) = &self.shown {
            console.db.end_session(session).await?;
        }
        Ok(())
    }

    /// Waits until the visitor is no longer let in: expired, logged out or revoked. What lasts longer than a request
    /// ends then.
    pub(super) async fn until_signed_out(self, console: Arc<Console>) {
        loop {
            let left = Duration::try_from(self.bearer.expires_at - OffsetDateTime::now_utc());
            let Ok(left) = left else { return };
            tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
            let still = match &self.shown {
                Shown::Token(token) => console.db.accepts_token(token, &self.bearer).await,
                Shown::Session(session) => console.db.session(session).await.map(|found| found.is_some()),
            };
            // While the database is unavailable, nobody can be shut out, and nothing is told.
            if matches!(still, Ok(false)) {
                return;
            }
        }
    }
}

impl Console {
    /// The bearer of a token, if it is accepted.
    pub(super) async fn verify(&self, token: &str) -> Result<Bearer, Error> {
        let bearer = self
            .keys
            .verify(token, OffsetDateTime::now_utc())
            .map_err(Error::Token)?;
        if !self.db.accepts_token(&digest(token), &bearer).await? {
            return Err(Error::Token(Refused::Revoked));
        }
        Ok(bearer)
    }
}

impl FromRequestParts<Arc<Console>> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Error> {
        Self::of(parts, console).await
    }
}

impl FromRequestParts<Arc<Console>> for Administrator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Error> {
        let visitor = Visitor::of(parts, console).await?;
        match visitor.bearer.role {
            BearerRole::Administrator(tenant_id) => Ok(Self {
                tenant_id,
                subject: visitor.bearer.subject,
            }),
            BearerRole::Operator { .. } => {
                Err(Error::Forbidden("this is only for administrators of a tenant"))
            }
        }
    }
}

impl FromRequestParts<Arc<Console>> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Error> {
        let visitor = Visitor::of(parts, console).await?;
        match visitor.bearer.role {
            BearerRole::Operator { may_act } => Ok(Self {
                subject: visitor.bearer.subject,
                may_act,
            }),
            BearerRole::Administrator(_) => Err(Error::Forbidden("this is only for operators")),
        }
    }
}

impl FromRequestParts<Arc<Console>> for Acting {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Error> {
        let Operator { subject, may_act } = Operator::from_request_parts(parts, console).await?;
        if may_act {
            Ok(Self { subject })
        } else {
            Err(Error::Forbidden("your access is read-only"))
        }
    }
}

impl FromRequestParts<Arc<Console>> for OwnImport {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Error> {
        let administrator = Administrator::from_request_parts(parts, console).await?;
        let import_id = named(parts, "import_id").await?;
        let found = console.db.find_of(administrator.tenant_id, import_id).await?;
        Ok(Self {
            administrator,
            import: found.ok_or(Error::NotFound("import"))?,
        })
    }
}

impl FromRequestParts<Arc<Console>> for AwaitedImport {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Error> {
        let administrator = Administrator::from_request_parts(parts, console).await?;
        let import_id = named(parts, "import_id").await?;
        let import = console.db.find_of(administrator.tenant_id, import_id).await?;
        let upload = console.db.upload_of(administrator.tenant_id, import_id).await?;
        if import.is_none() && upload.is_none() {
            return Err(Error::NotFound("import"));
        }
        Ok(Self {
            import_id,
            import,
            upload,
        })
    }
}

impl FromRequestParts<Arc<Console>> for OwnUpload {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Error> {
        let administrator = Administrator::from_request_parts(parts, console).await?;
        let upload_id = named(parts, "upload_id").await?;
        let found = console.db.upload(administrator.tenant_id, upload_id).await?;
        Ok(Self {
            administrator,
            upload: found.ok_or(Error::NotFound("upload"))?,
        })
    }
}

/// An ID in the path.
async fn named(parts: &mut Parts, name: &'static str) -> Result<Uuid, Error> {
    let path = Path::<HashMap<String, String>>::from_request_parts(parts, &()).await;
    path.ok()
        .and_then(|Path(names)| names.get(name)?.parse().ok())
        .ok_or(Error::NotFound("page"))
}

impl OperationInput for Visitor {}
impl OperationInput for Administrator {}
impl OperationInput for Operator {}
impl OperationInput for Acting {}
impl OperationInput for OwnImport {}
impl OperationInput for OwnUpload {}
