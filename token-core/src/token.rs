//! The text of a token: how it is made, and how it is recognised without I/O.
//!
//! ```text
//! tok_1G7pYk…………………………………………………………3Xq0dZ
//! │   ││ │                                        └ check: 6 characters of a keyed hash of everything before them
//! │   ││ └ secret: 256 random bits, 43 characters
//! │   │└ partition of the subject's keys, 2 characters
//! │   └ key version: which store key made the check and the id
//! └ prefix, for people and for scanners that look for leaked tokens
//! ```
//!
//! Everything after the underscore is of `0-9A-Za-z`. One keyed BLAKE3 yields the check characters and the token id from
//! different bits of its output: garbage causes no look-up, and nobody without the key can make well-formed garbage.

use std::fmt;
use std::sync::Arc;

use rand_chacha::rand_core::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::base62;
use crate::id::TokenId;
use crate::keys::{KeyRing, KeyVersion};
use crate::partition::Partition;
use crate::prefix::Prefix;

const SECRET: usize = 43;
const CHECK: usize = 6;
const CHECK_VALUES: u64 = 62_u64.pow(CHECK as u32);
/// Key version, partition, secret and check: what follows the underscore.
const BODY: usize = 1 + 2 + SECRET + CHECK;

/// A token that was just made. Its text is shown once and wiped on drop; only its id is stored.
///
/// There is no `Display`, `Clone` or `Serialize`, and `Debug` shows the id alone.
pub struct Token {
    text: SecretString,
    id: TokenId,
}

impl Token {
    /// The text. Every call is a place where the secret can leak: call it rarely.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.text.expose_secret()
    }

    /// The public handle.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.id
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Proof that a well-formed token with correct check characters was presented. It contains no secret.
///
/// Only [`TokenFormat::parse`] makes one, so nobody can present a token id, which is public, in place of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParsedToken {
    id: TokenId,
}

impl ParsedToken {
    /// The public handle of the token that was presented.
    #[must_use]
    pub fn id(self) -> TokenId {
        self.id
    }
}

/// Why a text is not a token of this deployment. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedToken {
    /// Wrong prefix, length or characters.
    #[error("the text does not have the form of a token")]
    Form,
    /// A key version that this node does not have.
    #[error(
        "the token was made with a key version that this node lacks; give this node the key file that has it (TOKEN_KEY_FILE)"
    )]
    KeyVersion,
    /// The check characters do not match: a typing error, a token of another deployment, or a forgery.
    #[error("the token's check characters do not fit: mistyped, or made with another store key")]
    Check,
}

/// The format of a deployment's tokens: their prefix, and the keys that make and check them.
#[derive(Debug, Clone)]
pub struct TokenFormat {
    prefix: Prefix,
    keys: Arc<KeyRing>,
}

impl TokenFormat {
    /// How many characters of a token follow the underscore.
    pub const BODY_LENGTH: usize = BODY;

    /// The format of tokens with this prefix, made and checked with these keys.
    #[must_use]
    pub fn new(prefix: Prefix, keys: Arc<KeyRing>) -> Self {
        Self { prefix, keys }
    }

    /// The prefix of all tokens.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Makes a token of this partition.
    #[must_use]
    pub fn generate(&self, partition: Partition, rng: &mut impl CryptoRng) -> Token {
        let version = self.keys.issuing_version();
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        let secret = Zeroizing::new(base62::encode_256(&secret));

        // Allocated in full from the start: growing would leave copies that are not wiped.
        let mut text = String::with_capacity(self.prefix.as_str().len() + 1 + BODY);
        text.push_str(self.prefix.as_str());
        text.push('_');
        text.push(char::from(version.byte()));
        text.extend(partition.text().map(char::from));
        text.extend(secret.iter().copied().map(char::from));
        let (id, check) = self
            .fingerprint(version, partition, text.as_bytes())
            .unwrap_or_else(|| unreachable!("the issuing version is a version of this ring"));
        text.extend(base62::encode::<CHECK>(u128::from(check)).map(char::from));
        Token { text: text.into(), id }
    }

    /// Recognises the text of a token, without any I/O.
    ///
    /// # Errors
    /// See [`MalformedToken`]. For the caller of a service all of them mean "no".
    pub fn parse(&self, text: &str) -> Result<ParsedToken, MalformedToken> {
        let text = text.as_bytes();
        let body = text
            .strip_prefix(self.prefix.as_str().as_bytes())
            .and_then(|rest| rest.strip_prefix(b"_"))
            .filter(|body| body.len() == BODY && base62::is_digits(body))
            .ok_or(MalformedToken::Form)?;
        let (hashed, check) = text.split_last_chunk::<CHECK>().ok_or(MalformedToken::Form)?;
        let [version, p0, p1, ..] = body else { return Err(MalformedToken::Form) };
        let partition = Partition::parse([*p0, *p1]).ok_or(MalformedToken::Form)?;
        let version = KeyVersion::new(*version).ok_or(MalformedToken::Form)?;

        let (id, expected) =
            self.fingerprint(version, partition, hashed).ok_or(MalformedToken::KeyVersion)?;
        // Comparing two integers takes the same time however many characters are equal.
        if base62::decode(check) == Some(u128::from(expected)) {
            Ok(ParsedToken { id })
        } else {
            Err(MalformedToken::Check)
        }
    }

