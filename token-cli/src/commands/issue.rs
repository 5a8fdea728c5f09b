//! `issue`, `user token`, `admin user token`

use serde::Serialize;
use token_core::{Access, Grant, IssueRequest, Issued, Lifetime, os_rng};

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
    let mut rng = os_rng().map_err(|error| Failure::usage(error.to_string()))?;
    let tokens = open(settings).await?;
    let Issued { token, grant } = tokens.issue(&request, &mut rng).await?;

    let secret = token.expose_secret();
    if format == Format::Quiet {
        return Ok(Report::text(Exit::Done, format!("{secret}\n")));
    }
    Report::new(format, Exit::Done, &Json { token: secret, grant: &grant }, || human(secret, &grant))
}

fn request(arguments: IssueArgs) -> Result<IssueRequest, Failure> {
    let lifetime = match (arguments.expire, arguments.auto) {
        (Some(limit), None) => Lifetime::hard(limit),
        (None, Some(window)) => Lifetime::sliding(window),
        (Some(cap), Some(window)) => {
            Lifetime::capped(window, cap).map_err(|error| Failure::usage(error.to_string()))?
        }
        (None, None) => {
            return Err(Failure::usage(
                "a token needs a lifetime: give -e DURATION (a hard limit, like -e 24h), -a DURATION (a sliding \
                 window, like -a 10m), or both",
            ));
        }
    };
    let access = Access::from_scopes(arguments.scopes).map_err(|error| Failure::usage(error.to_string()))?;
    let mut request = IssueRequest::new(arguments.user, access, lifetime);
    request.label = arguments.label;
    request.issuer = super::actor(arguments.issuer);
    Ok(request)
}

#[derive(Serialize)]
struct Json<'a> {
    token: &'a str,
    #[serde(flatten)]
    grant: &'a Grant,
}

/// The token on a line of its own, its facts, and how to use it without typing it into arguments.
fn human(secret: &str, grant: &Grant) -> String {
    let credentials = quote(&format!("{}:", grant.subject));
    format!(
        "{secret}\n\n{}\n\
         This is the only time that the token is shown: keep it safe. With the token in a variable\n\
         (read -rs TOKEN, then paste it), use it as a bearer token or as a password:\n\n  \
         curl -H \"Authorization: Bearer $TOKEN\" https://example.com/\n  \
         curl -u {credentials}\"$TOKEN\" https://example.com/\n",
        facts(grant)
    )
}

/// The text as one word of a shell, whatever a user name holds.
fn quote(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| "USER:".into(), Into::into)
}
