//! `man`

use std::io::{Error, ErrorKind};
use std::path::Path;

use crate::args::{ManArgs, described};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

pub(crate) fn run(arguments: &ManArgs) -> Result<Report, Failure> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(described(), directory))
        .map_err(|source| refused(directory, source))?;
    Ok(Report::text(Exit::Done, format!("{}\n", directory.display())))
}

/// Why the pages cannot be written, and what to name or do instead.
fn refused(directory: &Path, source: Error) -> Failure {
    let what = format!("cannot write the man pages into {}", directory.display());
    let in_the_way = directory.ancestors().find(|path| path.exists() && !path.is_dir());
    match (in_the_way, source.kind()) {
        (Some(file), _) => Failure::usage(format!(
            "{what}: {} is no folder; name a folder, which is created if it does not exist",
            file.display()
        )),
        (None, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            Failure::usage(format!("{what}: {source}; name a folder in which this user may write"))
        }
        (None, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => {
            let advice =
                "there is no room; free some space or raise the limit (ulimit -f), or name another folder";
            Failure::System { what: format!("{what}: {advice}"), source }
        }
        _ => Failure::file(what, source),
    }
}
