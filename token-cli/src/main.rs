//! `token-cli`: issue, validate, list and revoke personal access tokens.
//!
//! The way through: arguments ([`args`]) → store ([`open`]) → one command ([`commands`]) → a [`report`] on
//! standard output and an [`exit`] code. Everything that is no result goes to standard error.

mod args;
mod commands;
mod delivery;
mod exit;
mod failure;
mod format;
mod keys;
mod layout;
mod leaked;
mod missing_store;
mod open;
mod preflight;
mod report;
mod scratch;
mod secret;
mod serve;
mod signals;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::report::Report;

/// A request of the sidecar takes memory in a hundred small pieces, which the allocator of the system is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Known before the arguments are understood, so that the refusal of them has the right form, too.
    let format = format_of(std::env::args_os());
    if let Err(failure) = preflight::check(std::env::args_os(), |name| std::env::var_os(name)) {
        return failure.tell(format).into();
    }
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(refusal) if refusal.use_stderr() && format == Format::Json => {
            return Failure::usage(refusal.to_string().trim_start_matches("error: ").trim_end())
                .tell(format)
                .into();
        }
        Err(refusal) => {
            // Help and version come this way too, with their own exit code. A closed pipe is no failure.
            let _ = match layout::columns_of_errors().filter(|_| refusal.use_stderr()) {
                Some(columns) => {
                    writeln!(
                        std::io::stderr(),
                        "{}",
                        layout::wrapped(Some(columns), refusal.to_string().trim_end())
                    )
                }
                None => refusal.print(),
            };
            return if refusal.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let cli = match serve::with_file(cli, std::env::args_os()) {
        Ok(cli) => cli,
        Err(failure) => return failure.tell(format).into(),
    };
    if let Some(warning) = cli.ancestor.warning() {
        let _ = writeln!(std::io::stderr(), "{}", layout::wrapped(layout::columns_of_errors(), &warning));
    }
    if let Err(failure) = cli.refuse_json_without_a_result().and_then(|()| cli.refuse_empty_settings()) {
        return failure.tell(format).into();
    }
    // The sidecar has a log of its own.
    if !matches!(cli.command, Command::Serve(_)) {
        serve::start_for_command();
    }
    let format = cli.format();
    let ended = run(cli).and_then(|report| report.print());
    ended.unwrap_or_else(|failure| failure.tell(format)).into()
}

/// The format that is asked for, before the arguments are understood.
fn format_of(arguments: impl Iterator<Item = OsString>) -> Format {
    let arguments: Vec<_> = arguments.skip(1).collect();
    let alone = arguments
        .iter()
        .any(|word| word == "--json" || word == "--output=json" || word == "-ojson" || word == "-o=json");
    let pair = arguments
        .windows(2)
        .any(|pair| matches!(pair, [flag, value] if (flag == "-o" || flag == "--output") && value == "json"));
    if alone || pair { Format::Json } else { Format::Human }
}

fn run(cli: Cli) -> Result<Report, Failure> {
    match &cli.command {
        Command::NewKeyFile(arguments) => return commands::new_key_file::run(arguments, cli.format()),
        Command::Version => return Ok(commands::version()),
        Command::Completions(arguments) => return commands::completions::run(arguments),
        Command::Man(arguments) => return commands::man::run(arguments),
        Command::Serve(arguments) if arguments.print_config => return Ok(serve::print_config(&cli)),
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
