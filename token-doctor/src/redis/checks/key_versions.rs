//! Whether the keys of this node are those that issued the tokens in the store.

use crate::{Check, Finding};
use token_core::{KeyFit, KeyRing, KeyVersion};

use crate::redis::snapshot::{Facts, Snapshot};

const KEY_VERSIONS: Check = Check {
    name: "key-versions",
    wanted: "the key file of this node has the keys that issued the tokens in the store",
    why: "a node refuses every token of a key that it lacks",
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
    let (fit, lacking) = (keys.fit(known), keys.lacking(known));
    Some(match (&fit, fit.trouble()) {
        (fit, Some(trouble)) if fit.is_of_another() => KEY_VERSIONS.failure(trouble),
        (_, Some(trouble)) => KEY_VERSIONS.warning(trouble),
        (_, None) if !lacking.is_empty() => KEY_VERSIONS.warning(lacked(&lacking)),
        (KeyFit::Unknown, None) => {
            KEY_VERSIONS.ok("none is noted: the next token that is issued notes its own")
        }
        (_, None) => KEY_VERSIONS.ok("as in the store"),
    })
}

/// A version stays noted after its last token: only the operator knows that there is none any more.
fn lacked(lacking: &[KeyVersion]) -> String {
    let each = |text: fn(&KeyVersion) -> String| lacking.iter().map(text).collect::<Vec<_>>().join(", ");
    let (versions, notes) = (each(ToString::to_string), each(|version| format!("…:{{keys}}:v:{version}")));
    let remedy = match lacking {
        [KeyVersion::PUBLIC] => "it is the public key: issue them again without it",
        _ => "add that key to the key file",
    };
    format!(
        "tokens were issued with key version {versions}, which this node lacks, and it refuses them: {remedy}, or delete \
         its note ({notes}) once they have ended"
    )
}

#[cfg(test)]
mod tests {
    use crate::FindingStatus::{Failure, Ok, Warning};

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
    fn a_missing_version_beside_a_known_one_is_a_warning() {
        let keys = KeyRing::parse(&format!("2 {}", "ab".repeat(32))).unwrap();
        let [own, other] = [b'2', b'1'].map(|byte| KeyVersion::new(byte).unwrap());
        let mut node = node("a", "role:master");
        let known = vec![(other, [1; 16]), (own, keys.check_value(own).unwrap())];
        edit(&mut node).key_checks = Some(Result::Ok(known));
        let found = findings(&alone(node), Some(&keys));
        assert_eq!(worst(&found, "key-versions"), Some(Warning));
        assert!(found[0].found.contains("key version 1, which this node lacks"), "{}", found[0].found);
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
