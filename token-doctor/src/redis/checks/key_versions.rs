//! Whether the keys of this node are those that issued the tokens in the store.

use crate::{Check, Finding};
use token_core::{KeyFit, KeyRing};

use crate::redis::snapshot::{Facts, Snapshot};

const KEY_VERSIONS: Check = Check {
    name: "key-versions",
    wanted: "the key file of this node has the keys that issued the tokens in the store",
    why: "a node with the key file of another deployment refuses every token of this one",
};

/// Nothing is found without keys: that is another finding.
pub(super) fn findings(snapshot: &Snapshot, keys: Option<&KeyRing>) -> Vec<Finding> {
    let Some(keys) = keys else { return Vec::new() };
    let found = snapshot.answering().filter_map(|(node, facts)| Some(finding(facts, keys)?.at(&node.name)));
    found.collect()
}

fn finding(facts: &Facts, keys: &KeyRing) -> Option<Finding> {
    let known = match facts.key_checks.as_ref()? {
        Ok(known) => known,
        Err(unobserved) => return Some(KEY_VERSIONS.warning(unobserved.to_string())),
    };
    let fit = keys.fit(known);
    Some(match (&fit, fit.trouble()) {
        (fit, Some(trouble)) if fit.is_of_another() => KEY_VERSIONS.failure(trouble),
        (_, Some(trouble)) => KEY_VERSIONS.warning(trouble),
        (KeyFit::Unknown, None) => {
            KEY_VERSIONS.ok("none is noted: the next token that is issued notes its own")
        }
        (_, None) => KEY_VERSIONS.ok("as in the store"),
    })
}

#[cfg(test)]
mod tests {
    use crate::FindingStatus::{Failure, Ok, Warning};
    use token_core::KeyVersion;

    use super::super::fixtures::{alone, edit, node, worst};
    use super::*;
    use crate::redis::observed::Unobserved;

    #[test]
    fn a_missing_version_is_a_warning() {
        let keys = KeyRing::parse(&format!("2 {}", "ab".repeat(32))).unwrap();
        let mut node = node("a", "role:master");
        edit(&mut node).key_checks = Some(Result::Ok(vec![(KeyVersion::new(b'1').unwrap(), [1; 16])]));
        assert_eq!(worst(&findings(&alone(node), Some(&keys)), "key-versions"), Some(Warning));
    }

    #[test]
    fn another_key_and_a_missing_key_file_are_failures() {
        let (own, other) = (KeyVersion::PUBLIC, KeyVersion::new(b'1').unwrap());
        let keys = KeyRing::public();
        let value = keys.check_value(own).unwrap();
        for (seen, status) in [
            (None, None),
            (Some(Result::Ok(vec![])), Some(Ok)),
            (Some(Result::Ok(vec![(own, value)])), Some(Ok)),
            (Some(Result::Ok(vec![(own, value), (other, [1; 16])])), Some(Failure)),
            (Some(Result::Ok(vec![(other, [1; 16])])), Some(Failure)),
            (Some(Result::Ok(vec![(own, [1; 16])])), Some(Failure)),
            (Some(Err(Unobserved::NotPermitted("get"))), Some(Warning)),
        ] {
            let mut node = node("a", "role:master");
            edit(&mut node).key_checks = seen;
            assert_eq!(worst(&findings(&alone(node), Some(&keys)), "key-versions"), status);
        }
    }
}
