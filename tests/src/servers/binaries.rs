//! Which programs to run.

use std::env;
use std::path::PathBuf;
use std::sync::LazyLock;

/// The server and its command line client, of one make.
pub(super) struct Binaries {
    pub(super) server: PathBuf,
    pub(super) cli: PathBuf,
}

/// The programs from `PATH`: Redis, else Valkey.
///
/// # Panics
/// Neither is there; the message says what to install. A test that needs a server is never skipped.
pub(super) fn binaries() -> &'static Binaries {
    static FOUND: LazyLock<Option<Binaries>> = LazyLock::new(|| {
        ["redis", "valkey"].into_iter().find_map(|make| {
            Some(Binaries {
                server: in_path(&format!("{make}-server"))?,
                cli: in_path(&format!("{make}-cli"))?,
            })
        })
    });
    FOUND.as_ref().unwrap_or_else(|| {
        panic!(
            "these tests run real servers: install redis-server and redis-cli, or valkey-server and valkey-cli, and \
             put them in PATH (Debian and Ubuntu: apt install redis-server; Fedora: dnf install valkey; macOS: brew \
             install redis)"
        )
    })
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
