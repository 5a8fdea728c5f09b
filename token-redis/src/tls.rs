//! TLS: certificates, and the causes of failed handshakes.

use std::fmt;
use std::io;
use std::sync::Arc;

use redis::{ClientTlsConfig, RedisError, TlsCertificates};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError};
use token_core::{StoreError, StoreErrorKind};

/// The certificates for a URL that requires TLS (`rediss://`, `rediss-cluster://`, `rediss-sentinel://`). Names and dates of
/// certificates are always verified. With a URL without TLS, certificates are refused, except for a socket.
#[derive(Clone, Default)]
pub struct Tls {
    /// The certificates of the authorities to trust, in PEM, instead of the public ones.
    pub authorities: Option<Vec<u8>>,
    /// The client certificate and its private key, in PEM, for servers that demand one.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

/// Shows whether there are certificates, but not their content.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.is_some())
            .field("client", &self.client.is_some())
            .finish()
    }
}

impl Tls {
    pub(crate) fn certificates(&self) -> TlsCertificates {
        let client_tls =
            self.client.clone().map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        TlsCertificates { client_tls, root_cert: self.authorities.clone() }
    }

    /// Prepares this process to use TLS with these certificates.
    pub(crate) fn prepare(&self) -> Result<(), StoreError> {
        self.check()?;
        // If the application has already installed a provider, it stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(())
    }

    /// Checks that each text is of the right kind. Without this, an empty file would be accepted as a list of authorities, and
    /// every server would be refused.
    fn check(&self) -> Result<(), StoreError> {
        let refuse =
            |what| Err(StoreError::new(StoreErrorKind::Misconfigured, format!("cannot use TLS: {what}")));
        if self.authorities.as_ref().is_some_and(|pem| certificates(pem).is_empty()) {
            return refuse("there is no certificate in PEM among the authorities to trust (--tls-ca)");
        }
        let Some((certificate, key)) = &self.client else { return Ok(()) };
        let chain = certificates(certificate);
        if chain.is_empty() {
            return refuse("there is no certificate in PEM to show to servers (--tls-cert)");
        }
        if is_encrypted_key(key) {
            return refuse(
                "the private key of our certificate is encrypted, and no one is asked for its passphrase; decrypt it \
                 with \"openssl pkey -in KEY -out PLAIN\" (--tls-key)",
            );
        }
        // The error omits the reason, which might quote the key.
        let Ok(key) = PrivateKeyDer::from_pem_slice(key) else {
            return refuse("there is no private key in PEM for our certificate (--tls-key)");
        };
        match CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()) {
            Err(rustls::Error::InconsistentKeys(_)) => {
                refuse("our certificate has another private key (--tls-cert and --tls-key)")
            }
            // The application's provider may support a kind of key that is unknown here.
            _ => Ok(()),
        }
    }
}

/// Whether a text in PEM is a private key that needs a passphrase.
#[must_use]
pub fn is_encrypted_key(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// All items; none if one is damaged.
fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().unwrap_or_default()
}

/// The kind of a failed handshake, and what to do, as text that follows the store's name. `None` if TLS did not fail.
pub(crate) fn trouble(error: &RedisError) -> Option<(StoreErrorKind, &'static str)> {
    use rustls::Error;
    let tls = io_error(error)?.get_ref()?.downcast_ref()?;
    let advice = match tls {
        Error::InvalidCertificate(reason) => foreign_certificate(reason),
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            return Some((
                StoreErrorKind::LoginRefused,
                "demands a certificate of its clients; give one (--tls-cert and --tls-key)",
            ));
        }
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError,
        ) => {
            return Some((
                StoreErrorKind::LoginRefused,
                "does not accept the certificate it was shown; give one of an authority that it trusts \
                 (--tls-cert and --tls-key)",
            ));
        }
        Error::InvalidMessage(_) => {
            "does not speak TLS at this port; name its TLS port, or write redis in the URL instead of rediss"
        }
        _ => "cannot be spoken to over TLS; look at the versions and certificates of both sides",
    };
    Some((StoreErrorKind::Misconfigured, advice))
}

fn foreign_certificate(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "has a certificate of an authority that is not trusted here; name that authority (--tls-ca)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "has a certificate for another name; write the name that stands in it into the URL"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has a certificate that has expired; it needs a new one, unless the clock of this machine is wrong"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "has a certificate that is not valid yet; is the clock of this machine right?"
        }
        // For example, one made with `openssl req -x509`: that is the certificate of an authority itself.
        _ => {
            "has a certificate that cannot be accepted; give it one that names its host, is not the certificate of an \
             authority, and is signed by one that is trusted here (--tls-ca)"
        }
    }
}

/// The underlying error of the system or of TLS.
pub(crate) fn io_error(error: &RedisError) -> Option<&io::Error> {
    let source = std::error::Error::source(error)?;
    // The client library shares it.
    let shared = source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>();
    shared.map_or_else(|| source.downcast_ref(), |shared| shared.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_private_key_is_named_so() {
        for pem in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        ] {
            assert!(is_encrypted_key(pem.as_bytes()), "{pem}");
        }
        assert!(!is_encrypted_key(b"-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn every_refused_certificate_comes_with_advice() {
        for reason in [
            CertificateError::UnknownIssuer,
            CertificateError::ApplicationVerificationFailure,
            CertificateError::Revoked,
        ] {
            let advice = foreign_certificate(&reason);
            assert!(advice.contains("(--tls-ca)"), "{reason:?}: {advice}");
        }
    }
}
