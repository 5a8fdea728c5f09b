//! Recognises tokens in texts that should not contain one.
//!
//! Commit hashes, names and passwords are long runs of letters and digits, too, and must not be recognised. A text is a
//! token if its check characters match a key of this node; or if it has the configured prefix, the form of a token, and a
//! key version other than the public one, because this node need not have the key file of its deployment.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::keys::KeyRing;
use crate::prefix::Prefix;
use crate::token::{MalformedToken, TokenFormat};

/// How many letters and digits after a prefix look like the beginning of a token.
const BEGINNING: usize = 12;

/// Recognises tokens in other texts, by the default and the configured prefix and by the keys of this node.
#[derive(Clone)]
pub struct Recogniser<K = fn() -> Option<Arc<KeyRing>>> {
    prefixes: Vec<Prefix>,
    public: Arc<KeyRing>,
    load: K,
    keys: OnceLock<Option<Arc<KeyRing>>>,
}

impl Recogniser {
    /// A recogniser for the default and the configured prefix, with these keys.
    #[must_use]
    pub fn of(in_force: Prefix, keys: Arc<KeyRing>) -> Self {
        let recogniser = Self::new(Some(in_force), (|| None) as fn() -> _);
        Self { keys: OnceLock::from(Some(keys)), ..recogniser }
    }
}

impl<K: Fn() -> Option<Arc<KeyRing>>> Recogniser<K> {
    /// A recogniser for the default and the configured prefix; `load` reads the keys, and is called only if needed.
    #[must_use]
    pub fn new(in_force: Option<Prefix>, load: K) -> Self {
        let prefixes = in_force.into_iter().chain([Prefix::default()]).collect();
        Self { prefixes, public: Arc::new(KeyRing::public()), load, keys: OnceLock::new() }
    }

    /// Whether the text contains a token, or the beginning of a truncated one: a known prefix, an underscore, and some letters
    /// and digits.
    pub fn finds_part(&self, text: &str) -> bool {
        let begins = |prefix: &Prefix| {
            text.match_indices(prefix.as_str()).any(|(at, prefix)| {
                let behind = text.get(at + prefix.len()..).and_then(|behind| behind.strip_prefix('_'));
                behind.is_some_and(|behind| digits(behind) >= BEGINNING)
            })
        };
        self.prefixes.iter().any(begins) || self.finds_token(text)
    }

    /// Whether the text contains a token anywhere.
    pub fn finds_token(&self, text: &str) -> bool {
        text.match_indices('_').any(|(at, _)| self.finds_token_around(text, at))
    }

    /// Whether there is a token whose underscore is at this position.
    fn finds_token_around(&self, text: &str, underscore: usize) -> bool {
        let (before, behind) = text.split_at(underscore);
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric();
        let body = behind.strip_prefix('_').map_or(0, digits);
        if body < TokenFormat::BODY_LENGTH {
            return false;
        }
        let longest = before.bytes().rev().take(Prefix::MAX_BYTES).take_while(is_digit).count();
        (1..=longest).any(|length| {
            let start = underscore - length;
            let prefix = text.get(start..underscore).and_then(|prefix| prefix.parse().ok());
            let whole = text.get(start..underscore + 1 + TokenFormat::BODY_LENGTH);
            prefix
                .zip(whole)
                .is_some_and(|(prefix, whole)| self.is_token(prefix, whole, body == TokenFormat::BODY_LENGTH))
        })
    }

    /// Whether this text with this prefix is a token; `ends` means that no letter or digit follows it.
    fn is_token(&self, prefix: Prefix, text: &str, ends: bool) -> bool {
        match TokenFormat::new(prefix.clone(), self.public.clone()).parse(text) {
            Ok(_) => true,
            Err(MalformedToken::KeyVersion) => {
                ends && self.prefixes.contains(&prefix) || self.fits_the_keys(prefix, text)
            }
            Err(_) => false,
        }
    }

