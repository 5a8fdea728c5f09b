//! The form that a client posts.

use axum::body::Body;
use http::HeaderMap;
use percent_encoding::percent_decode;
use secrecy::SecretString;

use crate::error::ApiError;
use crate::http::body::{self, expect_media_type};

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";
/// What is read of a form. Each may be there once (RFC 6749 §3.2); parameters of other names are ignored.
const READ: [&str; 4] = ["token", "token_type_hint", "client_id", "client_secret"];

const NOT_ENCODED: &str = "the form is not well-formed: write each character as it is, or as % and two hexadecimal digits of its UTF-8";
const NO_TOKEN: &str = "send the form field token once, in the body, with a token";

/// The parameters that are read, each at most once.
#[derive(Debug)]
pub(super) struct Form(Vec<(&'static str, SecretString)>);

impl Form {
    /// Reads the body of a request.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        expect_media_type(headers, FORM)?;
        Self::parse(&body::read(body).await?)
    }

    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if !is_encoded(body) {
            return Err(ApiError::bad_request(NOT_ENCODED));
        }
        let mut parameters: Vec<(&'static str, SecretString)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let Some(&name) = READ.iter().find(|known| **known == name) else { continue };
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(ApiError::bad_request(format!("send the parameter {name} once")));
            }
            parameters.push((name, value.into_owned().into()));
        }
        Ok(Self(parameters))
    }

    /// A parameter that is there and not empty: an empty one is as if it were left out (RFC 6749 §3.2).
    pub(super) fn take(&mut self, name: &str) -> Option<SecretString> {
        use secrecy::ExposeSecret;
        let at = self.0.iter().position(|(other, _)| *other == name)?;
        Some(self.0.swap_remove(at).1).filter(|value| !value.expose_secret().is_empty())
    }

    /// The token that the request is about, which stays in the form.
    pub(super) fn expect_token(&self) -> Result<&str, ApiError> {
        use secrecy::ExposeSecret;
        let token = self.0.iter().find(|(name, _)| *name == "token").map(|(_, value)| value.expose_secret());
        token.filter(|token| !token.is_empty()).ok_or_else(|| ApiError::bad_request(NO_TOKEN))
    }

    /// The token that the request is about. `token_type_hint` is not needed: there is one kind of token.
    pub(super) fn token(&mut self) -> Result<SecretString, ApiError> {
        self.take("token").ok_or_else(|| ApiError::bad_request(NO_TOKEN))
    }
}

/// Whether each percent sign begins an encoded byte, and all bytes are UTF-8. The parser of forms would replace what is not,
/// and a token that is damaged so would pass for one that does not exist.
fn is_encoded(body: &[u8]) -> bool {
    let is_byte = |digits: &[u8]| matches!(digits, [one, two, ..] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit());
    body.split(|&byte| byte == b'%').skip(1).all(is_byte) && percent_decode(body).decode_utf8().is_ok()
}
