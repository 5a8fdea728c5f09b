//! Whether anybody gets what is written to standard output.

use std::io::{Error, Stdout, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, stat};
use rustix::io::{Errno, ioctl_fionread};

/// How long the reader of a pipe has to take the text. One that is still there after this time is believed to do so.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks at the pipe.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// Fails if standard output was closed when the process began.
///
/// The standard library then opens `/dev/null` in its place, for reading and writing. The `>/dev/null` of a shell is for
/// writing only: a user who types that wants nothing delivered.
pub(crate) fn is_open() -> Result<(), Error> {
    let stdout = std::io::stdout();
    let mode = fcntl_getfl(&stdout)? & OFlags::ACCMODE;
    let (found, null) = (fstat(&stdout)?, stat("/dev/null")?);
    let is_null =
        FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice && found.st_rdev == null.st_rdev;
    if is_null && mode != OFlags::WRONLY { Err(Errno::BADF.into()) } else { Ok(()) }
}

/// Writes the text to standard output, and fails if nobody can have read its first line.
pub(crate) fn deliver(text: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())?;
    let first_line = text.find('\n').unwrap_or(text.len());
    taken(&stdout, (text.len() - first_line) as u64)
}

/// Waits until no more than this is left in a pipe; fails if its reader goes away before.
fn taken(stdout: &Stdout, left: u64) -> Result<(), Error> {
    if FileType::from_raw_mode(fstat(stdout)?.st_mode) != FileType::Fifo {
        return Ok(());
    }
    let begun = Instant::now();
    // What cannot be asked is believed: the text was written.
    while ioctl_fionread(stdout).is_ok_and(|unread| unread > left) && begun.elapsed() < PATIENCE {
        let mut pipe = [PollFd::new(stdout, PollFlags::empty())];
        let ready = poll(&mut pipe, Some(&PAUSE));
        let gone = pipe.iter().any(|pipe| pipe.revents().contains(PollFlags::ERR));
        // It may have read everything just before it went.
        if ready.is_ok() && gone && ioctl_fionread(stdout).is_ok_and(|unread| unread > left) {
            return Err(Errno::PIPE.into());
        }
    }
    Ok(())
}
