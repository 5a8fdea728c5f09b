//! Whether the keys of a node are the keys that issued the tokens in a store.
//!
//! A store keeps a check value for each key version that has issued a token in it. If two deployments both have a
//! version `1`, with different keys, their check values differ.

use crate::error::{StoreError, StoreErrorKind};
use crate::keys::{KeyRing, KeyVersion};

/// What a store keeps of a key: it distinguishes the key from others, and discloses nothing else about it.
pub type CheckValue = [u8; 16];

/// How the keys of a node compare with the check values in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum KeyFit {
    /// The store has the check value of a key of this node.
    Fits,
    /// The store has no check value yet, or could not be asked.
    Unknown,
    /// The store has check values of these versions only, and this node has none of the keys.
    Missing(Vec<KeyVersion>),
    /// The store has check values of these versions from a key file, and this node has the public key.
    Public(Vec<KeyVersion>),
    /// The node's key of this version differs from the one that the store has the check value of.
    Differs(KeyVersion),
}

impl KeyRing {
    /// Compares these keys with the check values in a store.
    pub fn fit(&self, known: &[(KeyVersion, CheckValue)]) -> KeyFit {
        let mut fits = false;
        for &(version, value) in known {
            match self.check_value(version) {
                Some(own) if own != value => return KeyFit::Differs(version),
                Some(_) => fits = true,
                None => {}
            }
        }
        let mut versions: Vec<_> = known.iter().map(|&(version, _)| version).collect();
        if self.is_public() {
            versions.retain(|&version| version != KeyVersion::PUBLIC);
            if !versions.is_empty() {
                return KeyFit::Public(versions);
            }
        }
        match known {
            [] => KeyFit::Unknown,
            _ if fits => KeyFit::Fits,
            _ => KeyFit::Missing(versions),
        }
    }

    /// The versions that a store knows and this ring lacks. This node refuses their tokens.
    #[must_use]
    pub fn lacking(&self, known: &[(KeyVersion, CheckValue)]) -> Vec<KeyVersion> {
        let versions = known.iter().map(|&(version, _)| version);
        versions.filter(|&version| self.check_value(version).is_none()).collect()
    }

    /// Whether this ring consists of the public key.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.issuing_version() == KeyVersion::PUBLIC
    }
}

impl KeyFit {
    /// What is wrong and what to do about it; `None` if nothing is known to be wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Fits | Self::Unknown => None,
            Self::Missing(versions) => Some(format!(
                "the tokens in this store have {}, which this node lacks, and it refuses them; use the key \
                 file of the fleet (TOKEN_KEY_FILE)",
                listed(versions)
            )),
            Self::Public(versions) => Some(format!(
                "the tokens in this store are issued with a key file ({}), and this node has none: nodes \
                 with the key file refuse what the public key issues; set TOKEN_KEY_FILE (or --key-file) as on the \
                 other nodes",
                listed(versions)
            )),
            Self::Differs(version) => Some(format!(
                "this key file is of another deployment: its key version {version} is not the key version {version} that \
                 issued the tokens in this store; use the key file of the fleet (TOKEN_KEY_FILE)"
            )),
        }
    }

    /// Whether the node has the keys of another deployment. A node that only lacks keys of the store may still get them.
    #[must_use]
    pub fn is_of_another(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::Public(_))
    }

    /// Fails if the node has the keys of another deployment. `doing` is a verb, as in "cannot …".
    ///
    /// # Errors
    /// [`Misconfigured`](StoreErrorKind::Misconfigured) for [`KeyFit::Differs`] and [`KeyFit::Public`].
    pub fn require(&self, doing: &str) -> Result<(), StoreError> {
        match self.trouble().filter(|_| self.is_of_another()) {
            Some(trouble) => {
                Err(StoreError::new(StoreErrorKind::Misconfigured, format!("cannot {doing}: {trouble}")))
            }
            None => Ok(()),
        }
    }
}

fn listed(versions: &[KeyVersion]) -> String {
    let each: Vec<_> = versions.iter().map(ToString::to_string).collect();
    match each.as_slice() {
        [one] => format!("key version {one}"),
        _ => format!("key versions {}", each.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(lines: &[(char, char)]) -> KeyRing {
        let text: String = lines
            .iter()
            .map(|(version, digit)| format!("{version} {}\n", digit.to_string().repeat(64)))
            .collect();
        KeyRing::parse(&text).unwrap()
    }

    fn known(ring: &KeyRing) -> Vec<(KeyVersion, CheckValue)> {
        KeyVersion::all().filter_map(|version| Some((version, ring.check_value(version)?))).collect()
    }

    fn version(character: u8) -> KeyVersion {
        KeyVersion::new(character).unwrap()
    }

    #[test]
    fn another_key_of_the_same_version_differs() {
        let (ours, theirs) = (ring(&[('1', 'a')]), ring(&[('2', 'c'), ('1', 'b')]));
        let fit = ours.fit(&known(&theirs));
        assert_eq!(fit, KeyFit::Differs(version(b'1')));
        let error = fit.require("serve").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(error.to_string().contains("its key version 1 is not the key version 1"), "{error}");
    }

    #[test]
    fn a_rotation_is_no_difference() {
        let (old, both, new) = (ring(&[('1', 'a')]), ring(&[('2', 'b'), ('1', 'a')]), ring(&[('2', 'b')]));
        for (node, store) in [(&both, &old), (&old, &both), (&both, &both), (&new, &both)] {
            assert_eq!(node.fit(&known(store)), KeyFit::Fits);
        }
        assert_eq!(new.fit(&[]), KeyFit::Unknown);
    }

    #[test]
    fn a_node_with_none_of_the_versions_is_warned_and_not_refused() {
        let fit = ring(&[('2', 'b')]).fit(&known(&ring(&[('1', 'a')])));
        assert_eq!(fit, KeyFit::Missing(vec![version(b'1')]));
        assert!(fit.trouble().unwrap().contains("key version 1, which this node lacks"));
        fit.require("serve").unwrap();
    }

    #[test]
    fn the_public_key_is_refused_if_a_key_file_issues() {
        let mut both = known(&ring(&[('1', 'a')]));
        both.extend(known(&KeyRing::public()));
        let fit = KeyRing::public().fit(&both);
        assert_eq!(fit, KeyFit::Public(vec![version(b'1')]));
        let error = fit.require("issue").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(error.to_string().contains("set TOKEN_KEY_FILE"), "{error}");
    }

    #[test]
    fn a_key_file_may_follow_the_public_key() {
        let keyed = ring(&[('1', 'a')]);
        let public = known(&KeyRing::public());
        keyed.fit(&public).require("issue").unwrap();
        assert_eq!(KeyRing::public().fit(&public), KeyFit::Fits);
    }

    #[test]
    fn a_check_value_is_neither_the_key_nor_the_seal() {
        let ring = ring(&[('1', 'a')]);
        let value = ring.check_value(version(b'1')).unwrap();
        assert_ne!(value, [0xaa; 16]);
        assert_ne!(value, ring.seal(version(b'1'), b"").unwrap().as_bytes()[..16]);
        assert_eq!(ring.check_value(version(b'2')), None);
    }
}
