//! What can be typed.

mod ancestor;
mod bench;
mod connections;
mod doctor;
mod for_servers;
mod formats;
mod issue;
mod lifetime;
mod names;
mod numbers;
mod presenting;
mod revoke;
mod serve;
mod settings;
mod usage;
mod validate;
mod variables;
mod web;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, FromArgMatches, Parser, Subcommand, ValueHint};
use token_core::Subject;

use self::ancestor::AncestorArgs;
pub(crate) use self::bench::BenchArgs;
pub(crate) use self::doctor::DoctorArgs;
use self::for_servers::FlagsForServers;
use self::formats::without_json;
pub(crate) use self::issue::IssueArgs;
pub(crate) use self::names::Names;
pub(crate) use self::revoke::RevokeArgs;
pub(crate) use self::serve::{LogFormat, ServeArgs};
pub(crate) use self::settings::Settings;
pub(crate) use self::validate::ValidateArgs;
pub(crate) use self::variables::{command, described, variables};
use crate::exit;
use crate::failure::Failure;

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

    #[command(flatten)]
    pub(crate) ancestor: AncestorArgs,
}

impl Cli {
    /// The command line; what it leaves out is taken from the environment.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let matches = command().try_get_matches_from(&arguments);
        let mut matches = matches.map_err(|error| usage::as_typed(error, &arguments))?;
        let for_servers = FlagsForServers::typed(&matches);
        let mut cli =
            Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command()))?;
        cli.settings.for_servers = for_servers;
        Ok(cli)
    }

    /// Refuses a store or a key file with an empty name: a template that failed must not lead to another store or to
    /// the public key. Refuses * beside other origins.
    pub(crate) fn refuse_empty_settings(&self) -> Result<(), Failure> {
        match self.command {
            Command::NewKeyFile(_) | Command::Completions(_) | Command::Man(_) | Command::Version => Ok(()),
            Command::Serve(ref serve) => {
                serve.web.refuse_all_beside_others().and_then(|()| self.settings.refuse_empty())
            }
            _ => self.settings.refuse_empty(),
        }
    }
}

/// The command line as shells complete it: without the hidden flags of the ancestor.
pub(crate) fn offered() -> clap::Command {
    let command = clap::Command::new("token-cli").version(env!("CARGO_PKG_VERSION"));
    without_json(Settings::augment_args(Command::augment_subcommands(command)))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate a personal token for a user (the same as "issue")
    User(UserArgs),
    /// Administration ("admin user token" is the same as "issue")
    Admin(AdminArgs),
    Issue(IssueArgs),
    Validate(ValidateArgs),
    /// Show what is known about a token id, even a revoked one
    Show(ShowArgs),
    /// Wait again until tokens are confirmed, and show how far each one got
    Confirm(ConfirmArgs),
    /// List the live tokens of a user
    List(ListArgs),
    /// Revoke tokens, at once and for good
    Revoke(RevokeArgs),
    /// Remove what expired tokens left behind in the store
    Prune,
    Doctor(DoctorArgs),
    Bench(BenchArgs),
    Serve(Box<ServeArgs>),
    /// Create a file with a new store key, which all nodes share
    NewKeyFile(NewKeyFileArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Write the man pages into a directory
    Man(ManArgs),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Commands about users
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

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The token's id (not the token)
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The tokens' ids (not the tokens)
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whose").required(true))]
pub(crate) struct ListArgs {
    /// The user
    #[arg(value_name = "USER", group = "whose")]
    name: Option<Subject>,

    /// The user, as a flag
    #[arg(short, long, value_name = "USER", group = "whose")]
    user: Option<Subject>,
}

impl ListArgs {
    /// Whose tokens; one of the two is given.
    pub(crate) fn user(&self) -> Option<&Subject> {
        self.user.as_ref().or(self.name.as_ref())
    }
}

#[derive(Debug, Args)]
pub(crate) struct NewKeyFileArgs {
    /// The file to create; an existing file is left unchanged
    #[arg(value_name = "PATH", value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
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
    #[arg(value_name = "DIR", value_parser = crate::paths::parser(), value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
}
