//! What a caller asks for at issue, in JSON.

use std::fmt::Display;

use serde::Deserialize;
use serde_json::Value;
use token_core::{Access, IssueRequest, Lifetime, Scopes, Span, Subject};

use crate::error::ApiError;

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

/// What the members must be.
const USER: &str = "a text, the name of a user";
const DURATION: &str = r#"a text such as "1h", "30m" or "3600s""#;
const SCOPES: &str = r#"a list of texts such as ["node:UUID:r"]"#;
const LABEL: &str = "a text";

/// Reads the body of a request to issue. Without a user, the token is for `default_user`.
pub(super) fn read(body: &[u8], default_user: &Subject) -> Result<IssueRequest, ApiError> {
    // An array in their order would be the members, too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::bad_request("send a JSON object"));
    }
    let members: Members =
        serde_json::from_slice(body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let user = text("user", USER, members.user, str::parse)?.unwrap_or_else(|| default_user.clone());
    let expire = text("expire", DURATION, members.expire, str::parse)?;
    let auto = text("auto", DURATION, members.auto, Span::parse_with_bare_seconds)?;
    let lifetime = Lifetime::of(expire, auto).map_err(|error| wrong("expire, auto", error))?;
    let mut request = IssueRequest::new(user, access(members.scopes)?, lifetime);
    request.label = text("label", LABEL, members.label, str::parse)?;
    Ok(request)
}

/// No scopes at all is full access, as it is on the command line, and as tokens show it. An empty list is a mistake.
fn access(scopes: Option<Value>) -> Result<Access, ApiError> {
    let Some(scopes) = scopes else { return Ok(Access::Full) };
    let scopes = match scopes {
        Value::Array(scopes) => scopes,
        other => return Err(wrong("scopes", must_be(SCOPES, &other))),
    };
    let scopes = scopes.into_iter().map(|scope| match scope {
        Value::String(scope) => scope.parse().map_err(|error| wrong("scopes", error)),
        other => Err(wrong("scopes", must_be(SCOPES, &other))),
    });
    let scopes = Scopes::new(scopes.collect::<Result<Vec<_>, ApiError>>()?);
    scopes.map(Access::Restricted).map_err(|error| wrong("scopes", error))
}

fn text<T, E: Display>(
    name: &str,
    form: &str,
    value: Option<Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, ApiError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => parse(&text).map(Some).map_err(|error| wrong(name, error)),
        Some(other) => Err(wrong(name, must_be(form, &other))),
    }
}

/// What a member must be, for one that is of another kind. The value is not repeated.
fn must_be(form: &str, value: &Value) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!("it must be {form}, not {found}")
}

fn wrong(name: &str, error: impl Display) -> ApiError {
    ApiError::bad_request(format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        match read(body.as_bytes(), &"ann".parse().unwrap()) {
            Err(ApiError::Wrong(_, message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_error_for_a_json_member_of_a_wrong_type_names_the_type() {
        for (body, sentence) in [
            (
                r#"{"expire":3600}"#,
                r#"expire: it must be a text such as "1h", "30m" or "3600s", not a number"#,
            ),
            (r#"{"auto":600}"#, r#"auto: it must be a text such as "1h", "30m" or "3600s", not a number"#),
            (
                r#"{"expire":["1h"]}"#,
                r#"expire: it must be a text such as "1h", "30m" or "3600s", not a list"#,
            ),
            (r#"{"user":true}"#, "user: it must be a text, the name of a user, not true or false"),
            (r#"{"expire":"1h","label":{}}"#, "label: it must be a text, not an object"),
            (
                r#"{"expire":"1h","scopes":"node:x:r"}"#,
                r#"scopes: it must be a list of texts such as ["node:UUID:r"], not a text"#,
            ),
            (
                r#"{"expire":"1h","scopes":[1]}"#,
                r#"scopes: it must be a list of texts such as ["node:UUID:r"], not a number"#,
            ),
            ("[]", "send a JSON object"),
        ] {
            assert_eq!(refusal(body), sentence, "{body}");
        }
    }
}
