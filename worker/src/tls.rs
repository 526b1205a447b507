//! Certificate authorities of our own for the broker and the store. PostgreSQL's is given in its URL:
//! `?sslmode=verify-full&sslrootcert=FILE`.

use std::{net::IpAddr, str::FromStr};

use rustls::pki_types::{CertificateDer, pem::PemObject};

/// Certificates of the authorities that sign a server's certificate. For the store they replace the system's; the
/// broker's client trusts them in addition to those of the system.
#[derive(Debug, Clone)]
pub struct Authorities(String);

/// Why a file is not a list of certificates.
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

/// Whether a host is this machine, so that what goes there crosses no network.
pub fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.is_loopback();
    // A path is that of a Unix socket.
    host == "localhost" || host.starts_with('/') || address.parse().is_ok_and(is_loopback)
}

/// Warns of a connection to another machine that is not encrypted.
pub fn warn_of_plain_text(server: &str, host: &str, advice: &str) {
    tracing::warn!(
        "the connection to the {server} at {host:?} is NOT ENCRYPTED: anybody who can read the traffic learns its password and \
         personal data; {advice}"
    );
}

impl Authorities {
    /// The certificates in PEM form.
    pub fn pem(&self) -> &str {
        &self.0
    }

    /// Trust in these authorities and no others.
    pub fn trusted(&self) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(self.0.as_bytes()).flatten());
        rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_sockets_are_this_machine() {
        for host in [
            "localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "::1",
            "/run/postgresql",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "db",
            "localhost.example.com",
            "10.0.0.1",
            "192.168.0.1",
            "[fd00::1]",
            "128.0.0.1",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
