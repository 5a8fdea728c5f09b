//! How results are written: which flags ask for it, and where they are refused.

use std::ffi::OsString;

use clap::Command as Described;

use super::settings::Output;
use super::{AdminArgs, AdminCommand, Cli, Command};
use crate::failure::Failure;
use crate::format::Format;

/// The commands without a result in JSON.
const SERVE: &str = "serve";
const COMPLETIONS: &str = "completions";
const MAN: &str = "man";

impl Cli {
    /// Refuses JSON from commands that have no result to write so.
    pub(crate) fn refuse_json_without_a_result(&self) -> Result<(), Failure> {
        let name = match self.command {
            Command::Serve(_) => SERVE,
            Command::Completions(_) => COMPLETIONS,
            Command::Man(_) => MAN,
            _ => return Ok(()),
        };
        match self.format() {
            Format::Json => Err(Failure::usage(format!(
                "\"{name}\" has no result in JSON: leave --json (or -o json) out"
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses several flags that say how results are written, as clap does if all of them stand on one side of the
    /// command.
    pub(crate) fn refuse_several_formats(
        &self,
        arguments: impl Iterator<Item = OsString>,
    ) -> Result<(), Failure> {
        const OUTPUT: &str = "'--output <FORMAT>'";
        let refuse =
            |why: String| Err(Failure::usage(format!("the argument {why}; leave one of the two out")));
        match (self.is_quiet(), self.settings.json, self.settings.output.is_some()) {
            (_, true, true) => refuse(format!("{OUTPUT} cannot be used with '--json'")),
            (true, true, _) => refuse("'--quiet' cannot be used with '--json'".into()),
            (true, _, true) => refuse(format!("'--quiet' cannot be used with {OUTPUT}")),
            _ if Format::times_named(arguments) > 1 => {
                refuse(format!("{OUTPUT} cannot be used multiple times"))
            }
            _ => Ok(()),
        }
    }

    fn is_quiet(&self) -> bool {
        match &self.command {
            Command::Validate(validate) => validate.quiet,
            Command::Issue(issue) => issue.quiet,
            Command::User(user) | Command::Admin(AdminArgs { command: AdminCommand::User(user) }) => {
                user.quiet()
            }
            _ => false,
        }
    }

    pub(crate) fn format(&self) -> Format {
        if self.is_quiet() {
            return Format::Quiet;
        }
        match self.settings.json || self.settings.output == Some(Output::Json) {
            true => Format::Json,
            false => Format::Human,
        }
    }
}

/// The command line with the flags for JSON hidden below the commands that have no result in it. They are still read there,
/// for a refusal that says why.
pub(super) fn without_json(command: Described) -> Described {
    let flags =
        ["json", "output"].map(|id| command.get_arguments().find(|flag| flag.get_id() == id).cloned());
    let hidden: Vec<_> = flags.into_iter().flatten().map(|flag| flag.hide(true)).collect();
    command.mut_subcommands(|below| match [SERVE, COMPLETIONS, MAN].contains(&below.get_name()) {
        true => below.args(&hidden),
        false => below,
    })
}
