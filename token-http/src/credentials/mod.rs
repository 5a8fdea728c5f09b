//! What a request presents: RFC 6750 (Bearer), RFC 7617 (Basic).

mod diagnosis;
mod error;
mod options;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use token_core::spi::TokenStore;
use token_core::{ParsedToken, TokenId, TokenService};

pub use self::error::CredentialsError;
pub use self::options::{CredentialOptions, InUrl};
use crate::presented::PresentedToken;

/// The password that some clients send with the token as the user name.
const NO_PASSWORD: &str = "x-oauth-basic";

/// What a request presents to be let in.
#[derive(Debug)]
pub struct Credentials {
    /// The text that may be a token.
    pub token: SecretString,
    /// The user name that came with it (Basic only), which must be the token's subject, byte for byte.
    pub user: Option<String>,
}

impl Credentials {
    /// What the request presents; `None` if that is nothing, or of a scheme that is not ours.
    ///
    /// # Errors
    /// The request is malformed: see [`CredentialsError`].
    pub fn of(
        request: &Parts,
        in_url: InUrl,
        options: &CredentialOptions,
    ) -> Result<Option<Self>, CredentialsError> {
        let mut texts = tokens_in(request.uri.query().unwrap_or_default());
        match (texts.next(), texts.next()) {
            (None, _) => Self::in_headers(&request.headers, options),
            (Some(_), Some(_)) => Err(CredentialsError::Several),
            (Some(_), None) if request.headers.contains_key(header::AUTHORIZATION) => {
                Err(CredentialsError::Several)
            }
            (Some(_), None) if in_url == InUrl::Refused => Err(CredentialsError::InUrl),
            (Some(token), None) => Ok(Some(Self { token, user: None })),
        }
    }

    /// What the headers present; `None` if that is nothing, or of a scheme that is not ours. The URL is not looked at.
    ///
    /// # Errors
    /// They are malformed: see [`CredentialsError`].
    pub fn in_headers(
        headers: &HeaderMap,
        options: &CredentialOptions,
    ) -> Result<Option<Self>, CredentialsError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::in_header(value, options),
            (Some(_), Some(_)) => Err(CredentialsError::Several),
        }
    }

    /// What an `Authorization` header presents; `None` if its scheme is not ours.
    ///
    /// # Errors
    /// It is malformed: see [`CredentialsError`].
    pub fn in_header(
        header: &HeaderValue,
        options: &CredentialOptions,
    ) -> Result<Option<Self>, CredentialsError> {
        let header = trimmed(header)?;
        let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
        let value = value.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            bearer(value).map(Some)
        } else if scheme.eq_ignore_ascii_case("basic") {
            basic(value, options).map(Some)
        } else if options.token_scheme && scheme.eq_ignore_ascii_case("token") {
            bearer(value).map(Some)
        } else {
            match diagnosis::scheme(header) {
                error if error.is_of_no_scheme() => Ok(None),
                error => Err(error),
            }
        }
    }
}

impl Credentials {
    /// Notes which token they are, if they are one and somebody wants to know.
    pub(crate) fn note<S: TokenStore>(&self, request: &Parts, tokens: &TokenService<S>) {
        if let (Some(presented), Some(id)) =
            (request.extensions.get::<PresentedToken>(), self.token_id(tokens))
        {
            presented.note(id);
        }
    }

    /// The public id of the token, whether it is valid or not; none if it is no token of this deployment.
    pub fn token_id<S: TokenStore>(&self, tokens: &TokenService<S>) -> Option<TokenId> {
        tokens.parse(self.token.expose_secret()).ok().map(ParsedToken::id)
    }
}

impl Credentials {
    /// What is wrong with a header that presents nothing of ours; `None` if there is no such header.
    pub(crate) fn foreign_scheme(headers: &HeaderMap) -> Option<CredentialsError> {
        let header = headers.get(header::AUTHORIZATION).and_then(|header| trimmed(header).ok())?;
        Some(diagnosis::scheme(header))
    }
}

fn trimmed(header: &HeaderValue) -> Result<&str, CredentialsError> {
    let header = header.to_str().map_err(|_| CredentialsError::NotAscii)?;
    Ok(header.trim_matches([' ', '\t']))
}

/// `b64token` of RFC 6750 §2.1, without `=` at its end: no token has one.
fn bearer(value: &str) -> Result<Credentials, CredentialsError> {
    // Looking at all bytes costs less than stopping at the first that does not fit.
    if value.is_empty() || !value.bytes().fold(true, |all, byte| all & diagnosis::is_of_token(byte)) {
        return Err(diagnosis::bearer(value));
    }
    Ok(Credentials { token: value.into(), user: None })
}

/// `user-id ":" password` in base64: UTF-8, no control characters, split at the first colon (RFC 7617 §2).
fn basic(value: &str, options: &CredentialOptions) -> Result<Credentials, CredentialsError> {
    let bytes = match STANDARD.decode(value) {
        Ok(bytes) if !bytes.is_empty() => bytes,
        _ => return Err(diagnosis::base64(value)),
    };
    let both = SecretString::from(String::from_utf8(bytes).map_err(|_| CredentialsError::NotUtf8)?);
    let text = both.expose_secret();
    if text.contains(['\n', '\r']) {
        return Err(CredentialsError::LineBreak);
    }
    if text.contains(char::is_control) {
        return Err(CredentialsError::ControlCharacter);
    }
    let (user, token) = text.split_once(':').ok_or(CredentialsError::NoColon)?;
    if options.token_as_user_name && (token.is_empty() || token == NO_PASSWORD) {
        return Ok(Credentials { token: password(user)?, user: None });
    }
    if token.is_empty() {
        return Err(CredentialsError::EmptyPassword);
    }
    if token == NO_PASSWORD {
        return Err(CredentialsError::TokenAsUserName);
    }
    let token = password(token)?;
    let user = (!options.any_user_names.contains(user)).then(|| user.to_owned());
    Ok(Credentials { token, user })
}

/// A password that may be a token. OAuth clients write some characters as `%` and two digits (RFC 6749 §2.3.1); a token has
/// no character that decoding changes.
fn password(text: &str) -> Result<SecretString, CredentialsError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| CredentialsError::ForeignCharacter)?;
    match decoded.bytes().all(diagnosis::is_of_token) {
        true => Ok(decoded.into_owned().into()),
        false => Err(diagnosis::password(&decoded)),
    }
}

/// The values of all parameters `access_token`.
fn tokens_in(query: &str) -> impl Iterator<Item = SecretString> + '_ {
    let named = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "access_token");
    named.map(|(_, value)| value.into_owned().into())
}

#[cfg(test)]
mod tests;
