//! The certificate that it shows to clients.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::failure::Failure;

/// Reads a certificate, with those above it behind it, and its key.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    choose_provider();
    let (chain, private) = (read_chain(certificate)?, read_key(key)?);
    let config = config(chain, private).map_err(|error| refused(certificate, key, &error))?;
    Ok(Arc::new(config).into())
}

/// Another part of the process may have chosen a provider already; there is only one to choose.
pub(crate) fn choose_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let chain = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| unreadable("certificate", path, error))?;
    if chain.is_empty() { Err(unreadable("certificate", path, PemError::NoItemsFound)) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let key = PrivateKeyDer::from_pem_file(path);
    let is_encrypted = || std::fs::read(path).is_ok_and(|pem| is_encrypted_key(&pem));
    key.map_err(|error| match error {
        _ if is_encrypted() => Failure::usage(format!(
            "the private key {} is encrypted, and no one is asked for its passphrase; decrypt it with \
             \"openssl pkey -in KEY -out PLAIN\"",
            path.display()
        )),
        error => unreadable("private key", path, error),
    })
}

/// Whether a text in PEM is a private key that takes a passphrase.
fn is_encrypted_key(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn unreadable(what: &str, path: &Path, error: PemError) -> Failure {
    let path = path.display();
    Failure::usage(match error {
        PemError::Io(error) => format!("cannot read the {what} {path}: {error}"),
        PemError::NoItemsFound => format!("{path} holds no {what} in PEM"),
        error => format!("{path} holds a {what} that cannot be read: {error}"),
    })
}

fn refused(certificate: &Path, key: &Path, error: &Error) -> Failure {
    let (certificate, key) = (certificate.display(), key.display());
    Failure::usage(match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
            "the private key {key} does not belong to the certificate {certificate}: name the key and the certificate that \
             were made together"
        ),
        error => format!("cannot use the certificate {certificate} with the key {key}: {error}"),
    })
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
