//! `completions`

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

pub(crate) fn run(arguments: &CompletionsArgs) -> Result<Report, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "token-cli", &mut script);
    Ok(Report::text(Exit::Done, String::from_utf8_lossy(&script).into_owned()))
}
