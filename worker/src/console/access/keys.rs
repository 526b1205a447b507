//! The keys that sign tokens, and what a token says: text goes in, a [`Bearer`] comes out.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use shared::contract::Id;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{
    db::{Bearer, BearerRole},
    secret::Secret,
};

/// Maximum life of a token: a working day.
pub(crate) const MAX_LIFE: Duration = Duration::hours(12);

/// How far the clocks of the Dialer and of this machine may be apart.
const LEEWAY_SECONDS: u64 = 30;

/// Maximum length of a token; ours have some 300 bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// Maximum length of a person's name, the same as of a job's `requested_by`.
const MAX_SUBJECT_CHARS: usize = 200;

/// The audience of tokens. A token that names an audience must name this one.
const AUDIENCE: &str = "user-import";

/// Shortest secret of HS256. Source: RFC 7518, 3.2.
const MIN_SECRET_BYTES: usize = 32;

/// Length of a public key of Ed25519. Source: RFC 8032.
const ED25519_BYTES: usize = 32;

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<Access>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Access {
    Read,
    Act,
}

/// Why the keys cannot be used. Never shows a key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeys {
    /// None at all.
    #[error("there is no key")]
    Empty,
    /// Not of the form.
    #[error(
        "key {0} is not of the form ID:hs256:SECRET or ID:eddsa:PUBLIC-KEY, with 1 to 64 characters as ID"
    )]
    Form(usize),
    /// A secret that is too short, or not base64.
    #[error("the secret of key {0:?} is not base64 of {MIN_SECRET_BYTES} bytes or more")]
    Secret(String),
    /// Not a public key.
    #[error("key {0:?} is not base64 of the {ED25519_BYTES} bytes of an Ed25519 public key")]
    Public(String),
    /// An ID that is used twice.
    #[error("there are two keys with the ID {0:?}")]
    Twice(String),
    /// Nothing to sign with.
    #[error("none of the keys can sign: one of the form ID:hs256:SECRET is needed")]
    CannotSign,
}

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is not a JWT")]
    Form,
    #[error("it names no key (kid) that is known here")]
    UnknownKey,
    #[error("its signature is wrong, or made with an algorithm other than its key's")]
    Signature,
    #[error("it has expired, or is not valid yet")]
    Time,
    #[error("it is valid for longer than {} hours", MAX_LIFE.whole_hours())]
    TooLong,
    #[error(
        "it must say who (sub), until when (exp), and either tenant_id or role: \"operator\" with access: \"read\" (the default) or \"act\""
    )]
    Claims,
    #[error("it was revoked or logged out")]
    Revoked,
}

struct Key {
    algorithm: Algorithm,
    decoding: DecodingKey,
    encoding: Option<EncodingKey>,
}

/// The keys by their IDs; the first one that can sign is used for it.
pub struct Keys {
    keys: BTreeMap<String, Key>,
    signing: Option<String>,
}

/// Shows the IDs only.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.keys()).finish()
    }
}

