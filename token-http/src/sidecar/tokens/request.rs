//! What a caller asks for at issue, in JSON.

use std::fmt::Display;

use serde::Deserialize;
use serde_json::Value;
use token_core::{Access, IssueRequest, Lifetime, Scopes, Span, Subject};

use crate::sidecar::problem::Problem;

/// The members that there are. Each is read by itself, so that the refusal names it; none is there twice.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Members {
    user: Option<Value>,
    expire: Option<Value>,
    auto: Option<Value>,
    scopes: Option<Value>,
    label: Option<Value>,
}

/// Reads the body of a request to issue. Without a user, the token is for `default_user`.
pub(super) fn read(body: &[u8], default_user: &Subject) -> Result<IssueRequest, Problem> {
    // An array in their order would be the members, too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::bad_request("send a JSON object"));
    }
    let members: Members =
        serde_json::from_slice(body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let user = text("user", members.user, str::parse)?.unwrap_or_else(|| default_user.clone());
    let expire = text("expire", members.expire, str::parse)?;
    let auto = text("auto", members.auto, Span::parse_with_bare_seconds)?;
    let lifetime = Lifetime::of(expire, auto).map_err(|error| wrong("expire, auto", error))?;
    let mut request = IssueRequest::new(user, access(members.scopes)?, lifetime);
    request.label = text("label", members.label, str::parse)?;
    Ok(request)
}

/// No scopes at all is full access, as it is on the command line, and as tokens show it. An empty list is a mistake.
fn access(scopes: Option<Value>) -> Result<Access, Problem> {
    let Some(scopes) = scopes else { return Ok(Access::Full) };
    let Value::Array(scopes) = scopes else { return Err(wrong("scopes", "it is a list of texts")) };
    let scopes = scopes.into_iter().filter_map(|scope| text("scopes", Some(scope), str::parse).transpose());
    let scopes = Scopes::new(scopes.collect::<Result<Vec<_>, Problem>>()?);
    scopes.map(Access::Restricted).map_err(|error| wrong("scopes", error))
}

fn text<T, E: Display>(
    name: &str,
    value: Option<Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => parse(&text).map(Some).map_err(|error| wrong(name, error)),
        Some(_) => Err(wrong(name, "it is a text")),
    }
}

fn wrong(name: &str, error: impl Display) -> Problem {
    Problem::bad_request(format!("{name}: {error}"))
}
