//! Sessions of the console, and what ends them before their time.

use shared::contract::Id;
use time::OffsetDateTime;

use super::{convert::tenant, error::Error, pool::Db};

/// Sessions that expired longer ago are forgotten; until then they still show which tokens were logged out.
const KEPT_DAYS: i32 = 1;

/// A digest of a cookie or of a token: SHA-256.
pub type Digest = [u8; 32];

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Who.
    pub subject: String,
    /// The key that signed it.
    pub key_id: String,
    /// What they may see and do.
    pub role: BearerRole,
    /// When it was made, if it says so.
    pub issued_at: Option<OffsetDateTime>,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

/// What somebody may see and do in the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerRole {
    /// Imports of one tenant.
    Administrator(Id),
    /// Imports of all tenants, but no cell of a file.
    Operator {
        /// Whether they may change anything.
        may_act: bool,
    },
}

/// What is not accepted any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// Tokens and sessions of a person, as of now.
    Subject(String),
    /// Tokens and sessions of a key, for ever.
    Key(String),
}

impl Db {
    /// Begins a session; `false` if the token was revoked, or logged out before.
    pub async fn begin_session(
        &self,
        session: &Digest,
        token: &Digest,
        bearer: &Bearer,
    ) -> Result<bool, Error> {
        let mut connection = self.pool.acquire().await?;
        sqlx::query!(
            "DELETE FROM console.sessions WHERE expires_at < now() - make_interval(days => $1)",
            KEPT_DAYS,
        )
        .execute(&mut *connection)
        .await?;
        let (tenant_id, access) = match bearer.role {
            BearerRole::Administrator(tenant_id) => (Some(tenant_id.get()), None),
            BearerRole::Operator { may_act: true } => (None, Some("act")),
            BearerRole::Operator { may_act: false } => (None, Some("read")),
        };
        let begun = sqlx::query!(
            "INSERT INTO console.sessions
                    (session_hash, token_hash, subject, key_id, tenant_id, operator_access, issued_at, expires_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8
              WHERE NOT EXISTS (SELECT FROM console.sessions WHERE token_hash = $2 AND ended_at IS NOT NULL)
                AND NOT EXISTS (SELECT FROM console.revocations
                                 WHERE key_id = $4 OR (subject = $3 AND coalesce($7 <= revoked_at, true)))",
            session,
            token,
            bearer.subject,
            bearer.key_id,
            tenant_id,
            access,
            bearer.issued_at,
            bearer.expires_at,
        )
        .execute(&mut *connection)
        .await?;
        Ok(begun.rows_affected() == 1)
    }

    /// Who a session belongs to; `None` if it has ended, expired, or was revoked.
    pub async fn session(&self, session: &Digest) -> Result<Option<Bearer>, Error> {
        let found = sqlx::query!(
            "SELECT subject, key_id, tenant_id, operator_access, issued_at, expires_at
               FROM console.sessions s
              WHERE session_hash = $1 AND ended_at IS NULL AND expires_at > now()
                AND NOT EXISTS (SELECT FROM console.revocations r
                                 WHERE r.key_id = s.key_id
                                    OR (r.subject = s.subject AND coalesce(s.issued_at <= r.revoked_at, true)))",
            session,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        let Some(found) = found else { return Ok(None) };
        let role = match found.tenant_id {
            Some(tenant_id) => BearerRole::Administrator(tenant(tenant_id)?),
            None => BearerRole::Operator {
                may_act: found.operator_access.as_deref() == Some("act"),
            },
        };
        Ok(Some(Bearer {
            subject: found.subject,
            key_id: found.key_id,
            role,
            issued_at: found.issued_at,
            expires_at: found.expires_at,
        }))
    }

    /// Whether a token is still accepted: neither revoked nor logged out.
    pub async fn accepts_token(&self, token: &Digest, bearer: &Bearer) -> Result<bool, Error> {
        let accepted = sqlx::query_scalar!(
            r#"SELECT NOT EXISTS (SELECT FROM console.sessions WHERE token_hash = $1 AND ended_at IS NOT NULL)
                  AND NOT EXISTS (SELECT FROM console.revocations
                                   WHERE key_id = $2 OR (subject = $3 AND coalesce($4 <= revoked_at, true)))
                   AS "accepted!""#,
            token,
            bearer.key_id,
            bearer.subject,
            bearer.issued_at,
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        Ok(accepted)
    }

    /// Ends a session, all others of the same token, and the token itself.
    pub async fn end_session(&self, session: &Digest) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE console.sessions SET ended_at = now()
              WHERE ended_at IS NULL
                AND token_hash = (SELECT token_hash FROM console.sessions WHERE session_hash = $1)",
            session,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// Revokes tokens, and the sessions that were begun with them.
    pub async fn revoke(&self, revoked: &Revoked) -> Result<(), Error> {
        let (subject, key_id) = match revoked {
            Revoked::Subject(subject) => (Some(subject), None),
            Revoked::Key(key_id) => (None, Some(key_id)),
        };
        sqlx::query!(
            "INSERT INTO console.revocations (subject, key_id) VALUES ($1, $2)",
            subject,
            key_id,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}
