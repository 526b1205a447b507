//! Secrets as they are handed around: none shows itself in a log.

/// A secret, or a URL with one in it; never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text: for the client that needs it only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The encrypted seed of an attempt's passwords, as it lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSeed {
    /// Which key of the ring opens it.
    pub key_id: String,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}
