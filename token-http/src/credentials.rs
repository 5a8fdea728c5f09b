//! What a request presents: RFC 6750 (Bearer), RFC 7617 (Basic).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use token_core::{Demand, Grant, Reason, TokenService, TokenStore, Verdict};

use crate::refusal::Refusal;

/// What a request presents to be let in.
#[derive(Debug)]
pub struct Credentials {
    /// The text that may be a token.
    pub token: SecretString,
    /// The user name that came with it (Basic only), which must be the token's subject, byte for byte.
    pub user: Option<String>,
}

/// Why what a request presents cannot even be looked at: the request is malformed (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// More than one credential, or the same one in two places (RFC 6750 §3.1).
    #[error("the request presents more than one credential; send exactly one Authorization header")]
    Several,
    /// The header is not of the form that its scheme has.
    #[error(
        "the Authorization header is malformed; send \"Bearer TOKEN\", or \"Basic\" with base64 of USER:TOKEN"
    )]
    Malformed,
    /// A token in the URL, where logs and histories keep it (RFC 6750 §5.3).
    #[error("tokens in the URL are refused, since logs keep them; send an Authorization header")]
    InUrl,
}

/// Whether a token may come in the URL, as `?access_token=…` (RFC 6750 §2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InUrl {
    /// It is refused, and whoever sent it is told.
    #[default]
    Refused,
    /// It is accepted: for routes that are opened by links. Answers must not be kept by shared caches.
    Accepted,
}

impl Credentials {
    /// What the request presents; `None` when that is nothing, or of a scheme that is not ours.
    ///
    /// # Errors
    /// The request is malformed: see [`CredentialsError`].
    pub fn of(request: &Parts, in_url: InUrl) -> Result<Option<Self>, CredentialsError> {
        let mut headers = request.headers.get_all(header::AUTHORIZATION).iter();
        let (header, more) = (headers.next(), headers.next());
        let mut texts = tokens_in(request.uri.query().unwrap_or_default());
        let (text, more_texts) = (texts.next(), texts.next());
        match (header, text) {
            _ if more.is_some() || more_texts.is_some() => Err(CredentialsError::Several),
            (Some(_), Some(_)) => Err(CredentialsError::Several),
            (Some(header), None) => Self::in_header(header),
            (None, Some(_)) if in_url == InUrl::Refused => Err(CredentialsError::InUrl),
            (None, Some(token)) => Ok(Some(Self { token, user: None })),
            (None, None) => Ok(None),
        }
    }

    /// What an `Authorization` header presents; `None` when its scheme is not ours.
    ///
    /// # Errors
    /// [`CredentialsError::Malformed`].
    pub fn in_header(header: &HeaderValue) -> Result<Option<Self>, CredentialsError> {
        let header = header.to_str().map_err(|_| CredentialsError::Malformed)?;
        let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
        let value = value.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            bearer(value).map(Some)
        } else if scheme.eq_ignore_ascii_case("basic") {
            basic(value).ok_or(CredentialsError::Malformed).map(Some)
        } else {
            Ok(None)
        }
    }
}

impl Credentials {
    /// What they demand of the token by themselves: that it is the user's.
    pub(crate) fn demand(&self) -> Result<Demand, Refusal> {
        let Some(user) = &self.user else { return Ok(Demand::any()) };
        // A text that no subject can be called is no token's subject either.
        let subject = user.parse().map_err(|_| Reason::WrongSubject)?;
        Ok(Demand::any().subject(subject))
    }

    /// What the token grants, if it is live and meets the demand.
    pub(crate) async fn grant<S: TokenStore>(
        &self,
        tokens: &TokenService<S>,
        demand: &Demand,
    ) -> Result<Arc<Grant>, Refusal> {
        match tokens.validate(self.token.expose_secret(), demand).await? {
            Verdict::Active(grant) => Ok(grant),
            Verdict::Inactive(reason) => Err(reason.into()),
        }
    }
}

/// `b64token` of RFC 6750 §2.1.
fn bearer(value: &str) -> Result<Credentials, CredentialsError> {
    let body = value.trim_end_matches('=');
    let fits =
        |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    // Looking at all bytes costs less than stopping at the first that does not fit.
    if body.is_empty() || !body.bytes().fold(true, |all, byte| all & fits(byte)) {
        return Err(CredentialsError::Malformed);
    }
    Ok(Credentials { token: value.into(), user: None })
}

/// `user-id ":" password` in base64: UTF-8, no control characters, split at the first colon (RFC 7617 §2).
fn basic(value: &str) -> Option<Credentials> {
    let both = SecretString::from(String::from_utf8(STANDARD.decode(value).ok()?).ok()?);
    let text = both.expose_secret();
    let (user, token) = text.split_once(':').filter(|_| !text.contains(char::is_control))?;
    Some(Credentials { token: token.into(), user: Some(user.to_owned()) })
}