    /// Whether the text contains a token of this format anywhere.
    pub(crate) fn finds(&self, text: &str) -> bool {
        let length = self.prefix.as_str().len() + 1 + BODY;
        let starts = text.match_indices(self.prefix.as_str()).map(|(at, _)| at);
        starts.filter_map(|at| text.get(at..at + length)).any(|token| self.parse(token).is_ok())
    }

    /// Token id and check value of a text without its check characters; `None` if the key is not in the ring.
    fn fingerprint(&self, version: KeyVersion, partition: Partition, text: &[u8]) -> Option<(TokenId, u64)> {
        let hash = self.keys.hash_token(version, text)?;
        let (id, rest) = hash.as_bytes().split_first_chunk()?;
        let (check, _) = rest.split_first_chunk()?;
        let id = TokenId::new(partition, u128::from_be_bytes(*id));
        Some((id, u64::from_be_bytes(*check) % CHECK_VALUES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn format(prefix: &str) -> TokenFormat {
        TokenFormat::new(prefix.parse().unwrap(), Arc::new(KeyRing::public()))
    }

    fn token(format: &TokenFormat, seed: u64, partition: u16) -> Token {
        format.generate(Partition::new(partition).unwrap(), &mut ChaCha20Rng::seed_from_u64(seed))
    }

    proptest! {
        #[test]
        fn a_token_is_recognised_by_its_text_and_keeps_its_id(
            seed: u64, partition in 0_u16..1024, prefix in "[0-9A-Za-z]{1,16}",
        ) {
            let format = format(&prefix);
            let token = token(&format, seed, partition);
            let parsed = format.parse(token.expose_secret()).unwrap();
            prop_assert_eq!(parsed.id(), token.id());
            prop_assert_eq!(parsed.id().partition().number(), partition);
        }

        #[test]
        fn one_changed_character_is_noticed(seed: u64, at in 0_usize..56, byte in proptest::char::range('!', '~')) {
            let format = format("tok");
            let token = token(&format, seed, 7);
            let mut text = token.expose_secret().to_owned();
            prop_assume!(text.as_bytes()[at] != byte as u8);
            text.replace_range(at..=at, &byte.to_string());
            prop_assert!(format.parse(&text).is_err());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}|tok_[0-9A-Za-z]{50,54}|[0-9A-Za-z_]{50,60}") {
            prop_assert!(format("tok").parse(&text).is_err());
        }
    }

    #[test]
    fn a_token_has_the_documented_form() {
        let token = token(&format("tok"), 1, 700);
        let text = token.expose_secret();
        assert_eq!(text.len(), 56);
        assert!(text.starts_with(&format!("tok_0{}", Partition::new(700).unwrap())), "{text}");
        assert!(text.bytes().skip(4).all(|b| b.is_ascii_alphanumeric()), "{text}");
    }

    /// The format is a promise to every holder of a token: this text must always be recognised.
    #[test]
    fn a_token_of_the_first_release_is_still_recognised() {
        let known = token(&format("tok"), 42, 5);
        assert_eq!(known.expose_secret(), FIRST_RELEASE);
        assert_eq!(known.id().to_string(), FIRST_RELEASE_ID);
    }
    const FIRST_RELEASE: &str = "tok_005SWQajQtAyglOLxJtIVH8v0ZmvsBM0sxAyopWf6vJvz8L9dx4b";
    const FIRST_RELEASE_ID: &str = "056esqmmy6jmfedcbz6et9fgk1g6";

    #[test]
    fn tokens_of_other_prefixes_lengths_and_keys_are_refused() {
        let token = token(&format("tok"), 1, 1);
        let text = token.expose_secret();
        assert_eq!(format("pat").parse(text), Err(MalformedToken::Form));
        assert_eq!(format("tok").parse(&format!("{text}0")), Err(MalformedToken::Form));
        assert_eq!(format("tok").parse(text.split_at(55).0), Err(MalformedToken::Form));
        assert_eq!(format("tok").parse(&format!("{text}\n")), Err(MalformedToken::Form));

        let keyed = |version| {
            let keys = KeyRing::parse(&format!("{version} {}", "ab".repeat(32))).unwrap();
            TokenFormat::new(Prefix::default(), Arc::new(keys))
        };
        assert_eq!(keyed('1').parse(text), Err(MalformedToken::KeyVersion));
        let other = keyed('1').generate(Partition::new(1).unwrap(), &mut ChaCha20Rng::seed_from_u64(1));
        let foreign = other.expose_secret().replacen("tok_1", "tok_2", 1);
        assert_eq!(keyed('2').parse(&foreign), Err(MalformedToken::Check));
    }

    #[test]
    fn debug_shows_the_id_and_not_the_secret() {
        let token = token(&format("tok"), 3, 3);
        let shown = format!("{token:?}");
        assert_eq!(shown, format!("Token {{ id: TokenId({}), .. }}", token.id()));
    }
}
