//! Chooses the server programs.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The environment variable that selects another server than the one in `PATH`: one that `scripts/servers.sh` has put below
/// `target/servers`, or, if it contains a slash, a folder with a server and its client.
const CHOSEN: &str = "TOKEN_TEST_SERVER";

/// The server and its command line client, of the same product.
pub(super) struct Binaries {
    pub(super) server: PathBuf,
    pub(super) cli: PathBuf,
}

/// The programs that `TOKEN_TEST_SERVER` selects, else those in `PATH`: Redis, else Valkey.
///
/// # Panics
/// They are missing; the message says what to install. A test that needs a server is never skipped.
pub(super) fn binaries() -> &'static Binaries {
    static FOUND: LazyLock<Result<Binaries, String>> = LazyLock::new(find);
    FOUND.as_ref().unwrap_or_else(|why| panic!("{why}"))
}

/// Whether the server has WAITAOF. Redis 7.0, the oldest supported version, does not.
///
/// # Panics
/// It does not print its version.
pub(super) fn has_waitaof() -> bool {
    static KNOWN: LazyLock<bool> = LazyLock::new(|| {
        let server = &binaries().server;
        let output = Command::new(server).arg("--version").output();
        let output = output.unwrap_or_else(|error| panic!("{server:?} --version: {error}")).stdout;
        let output = String::from_utf8_lossy(&output);
        assert!(output.contains(" v="), "{server:?} --version: {output}");
        !output.contains(" v=7.0.")
    });
    *KNOWN
}

fn find() -> Result<Binaries, String> {
    if let Some(name) = env::var_os(CHOSEN).filter(|name| !name.is_empty()) {
        let folder = folder_of(&name);
        return of_either_make(|program| program_in(&folder, program)).ok_or_else(|| {
            format!(
                "{CHOSEN} is {}, and {} has no redis-server with redis-cli and no valkey-server with valkey-cli: \
                 scripts/servers.sh puts some below target/servers",
                name.display(),
                folder.display()
            )
        });
    }
    of_either_make(in_path).ok_or_else(|| {
        "these tests run real servers: install redis-server and redis-cli, or valkey-server and valkey-cli, and put \
         them in PATH (Debian and Ubuntu: apt install redis-server; Fedora: dnf install valkey; macOS: brew install \
         redis)"
            .to_owned()
    })
}

fn folder_of(name: &OsStr) -> PathBuf {
    let named = Path::new(name);
    if named.components().count() > 1 {
        return named.to_owned();
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers").join(named).join("bin")
}

fn of_either_make(find: impl Fn(&str) -> Option<PathBuf>) -> Option<Binaries> {
    ["redis", "valkey"].into_iter().find_map(|make| {
        Some(Binaries { server: find(&format!("{make}-server"))?, cli: find(&format!("{make}-cli"))? })
    })
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).find_map(|folder| program_in(&folder, program))
}

fn program_in(folder: &Path, program: &str) -> Option<PathBuf> {
    Some(folder.join(program)).filter(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_a_word_or_by_its_folder() {
        assert!(folder_of("redis-8.0".as_ref()).ends_with("target/servers/redis-8.0/bin"));
        assert_eq!(folder_of("/opt/redis/bin".as_ref()), Path::new("/opt/redis/bin"));
    }
}
