//! Whether the keys of this node are those that issued the tokens in the store.

use token_core::{Check, Finding, KeyFit, KeyRing};

use crate::doctor::scene::{Facts, Scene};

const KEY_VERSIONS: Check = Check {
    name: "key-versions",
    wanted: "the key file of this node has the keys that issued the tokens in the store",
    why: "a node with the key file of another deployment refuses every token of this one",
};

/// Nothing is found without keys: that is another finding.
pub(super) fn findings(scene: &Scene, keys: Option<&KeyRing>) -> Vec<Finding> {
    let Some(keys) = keys else { return Vec::new() };
    let found = scene.answering().filter_map(|(node, facts)| Some(finding(facts, keys)?.at(&node.name)));
    found.collect()
}

fn finding(facts: &Facts, keys: &KeyRing) -> Option<Finding> {
    let known = match facts.key_checks.as_ref()? {
        Ok(known) => known,
        Err(unseen) => return Some(KEY_VERSIONS.warning(unseen.to_string())),
    };
    let fit = keys.fit(known);
    Some(match (&fit, fit.trouble()) {
        (KeyFit::Differs(_), Some(trouble)) => KEY_VERSIONS.failure(trouble),
        (_, Some(trouble)) => KEY_VERSIONS.warning(trouble),
        (KeyFit::Unknown, None) => {
            KEY_VERSIONS.ok("none is noted: the next token that is issued notes its own")
        }
        (_, None) => KEY_VERSIONS.ok("as in the store"),
    })
}

#[cfg(test)]
mod tests {
    use token_core::FindingStatus::{Failure, Ok, Warning};
    use token_core::KeyVersion;

    use super::super::kit::{alone, edit, node, worst};
    use super::*;
    use crate::doctor::seen::Unseen;

    #[test]
    fn another_key_is_a_failure_and_an_unknown_one_a_warning() {
        let (own, other) = (KeyVersion::PUBLIC, KeyVersion::new(b'1').unwrap());
        let keys = KeyRing::public();
        let value = keys.check_value(own).unwrap();
        for (seen, status) in [
            (None, None),
            (Some(Result::Ok(vec![])), Some(Ok)),
            (Some(Result::Ok(vec![(own, value), (other, [1; 16])])), Some(Ok)),
            (Some(Result::Ok(vec![(other, [1; 16])])), Some(Warning)),
            (Some(Result::Ok(vec![(own, [1; 16])])), Some(Failure)),
            (Some(Err(Unseen::NotPermitted("get"))), Some(Warning)),
        ] {
            let mut node = node("a", "role:master");
            edit(&mut node).key_checks = seen;
            assert_eq!(worst(&findings(&alone(node), Some(&keys)), "key-versions"), status);
        }
    }
}
