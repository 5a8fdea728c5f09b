//! Which client asks: `client_secret_basic`, `client_secret_post` (RFC 6749 §2.3.1), or a bearer token.
//!
//! A client is a user, and its secret is a token of theirs.

use std::borrow::Cow;

use axum::body::Body;
use http::header;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use token_core::Reason;

use super::form::Form;
use super::rejection::{Method, Rejection};
use crate::error::ApiError;
use crate::operations::Caller;
use crate::state::Sidecar;
use token_http::AuthError;
use token_http::Authenticated;
use token_http::{Credentials, InUrl};

/// Whether an endpoint answers a client that presents nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authentication {
    Required,
    Optional,
}

/// A form, and the client that posted it; none if it presents nothing.
pub(super) struct Asked<'a> {
    pub(super) caller: Option<Caller<'a>>,
    pub(super) method: Method,
    pub(super) form: Form,
}

impl Sidecar {
    /// Reads a request to an OAuth endpoint. The form is read before a client's token is used.
    pub(super) async fn asked(
        &self,
        parts: &Parts,
        body: Body,
        authentication: Authentication,
    ) -> Result<Asked<'_>, Rejection> {
        let presented = Credentials::of(parts, InUrl::Refused, &self.credentials);
        let presented =
            presented.map_err(|error| Rejection::of_header(Method::of(parts), error, self.realm.clone()))?;
        match presented {
            Some(credentials) => {
                let method = Method::of(parts);
                // Before the client's token is used: a request that cannot be read prolongs nothing.
                let mut form = self.form(parts, body).await.map_err(method.rejecting())?;
                if form.take("client_secret").is_some() {
                    let twice = "the client authenticates twice; leave out the header or client_secret";
                    return Err(Rejection::new(method, ApiError::bad_request(twice)));
                }
                let who = self
                    .by_header(parts, credentials)
                    .await
                    .map_err(|refusal| self.rejected(method, refusal))?;
                Ok(Asked { caller: Some(self.caller_of(who, &parts.extensions)), method, form })
            }
            None if parts.headers.contains_key(header::AUTHORIZATION)
                || authentication == Authentication::Required
                    && !parts.headers.contains_key(header::CONTENT_TYPE) =>
            {
                Err(self.rejected(Method::Client, Credentials::missing(&parts.headers)))
            }
            None => {
                let mut form = self.form(parts, body).await.map_err(Method::Client.rejecting())?;
                let caller = self.by_form(parts, &mut form).await?;
                Ok(Asked { caller, method: Method::Client, form })
            }
        }
    }

    /// The form, with the token that the request is about and nothing around it.
    async fn form(&self, parts: &Parts, body: Body) -> Result<Form, ApiError> {
        let form = Form::read(&parts.headers, body).await?;
        self.expect_bare_token("token", form.expect_token()?, parts.extensions.get())?;
        Ok(form)
    }

    fn rejected(&self, method: Method, refusal: impl Into<AuthError>) -> Rejection {
        Rejection::new(method, ApiError::Refused(refusal.into(), self.realm.clone()))
    }

    /// The client of `client_id` and `client_secret`, if it sends a secret.
    async fn by_form(&self, parts: &Parts, form: &mut Form) -> Result<Option<Caller<'_>>, Rejection> {
        let (id, secret) = (form.take("client_id"), form.take("client_secret"));
        let Some(token) = secret else { return Ok(None) };
        let Some(id) = id else {
            let alone = "client_secret is there without client_id; send both";
            return Err(Rejection::new(Method::Client, ApiError::bad_request(alone)));
        };
        self.expect_bare_token("client_secret", token.expose_secret(), parts.extensions.get())
            .map_err(Method::Client.rejecting())?;
        let user = id.expose_secret();
        let user = (!self.credentials.any_user_names.contains(user)).then(|| user.to_owned());
        let who = self.looked_at(parts, Credentials { token, user }).await;
        let who = who.map_err(|refusal| self.rejected(Method::Client, refusal))?;
        Ok(Some(self.caller_of(who, &parts.extensions)))
    }

    /// The client of a header. RFC 6749 encodes user and password once more before Basic does, which most clients do not
    /// do: a name that can be decoded is taken either way, and compared here, so that it costs one validation.
    async fn by_header(&self, parts: &Parts, credentials: Credentials) -> Result<Authenticated, AuthError> {
        let Credentials { token, user: Some(user) } = credentials else {
            return self.looked_at(parts, credentials).await;
        };
        let Cow::Owned(plain) = decoded(&user) else {
            return self.looked_at(parts, Credentials { token, user: Some(user) }).await;
        };
        let who = self.looked_at(parts, Credentials { token, user: None }).await?;
        let subject = who.grant().subject.as_str();
        if subject == user || subject == plain { Ok(who) } else { Err(Reason::WrongSubject.into()) }
    }

    /// Renews nothing: see [`Caller::admitted`].
    async fn looked_at(&self, parts: &Parts, credentials: Credentials) -> Result<Authenticated, AuthError> {
        self.auth().check_credentials(parts, credentials).await
    }
}

/// A text without its form encoding; owned if there was any.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map_or(Cow::Borrowed(text), |text| Cow::Owned(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_encoded_client_credentials_are_decoded() {
        for (text, plain) in
            [("admin", "admin"), ("a%20b", "a b"), ("a+b", "a b"), ("Zo%C3%AB", "Zoë"), ("%ff", "%ff")]
        {
            assert_eq!(decoded(text), plain);
        }
    }
}
