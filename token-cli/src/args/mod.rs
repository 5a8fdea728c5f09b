//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueHint, value_parser};
use token_core::{Actor, ConfirmationLevel, Label, Prefix, Scope, Span, Subject};
use token_http::Realm;
use token_redis::{LocalCache, Namespace, Role};
use uuid::Uuid;

use crate::exit;
use crate::format::Format;

/// Issue, validate, list and revoke personal access tokens.
///
/// Without --store, tokens are kept in a file of this user's data directory, which needs no server.
#[derive(Debug, Parser)]
#[command(name = "token-cli", version, max_term_width = 100, after_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

impl Cli {
    pub(crate) fn format(&self) -> Format {
        match &self.command {
            Command::Issue(issue) if issue.quiet => Format::Quiet,
            Command::User(user) | Command::Admin(AdminArgs { command: AdminCommand::User(user) })
                if user.quiet() =>
            {
                Format::Quiet
            }
            _ if self.settings.json => Format::Json,
            _ => Format::Human,
        }
    }
}

/// Which store, and how it is spoken to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct Settings {
    /// Where tokens are kept: sqlite:PATH, redis://HOST:PORT/DB, redis+unix:///PATH,
    /// redis-cluster://HOST:PORT?node=HOST:PORT&node=…, or
    /// redis-sentinel://HOST:PORT,HOST:PORT/DB?sentinelServiceName=NAME; rediss: for TLS [default: a file of this user]
    ///
    /// A URL with a password belongs into the environment variable, not into the arguments.
    #[arg(long, env = "TOKEN_STORE", value_name = "URL", global = true, hide_env_values = true)]
    pub(crate) store: Option<String>,

    /// File with the store keys, the same on every node (see new-key-file) [default: the embedded store makes its
    /// own, a Redis store has a public key]
    #[arg(long, env = "TOKEN_KEY_FILE", value_name = "PATH", global = true, hide_env_values = true, value_parser = OsStringValueParser::new().map(PathBuf::from),
        value_hint = ValueHint::FilePath)]
    pub(crate) key_file: Option<PathBuf>,

    /// What all keys in a Redis store start with
    #[arg(
        long,
        env = "TOKEN_NAMESPACE",
        value_name = "NAME",
        global = true,
        hide_env_values = true,
        default_value = "tok"
    )]
    pub(crate) namespace: Namespace,

    /// What a token starts with, before the underscore
    #[arg(
        long,
        env = "TOKEN_PREFIX",
        value_name = "PREFIX",
        global = true,
        hide_env_values = true,
        default_value = "tok"
    )]
    pub(crate) prefix: Prefix,

    /// How far issues and revocations must have gone to count as confirmed: local, replicated or disk [default: replicated
    /// where the store knows its replicas, else local]
    #[arg(long, env = "TOKEN_CONFIRM", value_name = "LEVEL", global = true, hide_env_values = true)]
    pub(crate) confirm: Option<ConfirmationLevel>,

    /// The certificates of the authorities to trust with rediss:, in PEM [default: the public ones]
    #[arg(long, env = "TOKEN_TLS_CA", value_name = "PATH", global = true, hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) tls_ca: Option<PathBuf>,

    /// Our certificate, in PEM, for servers that demand one
    #[arg(long, env = "TOKEN_TLS_CERT", value_name = "PATH", global = true, hide_env_values = true, requires = "tls_key", value_hint = ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of our certificate, in PEM
    #[arg(long, env = "TOKEN_TLS_KEY", value_name = "PATH", global = true, hide_env_values = true, requires = "tls_cert", value_hint = ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,

    /// Write results as one line of JSON, and errors too
    #[arg(long, global = true, help_heading = None)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate a personal token for a user (the same as "issue")
    User(UserArgs),
    /// Administration (the same as "issue", as "admin user token")
    Admin(AdminArgs),
    Issue(IssueArgs),
    Validate(ValidateArgs),
    /// Show what is known of a token id, also of a revoked one
    Show(ShowArgs),
    /// List the live tokens of a user
    List(ListArgs),
    /// Revoke tokens, at once and for good
    Revoke(RevokeArgs),
    /// Clear away what expired tokens left behind
    Prune,
    Doctor(DoctorArgs),
    Bench(BenchArgs),
    Serve(ServeArgs),
    /// Make a file with a new store key, to be shared by all nodes
    NewKeyFile(NewKeyFileArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Write the man pages into a directory
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// What concerns users
    User(UserArgs),
}

