//! What a client says of itself, as far as it may stand in a log: its words are hostile until they are looked at.

use std::borrow::Cow;

use http::{HeaderMap, header};
use token_core::Recogniser;

use super::client::FORWARDED_FOR;

/// What proxies and clients call a request, to find it again.
const REQUEST_ID: &str = "x-request-id";
/// The longest that is kept.
const MAX_REQUEST_ID: usize = 128;
/// How much of a user agent is kept, in bytes.
const MAX_USER_AGENT: usize = 64;
/// The secret of a token is as long: a run of so many letters and digits may be one, or the base64 of one.
const SECRET: usize = 43;
/// The longest word that an answer repeats.
const WORD: usize = 24;

/// The headers that are read after a request is answered, for requests whose headers are gone by then.
pub(crate) fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in [FORWARDED_FOR, REQUEST_ID, header::USER_AGENT.as_str()] {
        for value in headers.get_all(name) {
            kept.append(header::HeaderName::from_static(name), value.clone());
        }
    }
    kept
}

/// Whether a header is one of those.
pub(crate) fn is_kept(name: &str) -> Option<&'static str> {
    [FORWARDED_FOR, REQUEST_ID, "user-agent"].into_iter().find(|kept| name.eq_ignore_ascii_case(kept))
}

/// The id of the request. One that is too long, that may hold a secret or a part of a token, or that is no plain word is
/// left out.
pub(crate) fn request_id<'a>(headers: &'a HeaderMap, tokens: &Recogniser) -> Option<&'a str> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@;,~".contains(&byte);
    let is_word = !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.bytes().all(fits);
    (is_word && !may_hold_secret(id) && !tokens.finds_part(id)).then_some(id)
}

/// The beginning of the user agent. One that may hold a secret or a part of a token is left out.
pub(crate) fn user_agent<'a>(headers: &'a HeaderMap, tokens: &Recogniser) -> Option<Cow<'a, str>> {
    let agent = String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes());
    if agent.is_empty() || may_hold_secret(&agent) || tokens.finds_part(&agent) {
        return None;
    }
    Some(match agent {
        Cow::Borrowed(agent) => Cow::Borrowed(cut(agent)),
        Cow::Owned(agent) => Cow::Owned(cut(&agent).to_owned()),
    })
}

fn cut(text: &str) -> &str {
    let end = (0..=MAX_USER_AGENT.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// Whether there is a run of letters and digits as long as the secret of a token. A hash in hexadecimal is none.
fn may_hold_secret(text: &str) -> bool {
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '/');
    runs.filter(|run| run.len() >= SECRET).any(|run| !run.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A sentence with `…` in the place of each word that may be a token or a large part of one: some sentences repeat what was
/// sent.
pub(crate) fn without_secrets(sentence: &str) -> Cow<'_, str> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_');
    let is_secret = |word: &str| word.len() >= WORD && !word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !sentence.split(|c| !is_of_word(c)).any(is_secret) {
        return Cow::Borrowed(sentence);
    }
    let pieces = sentence.split_inclusive(|c| !is_of_word(c)).map(|piece| {
        let (word, end) = piece.split_at(piece.find(|c| !is_of_word(c)).unwrap_or(piece.len()));
        format!("{}{end}", if is_secret(word) { "…" } else { word })
    });
    Cow::Owned(pieces.collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use http::HeaderValue;
    use proptest::prelude::*;
    use token_core::spi::{Partition, TokenFormat};
    use token_core::{KeyRing, Prefix, os_rng};

    use super::*;

    fn with(name: &'static str, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_bytes(value).unwrap())])
    }

    fn agent(value: &[u8]) -> Option<String> {
        user_agent(&with("user-agent", value), &recogniser()).map(Cow::into_owned)
    }

    fn id(value: &[u8]) -> Option<String> {
        request_id(&with("x-request-id", value), &recogniser()).map(str::to_owned)
    }

    fn recogniser() -> Recogniser {
        Recogniser::of(Prefix::default(), std::sync::Arc::new(KeyRing::public()))
    }

    fn token() -> String {
        let format = TokenFormat::new(Prefix::default(), std::sync::Arc::new(KeyRing::public()));
        let token = format.generate(Partition::new(7).unwrap(), &mut os_rng().unwrap());
        token.expose_secret().to_owned()
    }

    #[test]
    fn request_ids_of_all_makes_are_kept() {
        for made in [
            "7b1c4f6e-0d7a-4b6e-9f57-0b6f6f6f6f6f",
            "00f067aa0ba902b74bf92f3577b34da6",
            "Root=1-67891233-abcdef012345678912345678",
            "4bf92f3577b34da6a3ce929d0e0e47364bf92f3577b34da6a3ce929d0e0e4736",
            "host/abc-000001",
        ] {
            assert_eq!(id(made.as_bytes()).as_deref(), Some(made));
        }
    }

    #[test]
    fn what_is_no_request_id_is_left_out() {
        for wrong in ["", "a b", "a\"b", "a\tb", "<x>", "a\\b", &"a-".repeat(65)] {
            assert_eq!(id(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(id(b"a\xe2\x80\xaeb"), None);
    }

    #[test]
    fn a_user_agent_is_cut_between_characters() {
        assert_eq!(agent(b"curl/8.9.1").as_deref(), Some("curl/8.9.1"));
        assert_eq!(agent(" a".repeat(40).as_bytes()).unwrap().len(), 64);
        assert_eq!(agent(format!("a{}", "é".repeat(40)).as_bytes()).unwrap(), format!("a{}", "é".repeat(31)));
        assert_eq!(agent(&[0xff; 80]).unwrap(), "\u{fffd}".repeat(21));
        assert_eq!(agent(b""), None);
    }

    #[test]
    fn a_token_is_left_out_wherever_it_stands() {
        let token = token();
        for text in [
            token.clone(),
            format!("my agent/1.0 {token}"),
            format!("{}{token}", "x ".repeat(20)),
            token[4..].to_owned(),
            token[7..50].to_owned(),
            format!("Bearer {token}"),
            format!("Basic {}", STANDARD.encode(format!("admin:{token}"))),
            URL_SAFE_NO_PAD.encode(&token),
        ] {
            assert_eq!((id(text.as_bytes()), agent(text.as_bytes())), (None, None), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_token_is_left_out() {
        let token = token();
        for text in [&token[..30], &token[..16], &format!("id-{}", &token[..30])] {
            assert_eq!((id(text.as_bytes()), agent(text.as_bytes())), (None, None), "{text}");
        }
    }

    #[test]
    fn a_sentence_keeps_words_and_loses_secrets() {
        let token = token();
        for (text, kept) in [
            ("\"nodes:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r\" is not a scope", true),
            ("unknown field `users`, expected one of `user`, `expire`", true),
            (&format!("unknown field `x{token}`"), false),
            (&format!("unknown field `{}`", &token[..30]), false),
        ] {
            let sentence = without_secrets(text);
            assert_eq!(sentence == text, kept, "{sentence}");
            assert!(!sentence.contains(&token[4..20]), "{sentence}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_client_is_longer_than_it_may_be(value in proptest::collection::vec(32_u8..=255, 0..300)) {
            let value: Vec<u8> = value.into_iter().filter(|&byte| byte != 127).collect();
            prop_assert!(agent(&value).is_none_or(|agent| agent.chars().count() <= 64));
            prop_assert!(id(&value).is_none_or(|id| id.len() <= 128));
        }
    }
}
