//! Settings from the environment: an empty variable is one that is not set.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::{Arg, Command, CommandFactory};

use super::Cli;
use super::formats::without_json;
use super::numbers::with_negative_numbers;

/// Those of which an empty one is refused instead: a template that failed must not lead to another store or key.
const NEVER_EMPTY: [&str; 2] = ["TOKEN_STORE", "TOKEN_KEY_FILE"];

/// The command line as it is understood: without the variables that are empty.
pub(crate) fn command() -> Command {
    with_negative_numbers(without_empty_variables(described()))
}

/// The command line as help and man pages describe it.
pub(crate) fn described() -> Command {
    without_json(Cli::command())
}

/// The names of all variables that are read.
pub(crate) fn variables() -> BTreeSet<OsString> {
    fn add(command: &Command, names: &mut BTreeSet<OsString>) {
        names.extend(command.get_arguments().filter_map(Arg::get_env).map(OsStr::to_owned));
        command.get_subcommands().for_each(|below| add(below, names));
    }
    let mut names = BTreeSet::new();
    add(&Cli::command(), &mut names);
    names
}

fn without_empty_variables(command: Command) -> Command {
    command.mut_args(without_an_empty_variable).mut_subcommands(without_empty_variables)
}

fn without_an_empty_variable(argument: Arg) -> Arg {
    match argument.get_env() {
        Some(name) if is_empty(name) => argument.env(Resettable::Reset),
        _ => argument,
    }
}

fn is_empty(name: &OsStr) -> bool {
    let blank = |value: OsString| value.to_str().is_some_and(|value| value.trim().is_empty());
    !NEVER_EMPTY.iter().any(|never| name == *never) && std::env::var_os(name).is_some_and(blank)
}
