//! Sealing of password seeds: XChaCha20-Poly1305 with a ring of keys. A seed goes in, ciphertext and key ID come out.
//!
//! Import, tenant and attempt are bound to the ciphertext as associated data, so that a sealed seed copied to another
//! import does not open.

use std::{collections::BTreeMap, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use super::password::{Seed, random_bytes};
use crate::{message::ImportRef, secret::SealedSeed};

/// Nonce length of XChaCha20-Poly1305: long enough to be drawn at random for each seal.
const NONCE_BYTES: usize = 24;

/// What is bound to the ciphertext: the seed opens for this attempt of this import only.
fn associated_data(owner: ImportRef) -> [u8; 28] {
    let mut data = [0; 28];
    let (import, rest) = data.split_at_mut(16);
    let (tenant, attempt) = rest.split_at_mut(8);
    import.copy_from_slice(owner.import_id.as_bytes());
    tenant.copy_from_slice(&owner.tenant_id.get().to_be_bytes());
    attempt.copy_from_slice(&owner.attempt.to_be_bytes());
    data
}

/// Why a seed could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(#[from] rand::rngs::SysError),
    /// The key is not in the ring any more.
    #[error("the password seed is sealed with key {0:?}, which is not among SEAL_KEYS: add that key again")]
    UnknownKey(String),
    /// The ciphertext is not what was sealed for this import with this key.
    #[error("the password seed does not open with key {0:?}: the key or the stored seed was changed")]
    Broken(String),
}

/// Why a ring of keys could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// There is no key.
    #[error("no seal key given: expected ID:KEY[,ID:KEY…] with KEY as base64 of 32 bytes")]
    Empty,
    /// A part is not `ID:KEY`.
    #[error("seal key number {0} is not of the form ID:KEY with an ID of 1 to 32 characters")]
    Form(usize),
    /// A key does not have 32 bytes.
    #[error("seal key {0:?} is not the base64 of 32 bytes, as `openssl rand -base64 32` prints it")]
    Key(String),
    /// An ID is given twice.
    #[error("seal key {0:?} is given twice")]
    Twice(String),
}

/// The keys that open seeds. The first one given seals new seeds.
#[derive(Clone)]
pub struct KeyRing {
    active: String,
    ciphers: BTreeMap<String, XChaCha20Poly1305>,
}

impl KeyRing {
    /// Seals a seed with the active key.
    pub fn seal(&self, seed: &Seed, owner: ImportRef) -> Result<SealedSeed, Error> {
        let nonce: [u8; NONCE_BYTES] = random_bytes()?;
        let payload = Payload {
            msg: seed.expose(),
            aad: &associated_data(owner),
        };
        let ciphertext = self
            .cipher(&self.active)?
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::Broken(self.active.clone()))?;
        Ok(SealedSeed {
            key_id: self.active.clone(),
            bytes: [nonce.as_slice(), &ciphertext].concat(),
        })
    }

    /// Opens a seed that was sealed for this owner.
    pub fn open(&self, sealed: &SealedSeed, owner: ImportRef) -> Result<Seed, Error> {
        let broken = || Error::Broken(sealed.key_id.clone());
        let cipher = self.cipher(&sealed.key_id)?;
        let (nonce, ciphertext) = sealed
            .bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(broken)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &associated_data(owner),
        };
        let seed = Zeroizing::new(
            cipher
                .decrypt(&XNonce::from(*nonce), payload)
                .map_err(|_| broken())?,
        );
        Seed::from_slice(&seed).ok_or_else(broken)
    }

    /// The ID of the key that seals.
    pub fn active_id(&self) -> &str {
        &self.active
    }

    /// The IDs of all keys.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.ciphers.keys().map(String::as_str)
    }

    fn cipher(&self, key_id: &str) -> Result<&XChaCha20Poly1305, Error> {
        self.ciphers
            .get(key_id)
            .ok_or_else(|| Error::UnknownKey(key_id.to_owned()))
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

impl FromStr for KeyRing {
    type Err = InvalidKeys;

    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let mut active = None;
        let mut ciphers = BTreeMap::new();
        for (index, part) in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .enumerate()
        {
            let (id, key) = part
                .split_once(':')
                .filter(|(id, _)| (1..=32).contains(&id.len()))
                .ok_or(InvalidKeys::Form(index + 1))?;
            let key = Zeroizing::new(BASE64_STANDARD.decode(key).unwrap_or_default());
            let cipher =
                XChaCha20Poly1305::new_from_slice(&key).map_err(|_| InvalidKeys::Key(id.to_owned()))?;
            if ciphers.insert(id.to_owned(), cipher).is_some() {
                return Err(InvalidKeys::Twice(id.to_owned()));
            }
            active.get_or_insert_with(|| id.to_owned());
        }
        Ok(Self {
            active: active.ok_or(InvalidKeys::Empty)?,
            ciphers,
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::contract::Id;
    use uuid::Uuid;

    use super::*;

    const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn owner() -> ImportRef {
        ImportRef {
            import_id: Uuid::from_u128(7),
            tenant_id: Id::try_from(1).unwrap(),
            attempt: 1,
        }
    }

    #[test]
    fn a_sealed_seed_opens_for_its_owner_only() {
        let ring: KeyRing = OLD.parse().unwrap();
        let seed = Seed::from_bytes([9; 32]);
        let sealed = ring.seal(&seed, owner()).unwrap();
        assert!(!sealed.bytes.windows(32).any(|window| window == seed.expose()));
        assert_eq!(ring.open(&sealed, owner()).unwrap().expose(), seed.expose());
        for stranger in [
            ImportRef {
                import_id: Uuid::from_u128(8),
                ..owner()
            },
            ImportRef {
                tenant_id: Id::try_from(2).unwrap(),
                ..owner()
            },
            ImportRef {
                attempt: 2,
                ..owner()
            },
        ] {
            assert!(matches!(ring.open(&sealed, stranger), Err(Error::Broken(_))));
        }
    }

    #[test]
    fn a_new_first_key_seals_and_the_old_one_still_opens() {
        let seed = Seed::from_bytes([9; 32]);
        let sealed = OLD.parse::<KeyRing>().unwrap().seal(&seed, owner()).unwrap();
        let both: KeyRing = format!("{NEW},{OLD}").parse().unwrap();
        assert_eq!(both.open(&sealed, owner()).unwrap().expose(), seed.expose());
        assert_eq!(both.seal(&seed, owner()).unwrap().key_id, "new");
        let lost: KeyRing = NEW.parse().unwrap();
        assert!(matches!(lost.open(&sealed, owner()), Err(Error::UnknownKey(id)) if id == "old"));
    }

    #[test]
    fn a_wrong_ring_is_refused_without_showing_a_key() {
        let wrong = |text: &str| text.parse::<KeyRing>().unwrap_err();
        assert_eq!(wrong(" , "), InvalidKeys::Empty);
        assert_eq!(wrong("c2VjcmV0"), InvalidKeys::Form(1));
        assert_eq!(wrong(":AAAA"), InvalidKeys::Form(1));
        assert_eq!(wrong("a:c2VjcmV0"), InvalidKeys::Key("a".into()));
        assert_eq!(wrong(&format!("{OLD},{OLD}")), InvalidKeys::Twice("old".into()));
    }
}