    fn fits_the_keys(&self, prefix: Prefix, text: &str) -> bool {
        let keys = self.keys.get_or_init(&self.load).clone();
        keys.is_some_and(|keys| TokenFormat::new(prefix, keys).parse(text).is_ok())
    }
}

/// How many letters and digits the text begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

impl<K> fmt::Debug for Recogniser<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recogniser").field("prefixes", &self.prefixes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::keys::new_key_file;
    use crate::partition::Partition;

    fn token(prefix: &str, keys: &Arc<KeyRing>, seed: u64) -> String {
        let format = TokenFormat::new(prefix.parse().unwrap(), keys.clone());
        let partition = Partition::new((seed % 1024) as u16).unwrap();
        format.generate(partition, &mut ChaCha20Rng::seed_from_u64(seed)).expose_secret().to_owned()
    }

    fn keyed(seed: u64) -> Arc<KeyRing> {
        let text = new_key_file(&mut ChaCha20Rng::seed_from_u64(seed));
        Arc::new(KeyRing::parse(&text).unwrap())
    }

    fn found(in_force: &str, keys: Option<Arc<KeyRing>>, text: &str) -> bool {
        Recogniser::new(in_force.parse().ok(), || keys.clone()).finds_token(text)
    }

    proptest! {
        #[test]
        fn hashes_names_and_passwords_are_no_tokens(
            text in "[0-9a-f]{32,64}|[0-9A-Za-z]{1,120}|[0-9A-Za-z_-]{1,120}|(id|sha256|x)_[0-9A-Za-z]{40,80}|\\PC{0,120}",
        ) {
            prop_assert!(!found("tok", Some(keyed(1)), &text));
        }

        #[test]
        fn a_public_token_of_any_prefix_is_found(
            seed: u64, prefix in "[0-9A-Za-z]{1,16}", before in "(\\PC{0,20}[^0-9A-Za-z])?", after in "\\PC{0,20}",
        ) {
            let token = token(&prefix, &Arc::new(KeyRing::public()), seed);
            let text = format!("{before}{token}{after}");
            prop_assert!(found("tok", None, &text));
        }

        #[test]
        fn a_token_of_the_keys_in_force_is_found(
            seed: u64, prefix in "[0-9A-Za-z]{1,16}", before in "(\\PC{0,20}[^0-9A-Za-z])?", after in "\\PC{0,20}",
        ) {
            let keys = keyed(seed);
            let token = token(&prefix, &keys, seed);
            let text = format!("{before}{token}{after}");
            prop_assert!(found("tok", Some(keys), &text));
        }

        #[test]
        fn a_token_of_another_deployment_is_found_by_the_prefix(
            seed: u64, prefix in "[0-9A-Za-z]{1,16}", before in "\\PC{0,20}", after in "([^0-9A-Za-z]\\PC{0,20})?",
        ) {
            let token = token(&prefix, &keyed(seed), seed);
            let text = format!("{before}{token}{after}");
            prop_assert!(found(&prefix, None, &text));
        }
    }

    #[test]
    fn a_public_token_with_a_typing_error_is_none() {
        let token = token("tok", &Arc::new(KeyRing::public()), 7);
        let last = if token.ends_with('a') { "b" } else { "a" };
        let (most, _) = token.split_at(token.len() - 1);
        assert!(found("tok", None, &token));
        assert!(!found("tok", None, &format!("{most}{last}")));
    }

    #[test]
    fn the_beginning_of_a_token_is_a_part() {
        let token = token("tok", &keyed(3), 7);
        let recogniser = Recogniser::new("shop".parse().ok(), || None);
        for text in
            [&token, &token[..30], &token[..16], &format!("id=x{}", &token[..30]), "shop_0123456789ab"]
        {
            assert!(recogniser.finds_part(text), "{text}");
        }
        for text in ["", "tok_", "tok_0123", "token-1", "7b1c4f6e-0d7a-4b6e", "req_0123456789abcdef"] {
            assert!(!recogniser.finds_part(text), "{text}");
        }
    }
}