#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    #[command(subcommand)]
    pub(crate) command: UserCommand,
}

impl UserArgs {
    fn quiet(&self) -> bool {
        let UserCommand::Token(issue) = &self.command;
        issue.quiet
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    Token(IssueArgs),
}

/// Issue a personal token to a user.
///
/// Its lifetime is set by -e (a hard limit), by -a (a sliding window: each use starts it anew), or by both: then it
/// slides, and the hard limit caps it. Durations are written like 20s, 10m, 24h, 28d or 1d12h.
///
/// The token can be used as a bearer token, and as the password of its user with Basic authentication.
#[derive(Debug, Args)]
#[command(after_long_help = ISSUE_EXAMPLES)]
pub(crate) struct IssueArgs {
    /// The user the token speaks for
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Subject,

    /// Expire after this time, used or not
    #[arg(short, long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) expire: Option<Span>,

    /// Expire when not used for this time; a bare number is seconds
    #[arg(short, long, value_name = "DURATION", allow_hyphen_values = true, value_parser = Span::parse_with_bare_seconds)]
    pub(crate) auto: Option<Span>,

    /// Restrict the token to a node and what is below it, with PERM one of r, w, rw; repeat it or separate by commas
    /// [default: full access]
    #[arg(short, long = "scope", value_name = "node:UUID:PERM", value_delimiter = ',')]
    pub(crate) scopes: Vec<Scope>,

    /// What the token is for
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) label: Option<Label>,

    /// Who issues it, for the record [default: the user of the operating system]
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Option<Actor>,

    /// Print the token and nothing else
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

/// Tell whether a token is active; this counts as a use of it.
///
/// The token is read from standard input, or from a file: never from the arguments, where others can read it.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Read the token from the first line of this file instead of standard input
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,

    /// Demand that the token speaks for this user
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Option<Subject>,

    /// Demand this permission; repeat it to demand several
    #[arg(long = "need", value_name = "node:UUID:PERM", value_delimiter = ',')]
    pub(crate) needs: Vec<Scope>,

    /// A folder that the needed node lies in; repeat it for each one up to the root
    #[arg(long = "ancestor", value_name = "UUID", value_delimiter = ',', requires = "needs", value_parser = node)]
    pub(crate) ancestors: Vec<Uuid>,

    /// Only look: do not prolong a sliding token
    #[arg(long)]
    pub(crate) peek: bool,

    #[command(flatten)]
    pub(crate) misplaced: Misplaced,
}

/// Whatever is typed where a token might be expected: taken, so that no complaint repeats it.
#[derive(Debug, Args)]
pub(crate) struct Misplaced {
    #[arg(hide = true, value_name = "NOTHING")]
    pub(crate) arguments: Vec<String>,
}

fn node(text: &str) -> Result<Uuid, &'static str> {
    token_core::parse_node(text).ok_or("write a UUID as 32 hexadecimal digits with hyphens")
}

const ISSUE_EXAMPLES: &str = "\
Examples:
  A token that lasts 24 hours:
    token-cli user token -u admin -e 24h
  A token that lasts as long as it is used every 10 minutes, but 28 days at most:
    token-cli user token -u admin -a 10m -e 28d
  A token that can only read one folder and what is below it:
    token-cli user token -u admin -e 24h -s node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The token's id (not the token)
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Whose tokens
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Subject,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct RevokeArgs {
    /// Ids of the tokens (not the tokens)
    #[arg(value_name = "ID", group = "what")]
    pub(crate) ids: Vec<String>,

    /// Revoke all tokens of this user, in one step
    #[arg(short, long, value_name = "USER", group = "what")]
    pub(crate) user: Option<Subject>,

    /// Revoke the tokens read from standard input, one a line
    #[arg(long, group = "what")]
    pub(crate) stdin: bool,

    /// Who revokes, for the record [default: the user of the operating system]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<Actor>,

    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<Label>,
}

