//! Which store the settings name: a database file, or servers by their URL.

use std::path::{Path, PathBuf};

use crate::args::Settings;
use crate::failure::Failure;
use crate::paths;

/// What a store is named by.
pub(crate) enum StoreName<'a> {
    /// The embedded store, by its file.
    Sqlite(PathBuf),
    /// A store on servers, by its URL.
    Redis(&'a str),
}

impl<'a> StoreName<'a> {
    /// The store of these settings; without one, the embedded store of this user.
    pub(crate) fn of(settings: &'a Settings) -> Result<Self, Failure> {
        let database = match settings.store.as_deref() {
            None => default_database()?,
            Some(url) => match embedded(url) {
                None => return Ok(Self::Redis(url)),
                Some(path) => database(path)?,
            },
        };
        settings.refuse_flags_for_servers()?;
        Ok(Self::Sqlite(database))
    }
}

/// What a URL of the embedded store has behind its scheme. Blanks and byte order marks in front are not part of a URL.
pub(crate) fn embedded(url: &str) -> Option<&str> {
    const SCHEME: &str = "sqlite:";
    let url = url.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let (scheme, path) = url.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(path)
}

/// The path behind `sqlite:`. What another program would replace or decode in it is refused: here it would be part of the
/// name of a new file.
fn database(path: &str) -> Result<PathBuf, Failure> {
    let refuse = |why: &str| Err(Failure::usage(why));
    match path {
        "" => return refuse("the store URL names no file: write sqlite:PATH"),
        ":memory:" => {
            return refuse(
                "tokens that are kept in memory alone would end with this command: write sqlite:PATH",
            );
        }
        _ if path.starts_with("//") && !path.starts_with("///") => {
            return refuse("write sqlite:PATH, without slashes in front that are not the path's");
        }
        _ if path.contains(['?', '#']) => {
            return refuse(
                "a sqlite: URL takes no parameters and no fragment, and its path no question mark and no #: write \
                 sqlite:PATH",
            );
        }
        _ => {}
    }
    if let Some(refusal) = names_a_folder(path) {
        return Err(Failure::usage(refusal));
    }
    if path.starts_with('~') {
        return refuse("nothing replaces ~ behind \"sqlite:\": write the whole path");
    }
    if path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("file:")) {
        return refuse("\"file:\" would be part of the path: write sqlite:PATH, with the path alone");
    }
    if has_escape(path) {
        return refuse(
            "nothing decodes %-escapes behind \"sqlite:\": write the path as it stands, with / for %2F",
        );
    }
    let fault = |fault| Failure::usage(format!("cannot use the path behind \"sqlite:\": {fault}"));
    paths::as_meant(path.into()).map_err(fault)
}

/// Why a path names a folder, whatever is there.
fn names_a_folder(path: &str) -> Option<String> {
    let trimmed = path.trim_end_matches('/');
    if Path::new(trimmed).file_name().is_none() {
        return Some(format!(
            "the path behind \"sqlite:\" names a folder: write the path of the file, like sqlite:{trimmed}/tokens.db"
        ));
    }
    (trimmed != path).then(|| {
        format!(
            "the path behind \"sqlite:\" ends with a slash, as that of a folder: write sqlite:{trimmed} for a file of this \
             name, or sqlite:{trimmed}/tokens.db for one in a folder"
        )
    })
}

/// Whether a `%` and two hexadecimal digits stand in the path.
fn has_escape(path: &str) -> bool {
    path.as_bytes().windows(3).any(
        |at| matches!(at, [b'%', first, second] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit()),
    )
}

/// `tokens.db` in this user's data directory.
pub(crate) fn default_database() -> Result<PathBuf, Failure> {
    let directories = directories::ProjectDirs::from("", "", "token-store").ok_or_else(|| {
        Failure::usage(
            "this user has no home directory to keep tokens in; name a store with --store or TOKEN_STORE",
        )
    })?;
    let database = directories.data_dir().join("tokens.db");
    // It would be another store in each folder.
    if database.is_relative() {
        return Err(Failure::usage(
            "HOME is no whole path, and the store of this user is below it: set HOME to a path that begins with /, or \
             name a store with --store or TOKEN_STORE",
        ));
    }
    Ok(database)
}

/// The key file that belongs to a database unless another one is named: the one beside it, and for a link to a database the
/// one beside that database, unless there is one beside the link.
pub(crate) fn key_file_beside(database: &Path) -> PathBuf {
    let key_file = |database: &Path| -> PathBuf {
        let mut path = database.as_os_str().to_owned();
        path.push(".key");
        path.into()
    };
    let beside = key_file(database);
    if !database.is_symlink() || beside.exists() {
        return beside;
    }
    std::fs::canonicalize(database).map_or(beside, |target| key_file(&target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_the_embedded_store_is_read_in_any_case() {
        for url in ["sqlite:/t.db", "SQLITE:/t.db", "Sqlite:/t.db", "\u{feff} sqlite:/t.db"] {
            assert_eq!(embedded(url), Some("/t.db"), "{url:?}");
        }
        for url in ["sqlite3:/t.db", "file:/t.db", "redis://h", "sqlite", "é"] {
            assert_eq!(embedded(url), None, "{url:?}");
        }
    }

    #[test]
    fn a_path_that_nothing_replaces_parts_of_is_refused() {
        for (path, reason) in [
            ("~/t.db", "replaces ~"),
            ("~", "replaces ~"),
            ("~ann/t.db", "replaces ~"),
            ("$HOME/t.db", "replaces $"),
            ("${HOME}/t.db", "replaces $"),
            ("/data/${NAME}.db", "replaces $"),
            ("file:/t.db", "\"file:\""),
            ("File:t.db", "\"file:\""),
            ("%2Ft.db", "%-escapes"),
            ("/a%20b.db", "%-escapes"),
            ("/t.db#x", "no #"),
            (" /t.db", "blanks"),
            ("/t.db ", "blanks"),
            ("\"/t.db\"", "quotation marks"),
            ("/t\u{7}.db", "control character"),
            ("/t.db\r", "CRLF"),
            ("/data/t.db/", "ends with a slash"),
            ("/", "sqlite:/tokens.db"),
            ("..", "sqlite:../tokens.db"),
        ] {
            let failure = database(path).unwrap_err().sentence();
            assert!(failure.contains(reason), "{path:?}: {failure}");
        }
        for path in ["t.db", "/a b/t.db", "/100%/t.db", "it's", "a~", "$", "///t.db"] {
            assert_eq!(database(path).unwrap(), Path::new(path));
        }
    }
}
