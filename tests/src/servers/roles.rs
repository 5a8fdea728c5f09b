//! The users of `deploy/acl/`, with the published rules and a password for each.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::binaries::has_waitaof;

/// The user of the harness on servers with roles: only this user may do everything, and every client must log in.
pub(super) const HANDS: &str = "hands";

/// An ACL file of all roles, which is deleted with the last server that uses it.
#[derive(Debug)]
pub struct Roles {
    directory: TempDir,
}

impl Roles {
    /// Writes a new ACL file.
    ///
    /// # Panics
    /// There are none, or the file cannot be written.
    pub(super) fn gather() -> Self {
        let gathered = Self { directory: tempfile::tempdir().expect("a directory for an ACL file") };
        let mut lines = vec![format!("user {HANDS} on >{} ~* &* +@all", Self::password(HANDS))];
        for role in Self::names() {
            // The user `default` has no password and is off.
            let password =
                if role == "default" { String::new() } else { format!(" >{}", Self::password(&role)) };
            lines.push(format!("{}{password}", Self::line(&role)));
        }
        fs::write(gathered.file(), lines.join("\n")).expect("an ACL file can be written");
        gathered
    }

    /// The names of all roles in `deploy/acl/`.
    ///
    /// # Panics
    /// There is no such directory.
    #[must_use]
    pub fn names() -> Vec<String> {
        let entries = fs::read_dir(directory()).unwrap_or_else(|error| panic!("{:?}: {error}", directory()));
        let files = entries.map(|entry| entry.expect("the directory can be read").path());
        let roles = files.filter(|file| file.extension().is_some_and(|extension| extension == "acl"));
        let mut names: Vec<String> =
            roles.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect();
        names.sort();
        names
    }

    /// The rules of a role in `deploy/acl/`, without WAITAOF if the server under test does not have it.
    ///
    /// # Panics
    /// There is no such role.
    #[must_use]
    pub fn line(role: &str) -> String {
        let file = directory().join(role).with_extension("acl");
        let line = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let line = line.trim();
        if has_waitaof() { line.to_owned() } else { line.replace(" +waitaof", "") }
    }

    /// The password of a role.
    #[must_use]
    pub fn password(role: &str) -> String {
        format!("the-password-of-{role}")
    }

    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("users.acl")
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/acl")
}
