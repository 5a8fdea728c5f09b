//! Scopes: permissions on nodes, to which a token is restricted.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

/// The permission to read a node, to write it, or both. Never neither.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(u8);

impl Permission {
    /// `r`
    pub const READ: Self = Self(1);
    /// `w`
    pub const WRITE: Self = Self(2);
    /// `rw`
    pub const READ_WRITE: Self = Self(3);

    /// The permission with these bits (1 read, 2 write), if there is one.
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Self> {
        (1..=3).contains(&bits).then_some(Self(bits))
    }

    /// Bit 1 for reading, bit 2 for writing.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The rights of both permissions together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::READ => "r",
            Self::WRITE => "w",
            _ => "rw",
        })
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permission({self})")
    }
}

/// A permission on one node, written `node:UUID:PERM` with PERM one of `r`, `w`, `rw`, `wr`.
///
/// A scope on a folder covers everything below it: the caller lists a node's ancestors in a
/// [`Requirement`](crate::Requirement).
///
/// ```
/// use token_core::Scope;
///
/// let scope: Scope = "node:6F9619FF-8B86-D011-B42D-00CF4FC964FF:wr".parse()?;
/// assert_eq!(scope.to_string(), "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:rw");
/// # Ok::<(), token_core::ScopeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The node.
    pub node: Uuid,
    /// What may be done with it and with what is below it.
    pub permission: Permission,
}

/// A text that is not a scope, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{scope:?} is not a scope: {problem}; write node:UUID:PERM, with PERM one of r, w, rw")]
pub struct ScopeError {
    scope: String,
    problem: &'static str,
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let refuse = |problem| ScopeError { scope: text.to_owned(), problem };
        let mut parts = text.split(':');
        let (Some(kind), Some(node), Some(permission), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refuse("it does not have three parts separated by colons"));
        };
        if kind != "node" {
            return Err(refuse("it does not start with \"node\""));
        }
        let node = parse_node(node)
            .ok_or_else(|| refuse("its second part is not a UUID of 32 hexadecimal digits with hyphens"))?;
        let permission = match permission {
            "r" => Permission::READ,
            "w" => Permission::WRITE,
            "rw" | "wr" => Permission::READ_WRITE,
            _ => return Err(refuse("its third part is none of r, w, rw")),
        };
        Ok(Self { node, permission })
    }
}

/// Parses the hyphenated form of a UUID (RFC 9562 §4), in upper or lower case, and no other form.
#[must_use]
pub fn parse_node(text: &str) -> Option<Uuid> {
    // The parser of `uuid` also takes braces, `urn:uuid:` and no hyphens; their lengths differ.
    (text.len() == uuid::fmt::Hyphenated::LENGTH).then(|| Uuid::try_parse(text).ok())?
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node:{}:{}", self.node, self.permission)
    }
}

/// One or more scopes, at most one for each node. Never empty: a token without restriction has
/// [`Access::Full`](crate::Access::Full). Ordered by node, and shared: a clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Arc<[Scope]>);

/// Why a token cannot have these scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopesError {
    /// No scope: an empty list would restrict nothing.
    #[error("a restricted token needs at least one scope")]
    Empty,
    /// More nodes than [`Scopes::MAX`].
    #[error("{0} nodes are too many for one token; the most is {max}", max = Scopes::MAX)]
    TooMany(usize),
}

impl Scopes {
    /// The maximum number of nodes that one token can be restricted to.
    pub const MAX: usize = 256;

    /// Combines the scopes; those of one node are merged.
    ///
    /// # Errors
    /// None at all, and more than [`Scopes::MAX`] nodes.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, ScopesError> {
        let mut nodes = BTreeMap::new();
        for Scope { node, permission } in scopes {
            nodes
                .entry(node)
                .and_modify(|held: &mut Permission| *held = held.union(permission))
                .or_insert(permission);
        }
        match nodes.len() {
            0 => Err(ScopesError::Empty),
            count if count > Self::MAX => Err(ScopesError::TooMany(count)),
            _ => Ok(Self(nodes.into_iter().map(|(node, permission)| Scope { node, permission }).collect())),
        }
    }

    /// The scopes, ordered by node.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// The bits of the permission on this node itself, without its ancestors.
    pub(crate) fn bits_on(&self, node: &Uuid) -> u8 {
        let held = self.0.binary_search_by_key(node, |scope| scope.node).ok().and_then(|at| self.0.get(at));
        held.map_or(0, |scope| scope.permission.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NODE: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";

    #[test]
    fn each_permission_is_read_and_written_canonically() {
        for (given, canonical) in [("r", "r"), ("w", "w"), ("rw", "rw"), ("wr", "rw")] {
            let scope: Scope = format!("node:{}:{given}", NODE.to_uppercase()).parse().unwrap();
            assert_eq!(scope.to_string(), format!("node:{NODE}:{canonical}"));
        }
    }

    #[test]
    fn every_other_form_is_refused_and_named() {
        let bare = NODE.replace('-', "");
        for text in [
            "",
            "node",
            "node::r",
            "node:x:r",
            &format!("node:{NODE}"),
            &format!("node:{NODE}:"),
            &format!("node:{NODE}:rr"),
            &format!("node:{NODE}:R"),
            &format!("node:{NODE}:rwx"),
            &format!("node:{NODE}:write"),
            &format!("node:{NODE}:r:w"),
            &format!("NODE:{NODE}:r"),
            &format!(" node:{NODE}:r"),
            &format!("node:{{{NODE}}}:r"),
            &format!("node:{bare}:r"),
            &format!("node:urn:uuid:{NODE}:r"),
            "*",
        ] {
            let error = text.parse::<Scope>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is not a scope: ")), "{error}");
        }
    }

    #[test]
    fn scopes_of_one_node_are_merged() {
        let scopes = [format!("node:{NODE}:r"), format!("node:{}:w", NODE.to_uppercase())];
        let scopes = Scopes::new(scopes.iter().map(|text| text.parse().unwrap())).unwrap();
        let texts: Vec<_> = scopes.iter().map(|scope| scope.to_string()).collect();
        assert_eq!(texts, [format!("node:{NODE}:rw")]);
    }

    #[test]
    fn no_scope_and_too_many_are_refused() {
        let scope = |n| Scope { node: Uuid::from_u128(n), permission: Permission::READ };
        assert_eq!(Scopes::new([]), Err(ScopesError::Empty));
        assert!(Scopes::new((0..256).map(scope)).is_ok());
        assert_eq!(Scopes::new((0..257).map(scope)), Err(ScopesError::TooMany(257)));
    }

    proptest! {
        #[test]
        fn a_scope_reads_back_from_its_text(node: u128, bits in 1_u8..=3) {
            let scope = Scope { node: Uuid::from_u128(node), permission: Permission::from_bits(bits).unwrap() };
            prop_assert_eq!(scope.to_string().parse(), Ok(scope));
        }

        #[test]
        fn a_scope_and_its_canonical_form_differ_only_in_case_and_order(text in "node:[0-9a-fA-F-]{36}:[rw]{1,2}|\\PC{0,60}") {
            if let Ok(scope) = text.parse::<Scope>() {
                prop_assert_eq!(scope.to_string(), text.to_lowercase().replace("wr", "rw"));
            }
        }
    }
}
