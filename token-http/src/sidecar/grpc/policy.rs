//! Who may do what.

use token_core::Subject;
use tonic::Status;

use crate::sidecar::callers::Caller;

/// What a caller wants to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Issue,
    Validate,
    Revoke,
    List,
}

/// Whose tokens a caller may do it with.
#[derive(Debug)]
pub(super) enum Reach<'a> {
    Everybody,
    Own(&'a Subject),
}

pub(super) fn permit<'a>(caller: &'a Caller<'_>, deed: Deed) -> Result<Reach<'a>, Status> {
    match deed {
        _ if caller.is_admin() => Ok(Reach::Everybody),
        Deed::Validate if caller.may_introspect() => Ok(Reach::Everybody),
        Deed::Revoke | Deed::List if caller.has_full_access() => Ok(Reach::Own(caller.subject())),
        _ => Err(Status::permission_denied("this token may not do this")),
    }
}

impl Reach<'_> {
    pub(super) fn includes(&self, subject: &Subject) -> bool {
        match self {
            Self::Everybody => true,
            Self::Own(own) => *own == subject,
        }
    }
}
