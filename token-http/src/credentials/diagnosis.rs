//! What is wrong with an `Authorization` header that could not be read. Only refused requests pay for it.

use super::error::CredentialsError;

/// The schemes that people put before a token.
const SCHEMES: [&str; 3] = ["bearer", "basic", "token"];

/// Why a header whose scheme is not ours presents nothing.
pub(super) fn scheme(header: &str) -> CredentialsError {
    let first = header.split([' ', '\t']).next().unwrap_or_default();
    let before_colon = first.split(':').next().unwrap_or_default();
    let is_scheme_in = |part: &str| is_scheme(part.trim_start().split(' ').next().unwrap_or_default());
    if header.is_empty() {
        CredentialsError::EmptyHeader
    } else if header.starts_with(['"', '\'']) {
        CredentialsError::Quoted
    } else if header.split(',').skip(1).any(is_scheme_in) {
        CredentialsError::Joined
    } else if first.contains(':') && is_scheme(before_colon) {
        CredentialsError::ColonAfterScheme
    } else if header.contains('\t') && is_scheme(first) {
        CredentialsError::WhiteSpace
    } else if header.contains(' ') {
        CredentialsError::OtherScheme
    } else {
        CredentialsError::NoScheme
    }
}

/// Why the text behind `Bearer` (or `token`) is no bearer token.
pub(super) fn bearer(value: &str) -> CredentialsError {
    any_scheme(value).unwrap_or(if value.contains(':') {
        CredentialsError::UserWithBearer
    } else if value.trim_end_matches('=').bytes().all(is_of_token) && value.len() > 1 {
        CredentialsError::Padded
    } else {
        CredentialsError::ForeignCharacter
    })
}

/// Why the password that `Basic` encodes is no token.
pub(super) fn password(value: &str) -> CredentialsError {
    if value.contains(char::is_whitespace) {
        CredentialsError::WhiteSpace
    } else if value.contains(['"', '\'']) {
        CredentialsError::Quoted
    } else if value.trim_end_matches('=').bytes().all(is_of_token) && value.len() > 1 {
        CredentialsError::Padded
    } else {
        CredentialsError::ForeignCharacter
    }
}

/// Why the text behind `Basic` is no base64.
pub(super) fn base64(value: &str) -> CredentialsError {
    any_scheme(value).unwrap_or_else(|| {
        let body = value.trim_end_matches('=');
        let is_standard =
            body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
        if value.contains(':') {
            CredentialsError::NotEncoded
        } else if is_standard && !value.len().is_multiple_of(4) {
            CredentialsError::NoPadding
        } else {
            CredentialsError::NotBase64
        }
    })
}

/// What is wrong whatever the scheme is.
fn any_scheme(value: &str) -> Option<CredentialsError> {
    if value.is_empty() {
        Some(CredentialsError::NoToken)
    } else if value.contains(',') {
        Some(CredentialsError::Joined)
    } else if value.contains(['"', '\'']) {
        Some(CredentialsError::Quoted)
    } else if value.split_once([' ', '\t']).is_some_and(|(first, _)| is_scheme(first)) {
        Some(CredentialsError::TwoSchemes)
    } else if value.contains([' ', '\t']) {
        Some(CredentialsError::WhiteSpace)
    } else {
        None
    }
}

/// The characters of `b64token` (RFC 6750 §2.1) but the padding.
pub(super) fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

fn is_scheme(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.eq_ignore_ascii_case(scheme))
}
