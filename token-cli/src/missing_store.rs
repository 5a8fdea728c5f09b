//! An embedded store that is not there: which path was meant, and that one was created.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::layout;

/// How alike two names are at least for one to be the other mistyped, between 0 and 1.
const ALIKE: f64 = 0.75;

/// Refuses a path, typed or that of this user's own store, at which there is nothing. What cannot be looked at is left to
/// the attempt to open it.
pub(crate) fn refuse(database: &Path, key_file: &Path, typed: bool) -> Result<(), Failure> {
    if database.try_exists().unwrap_or(true) {
        return Ok(());
    }
    // As it is seen from here: a relative path may have been typed in another folder.
    let path = std::path::absolute(database).unwrap_or_else(|_| database.to_owned());
    let advice = if typed { advice(&path, key_file) } else { own(&path, key_file) };
    Err(Failure::usage(format!("there is no store at {}; {advice}", path.display())))
}

const CREATE: &str = "\"token-cli user token\" creates one";

fn own(path: &Path, key_file: &Path) -> String {
    left_over(path, key_file).map_or_else(|| CREATE.to_owned(), |left| restore(&left, key_file))
}

/// An issue takes the key file that is there, and refuses the log of another database.
fn restore(left: &Path, key_file: &Path) -> String {
    let otherwise = if left == key_file {
        "\"token-cli user token\" creates a new one with that key file"
    } else {
        "move that file away as well"
    };
    format!(
        "but {} is there: restore the database from a backup, or, without one, {otherwise}",
        left.display()
    )
}

fn advice(path: &Path, key_file: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    if let Some(near) = near(path, folder) {
        return format!("did you mean {}? ({CREATE})", near.display());
    }
    if let Some(left) = left_over(path, key_file) {
        return restore(&left, key_file);
    }
    match folder.is_dir() {
        true => CREATE.into(),
        false => format!("the folder {} does not exist either: check the path ({CREATE})", folder.display()),
    }
}

/// The store in the folder whose name is most like the one that was typed.
fn near(path: &Path, folder: &Path) -> Option<PathBuf> {
    let typed = path.file_name().map(OsStr::to_string_lossy)?;
    let entries = fs::read_dir(folder).ok()?.flatten();
    let alike = entries
        .map(|entry| (strsim::jaro_winkler(&typed, &entry.file_name().to_string_lossy()), entry.path()));
    let mut alike: Vec<_> = alike.filter(|(alike, _)| *alike >= ALIKE).collect();
    alike.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    alike.into_iter().map(|(_, path)| path).find(|path| token_sqlite::is_store(path))
}

/// A file that belonged to a database at this path.
fn left_over(path: &Path, key_file: &Path) -> Option<PathBuf> {
    let beside = |suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    [beside("-wal"), key_file.to_owned()].into_iter().find(|left| left.exists())
}

/// Says on standard error that a store was created.
pub(crate) fn report_created(database: &Path, key_file: &Path, had_keys: bool) {
    let (database, key_file) = (database.display(), key_file.display());
    let keys = if had_keys { "with the key file" } else { "and its key file" };
    layout::complain(&format!("created a new store at {database} {keys} {key_file}"));
}
