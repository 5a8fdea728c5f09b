//! `man`

use clap::CommandFactory;

use crate::args::{Cli, ManArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

pub(crate) fn run(arguments: &ManArgs) -> Result<Report, Failure> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|source| {
            Failure::file(format!("cannot write the man pages into {}", directory.display()), source)
        })?;
    Ok(Report::text(Exit::Done, format!("{}\n", directory.display())))
}
