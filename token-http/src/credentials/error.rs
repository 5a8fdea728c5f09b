//! What is wrong with a request that presents credentials, and nothing about the token in it.

/// Why the credentials of a request cannot be read. It describes the request only: whether a token is known, expired or
/// revoked is never part of it, and no part of the header is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// More than one credential, or the same one in two places (RFC 6750 §3.1).
    #[error("the request presents more than one credential; send exactly one Authorization header")]
    Several,
    /// One header with several values: a proxy or a library joined them.
    #[error("the Authorization header holds several values joined by a comma; send one value")]
    Joined,
    /// The header is there and has no value.
    #[error(
        "the Authorization header is empty; send \"Bearer TOKEN\", or \"Basic\" with base64 of USER:TOKEN"
    )]
    EmptyHeader,
    /// The header is one word, which is no scheme: often the token alone.
    #[error(
        "the Authorization header does not begin with a scheme; put \"Bearer\" and a space before the token"
    )]
    NoScheme,
    /// The header is of a scheme that is not accepted.
    #[error("the scheme of the Authorization header is not accepted here; send Bearer or Basic")]
    OtherScheme,
    /// `Bearer: TOKEN`
    #[error("a colon follows the scheme in the Authorization header; put one space between scheme and token")]
    ColonAfterScheme,
    /// `Bearer Bearer TOKEN`
    #[error("the Authorization header names two schemes; send one")]
    TwoSchemes,
    /// A header has bytes other than visible ASCII.
    #[error(
        "the header with the credentials has a character that is not visible ASCII; send the token exactly as it was issued"
    )]
    NotAscii,
    /// The scheme is there, and nothing follows it.
    #[error("the Authorization header ends behind its scheme; the credentials are missing")]
    NoToken,
    /// `Bearer "TOKEN"`, or a password in quotes.
    #[error("the credentials in the Authorization header are in quotes; send them without")]
    Quoted,
    /// White space within the credentials.
    #[error("the credentials in the Authorization header hold white space; send them in one piece")]
    WhiteSpace,
    /// `Bearer USER:TOKEN`
    #[error("a bearer token has no colon; send USER:TOKEN as Basic, in base64")]
    UserWithBearer,
    /// A character that RFC 6750 §2.1 does not allow in a bearer token, there or in the password of Basic.
    #[error("the token holds a character that no token has; send it exactly as it was issued")]
    ForeignCharacter,
    /// `Bearer TOKEN==`, or such a password.
    #[error("the token ends with \"=\", which no token has; send it exactly as it was issued")]
    Padded,
    /// `Basic USER:TOKEN`
    #[error("Basic takes USER:TOKEN in base64, and this is not encoded")]
    NotEncoded,
    /// Text that is no base64 of the standard alphabet.
    #[error("the text behind Basic is not base64; encode USER:TOKEN in the standard alphabet, with padding")]
    NotBase64,
    /// Base64 whose padding is missing or wrong.
    #[error("the padding of the base64 behind Basic is missing or wrong; it may also have been cut off")]
    NoPadding,
    /// What the base64 encodes is not UTF-8.
    #[error("the base64 behind Basic does not encode UTF-8")]
    NotUtf8,
    /// A line break among what the base64 encodes: often that of `echo`.
    #[error("the base64 behind Basic encodes a line break; encode USER:TOKEN without one (printf, not echo)")]
    LineBreak,
    /// Another control character among what the base64 encodes.
    #[error("the base64 behind Basic encodes a control character")]
    ControlCharacter,
    /// No colon between user and token.
    #[error("the base64 behind Basic encodes no colon; encode USER:TOKEN")]
    NoColon,
    /// The password is empty.
    #[error("the password is empty; send the token as the password of its user")]
    EmptyPassword,
    /// The password is `x-oauth-basic`, which some clients send with the token as the user name.
    #[error(
        "the token comes as the user name, which is not accepted here beside this password; send it as the password of its user"
    )]
    TokenAsUserName,
    /// A token in the URL, where logs and histories keep it (RFC 6750 §5.3).
    #[error("tokens in the URL are refused, since logs keep them; send an Authorization header")]
    InUrl,
}

impl CredentialsError {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Several => "several_credentials",
            Self::Joined => "joined_credentials",
            Self::EmptyHeader => "empty_header",
            Self::NoScheme => "no_scheme",
            Self::OtherScheme => "other_scheme",
            Self::ColonAfterScheme => "colon_after_scheme",
            Self::TwoSchemes => "two_schemes",
            Self::NotAscii => "not_ascii",
            Self::NoToken => "no_token",
            Self::Quoted => "quoted",
            Self::WhiteSpace => "white_space",
            Self::UserWithBearer => "user_with_bearer",
            Self::ForeignCharacter => "foreign_character",
            Self::Padded => "padded",
            Self::NotEncoded => "not_encoded",
            Self::NotBase64 => "not_base64",
            Self::NoPadding => "no_padding",
            Self::NotUtf8 => "not_utf8",
            Self::LineBreak => "line_break",
            Self::ControlCharacter => "control_character",
            Self::NoColon => "no_colon",
            Self::EmptyPassword => "empty_password",
            Self::TokenAsUserName => "token_as_user_name",
            Self::InUrl => "token_in_url",
        }
    }

    /// Whether the request presents nothing of an accepted scheme: it is asked for credentials (401), not told that it is
    /// malformed (400).
    pub(crate) fn is_of_no_scheme(self) -> bool {
        matches!(self, Self::EmptyHeader | Self::NoScheme | Self::OtherScheme)
    }
}
