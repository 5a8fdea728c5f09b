//! The certificate that it shows to clients.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tower::BoxError;

use crate::failure::Failure;

/// Reads a certificate, with those above it behind it, and its key.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    choose_provider();
    let config = config(certificate, key).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        Failure::usage(format!("cannot use the certificate {certificate} with the key {key}: {error}"))
    })?;
    Ok(Arc::new(config).into())
}

/// Another part of the process may have chosen a provider already; there is only one to choose.
pub(super) fn choose_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn config(certificate: &Path, key: &Path) -> Result<ServerConfig, BoxError> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
