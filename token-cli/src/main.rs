//! `token-cli`: issue, validate, list and revoke personal access tokens.
//!
//! The way through: arguments ([`args`]) → store ([`open`]) → one command ([`commands`]) → a [`report`] on
//! standard output and an [`exit`] code. Everything that is no result goes to standard error.

mod args;
mod commands;
mod delivery;
mod echo;
mod exit;
mod failure;
mod format;
mod keys;
mod layout;
mod missing_store;
mod open;
mod paths;
mod plural;
mod preflight;
mod report;
mod scratch;
mod secret;
mod serve;
mod store_name;
mod visible;
mod warning;

use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::report::Report;

/// A request of the sidecar takes memory in a hundred small pieces, which the allocator of the system is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The default is to end the process: a write beyond the limit is to be an error like any other.
    let ignored = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    if let Err(error) = ignored {
        return Failure::system(error).tell(Format::asked_for(std::env::args_os())).into();
    }
    // A reload that is asked for before the settings are read would otherwise end the process.
    if std::env::args_os().any(|argument| argument == "serve")
        && let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default())
    {
        return Failure::system(error).tell(Format::asked_for(std::env::args_os())).into();
    }
    // Known before the arguments are understood, so that the refusal of them has the right form, too.
    let format = Format::asked_for(std::env::args_os());
    if let Err(failure) = preflight::check(std::env::args_os(), |name| std::env::var_os(name)) {
        return failure.tell(format).into();
    }
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(answer) if answer.kind() == ErrorKind::DisplayVersion => {
            let printed = commands::version(format).and_then(|report| report.print());
            return printed.unwrap_or_else(|failure| failure.tell(format)).into();
        }
        Err(refusal) if refusal.use_stderr() && format == Format::Json => {
            let text = refusal.to_string();
            let sentence = text.split("\n\nUsage:").next().unwrap_or_default();
            return Failure::usage(sentence.trim_start_matches("error: ").trim_end()).tell(format).into();
        }
        Err(refusal) => {
            return print(&refusal).unwrap_or_else(|failure| failure.tell(format)).into();
        }
    };
    let cli = match serve::with_file(cli, std::env::args_os()) {
        Ok(cli) => cli,
        Err(failure) => return failure.tell(format).into(),
    };
    if let Some(warning) = cli.ancestor.warning() {
        layout::complain(&warning);
    }
    if let Err(failure) = cli
        .refuse_several_formats(std::env::args_os())
        .and_then(|()| cli.refuse_json_without_a_result())
        .and_then(|()| cli.refuse_empty_settings())
        .and_then(|()| token_server::check_log().map_err(Failure::from))
    {
        return failure.tell(format).into();
    }
    // The sidecar has a log of its own.
    if !matches!(cli.command, Command::Serve(_)) {
        token_server::start_for_command();
    }
    let format = cli.format();
    let ended = run(cli).and_then(|report| report.print());
    ended.unwrap_or_else(|failure| failure.tell(format)).into()
}

/// Prints what the arguments are answered with at once: a complaint, or help and version, which have their own exit code.
fn print(answer: &clap::Error) -> Result<Exit, Failure> {
    if !answer.use_stderr() {
        return report::printed(delivery::is_open().and_then(|()| answer.print())).map(|()| Exit::Done);
    }
    layout::complain(answer.to_string().trim_end());
    Ok(Exit::Usage)
}

fn run(cli: Cli) -> Result<Report, Failure> {
    match &cli.command {
        Command::NewKeyFile(arguments) => return commands::new_key_file::run(arguments, cli.format()),
        Command::Version => return commands::version(cli.format()),
        Command::Completions(arguments) => return commands::completions::run(arguments),
        Command::Man(arguments) => return commands::man::run(arguments),
        Command::Serve(arguments) if arguments.print_config => return serve::print_config(&cli, arguments),
        _ => {}
    }
    // One command asks a few questions; only the sidecar and the benchmark have work for several threads.
    let mut runtime = match &cli.command {
        Command::Serve(_) | Command::Bench(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().map_err(Failure::system)?;
    runtime.block_on(commands::run(cli))
}
