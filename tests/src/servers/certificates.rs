//! Certificates for one test, which are deleted with it.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use redis::{ClientTlsConfig, TlsCertificates};
use tempfile::TempDir;

/// Whether a server with TLS accepts clients without a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It does.
    Optional,
    /// It does not.
    Required,
}

impl ClientCertificates {
    pub(super) fn as_argument(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "yes",
        }
    }
}

/// A server certificate that no client should accept, although the right authority signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unacceptable {
    /// It is for `elsewhere.example`.
    AnotherName,
    /// It was valid for one day, long ago.
    Expired,
}

impl Unacceptable {
    fn file(self) -> &'static str {
        match self {
            Self::AnotherName => "another-name",
            Self::Expired => "expired",
        }
    }
}

/// An authority, its certificates for servers and clients, and another authority that signed nothing: PEM files in a
/// temporary directory, which is deleted with the last server that uses them.
#[derive(Debug)]
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    /// Makes new certificates. Those of servers are for `127.0.0.1` and `localhost`.
    ///
    /// # Panics
    /// The files cannot be written.
    pub(super) fn make() -> Self {
        let made = Self { directory: tempfile::tempdir().expect("a directory for certificates") };
        let ca = authority("the authority of this test", &made.ca());
        authority("an untrusted authority", &made.other_ca());
        let names = ["127.0.0.1", "localhost"].map(str::to_owned).to_vec();
        // Replicas and cluster nodes are also clients, and present the certificate of a server.
        let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let server = wish("server", names, &both);
        certify(&ca, &server, [made.server_certificate(), made.server_key()]);
        let client = wish("client", Vec::new(), &[ExtendedKeyUsagePurpose::ClientAuth]);
        certify(&ca, &client, [made.client_certificate(), made.client_key()]);
        let elsewhere = wish("server", vec!["elsewhere.example".to_owned()], &both);
        certify(&ca, &elsewhere, made.unacceptable(Unacceptable::AnotherName));
        let mut expired = server;
        (expired.not_before, expired.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2000, 1, 2));
        certify(&ca, &expired, made.unacceptable(Unacceptable::Expired));
        made
    }

    /// The certificate of the authority that signed all others.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The certificate of the other authority.
    #[must_use]
    pub fn other_ca(&self) -> PathBuf {
        self.file("other-ca.pem")
    }

    /// A certificate for clients.
    #[must_use]
    pub fn client_certificate(&self) -> PathBuf {
        self.file("client.pem")
    }

    /// The key of [`Certificates::client_certificate`].
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.file("client-key.pem")
    }

    /// The server's own certificate.
    #[must_use]
    pub fn server_certificate(&self) -> PathBuf {
        self.file("server.pem")
    }

    /// The key of [`Certificates::server_certificate`].
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.file("server-key.pem")
    }

    /// The files of a certificate and its key.
    pub(super) fn unacceptable(&self, which: Unacceptable) -> [PathBuf; 2] {
        [self.file(&format!("{}.pem", which.file())), self.file(&format!("{}-key.pem", which.file()))]
    }

    /// The certificates for a client of ours.
    pub(super) fn for_client(&self) -> TlsCertificates {
        let read = |path: PathBuf| fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let shown = ClientTlsConfig {
            client_cert: read(self.client_certificate()),
            client_key: read(self.client_key()),
        };
        TlsCertificates { client_tls: Some(shown), root_cert: Some(read(self.ca())) }
    }

    /// The arguments for the command line client.
    pub(super) fn for_command_line(&self) -> Vec<PathBuf> {
        let [tls, ca, certificate, key] = ["--tls", "--cacert", "--cert", "--key"].map(PathBuf::from);
        vec![tls, ca, self.ca(), certificate, self.client_certificate(), key, self.client_key()]
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

type Authority = Issuer<'static, KeyPair>;

fn authority(name: &str, file: &Path) -> Authority {
    let mut wanted = named(name, Vec::new());
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = new_key();
    write(file, &wanted.self_signed(&key).expect("a certificate can be signed").pem());
    Issuer::new(wanted, key)
}

/// Signs a certificate with these parameters, for a new key.
fn certify(ca: &Authority, wanted: &CertificateParams, [file, key_file]: [PathBuf; 2]) {
    let key = new_key();
    write(&file, &wanted.signed_by(&key, ca).expect("a certificate can be signed").pem());
    write(&key_file, &key.serialize_pem());
}

fn wish(name: &str, hosts: Vec<String>, uses: &[ExtendedKeyUsagePurpose]) -> CertificateParams {
    let mut wanted = named(name, hosts);
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = uses.to_vec();
    wanted.use_authority_key_identifier_extension = true;
    wanted
}

fn named(name: &str, hosts: Vec<String>) -> CertificateParams {
    let mut wanted = CertificateParams::new(hosts).expect("names of hosts are sound");
    wanted.distinguished_name.push(DnType::CommonName, name);
    wanted
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system gives random numbers")
}

fn write(file: &Path, pem: &str) {
    fs::write(file, pem).unwrap_or_else(|error| panic!("{file:?}: {error}"));
}
