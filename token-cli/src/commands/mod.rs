//! The commands, one file each.

mod bench;
pub(crate) mod completions;
mod confirm;
mod doctor;
mod issue;
mod list;
pub(crate) mod man;
pub(crate) mod new_key_file;
mod presented;
mod prune;
mod revoke;
mod show;
mod validate;

use serde_json::json;
use token_core::{Actor, TokenId};

use crate::args::{AdminArgs, AdminCommand, Cli, Command, UserArgs, UserCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::open;
use crate::report::Report;
use crate::serve;

/// Runs a command that needs a store.
pub(crate) async fn run(cli: Cli) -> Result<Report, Failure> {
    let (format, settings) = (cli.format(), cli.settings);
    match cli.command {
        Command::User(UserArgs { command: UserCommand::Token(arguments) })
        | Command::Admin(AdminArgs {
            command: AdminCommand::User(UserArgs { command: UserCommand::Token(arguments) }),
        })
        | Command::Issue(arguments) => issue::run(arguments, format, &settings).await,
        Command::Validate(arguments) => validate::run(arguments, format, &settings).await,
        Command::Show(arguments) => show::run(&arguments, format, &open(&settings).await?).await,
        Command::Confirm(arguments) => confirm::run(&arguments, format, &settings).await,
        Command::List(arguments) => list::run(&arguments, format, &open(&settings).await?).await,
        Command::Revoke(arguments) => revoke::run(arguments, format, &settings).await,
        Command::Serve(arguments) => serve::run(*arguments, settings).await,
        Command::Prune => prune::run(format, &open(&settings).await?).await,
        Command::Doctor(arguments) => doctor::run(&arguments, format, &settings).await,
        Command::Bench(arguments) => bench::run(&arguments, format, &settings).await,
        Command::NewKeyFile(arguments) => new_key_file::run(&arguments, format),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
        Command::Version => version(format),
    }
}

/// The same as `--version`, for people.
pub(crate) fn version(format: Format) -> Result<Report, Failure> {
    let json = json!({"version": env!("CARGO_PKG_VERSION")});
    Report::new(format, Exit::Done, &json, || concat!("token-cli ", env!("CARGO_PKG_VERSION"), "\n").into())
}

/// Reads a token id. A text that is none is not repeated: it may be (part of) a token.
fn parse_id(text: &str) -> Result<TokenId, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!(
            "this is no token id: {error} (\"token-cli list -u USER\" shows the ids of a user)"
        ))
    })
}

/// Who acts, for the record: as given, else the user of the operating system.
fn actor(given: Option<Actor>) -> Option<Actor> {
    given.or_else(|| whoami::username().ok()?.parse().ok())
}
