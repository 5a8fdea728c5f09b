//! What an examination finds of the store keys.

use std::path::Path;

use token_core::{Check, Finding};

use crate::open::read_keys;

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
