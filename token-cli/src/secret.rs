//! How a token comes in: from standard input or a file, never from the arguments.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use token_core::{PlainTextError, plain_text};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// More than any list of tokens that makes sense to pipe in: 18 000 of them. What is longer is refused as a whole.
const LIMIT: usize = 1 << 20;

/// The text of standard input, or of the file.
pub(crate) fn read(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let bytes = match file {
        Some(path) => File::open(path).and_then(|mut file| take(&mut file)).map_err(|error| {
            Failure::usage(format!("cannot read the token file {}: {error}", path.display()))
        })?,
        None => {
            let mut stdin = std::io::stdin().lock();
            if stdin.is_terminal() {
                let _ = writeln!(std::io::stderr(), "reading from standard input; end with Ctrl-D");
            }
            take(&mut stdin)
                .map_err(|source| Failure::System { what: "cannot read standard input".into(), source })?
        }
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

/// The first line, without what ends it and without white space around it.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

/// One byte more than the limit, where there is so much.
fn take(from: &mut impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room from the start: growing would leave copies of the secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    from.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
