//! Certificate authorities of our own for the broker and the store. PostgreSQL's stands in its URL:
//! `?sslmode=verify-full&sslrootcert=FILE`.

use std::str::FromStr;

use rustls::pki_types::{CertificateDer, pem::PemObject};

/// Certificates of the authorities that sign a server's certificate. For the store they replace the system's; the broker's
/// client trusts them beside those of the system.
#[derive(Debug, Clone)]
pub struct Authorities(String);

/// Why a file is no list of certificates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {path:?}: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It holds no certificate.
    #[error("{0:?} holds no certificate in PEM form")]
    NoCertificate(String),
}

impl Authorities {
    /// The certificates in PEM form.
    pub fn pem(&self) -> &str {
        &self.0
    }
}

impl FromStr for Authorities {
    type Err = Error;

    /// Takes the path of a file in PEM form.
    fn from_str(path: &str) -> Result<Self, Error> {
        let pem = std::fs::read_to_string(path).map_err(|cause| Error::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(Self(pem)),
            _ => Err(Error::NoCertificate(path.to_owned())),
        }
    }
}
