//! `issue`, `user token`, `admin user token`

use serde::Serialize;
use token_core::{
    Access, Confirmation, Grant, IssueRequest, Issued, Label, Lifetime, LifetimeError, Once, Repeated,
    Revocation, TokenId, TokenStatus,
};

use crate::args::{IssueArgs, Settings};
use crate::delivery;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::layout;
use crate::open::{Tokens, open_or_create};
use crate::report::{Report, facts};
use crate::visible::visible;
use crate::warning::Warning;

pub(crate) async fn run(
    arguments: IssueArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    let key = arguments.idempotency_key;
    let request = request(arguments)?;
    delivery::is_open().map_err(|source| Failure::System {
        what: "nothing was issued: standard output is closed, and nobody would get the token".into(),
        source,
    })?;
    let tokens = open_or_create(settings).await?;
    let once = match &key {
        Some(key) => tokens.issue_once(&request, key).await?,
        None => Once::Issued(tokens.issue(&request).await?),
    };
    match once {
        Once::Issued(issued) => issued_now(format, &tokens, &issued).await,
        Once::Repeated(repeated) => issued_before(format, &repeated),
        Once::Mismatched => Err(Failure::usage(
            "this idempotency key issued another token within the last 24 hours, with other arguments; \
             use a new key for a new token",
        )),
    }
}

async fn issued_now(format: Format, tokens: &Tokens, issued: &Issued) -> Result<Report, Failure> {
    let Issued { token, grant, confirmation } = issued;
    let secret = token.expose_secret();
    let report = if format == Format::Quiet {
        Report::text(Exit::Done, format!("{secret}\n"))
    } else {
        let json = Json { token: secret, grant, confirmation: *confirmation };
        Report::new(format, Exit::Done, &json, || human(secret, grant))?
    };
    match report.if_confirmed("issued", *confirmation, &confirm(grant.id)).deliver() {
        Ok(delivered) => Ok(delivered),
        Err(source) => Err(Failure::System { what: take_back(tokens, grant).await, source }),
    }
}

/// There is no token to print, so this is no success for a caller that waits for one.
fn issued_before(format: Format, repeated: &Repeated) -> Result<Report, Failure> {
    let id = repeated.id;
    let report = match (format, &repeated.known) {
        (Format::Quiet, _) => Report::text(Exit::Negative, String::new()),
        (_, TokenStatus::Live(grant)) => Report::new(format, Exit::Negative, repeated, || facts(grant))?,
        _ => Report::new(format, Exit::Negative, repeated, || format!("  id       {id}\n"))?,
    };
    let what = match repeated.known {
        TokenStatus::Live(_) => format!(
            "token {id} was issued before with this idempotency key, and its text is not kept: if it did not arrive, \
             token-cli revoke {id}, and issue another with a new key"
        ),
        TokenStatus::Revoked(_) | TokenStatus::Unknown => format!(
            "token {id} was issued before with this idempotency key, and {}: issue another with a new key",
            if repeated.state() == "revoked" { "was revoked since" } else { "has expired since" }
        ),
    };
    Ok(report.warn(Some(Warning::new(Exit::Negative, "repeated", what))).if_confirmed(
        "issued",
        repeated.confirmation,
        &confirm(id),
    ))
}

fn confirm(id: TokenId) -> String {
    format!("token-cli confirm {id}")
}

fn request(arguments: IssueArgs) -> Result<IssueRequest, Failure> {
    let lifetime = Lifetime::of(arguments.expire, arguments.auto).map_err(|error| match error {
        LifetimeError::Missing => Failure::usage(
            "a token needs a lifetime: give -e DURATION (a hard limit, like -e 24h), -a DURATION (a sliding window, \
             like -a 10m), or both",
        ),
        error => Failure::usage(error.to_string()),
    })?;
    let access = Access::from_scopes(arguments.scopes).map_err(|error| Failure::usage(error.to_string()))?;
    let mut request = IssueRequest::new(arguments.user, access, lifetime);
    request.label = arguments.label;
    request.issuer = super::actor(arguments.issuer);
    Ok(request)
}

/// Revokes a token that nobody got, and says what became of it.
async fn take_back(tokens: &Tokens, grant: &Grant) -> String {
    let why = "it could not be delivered".parse::<Label>().ok();
    let revocation = Revocation { by: super::actor(None), why };
    let id = grant.id;
    match tokens.revoke(id, &revocation).await {
        Ok(change) if change.confirmation.is_confirmed() => {
            format!("cannot write the token to standard output; so token {id} has been revoked")
        }
        _ => format!(
            "cannot write the token to standard output; token {id} is issued, and nobody holds it: token-cli revoke {id}"
        ),
    }
}

#[derive(Serialize)]
struct Json<'a> {
    token: &'a str,
    #[serde(flatten)]
    grant: &'a Grant,
    confirmation: Confirmation,
}

/// The token on a line of its own, its facts, and how to use it without putting it into the arguments of anything.
fn human(secret: &str, grant: &Grant) -> String {
    let basic = basic(grant.subject.as_str());
    let advice = format!(
        "This is the only time that the token is shown: keep it safe. With the token in a variable (read -rs TOKEN, then \
         paste it), use it as a bearer token{}:",
        if basic.is_some() { " or as a password" } else { "" }
    );
    format!(
        "{secret}\n\n{}\n{}\n\n  curl -H @- https://example.com/ <<< \"Authorization: Bearer $TOKEN\"\n{}",
        facts(grant),
        layout::wrapped(layout::columns().or(Some(80)), &advice),
        basic.unwrap_or_default()
    )
}

/// The line for Basic authentication. A user name with a colon has none (RFC 7617 §2), and one with characters that
/// cannot be seen has none that could be copied.
fn basic(user: &str) -> Option<String> {
    let escaped = user.replace('\\', "\\\\").replace('"', "\\\"");
    let before = shlex::try_quote(&format!("user = \"{escaped}:")).ok()?.into_owned();
    let line = format!("  curl -K - https://example.com/ <<< {before}\"$TOKEN\"'\"'\n");
    (!user.contains(':') && visible(user) == user).then_some(line)
}
