//! Exit codes.

use std::process::ExitCode;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// 0: done, or the token is active.
    Done = 0,
    /// 1: the answer is no: inactive, not permitted, no such id; an examination found a failure.
    Negative = 1,
    /// 2: the request cannot be granted as it stands.
    Usage = 2,
    /// 3: the store could not be asked, or did not do it.
    Store = 3,
}

/// As the help shows them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; the token is active
  1  no: inactive, not permitted, no such id, issued before; doctor: a failure
  2  wrong usage or bad input
  3  the store could not be asked, did not confirm a change, or holds a record
     that cannot be read";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
