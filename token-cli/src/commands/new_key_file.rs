//! `new-key-file`

use std::io::{Error, ErrorKind, Write};
use std::path::Path;

use serde_json::json;
use tempfile::NamedTempFile;
use token_core::{new_key_file, os_rng};

use crate::args::NewKeyFileArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::report::Report;

/// Makes the file whole or not at all, for its owner only, and never over another one: that could be the only copy.
pub(crate) fn run(arguments: &NewKeyFileArgs, format: Format) -> Result<Report, Failure> {
    let path = &arguments.path;
    let mut rng = os_rng().map_err(Failure::randomness)?;
    let text = new_key_file(&mut rng);
    write(path, text.as_bytes()).map_err(|source| cannot(path, source))?;
    Report::new(format, Exit::Done, &json!({ "key_file": path.to_string_lossy() }), || {
        format!("{}\n", path.display())
    })
    .map(|report| report.after("the key file is made"))
}

fn cannot(path: &Path, source: Error) -> Failure {
    let what = format!("cannot make the key file {}", path.display());
    match source.kind() {
        ErrorKind::AlreadyExists => Failure::usage(format!("{what}: {}", there(path))),
        ErrorKind::NotFound if path.starts_with("~") => {
            Failure::usage(format!("{what}: nothing replaces ~ there; write the whole path"))
        }
        ErrorKind::NotFound => {
            Failure::usage(format!("{what}: its folder does not exist; make the folder first"))
        }
        // The cause names a file in passing.
        kind @ (ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Failure::System {
            what: format!("{what}: there is no room; free some space on its disk"),
            source: kind.into(),
        },
        _ => Failure::file(what, source),
    }
}

/// What is there already, and what to do.
fn there(path: &Path) -> &'static str {
    let Ok(found) = std::fs::symlink_metadata(path) else { return KEYS };
    match found.file_type() {
        kind if kind.is_dir() => "there is a folder; name a file in it",
        kind if kind.is_symlink() && !path.exists() => {
            "there is a link to a file that does not exist; name that file, or remove the link"
        }
        kind if kind.is_file() || path.is_file() => KEYS,
        _ => "what is there is no file; name another path",
    }
}

const KEYS: &str = "it exists, and may be the only copy of keys in use; use it, or name another path";

/// Looks first: a file in passing beside it would need the right to write there.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}
