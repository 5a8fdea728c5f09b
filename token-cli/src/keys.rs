//! The store keys: reading their file, and what an examination finds of it.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use token_core::KeyRing;
use token_doctor::{Check, Finding};

use crate::failure::Failure;
use crate::paths;

pub(crate) fn read_keys(path: &Path) -> Result<Arc<KeyRing>, Failure> {
    const MAKE: &str = "; make one with \"token-cli new-key-file\"";
    let read = File::open(path).and_then(KeyRing::read_from);
    let keys = read.map_err(|error| Failure::usage(paths::unreadable("key file", path, &error, MAKE)))?;
    keys.map(Arc::new).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

const KEYS: Check = Check {
    name: "keys",
    wanted: "a key file, the same on all nodes of the service, that nobody else can read",
    why: "anyone who has the key and can write to the store can make tokens; everybody has the built-in public key. \
          Without the right key, no token is recognised",
};

/// Of the embedded store, which makes its own on first use.
pub(crate) fn of_a_database(path: &Path, there_are_tokens: bool) -> Finding {
    match path.exists() {
        false if there_are_tokens => KEYS
            .failure("the key file is missing: no token in the database can be recognised")
            .at(path.display().to_string()),
        false if is_below_a_file(path) => KEYS
            .failure("none, and none can be made: what stands above it is a file, and no folder")
            .at(path.display().to_string()),
        false => KEYS.ok("none yet: the first token makes one").at(path.display().to_string()),
        true => of_file(path),
    }
}

fn is_below_a_file(path: &Path) -> bool {
    path.ancestors().skip(1).find(|above| above.exists()).is_some_and(|above| !above.is_dir())
}

/// Of a store on servers.
pub(crate) fn of_a_server(path: Option<&Path>) -> Finding {
    path.map_or_else(|| KEYS.warning("the built-in public key"), of_file)
}

fn of_file(path: &Path) -> Finding {
    let finding = match read_keys(path) {
        Err(failure) => KEYS.failure(failure.line()),
        Ok(_) => token_doctor::sqlite::examine_mode(&KEYS, path),
    };
    finding.at(path.display().to_string())
}