/// The values of all parameters `access_token`.
fn tokens_in(query: &str) -> impl Iterator<Item = SecretString> + '_ {
    let named = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "access_token");
    named.map(|(_, value)| value.into_owned().into())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    type Shown = Result<Option<(String, Option<String>)>, CredentialsError>;

    fn of(uri: &str, headers: &[&[u8]], in_url: InUrl) -> Shown {
        let mut request = Request::get(uri);
        for header in headers {
            request = request.header("authorization", *header);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let found = Credentials::of(&parts, in_url)?;
        Ok(found.map(|found| (found.token.expose_secret().to_owned(), found.user)))
    }

    fn header(value: &str) -> Shown {
        of("/", &[value.as_bytes()], InUrl::Refused)
    }

    fn basic_of(text: impl AsRef<[u8]>) -> Shown {
        header(&format!("Basic {}", STANDARD.encode(text)))
    }

    #[test]
    fn a_bearer_token_is_found_however_the_scheme_is_written() {
        for value in ["Bearer tok_a-b.c~d+e/f==", "bearer  tok_a-b.c~d+e/f==", "BEARER tok_a-b.c~d+e/f== "] {
            assert_eq!(header(value), Ok(Some(("tok_a-b.c~d+e/f==".into(), None))), "{value}");
        }
    }

    #[test]
    fn a_basic_password_is_the_token_and_only_the_first_colon_splits() {
        assert_eq!(basic_of("admin:tok_x"), Ok(Some(("tok_x".into(), Some("admin".into())))));
        assert_eq!(basic_of("admin:tok:x"), Ok(Some(("tok:x".into(), Some("admin".into())))));
        assert_eq!(basic_of("Zoë:tok_x"), Ok(Some(("tok_x".into(), Some("Zoë".into())))));
        assert_eq!(basic_of(":tok_x"), Ok(Some(("tok_x".into(), Some("".into())))));
    }

    #[test]
    fn nothing_and_other_schemes_present_nothing() {
        assert_eq!(of("/", &[], InUrl::Refused), Ok(None));
        for value in ["Digest username=\"x\"", "Negotiate abc", "Bearers tok_x", "tok_x", ""] {
            assert_eq!(header(value), Ok(None), "{value}");
        }
    }

    #[test]
    fn what_does_not_have_the_form_of_its_scheme_is_malformed() {
        for value in
            ["Bearer", "Bearer ", "Bearer =", "Bearer a b", "Bearer a,b", "Bearer \"a\"", "Basic", "Basic !!"]
        {
            assert_eq!(header(value), Err(CredentialsError::Malformed), "{value}");
        }
        for value in [b"admin".as_slice(), b"ad\xffmin:x", b"ad\nmin:x", b"admin:x\0"] {
            assert_eq!(basic_of(value), Err(CredentialsError::Malformed), "{value:?}");
        }
        assert_eq!(of("/", &[b"Bearer \xff"], InUrl::Refused), Err(CredentialsError::Malformed));
    }

    #[test]
    fn two_credentials_are_one_too_many() {
        let several = Err(CredentialsError::Several);
        for in_url in [InUrl::Refused, InUrl::Accepted] {
            assert_eq!(of("/", &[b"Bearer a", b"Bearer a"], in_url), several);
            assert_eq!(of("/", &[b"Bearer a", b"Basic YTpi"], in_url), several);
            assert_eq!(of("/?access_token=a", &[b"Bearer a"], in_url), several);
            assert_eq!(of("/?access_token=a&access_token=a", &[], in_url), several);
        }
    }

    #[test]
    fn a_token_in_the_url_is_refused_unless_the_route_opts_in() {
        for uri in ["/?access_token=tok_x", "/a?b=c&access%5Ftoken=tok%5fx"] {
            assert_eq!(of(uri, &[], InUrl::Refused), Err(CredentialsError::InUrl));
            assert_eq!(of(uri, &[], InUrl::Accepted), Ok(Some(("tok_x".into(), None))));
        }
        assert_eq!(of("/?my_access_token=tok_x", &[], InUrl::Refused), Ok(None));
    }

    #[test]
    fn the_token_is_not_in_debug() {
        let found = Credentials::in_header(&HeaderValue::from_static("Bearer tok_hidden")).unwrap().unwrap();
        assert!(!format!("{found:?}").contains("hidden"), "{found:?}");
    }

    proptest! {
        #[test]
        fn any_user_and_token_come_through_basic_as_they_are(user in "[^:\\p{Cc}]{0,40}", token in "\\P{Cc}{0,80}") {
            prop_assert_eq!(basic_of(format!("{user}:{token}")), Ok(Some((token, Some(user)))));
        }

        #[test]
        fn no_header_makes_it_panic(value in proptest::collection::vec(32u8..=255, 0..200)) {
            let value: Vec<u8> = value.into_iter().filter(|&byte| byte != 127).collect();
            let _ = of("/", &[&value], InUrl::Refused);
        }
    }
}
