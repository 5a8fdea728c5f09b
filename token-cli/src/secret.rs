//! How a token comes in: from standard input or a file, never from the arguments.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::path::Path;

use token_core::{PlainTextError, plain_text};
use zeroize::Zeroizing;

use crate::echo::{end_as_interrupted, restore_before_a_signal_ends_us};
use crate::failure::Failure;
use crate::paths;

/// More than any list of tokens that makes sense to pipe in: 18 000 of them. What is longer is refused as a whole.
const LIMIT: usize = 1 << 20;

/// One token: the only line of the file or of standard input that is not blank; from a terminal what is typed before
/// Enter, without showing it.
pub(crate) fn one(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    if file.is_none() && std::io::stdin().is_terminal() {
        restore_before_a_signal_ends_us().map_err(unreadable)?;
        return typed("token (it is not shown; end with Enter): ");
    }
    let text = read(file)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next().unwrap_or_default();
    match lines.next() {
        None => Ok(Zeroizing::new(line.to_owned())),
        Some(_) => Err(Failure::usage(
            "the input has several lines, and one token was expected: give it alone (\"token-cli issue -q\" prints \
             nothing else)",
        )),
    }
}

/// Several tokens, one a line, from standard input; from a terminal until an empty line, without showing them.
pub(crate) fn several() -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return read(None);
    }
    restore_before_a_signal_ends_us().map_err(unreadable)?;
    let mut lines = Zeroizing::new(String::with_capacity(LIMIT));
    loop {
        let line = typed("token (it is not shown; an empty line ends): ")?;
        if line.is_empty() || lines.len() + line.len() >= LIMIT {
            return Ok(lines);
        }
        lines.push_str(&line);
        lines.push('\n');
    }
}

/// A line that is typed at a terminal, which does not show it.
fn typed(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let _ = write!(std::io::stderr(), "{prompt}");
    match rpassword::read_password().map(Zeroizing::new) {
        Ok(line) => Ok(Zeroizing::new(line.trim().to_owned())),
        // Ctrl-D on an empty line.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Zeroizing::default()),
        Err(error) => {
            if error.kind() == ErrorKind::Interrupted {
                end_as_interrupted();
            }
            Err(unreadable(error))
        }
    }
}

fn unreadable(source: std::io::Error) -> Failure {
    Failure::file("cannot read standard input".into(), source)
}

/// The text of standard input, or of the file.
fn read(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let bytes = match file {
        Some(path) => File::open(path)
            .and_then(|mut file| take(&mut file))
            .map_err(|error| Failure::usage(paths::unreadable("token file", path, &error, missing(path))))?,
        None => take(&mut std::io::stdin().lock()).map_err(unreadable)?,
    };
    if bytes.len() > LIMIT {
        return Err(Failure::usage(
            "the input is longer than 1 MiB; nothing was done: give it in smaller pieces",
        ));
    }
    match plain_text(&bytes) {
        // What is no UTF-8 is no token either; it is refused as such further on.
        Err(PlainTextError::NotUtf8) => Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())),
        read => read.map_err(|error| Failure::usage(format!("cannot read the input as text: {error}"))),
    }
}

/// What to do instead of naming a file that is not there.
fn missing(path: &Path) -> &'static str {
    if path.as_os_str() == "-" { "; leave --token-file out to read standard input" } else { "" }
}

/// One byte more than the limit, where there is so much.
fn take(from: &mut impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room from the start: growing would leave copies of the secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    from.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
