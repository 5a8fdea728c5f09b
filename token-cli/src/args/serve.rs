//! `serve`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};
use token_core::Span;
use token_http::Realm;
use token_redis::LocalCache;
use token_server::{Address, TrustedProxy};

use super::connections::Connections;
use super::lifetime::with_unit;
use super::names::{Names, trusted_proxy};
use super::numbers::whole;
use super::presenting::Presenting;
use super::web::Web;

/// Tell proxies and services over HTTP and gRPC whether tokens are valid, and let holders issue, list and revoke them.
///
/// /auth is for nginx auth_request, Traefik ForwardAuth, Caddy forward_auth and Envoy ext_authz; /introspect (RFC 7662)
/// and /revoke (RFC 7009) are for services; /v1/tokens is for holders and administrators; /healthz and /readyz are
/// for monitoring. /openapi.json describes them all.
///
/// With --grpc also Envoy ext_authz over gRPC, token.v1.TokenService, and the standard health and reflection services.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen: HOST:PORT, PORT on localhost, :PORT on all addresses, unix:PATH, or systemd; repeat it for several
    ///
    /// A name listens on all of its addresses, localhost on those of IPv4 and IPv6. A socket file has options:
    /// unix:PATH?mode=0660&owner=USER&group=GROUP. systemd takes the sockets of a .socket unit; systemd:NAME the one with
    /// this FileDescriptorName.
    #[arg(
        long,
        env = "TOKEN_LISTEN",
        value_name = "ADDRESS",
        hide_env_values = true,
        value_delimiter = ';',
        default_value = "127.0.0.1:8080"
    )]
    pub(crate) listen: Vec<Address>,

    /// Where to listen for gRPC, in the same forms [default: nowhere]
    #[arg(long, env = "TOKEN_GRPC", value_name = "ADDRESS", hide_env_values = true, value_delimiter = ';')]
    pub(crate) grpc: Vec<Address>,

    /// A user who may do everything, with a token of full access; repeat it, or separate names by semicolons
    #[arg(long = "admin", env = "TOKEN_ADMINS", value_name = "USER", hide_env_values = true)]
    pub(crate) admins: Vec<Names>,

    /// A user who may introspect tokens, with a token of full access: a resource server; repeat it, or separate names by
    /// semicolons
    #[arg(long = "introspector", env = "TOKEN_INTROSPECTORS", value_name = "USER", hide_env_values = true)]
    pub(crate) introspectors: Vec<Names>,

    #[command(flatten)]
    pub(crate) presenting: Presenting,

    #[command(flatten)]
    pub(crate) web: Web,

    /// The realm in WWW-Authenticate challenges
    #[arg(long, env = "TOKEN_REALM", value_name = "TEXT", hide_env_values = true, default_value = "tokens")]
    pub(crate) realm: Realm,

    /// Listen with TLS and this certificate, in PEM
    #[arg(long, env = "TOKEN_LISTEN_CERT", value_name = "PATH", hide_env_values = true, value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
    pub(crate) listen_cert: Option<PathBuf>,

    /// The private key of that certificate, in PEM
    #[arg(long, env = "TOKEN_LISTEN_KEY", value_name = "PATH", hide_env_values = true, value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
    pub(crate) listen_key: Option<PathBuf>,

    /// Keep answers for this long before the store is asked again, at most 1m [without a value: 1s]
    ///
    /// A revoked token is refused as soon as the store reports the revocation, within milliseconds, and at the latest this
    /// long after the revocation was acknowledged. A sliding token may live this much longer after its last use. Only with
    /// a Redis store.
    #[arg(
        long,
        env = "TOKEN_CACHE",
        value_name = "DURATION",
        hide_env_values = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1s",
        value_parser = cache_age
    )]
    pub(crate) cache: Option<Span>,

    /// How many threads answer HTTP, each with its own connection to the store [default: one for each core]
    #[arg(long, env = "TOKEN_THREADS", value_name = "NUMBER", hide_env_values = true, value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// How many requests are handled at once; further ones are answered 503, to be sent again later
    #[arg(
        long,
        env = "TOKEN_AT_ONCE",
        value_name = "NUMBER",
        hide_env_values = true,
        default_value = "4096",
        value_parser = at_once
    )]
    pub(crate) at_once: usize,

    /// Trust X-Forwarded-For from proxies in this network, so that the log has the address of the client
    ///
    /// A network such as 10.0.0.0/8, an address, or "unix" for all that connect over a Unix socket; repeat it, or separate them by semicolons.
    #[arg(
        long = "trusted-proxy",
        env = "TOKEN_TRUSTED_PROXIES",
        value_name = "NETWORK",
        hide_env_values = true,
        value_delimiter = ';',
        value_parser = trusted_proxy
    )]
    pub(crate) trusted_proxies: Vec<TrustedProxy>,

    /// How the log on standard error is written: json or text; TOKEN_LOG says what is logged
    #[arg(
        long,
        env = "TOKEN_LOG_FORMAT",
        value_name = "FORMAT",
        hide_env_values = true,
        default_value = "json"
    )]
    pub(crate) log_format: LogFormat,

    /// Export traces to the OTLP collector at this address, over gRPC: http(s)://HOST:PORT [default: no traces]
    ///
    /// HOST:PORT alone is https, unless OTEL_EXPORTER_OTLP_INSECURE is true. The other OTEL_ variables work as
    /// usual: OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, …_HEADERS, …_CERTIFICATE,
    /// …_TIMEOUT, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and such.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) otlp_endpoint: Option<String>,

    #[command(flatten)]
    pub(crate) connections: Connections,

    /// Read settings that neither flags nor the environment give from this TOML file; its keys are the names of the flags
    #[arg(long, env = "TOKEN_CONFIG", value_name = "PATH", hide_env_values = true, value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Print the settings in force as such a file, without passwords, and exit
    #[arg(long)]
    pub(crate) print_config: bool,
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = whole::<1, 1024>(text)?;
    usize::try_from(number).and_then(NonZeroUsize::try_from).map_err(|error| error.to_string())
}

fn at_once(text: &str) -> Result<usize, String> {
    usize::try_from(whole::<1, 1_000_000>(text)?).map_err(|error| error.to_string())
}

fn cache_age(text: &str) -> Result<Span, String> {
    let age = with_unit(text)?;
    if age.as_duration() > LocalCache::LONGEST {
        return Err("the longest is 1m: for so long a revocation could be missed".into());
    }
    Ok(age)
}

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl std::fmt::Display for LogFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Text => "text",
        })
    }
}
