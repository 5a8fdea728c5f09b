//! `issue`, `user token`, `admin user token`

use serde::Serialize;
use token_core::{Access, Confirmation, Grant, IssueRequest, Issued, Lifetime, LifetimeError, os_rng};

use crate::args::{IssueArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::open;
use crate::report::{Report, facts};

pub(crate) async fn run(
    arguments: IssueArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    let request = request(arguments)?;
    let mut rng = os_rng().map_err(Failure::randomness)?;
    let tokens = open(settings).await?;
    let Issued { token, grant, confirmation } = tokens.issue(&request, &mut rng).await?;

    let secret = token.expose_secret();
    if format == Format::Quiet {
        return Ok(Report::text(Exit::Done, format!("{secret}\n"))
            .must_be_read(lost(&grant))
            .if_confirmed("issued", confirmation));
    }
    let json = Json { token: secret, grant: &grant, confirmation };
    let report = Report::new(format, Exit::Done, &json, || human(secret, &grant))?;
    Ok(report.must_be_read(lost(&grant)).if_confirmed("issued", confirmation))
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

fn lost(grant: &Grant) -> String {
    format!("token {id} is issued, and nobody holds it: token-cli revoke {id}", id = grant.id)
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
    format!(
        "{secret}\n\n{}\n\
         This is the only time that the token is shown: keep it safe. With the token in a variable\n\
         (read -rs TOKEN, then paste it), use it as a bearer token{}:\n\n  \
         curl -H @- https://example.com/ <<< \"Authorization: Bearer $TOKEN\"\n{}",
        facts(grant),
        if basic.is_some() { " or as a password" } else { "" },
        basic.unwrap_or_default()
    )
}

/// The line for Basic authentication. A user name with a colon has none (RFC 7617 §2).
fn basic(user: &str) -> Option<String> {
    let escaped = user.replace('\\', "\\\\").replace('"', "\\\"");
    let before = shlex::try_quote(&format!("user = \"{escaped}:")).ok()?.into_owned();
    let line = format!("  curl -K - https://example.com/ <<< {before}\"$TOKEN\"'\"'\n");
    (!user.contains(':')).then_some(line)
}
