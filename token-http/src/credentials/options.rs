//! Which ways to present a token are accepted, apart from Bearer and from Basic with the token's user.

use std::collections::BTreeSet;

/// Whether a token may come in the URL, as `?access_token=…` (RFC 6750 §2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InUrl {
    /// It is refused, and the caller is told so.
    #[default]
    Refused,
    /// It is accepted: for routes that are opened by links. Answers must not be kept by shared caches.
    Accepted,
}

/// Further ways to present a token, for tools that fix the user name or the scheme. The default accepts none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialOptions {
    /// User names of Basic that stand for the token's own subject, byte for byte: `x-access-token`, `__token__`, `oauth2`.
    /// The token alone decides then whose it is.
    pub any_user_names: BTreeSet<String>,
    /// Whether the token may be the user name of Basic, with an empty password or with `x-oauth-basic`.
    pub token_as_user_name: bool,
    /// Whether `Authorization: token TOKEN` is taken for `Bearer TOKEN`.
    pub token_scheme: bool,
}
