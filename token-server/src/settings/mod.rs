//! What is set: texts that people write, as types.

pub(crate) mod address;
pub(crate) mod issuer;
pub(crate) mod origin;
pub(crate) mod socket_path;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use token_core::Subject;
use token_http::{CredentialOptions, Realm};

use self::address::Address;
use self::issuer::Issuer;
use self::origin::Origin;
use crate::limits::Limits;
use crate::request::client::TrustedProxy;
use crate::store::StoreSource;

/// How a server is set up.
#[derive(Clone)]
pub struct Settings {
    /// What opens the store.
    pub store: Arc<dyn StoreSource>,
    /// Where to listen for HTTP.
    pub listen: Vec<Address>,
    /// Where to listen for gRPC.
    pub grpc: Vec<Address>,
    /// How many threads answer HTTP. Default: one for each core.
    pub threads: Option<NonZeroUsize>,
    /// The certificate to listen with; without it, there is no TLS.
    pub certificate: Option<CertificateFiles>,
    /// The realm in challenges.
    pub realm: Realm,
    /// Further ways to present a token.
    pub credentials: CredentialOptions,
    /// Users who may do everything, with a token of full access.
    pub admins: BTreeSet<Subject>,
    /// Users who may introspect, with a token of full access.
    pub introspectors: BTreeSet<Subject>,
    /// The URL that OAuth 2 clients know the server by. Default: the host of each request.
    pub issuer: Option<Issuer>,
    /// The origins whose pages may call the server from a browser.
    pub cors_origins: Vec<Origin>,
    /// What one client, or many at once, cannot do.
    pub limits: Limits,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Limits of connections.
    pub connections: ConnectionLimits,
    /// Whether to end at once if the store cannot be reached at the start.
    pub fail_fast: bool,
    /// How the log is written.
    pub log_format: LogFormat,
    /// The collector of traces, if one is set here and not by the variables of OpenTelemetry.
    pub otlp_endpoint: Option<String>,
    /// The same settings by name, as people write them and without passwords: a reload logs which of them differ.
    pub named: BTreeMap<String, String>,
}

/// The files of a certificate and of its private key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, with those above it behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How long connections may be silent, how much they may ask at once, and how they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How many bytes the URL and the header fields of a request may have together.
    pub max_header_size: usize,
    /// How many header fields a request may have.
    pub max_headers: usize,
    /// How long requests are still taken when the server has to stop.
    pub drain: Duration,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// As they are shown, without the store.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("named", &self.named).finish_non_exhaustive()
    }
}

/// The settings that take a restart to change.
const FIXED: [&str; 5] = ["listen", "grpc", "threads", "log-format", "otlp-endpoint"];

/// The names of the settings that differ: those that can be changed while the server runs, and those that cannot.
pub(crate) fn differences(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> (Vec<String>, Vec<String>) {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differ = names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned();
    differ.partition(|name| !FIXED.contains(&name.as_str()))
}