impl Keys {
    /// Reads `CONSOLE_KEYS`: `ID:hs256:SECRET` and `ID:eddsa:PUBLIC-KEY` in base64, separated by commas.
    pub fn read(text: &Secret) -> Result<Self, InvalidKeys> {
        let mut keys = Self {
            keys: BTreeMap::new(),
            signing: None,
        };
        let parts = text
            .expose()
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        for (index, part) in parts.enumerate() {
            let mut parts = part.splitn(3, ':');
            let (Some(id), Some(algorithm), Some(material)) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(InvalidKeys::Form(index + 1));
            };
            if !(1..=64).contains(&id.len()) {
                return Err(InvalidKeys::Form(index + 1));
            }
            let bytes = Zeroizing::new(BASE64_STANDARD.decode(material).unwrap_or_default());
            let key = match algorithm.to_ascii_lowercase().as_str() {
                "hs256" if bytes.len() >= MIN_SECRET_BYTES => Key {
                    algorithm: Algorithm::HS256,
                    decoding: DecodingKey::from_secret(&bytes),
                    encoding: Some(EncodingKey::from_secret(&bytes)),
                },
                "hs256" => return Err(InvalidKeys::Secret(id.to_owned())),
                "eddsa" if bytes.len() == ED25519_BYTES => Key {
                    algorithm: Algorithm::EdDSA,
                    decoding: DecodingKey::from_ed_der(&bytes),
                    encoding: None,
                },
                "eddsa" => return Err(InvalidKeys::Public(id.to_owned())),
                _ => return Err(InvalidKeys::Form(index + 1)),
            };
            if keys.signing.is_none() && key.encoding.is_some() {
                keys.signing = Some(id.to_owned());
            }
            if keys.keys.insert(id.to_owned(), key).is_some() {
                return Err(InvalidKeys::Twice(id.to_owned()));
            }
        }
        if keys.keys.is_empty() {
            return Err(InvalidKeys::Empty);
        }
        Ok(keys)
    }

    /// Whether tokens signed with this key are accepted.
    pub(crate) fn knows(&self, key_id: &str) -> bool {
        self.keys.contains_key(key_id)
    }

    /// Makes a token that is valid from now on.
    pub fn sign(
        &self,
        subject: &str,
        role: BearerRole,
        life: Duration,
        now: OffsetDateTime,
    ) -> Result<String, InvalidKeys> {
        let signing = self
            .signing
            .as_ref()
            .and_then(|id| Some((id, self.keys.get(id)?.encoding.as_ref()?)));
        let (id, key) = signing.ok_or(InvalidKeys::CannotSign)?;
        let (tenant_id, role, access) = match role {
            BearerRole::Administrator(tenant_id) => (Some(tenant_id), None, None),
            BearerRole::Operator { may_act: true } => (None, Some(Role::Operator), Some(Access::Act)),
            BearerRole::Operator { may_act: false } => (None, Some(Role::Operator), Some(Access::Read)),
        };
        let claims = Claims {
            sub: subject.to_owned(),
            iat: Some(now.unix_timestamp()),
            exp: (now + life).unix_timestamp(),
            tenant_id,
            role,
            access,
        };
        let header = Header {
            kid: Some(id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &claims, key).map_err(|_| InvalidKeys::CannotSign)
    }

    /// The bearer of a token, if it is intact, valid now, and signed with one of the keys.
    pub(crate) fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Bearer, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::Form);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Form)?;
        let key_id = header.kid.ok_or(Refused::UnknownKey)?;
        let key = self.keys.get(&key_id).ok_or(Refused::UnknownKey)?;
        // The algorithm is the key's, never the token's own choice.
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "sub"]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
            .map_err(|error| {
                use jsonwebtoken::errors::ErrorKind::{
                    ExpiredSignature, ImmatureSignature, InvalidAlgorithm, InvalidSignature, InvalidToken,
                };
                match error.kind() {
                    ExpiredSignature | ImmatureSignature => Refused::Time,
                    InvalidSignature | InvalidAlgorithm => Refused::Signature,
                    InvalidToken => Refused::Form,
                    _ => Refused::Claims,
                }
            })?
            .claims;
        let moment = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Refused::Claims);
        let expires_at = moment(claims.exp)?;
        let issued_at = claims.iat.map(moment).transpose()?;
        if expires_at - issued_at.unwrap_or(now).min(now) > MAX_LIFE {
            return Err(Refused::TooLong);
        }
        let role = match (claims.tenant_id, claims.role, claims.access) {
            (Some(tenant_id), None, None) => BearerRole::Administrator(tenant_id),
            (None, Some(Role::Operator), access) => BearerRole::Operator {
                may_act: access == Some(Access::Act),
            },
            _ => return Err(Refused::Claims),
        };
        let is_name = (1..=MAX_SUBJECT_CHARS).contains(&claims.sub.chars().count())
            && !claims.sub.chars().any(char::is_control);
        if !is_name {
            return Err(Refused::Claims);
        }
        Ok(Bearer {
            subject: claims.sub,
            key_id,
            role,
            issued_at,
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const OTHER: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn keys(text: &str) -> Keys {
        Keys::read(&text.parse().unwrap()).unwrap()
    }

    fn token(keys: &Keys, life: Duration) -> String {
        let role = BearerRole::Administrator(Id::try_from(7).unwrap());
        keys.sign("ada@example.com", role, life, OffsetDateTime::now_utc())
            .unwrap()
    }

    #[test]
    fn a_token_is_accepted_by_its_key_alone() {
        let now = OffsetDateTime::now_utc();
        let ours = keys(&format!("a:hs256:{SECRET}"));
        let made = token(&ours, Duration::hours(1));
        let bearer = ours.verify(&made, now).unwrap();
        assert_eq!(
            (bearer.subject.as_str(), bearer.key_id.as_str()),
            ("ada@example.com", "a")
        );
        // Rotation: a new key before the old one.
        assert!(
            keys(&format!("b:hs256:{OTHER},a:hs256:{SECRET}"))
                .verify(&made, now)
                .is_ok()
        );
        // The same ID with another secret; another ID with the same secret; a public key where HS256 would take its bytes.
        for (others, refused) in [
            (format!("a:hs256:{OTHER}"), "its signature"),
            (format!("b:hs256:{SECRET}"), "it names no key"),
            (format!("a:eddsa:{SECRET}"), "its signature"),
        ] {
            let error = keys(&others).verify(&made, now).unwrap_err().to_string();
            assert!(error.starts_with(refused), "{others}: {error}");
        }
    }

    #[test]
    fn a_token_is_valid_for_its_time_alone() {
        let now = OffsetDateTime::now_utc();
        let keys = keys(&format!("a:hs256:{SECRET}"));
        for (life, accepted) in [
            (Duration::minutes(1), true),
            (MAX_LIFE, true),
            (MAX_LIFE + Duration::minutes(1), false),
            (-Duration::minutes(1), false),
        ] {
            assert_eq!(keys.verify(&token(&keys, life), now).is_ok(), accepted, "{life}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let keys = keys(&format!("a:hs256:{SECRET}"));
        let made = token(&keys, Duration::hours(1));
        let (head, rest) = made.split_once('.').unwrap();
        let unsigned = format!("{head}.{}.", rest.split('.').next().unwrap());
        // {"alg":"none","kid":"a"}
        let none = format!("eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.{rest}");
        let long = format!("{made}{}", "a".repeat(MAX_TOKEN_BYTES));
        for text in ["", "a", "a.b.c", &unsigned, &none, &long, &made.replace('.', "")] {
            assert!(keys.verify(text, OffsetDateTime::now_utc()).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_that_cannot_be_used_are_named_and_not_shown() {
        for (text, said) in [
            ("", "there is no key"),
            ("a", "key 1 is not of the form"),
            ("a:rs256:AAAA", "key 1 is not of the form"),
            ("a:hs256:c2hvcnQ=", "the secret of key \"a\""),
            ("a:eddsa:c2hvcnQ=", "key \"a\" is not base64 of the 32 bytes"),
        ] {
            let error = Keys::read(&text.parse().unwrap()).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
            assert!(!error.contains("c2hvcnQ"), "{error}");
        }
    }
}
