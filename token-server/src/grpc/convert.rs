//! Between the messages on the wire and what they mean.

use std::time::Duration;

use token_core::{
    Access, Confirmation, Grant, IdempotencyKey, IssueRequest, Label, Lifetime, LifetimeError, Repeated,
    RequiredPermission, Requirement, Scope, Scopes, Span, Subject, Timestamp, TokenId, TokenStatus,
    UnreadableRecord, Verdict, parse_node,
};
use tonic::Status;

use super::proto::token::v1 as proto;
use crate::request::declared::without_secrets;

/// What is wrong with a message. It names the field and never repeats what is in it.
fn wrong(field: &str, problem: impl std::fmt::Display) -> Status {
    Status::invalid_argument(without_secrets(&format!("{field}: {problem}")))
}

pub(super) fn subject(field: &str, text: &str) -> Result<Subject, Status> {
    text.parse().map_err(|error| wrong(field, error))
}

/// A text that is none is not repeated: it may be a token.
pub(super) fn id(text: &str) -> Result<TokenId, Status> {
    text.parse().map_err(|_| wrong("id", "this is no token id"))
}

/// A remark; an empty one is none.
pub(super) fn label(field: &str, text: &str) -> Result<Option<Label>, Status> {
    (!text.is_empty()).then(|| text.parse()).transpose().map_err(|error| wrong(field, error))
}

/// An empty one is none.
pub(super) fn idempotency_key(text: &str) -> Result<Option<IdempotencyKey>, Status> {
    let key = (!text.is_empty()).then(|| text.parse()).transpose();
    key.map_err(|error| wrong("idempotency_key", error))
}

pub(super) fn issue_request(request: proto::IssueRequest) -> Result<IssueRequest, Status> {
    let proto::IssueRequest { user, access, sliding_window, expire, label: text, idempotency_key: _ } =
        request;
    let access = match access {
        Some(proto::issue_request::Access::Full(proto::FullAccess {})) => Access::Full,
        Some(proto::issue_request::Access::Restricted(proto::Scopes { scopes })) => restricted(&scopes)?,
        None => return Err(wrong("access", "say what it may reach: full, or restricted to scopes")),
    };
    let lifetime = lifetime(span("sliding_window", sliding_window)?, span("expire", expire)?)?;
    let mut request = IssueRequest::new(subject("user", &user)?, access, lifetime);
    request.label = label("label", &text)?;
    Ok(request)
}

fn restricted(texts: &[String]) -> Result<Access, Status> {
    let scopes = texts.iter().map(|text| scope("restricted", text)).collect::<Result<Vec<_>, _>>()?;
    Scopes::new(scopes).map(Access::Restricted).map_err(|error| wrong("restricted", error))
}

fn scope(field: &str, text: &str) -> Result<Scope, Status> {
    text.parse().map_err(|_| wrong(field, "write a scope as node:UUID:PERM, with PERM one of r, w, rw"))
}

fn lifetime(window: Option<Span>, hard_expiry: Option<Span>) -> Result<Lifetime, Status> {
    Lifetime::of(hard_expiry, window).map_err(|error| match error {
        LifetimeError::Missing => {
            wrong("expire", "a token needs a lifetime: expire, sliding_window, or both")
        }
        error => wrong("expire", error),
    })
}

fn span(field: &str, duration: Option<prost_types::Duration>) -> Result<Option<Span>, Status> {
    let Some(prost_types::Duration { seconds, nanos }) = duration else { return Ok(None) };
    // By hand: the conversion of prost-types panics at the most negative one.
    let span = match (u64::try_from(seconds), u32::try_from(nanos)) {
        (Ok(seconds), Ok(nanos @ 0..1_000_000_000)) => Span::try_from(Duration::new(seconds, nanos)).ok(),
        _ => None,
    };
    span.map(Some).ok_or_else(|| wrong(field, "it goes from a millisecond to a hundred years"))
}

pub(super) fn requirement(user: Option<&str>, needs: &[proto::Need]) -> Result<Requirement, Status> {
    let mut requirement = Requirement::any();
    if let Some(user) = user {
        requirement = requirement.subject(subject("user", user)?);
    }
    for need in needs {
        let folders = need.ancestors.iter().map(|text| {
            parse_node(text)
                .ok_or_else(|| wrong("ancestors", "write UUIDs, of 32 hexadecimal digits with hyphens"))
        });
        let folders = folders.collect::<Result<Vec<_>, _>>()?;
        requirement = requirement
            .permission(RequiredPermission::new(scope("needs", &need.scope)?).with_ancestors(folders));
    }
    Ok(requirement)
}

pub(super) fn verdict(verdict: Verdict) -> proto::ValidateResponse {
    use proto::validate_response::Verdict as Word;
    let word = match verdict {
        Verdict::Active(active) => Word::Active(grant(&active)),
        Verdict::Inactive(token_core::Reason::NotPermitted { missing }) => {
            Word::NotPermitted(proto::NotPermitted { missing_scope: missing.to_string() })
        }
        Verdict::Inactive(_) => Word::Inactive(proto::Inactive {}),
    };
    proto::ValidateResponse { verdict: Some(word) }
}

pub(super) fn grant(grant: &Grant) -> proto::Grant {
    let access = grant.access.scopes().map_or_else(
        || proto::grant::Access::Full(proto::FullAccess {}),
        |scopes| {
            let scopes = scopes.iter().map(|scope| scope.to_string()).collect();
            proto::grant::Access::Restricted(proto::Scopes { scopes })
        },
    );
    proto::Grant {
        id: grant.id.to_string(),
        user: grant.subject.to_string(),
        access: Some(access),
        label: grant.label.as_ref().map(ToString::to_string).unwrap_or_default(),
        issuer: grant.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
        issued_at: Some(timestamp(grant.issued_at)),
        expires_at: Some(timestamp(grant.expires_at)),
        sliding_window: grant.deadlines.window().and_then(|window| window.as_duration().try_into().ok()),
        max_expires_at: grant.deadlines.cap().map(timestamp),
    }
}

pub(super) fn repeated(repeated: &Repeated) -> proto::IssueResponse {
    let grant = match &repeated.known {
        TokenStatus::Live(live) => Some(grant(live)),
        TokenStatus::Revoked(_) | TokenStatus::Unknown => None,
    };
    let state = repeated.state().to_owned();
    proto::IssueResponse {
        grant,
        confirmation: Some(confirmation(repeated.confirmation)),
        repeated: Some(proto::Repeated { id: repeated.id.to_string(), state }),
        ..proto::IssueResponse::default()
    }
}

pub(super) fn unreadable(row: &UnreadableRecord) -> proto::UnreadableRecord {
    proto::UnreadableRecord { id: row.id.to_string(), why: row.why.code().to_owned(), message: row.message() }
}

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let millis = time.as_millis();
    prost_types::Timestamp {
        seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX),
        nanos: i32::try_from(millis % 1000 * 1_000_000).unwrap_or_default(),
    }
}

pub(super) fn confirmation(confirmation: Confirmation) -> proto::Confirmation {
    proto::Confirmation {
        confirmed: confirmation.is_confirmed(),
        level: confirmation.level.to_string(),
        expected: confirmation.expected,
        reached: confirmation.reached,
        reason: confirmation.reason.map(token_core::Unconfirmed::code).unwrap_or_default().to_owned(),
    }
}