/// Answer proxies and services over HTTP and gRPC whether tokens count, and let their holders issue, list and revoke them.
///
/// /auth is for nginx auth_request, Traefik ForwardAuth, Caddy forward_auth and Envoy ext_authz; /introspect (RFC 7662)
/// and /revoke (RFC 7009) are for services; /v1/tokens is for holders and administrators, and described with all the
/// others by /openapi.json; /healthz and /readyz are for whoever watches over the process.
///
/// With --grpc also Envoy ext_authz over gRPC, token.v1.TokenService, and the standard health and reflection services.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen
    #[arg(
        long,
        env = "TOKEN_LISTEN",
        value_name = "ADDRESS",
        hide_env_values = true,
        default_value = "127.0.0.1:8080"
    )]
    pub(crate) listen: SocketAddr,

    /// Where to listen for gRPC [default: nowhere]
    #[arg(long, env = "TOKEN_GRPC", value_name = "ADDRESS", hide_env_values = true)]
    pub(crate) grpc: Option<SocketAddr>,

    /// A user who may do everything, with a token of full access; repeat it for several
    #[arg(
        long = "admin",
        env = "TOKEN_ADMINS",
        value_name = "USER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) admins: Vec<Subject>,

    /// A user who may introspect tokens, with a token of full access: a resource server; repeat it for several
    #[arg(
        long = "introspector",
        env = "TOKEN_INTROSPECTORS",
        value_name = "USER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) introspectors: Vec<Subject>,

    /// What challenges call what is behind the door
    #[arg(long, env = "TOKEN_REALM", value_name = "TEXT", hide_env_values = true, default_value = "tokens")]
    pub(crate) realm: Realm,

    /// Listen with TLS: our certificate for clients, in PEM
    #[arg(long, env = "TOKEN_LISTEN_CERT", value_name = "PATH", hide_env_values = true, requires = "listen_key", value_hint = ValueHint::FilePath)]
    pub(crate) listen_cert: Option<PathBuf>,

    /// The private key of that certificate, in PEM
    #[arg(long, env = "TOKEN_LISTEN_KEY", value_name = "PATH", hide_env_values = true, requires = "listen_cert", value_hint = ValueHint::FilePath)]
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

    /// How the log on standard error is written: json or text; TOKEN_LOG says what is logged
    #[arg(
        long,
        env = "TOKEN_LOG_FORMAT",
        value_name = "FORMAT",
        hide_env_values = true,
        default_value = "json"
    )]
    pub(crate) log_format: LogFormat,

    /// Export traces to the OTLP collector at this address, over gRPC: http://HOST:PORT [default: none are made]
    ///
    /// Other OTEL_ variables are heeded: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and such.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", hide_env_values = true)]
    pub(crate) otlp_endpoint: Option<String>,

    /// Take what neither flags nor the environment say from this TOML file, by the names of the flags
    #[arg(long, env = "TOKEN_CONFIG", value_name = "PATH", hide_env_values = true, value_hint = ValueHint::FilePath)]
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

/// Examine the store: whether it is set up so that tokens are safe in it.
///
/// Asks every server of the store for its state, and changes nothing. What is not as it should be is shown with what would
/// be good and why it matters. Works when the store does not: a server that is down is a finding.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The role that the user in the store's URL should have: validator, issuer, admin or doctor [default: the one that
    /// it has the name of, else admin]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Role>,

    /// Show each finding at each server, and explain the good ones too
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Measure how long validations take on the store, under load.
///
/// Issues tokens to users of its own, validates them at a fixed rate or by so many callers, and tells the latencies.
/// Other tokens are not touched; but the load is real, and whoever else uses the store feels it. The embedded store is
/// measured on a file of its own in the same folder.
///
/// The tokens are revoked at the end, also after Ctrl-C, and leave nothing behind. If this process is killed, they expire
/// within 12 minutes and twice the time of --for. On Redis with ACLs this takes the role admin.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// How many validations are due each second, whether or not earlier ones have been answered: 1 to 1000000
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: u32,

    /// Instead of a rate, so many callers with one validation after the other: 1 to 10000. This tells the throughput
    #[arg(long, value_name = "NUMBER", conflicts_with = "rate", value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) callers: Option<u32>,

    /// For how long, up to 1h
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = up_to_an_hour)]
    pub(crate) time: Span,

    /// How many tokens are validated, in turn: 1 to 1000000
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) tokens: u32,

    /// How many users they are of: one for each 100 tokens at least [default: one for each 5 tokens]
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) users: Option<u32>,

    /// How many of a hundred tokens slide (with a cap); the others have a hard limit
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = value_parser!(u32).range(0..=100))]
    pub(crate) sliding: u32,
}

fn up_to_an_hour(text: &str) -> Result<Span, String> {
    let span = text.parse::<Span>().map_err(|error| error.to_string())?;
    match span.as_millis() {
        ..=3_600_000 => Ok(span),
        _ => Err("the longest is 1h".into()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct NewKeyFileArgs {
    /// The file to make; one that exists is left alone
    #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The directory
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
}
