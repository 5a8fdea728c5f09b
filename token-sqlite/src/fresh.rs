//! Creates files and folders for their owner only, which are complete when they get their name.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Creates the file `path` unless it exists: `fill` writes it under a temporary name in the same folder, which is created if
/// it is missing. Of several concurrent callers one creates the file, and all succeed. Returns whether it was this one.
///
/// `fill` gets the path of an empty file of mode 0600. No descriptor of this process is open on the file when it gets
/// its name: closing one would release the locks that SQLite holds on the file in another thread (POSIX).
pub(crate) fn make_whole<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<bool, E> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    let passing = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?.into_temp_path();
    fill(&passing)?;
    OpenOptions::new().write(true).open(&passing)?.sync_all()?;
    match passing.persist_noclobber(path) {
        Ok(()) => {}
        Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(failed) => return Err(failed.error.into()),
    }
    sync_folder(folder)?;
    Ok(true)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(folder)
}

/// Makes a new name in the folder survive a power failure.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
