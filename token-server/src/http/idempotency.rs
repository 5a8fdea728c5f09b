//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

use http::HeaderMap;
use token_core::IdempotencyKey;

use crate::error::ApiError;
use crate::state::Sidecar;

const NAME: &str = "idempotency-key";

impl Sidecar {
    /// The key that a request has, if it has one. It is no token: callers repeat keys, and keep them.
    pub(crate) fn idempotency_key(&self, headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
        for value in headers.get_all(NAME) {
            self.expect_no_token("Idempotency-Key", value.to_str().ok())?;
        }
        key(headers)
    }
}

/// The key that headers have: a string of RFC 8941 §3.3.3, or its characters without quotes.
fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().and_then(text).filter(|_| values.next().is_none());
    let key = text.and_then(|text| text.parse().ok());
    key.map(Some).ok_or_else(|| {
        ApiError::bad_request(
            "Idempotency-Key: send it once, as 1 to 255 printable ASCII characters in double quotes, not only blanks",
        )
    })
}

fn text(value: &str) -> Option<String> {
    let value = value.trim_matches([' ', '\t']);
    match value.strip_prefix('"') {
        Some(rest) => unquoted(rest),
        // What could be a list, or have parameters, is not guessed at.
        None => value
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
            .then(|| value.into()),
    }
}

/// The characters up to the closing quote, which must be the last one.
fn unquoted(rest: &str) -> Option<String> {
    let (mut text, mut characters) = (String::with_capacity(rest.len()), rest.chars());
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(text),
            '\\' => text.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            plain => text.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<IdempotencyKey>, ApiError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, value.parse().unwrap());
        }
        key(&headers)
    }

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        let plain: IdempotencyKey = "8e03978e-40d5-43e8-bc93-6894a57f9324".parse().unwrap();
        for value in [
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
            "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
            " \"8e03978e-40d5-43e8-bc93-6894a57f9324\" ",
        ] {
            assert_eq!(of(&[value]).unwrap(), Some(plain), "{value}");
        }
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[r#""a \"b\" \\c""#]).unwrap(), Some(r#"a "b" \c"#.parse().unwrap()));
    }

    #[test]
    fn what_is_no_single_key_is_refused() {
        let long = format!("\"{}\"", "x".repeat(256));
        for values in [
            &[""][..],
            &["\"\""],
            &["\" \""],
            &["' '"],
            &["\"a"],
            &["a\""],
            &["\"a\"b"],
            &["\"a\\b\""],
            &["a, b"],
            &["a;b=1"],
            &["\"a\";b=1"],
            &["a b"],
            &["\"a\"", "\"a\""],
            &["ä"],
            &[&long],
        ] {
            assert!(of(values).is_err(), "{values:?}");
        }
    }
}
