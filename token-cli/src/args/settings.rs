//! What every command takes.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use token_core::{ConfirmationLevel, Prefix, Span};
use token_redis::Namespace;

use super::for_servers::FlagsForServers;
use super::lifetime::with_unit;
use crate::failure::Failure;
use crate::paths::{parser, parser_of_empty_ones};

/// Which store, and how it is spoken to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct Settings {
    /// Where tokens are kept: sqlite:PATH, redis://HOST:PORT/DB, redis+unix:///PATH, redis-cluster: or redis-sentinel:
    /// with several hosts (--help shows how); rediss: for TLS [default: a file of this user]
    ///
    /// A cluster is redis-cluster://HOST:PORT?node=HOST:PORT&node=…, a primary behind Sentinels is
    /// redis-sentinel://HOST:PORT,HOST:PORT/DB?sentinelServiceName=NAME.
    ///
    /// A URL with a password belongs in the environment variable, not in the arguments.
    #[arg(long, env = "TOKEN_STORE", value_name = "URL", global = true, hide_env_values = true)]
    pub(crate) store: Option<String>,

    /// File with the store keys, the same on every node (see new-key-file) [default: the embedded store makes its
    /// own, a Redis store uses a public key]
    #[arg(long, env = "TOKEN_KEY_FILE", value_name = "PATH", global = true, hide_env_values = true, value_parser = parser_of_empty_ones(),
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

    /// How far a change must get before it is reported as confirmed: local, replicated or disk [default: replicated if the
    /// store knows its replicas, else local]
    ///
    /// "disk" is the disk of the primary alone; it says nothing about replicas.
    #[arg(long, env = "TOKEN_CONFIRM", value_name = "LEVEL", global = true, hide_env_values = true, value_parser = level())]
    pub(crate) confirm: Option<ConfirmationLevel>,

    /// How long to wait for a confirmation by a Redis store
    #[arg(
        long,
        env = "TOKEN_CONFIRM_TIMEOUT",
        value_name = "DURATION",
        global = true,
        hide_env_values = true,
        default_value = "2s",
        value_parser = with_unit
    )]
    pub(crate) confirm_timeout: Span,

    /// The certificates of the authorities to trust with rediss:, in PEM [default: the public ones]
    #[arg(long, env = "TOKEN_TLS_CA", value_name = "PATH", global = true, hide_env_values = true, value_parser = parser(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_ca: Option<PathBuf>,

    /// The certificate of this client, in PEM, for servers that require one
    #[arg(long, env = "TOKEN_TLS_CERT", value_name = "PATH", global = true, hide_env_values = true, value_parser = parser(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of that certificate, in PEM
    #[arg(long, env = "TOKEN_TLS_KEY", value_name = "PATH", global = true, hide_env_values = true, value_parser = parser(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,

    /// Write results and errors as one line of JSON
    #[arg(short, long, global = true, help_heading = None)]
    pub(crate) json: bool,

    /// How results and errors are written: "json" is the same as --json
    #[arg(
        short = 'o',
        long,
        alias = "format",
        value_name = "FORMAT",
        global = true,
        help_heading = None,
        ignore_case = true,
        conflicts_with = "json"
    )]
    pub(crate) output: Option<Output>,

    /// Those of the flags above for servers alone that were typed, and did not come from a variable or a file.
    #[arg(skip)]
    pub(crate) for_servers: FlagsForServers,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One line of JSON.
    Json,
}

/// The levels by their names, which shells complete.
fn level() -> impl TypedValueParser<Value = ConfirmationLevel> {
    PossibleValuesParser::new(["local", "replicated", "disk"])
        .try_map(|level| level.parse::<ConfirmationLevel>())
}

impl Settings {
    /// Refuses what the embedded store would ignore. Variables may be set for all programs of a machine, and pass.
    pub(crate) fn refuse_flags_for_servers(&self) -> Result<(), Failure> {
        self.for_servers.first().map_or(Ok(()), |(flag, why)| {
            Err(Failure::usage(format!("{flag} is for a store on servers, and {why}: leave {flag} out")))
        })
    }

    /// Refuses an empty store or key file, which for other settings would be as if it were not given.
    pub(super) fn refuse_empty(&self) -> Result<(), Failure> {
        if self.store.as_deref().is_some_and(|url| url.trim().is_empty()) {
            return Err(Failure::usage(
                "the store has an empty name: give TOKEN_STORE (or --store) a URL, or leave it out for the embedded \
                 store of this user",
            ));
        }
        if self.key_file.as_ref().is_some_and(|path| path.to_string_lossy().trim().is_empty()) {
            return Err(Failure::usage(
                "the key file has an empty name: give TOKEN_KEY_FILE (or --key-file) a path, or leave it out for the key \
                 that the store has without one",
            ));
        }
        Ok(())
    }
}
