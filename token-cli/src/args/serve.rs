//! `serve`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};
use token_core::Span;
use token_http::Realm;
use token_http::sidecar::TrustedProxy;
use token_redis::LocalCache;

use super::address::Address;
use super::connections::Connections;
use super::names::Names;
use super::presenting::Presenting;
use super::web::Web;

/// Answer proxies and services over HTTP and gRPC whether tokens count, and let their holders issue, list and revoke them.
///
/// /auth is for nginx auth_request, Traefik ForwardAuth, Caddy forward_auth and Envoy ext_authz; /introspect (RFC 7662)
/// and /revoke (RFC 7009) are for services; /v1/tokens is for holders and administrators, and described with all the
/// others by /openapi.json; /healthz and /readyz are for whoever watches over the process.
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

    /// What challenges call what is behind the door
    #[arg(long, env = "TOKEN_REALM", value_name = "TEXT", hide_env_values = true, default_value = "tokens")]
    pub(crate) realm: Realm,

    /// Listen with TLS: our certificate for clients, in PEM
    #[arg(long, env = "TOKEN_LISTEN_CERT", value_name = "PATH", hide_env_values = true, requires = "listen_key", value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
    pub(crate) listen_cert: Option<PathBuf>,

    /// The private key of that certificate, in PEM
    #[arg(long, env = "TOKEN_LISTEN_KEY", value_name = "PATH", hide_env_values = true, requires = "listen_cert", value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
    pub(crate) listen_key: Option<PathBuf>,

    /// Answer uses for so long without asking the store again, at most 1m [without a value: 1s]
    ///
    /// A revocation is refused here as soon as it is told, in milliseconds, and never later than this time after it was
    /// acknowledged. A sliding token lives up to this time longer after its last use. Only with a Redis store.
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

    /// How many threads answer HTTP, each with a connection to the store of its own [default: one for each core]
    #[arg(long, env = "TOKEN_THREADS", value_name = "NUMBER", hide_env_values = true)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// How many requests are worked on at once; more are told to come again (503)
    #[arg(
        long,
        env = "TOKEN_AT_ONCE",
        value_name = "NUMBER",
        hide_env_values = true,
        default_value = "4096",
        value_parser = at_once
    )]
    pub(crate) at_once: usize,

    /// Believe the X-Forwarded-For of proxies of this network: the log then has the address of the client behind them
    ///
    /// A network such as 10.0.0.0/8, an address, or "unix" for all that connect over a Unix socket; repeat it for several.
    #[arg(
        long = "trusted-proxy",
        env = "TOKEN_TRUSTED_PROXIES",
        value_name = "NETWORK",
        hide_env_values = true,
        value_delimiter = ','
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

    /// Export traces to the OTLP collector at this address, over gRPC: http(s)://HOST:PORT [default: none are made]
    ///
    /// HOST:PORT alone is https, unless OTEL_EXPORTER_OTLP_INSECURE is true. The other OTEL_ variables count as they do
    /// everywhere: OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, …_HEADERS, …_CERTIFICATE,
    /// …_TIMEOUT, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and such.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) otlp_endpoint: Option<String>,

    #[command(flatten)]
    pub(crate) connections: Connections,

    /// Take what neither flags nor the environment say from this TOML file, by the names of the flags
    #[arg(long, env = "TOKEN_CONFIG", value_name = "PATH", hide_env_values = true, value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Print the settings in force as such a file, without passwords, and stop
    #[arg(long)]
    pub(crate) print_config: bool,
}

fn at_once(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|&number| number > 0).ok_or("write a whole number of at least 1")
}

fn cache_age(text: &str) -> Result<Span, String> {
    let age: Span = text.parse().map_err(|error: token_core::SpanError| error.to_string())?;
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
