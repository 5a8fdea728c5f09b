//! From a setting to a path: what cannot be meant is refused by its name, and never guessed.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, PathBufValueParser, TypedValueParser};

const QUOTATION_MARKS: [char; 8] =
    ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}'];

/// Reads a path from an argument or a variable.
pub(crate) fn parser() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(as_meant)
}

/// The same, but takes an empty one, which is refused elsewhere.
pub(crate) fn parser_of_empty_ones() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from).try_map(|path| {
        let is_blank = path.to_string_lossy().trim().is_empty();
        if is_blank { Ok(path) } else { as_meant(path) }
    })
}

/// The path, unless it cannot be meant so.
pub(crate) fn as_meant(path: PathBuf) -> Result<PathBuf, &'static str> {
    let fault = fault(&path.to_string_lossy());
    fault.map_or(Ok(path), Err)
}

/// What files of variables, editors and chat programs add to a path.
fn fault(path: &str) -> Option<&'static str> {
    if path.ends_with(['\r', '\n']) {
        Some("it ends with the end of a line, perhaps of a file with CRLF lines: take that away")
    } else if path.contains(char::is_control) {
        Some("it holds a control character: write the path without it")
    } else if path.starts_with(QUOTATION_MARKS) && path.ends_with(QUOTATION_MARKS) {
        Some("the quotation marks around it would be a part of the path: leave them out")
    } else if path.starts_with(char::is_whitespace) || path.ends_with(char::is_whitespace) {
        Some("the blanks around it would be a part of the path: leave them out")
    } else if has_variable(path) {
        Some("nothing replaces $ and the name behind it there: write the whole path")
    } else {
        None
    }
}

/// Whether a variable of a shell stands at the start of the path, or one in braces anywhere.
fn has_variable(path: &str) -> bool {
    let named = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    path.contains("${") || path.strip_prefix('$').is_some_and(named)
}

/// Why a file cannot be read. `missing` says what to do if it is not there.
pub(crate) fn unreadable(what: &str, path: &Path, error: &Error, missing: &str) -> String {
    let advice = match error.kind() {
        ErrorKind::NotFound if path.starts_with("~") => "; nothing replaces ~ there: write the whole path",
        ErrorKind::NotFound => missing,
        _ => "",
    };
    format!("cannot read the {what} {}: {error}{advice}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_stands_or_refused_with_its_reason() {
        for path in ["keys", "/a b/c'd", "~/keys", "it's", "\u{202e}x", "/a$b", "$", "$1"] {
            assert_eq!(as_meant(path.into()), Ok(path.into()));
        }
        for (path, reason) in [
            ("/k\r", "CRLF"),
            ("/k\u{1b}[2J", "control character"),
            ("\"/k\"", "quotation marks"),
            ("\u{201c}/k\u{201d}", "quotation marks"),
            (" /k", "blanks"),
            ("/k\u{a0}", "blanks"),
            ("$HOME/k", "replaces $"),
            ("/run/${NAME}/k", "replaces $"),
        ] {
            assert!(as_meant(path.into()).unwrap_err().contains(reason), "{path:?}");
        }
    }
}
