//! The store keys: reading their file, and what an examination finds of it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use token_core::{Check, Finding, KeyRing};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Several times what all the keys that there can be take.
const KEY_FILE_LIMIT: usize = 64 * 1024;

pub(crate) fn read_keys(path: &Path) -> Result<Arc<KeyRing>, Failure> {
    // Room from the start: growing would leave copies of the keys behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_LIMIT));
    let read = File::open(path).and_then(|file| file.take(KEY_FILE_LIMIT as u64).read_to_end(&mut bytes));
    read.map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::NotFound => "; make one with \"token-cli new-key-file\"",
            _ => "",
        };
        Failure::usage(format!("cannot read the key file {}: {error}{advice}", path.display()))
    })?;
    let keys = KeyRing::read(&bytes);
    keys.map(Arc::new).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

const KEYS: Check = Check {
    name: "keys",
    wanted: "a key file, the same on all nodes of the service, that nobody else can read",
    why: "whoever has the key and can write to the store can make tokens; with the built-in public key, everybody has it. \
          Without the right key, no token is recognised",
};

/// Of the embedded store, which makes its own on first use.
pub(crate) fn of_a_database(path: &Path, there_are_tokens: bool) -> Finding {
    match path.exists() {
        false if there_are_tokens => KEYS
            .failure("the key file is missing: no token in the database can be recognised")
            .at(path.display().to_string()),
        false => KEYS.ok("none yet: the first token makes one").at(path.display().to_string()),
        true => of_file(path),
    }
}

/// Of a store on servers.
pub(crate) fn of_a_server(path: Option<&Path>) -> Finding {
    path.map_or_else(|| KEYS.warning("the built-in public key"), of_file)
}

fn of_file(path: &Path) -> Finding {
    let finding = match read_keys(path) {
        Err(failure) => KEYS.failure(failure.sentence().trim_start_matches("error: ").to_owned()),
        Ok(_) => token_sqlite::examine_mode(&KEYS, path),
    };
    finding.at(path.display().to_string())
}
