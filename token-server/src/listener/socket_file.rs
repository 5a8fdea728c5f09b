//! A socket that is a file: who may connect, what becomes of one that was left behind, and its end.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};

use nix::unistd::{Group, User};
use tokio::net::UnixListener;

use crate::failure::Failure;
use crate::settings::socket_path::SocketPath;

/// The file of a socket. It is removed with this, unless another one has come to its place.
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens on a socket file. The file of a process that has ended is replaced.
    pub(crate) fn bind(wanted: &SocketPath) -> Result<(UnixListener, Self), Failure> {
        let cannot = |source| cannot(&wanted.path, source);
        let (owner, group) = (user(wanted)?, group(wanted)?);
        free(&wanted.path)?;
        // It comes to its place when it has its mode and its owner: before, no client finds it.
        let aside = beside(&wanted.path);
        let _ = fs::remove_file(&aside);
        if SocketAddr::from_pathname(&aside).is_err() {
            return Err(Failure::usage(format!(
                "cannot listen on {wanted}: the path is too long for a socket"
            )));
        }
        let listener = UnixListener::bind(&aside).map_err(cannot)?;
        let placed = place(&aside, wanted, owner, group);
        if placed.is_err() {
            let _ = fs::remove_file(&aside);
        }
        let identity = placed.map_err(cannot)?;
        Ok((listener, Self { path: wanted.path.clone(), identity }))
    }
}

fn place(
    aside: &Path,
    wanted: &SocketPath,
    owner: Option<u32>,
    group: Option<u32>,
) -> io::Result<(u64, u64)> {
    if owner.is_some() || group.is_some() {
        chown(aside, owner, group)?;
    }
    if let Some(mode) = wanted.mode {
        fs::set_permissions(aside, Permissions::from_mode(mode))?;
    }
    let identity = identity(aside)?;
    fs::rename(aside, &wanted.path)?;
    Ok(identity)
}

fn beside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    aside.into()
}

/// Nothing is there that is not ours to replace.
fn free(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(cannot(path, source)),
        Ok(there) => there,
    };
    if !there.file_type().is_socket() {
        let what = if there.is_dir() { "a folder" } else { "a file that is no socket" };
        return Err(Failure::usage(format!(
            "cannot listen on unix:{shown}: there is {what}; name another path, for a socket file of its own"
        )));
    }
    match UnixStream::connect(path) {
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        Ok(_) => Err(Failure::usage(format!(
            "cannot listen on unix:{shown}: another process listens there; end it, or name another path"
        ))),
        Err(source) => {
            let what = format!("cannot find out whether another process listens on unix:{shown}");
            Err(Failure::System { what, source })
        }
    }
}

/// A folder that is missing, or that this user may not write to, takes another path, which is mended by typing.
fn cannot(path: &Path, source: io::Error) -> Failure {
    let what = format!("cannot listen on unix:{}", path.display());
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            Failure::usage(format!("{what}: there is no such folder; make it, or name another path"))
        }
        ErrorKind::PermissionDenied => Failure::usage(format!(
            "{what}: this user may not; name another path, or change the rights of the folder"
        )),
        _ => Failure::System { what, source },
    }
}

fn user(wanted: &SocketPath) -> Result<Option<u32>, Failure> {
    let look = |name: &str| Ok(User::from_name(name)?.map(|user| user.uid.as_raw()));
    number(wanted.owner.as_deref(), "user", look)
}

fn group(wanted: &SocketPath) -> Result<Option<u32>, Failure> {
    let look = |name: &str| Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()));
    number(wanted.group.as_deref(), "group", look)
}

fn number(
    name: Option<&str>,
    what: &str,
    look: impl Fn(&str) -> nix::Result<Option<u32>>,
) -> Result<Option<u32>, Failure> {
    let Some(name) = name else { return Ok(None) };
    if let Ok(number) = name.parse() {
        return Ok(Some(number));
    }
    let found = look(name).map_err(|error| Failure::system(error.into()))?;
    let missing =
        || Failure::usage(format!("this machine has no {what} {name:?}: name one that it has, or a number"));
    found.map(Some).ok_or_else(missing)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl fmt::Display for SocketFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.path.display())
    }
}
