//! What a token may access, what a use of it requires, and whether a validation is a use.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::names::Subject;
use crate::scope::{Scope, Scopes};
use crate::verdict::Reason;

/// What a token may access.
///
/// Full access is a named variant. An empty list of scopes cannot exist, so it cannot mean "everything".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everything that the subject may do.
    Full,
    /// Only these nodes and what is below them, as far as the subject itself may access them.
    Restricted(Scopes),
}

impl Access {
    /// Full access if there are no scopes, else access restricted to the scopes: the rule of the command line.
    ///
    /// # Errors
    /// Too many scopes, see [`Scopes::new`].
    pub fn from_scopes(scopes: Vec<Scope>) -> Result<Self, crate::ScopesError> {
        if scopes.is_empty() { Ok(Self::Full) } else { Scopes::new(scopes).map(Self::Restricted) }
    }

    /// The scopes of a restricted access.
    #[must_use]
    pub fn scopes(&self) -> Option<&Scopes> {
        match self {
            Self::Full => None,
            Self::Restricted(scopes) => Some(scopes),
        }
    }

    /// Whether the scopes grant the permission `need` on its node or, together, on the node and its ancestors.
    #[must_use]
    pub fn covers(&self, need: &RequiredPermission) -> bool {
        match self {
            Self::Full => true,
            Self::Restricted(scopes) => {
                let held = need.path().fold(0, |held, node| held | scopes.bits_on(node));
                let needed = need.scope.permission.bits();
                held & needed == needed
            }
        }
    }
}

/// A permission that a use needs on a node, and the folders that contain the node.
///
/// Only the caller knows the tree: a scope on a folder covers a node below it because the caller lists the folder
/// among the node's ancestors. Rights along the path add up: `r` on a folder and `w` on a file in it make `rw` on the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredPermission {
    scope: Scope,
    ancestors: BTreeSet<Uuid>,
}

impl RequiredPermission {
    /// The maximum number of ancestors that are checked.
    pub const MAX_ANCESTORS: usize = 256;

    /// Requires `scope.permission` on `scope.node`, without ancestors.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { scope, ancestors: BTreeSet::new() }
    }

    /// Adds the folders that contain the node, in any order.
    ///
    /// Only the first [`RequiredPermission::MAX_ANCESTORS`] different ones are kept: an omitted one can only refuse a use.
    #[must_use]
    pub fn with_ancestors(mut self, ancestors: impl IntoIterator<Item = Uuid>) -> Self {
        for ancestor in ancestors {
            if self.ancestors.len() == Self::MAX_ANCESTORS {
                break;
            }
            self.ancestors.insert(ancestor);
        }
        self
    }

    /// The permission and the node.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The node and its ancestors: a permission on any of them satisfies the requirement.
    pub fn path(&self) -> impl Iterator<Item = &Uuid> + '_ {
        std::iter::once(&self.scope.node).chain(&self.ancestors)
    }
}

/// What a use requires in addition to a live token. A use that does not meet it does not renew the token.
///
/// ```
/// use token_core::{Requirement, RequiredPermission};
///
/// let requirement = Requirement::any()
///     .subject("admin".parse()?)
///     .permission(RequiredPermission::new("node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement {
    subject: Option<Subject>,
    permissions: Vec<RequiredPermission>,
}

impl Requirement {
    /// Requires only a live token.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Requires that the token speaks for `subject`, as Basic authentication does with its user name.
    #[must_use]
    pub fn subject(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Requires one more permission; all of them must be covered.
    #[must_use]
    pub fn permission(mut self, permission: RequiredPermission) -> Self {
        self.permissions.push(permission);
        self
    }

    /// The subject that is required, if one is.
    #[must_use]
    pub fn required_subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// Why a live token with this subject and this access does not meet the requirement; `None` if it does.
    #[must_use]
    pub fn unmet_by(&self, subject: &Subject, access: &Access) -> Option<Reason> {
        if self.subject.as_ref().is_some_and(|required| required != subject) {
            return Some(Reason::WrongSubject);
        }
        let unmet = self.permissions.iter().find(|required| !access.covers(required))?;
        Some(Reason::NotPermitted { missing: unmet.scope() })
    }

    /// The permissions that are required.
    #[must_use]
    pub fn permissions(&self) -> &[RequiredPermission] {
        &self.permissions
    }
}

/// Whether a validation is a use of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The token is being used: a sliding one is renewed.
    Use,
    /// The caller only inspects the token: nothing is renewed.
    Peek,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn need(text: &str, n: u128, ancestors: &[u128]) -> RequiredPermission {
        let scope = format!("node:{}:{text}", node(n)).parse().unwrap();
        RequiredPermission::new(scope).with_ancestors(ancestors.iter().map(|&n| node(n)))
    }

    fn restricted(scopes: &[(u128, &str)]) -> Access {
        let scopes = scopes.iter().map(|(n, text)| format!("node:{}:{text}", node(*n)).parse().unwrap());
        Access::Restricted(Scopes::new(scopes).unwrap())
    }

    #[test]
    fn a_scope_covers_only_its_node_and_its_descendants() {
        let access = restricted(&[(1, "r")]);
        assert!(access.covers(&need("r", 1, &[])));
        assert!(access.covers(&need("r", 9, &[5, 1])), "below");
        assert!(!access.covers(&need("r", 9, &[5])), "elsewhere");
        assert!(!access.covers(&need("w", 1, &[])), "other permission");
        assert!(!access.covers(&need("rw", 1, &[])), "more than is held");
    }

    #[test]
    fn rights_add_up_along_the_path() {
        let access = restricted(&[(1, "r"), (2, "w")]);
        assert!(access.covers(&need("rw", 2, &[1])));
        assert!(!access.covers(&need("rw", 1, &[])), "a right on a child does not reach up");
    }

    #[test]
    fn full_access_covers_everything() {
        assert!(Access::Full.covers(&need("rw", 7, &[])));
    }

    #[test]
    fn no_scope_means_full_access_by_name() {
        assert_eq!(Access::from_scopes(vec![]), Ok(Access::Full));
        assert!(Access::from_scopes(vec![need("r", 1, &[]).scope()]).unwrap().scopes().is_some());
    }

    #[test]
    fn ancestors_beyond_the_limit_can_only_refuse() {
        let access = restricted(&[(999, "r")]);
        let far: Vec<u128> = (1..=256).chain([999]).collect();
        assert!(!access.covers(&need("r", 1000, &far)));
    }
}
