//! `validate`

use serde::Serialize;
use token_core::{Grant, Reason, RequiredPermission, Requirement, Scope, Verdict};

use super::presented;
use crate::args::{Settings, ValidateArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::open;
use crate::report::{Report, facts};
use crate::secret;

pub(crate) async fn run(
    arguments: ValidateArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    if !arguments.misplaced.arguments.is_empty() {
        return Err(Failure::usage(
            "\"validate\" takes no token as an argument, where every process of this machine could read it: give it \
             on standard input or with --token-file",
        ));
    }
    let requirement = requirement(&arguments)?;
    let text = secret::one(arguments.token_file.as_deref())?;
    let text = text.as_str();
    if text.is_empty() {
        return Err(Failure::usage("no token was given: the input is empty"));
    }

    let tokens = open(settings).await?;
    if let Some(instead) = presented::instead(&tokens, text) {
        return Err(Failure::usage(format!("the input is {instead}")));
    }
    if let Some(why) = presented::missing_key(&tokens, text) {
        return Err(Failure::MissingKey(format!("cannot validate: {why}")));
    }
    let verdict = match arguments.peek {
        true => tokens.peek(text, &requirement).await?,
        false => tokens.validate(text, &requirement).await?,
    };
    let report = match &verdict {
        Verdict::Active(_) if format == Format::Quiet => Ok(Report::text(Exit::Done, String::new())),
        Verdict::Inactive(_) if format == Format::Quiet => Ok(Report::text(Exit::Negative, String::new())),
        Verdict::Active(grant) => Report::new(format, Exit::Done, &Active { active: true, grant }, || {
            format!("active\n{}", facts(grant))
        }),
        Verdict::Inactive(reason) => {
            Report::new(format, Exit::Negative, &Inactive::new(reason), || format!("inactive: {reason}\n"))
        }
    };
    report.map(Report::answered_by_exit_code)
}

fn requirement(arguments: &ValidateArgs) -> Result<Requirement, Failure> {
    if arguments.needs.len() > 1 && !arguments.ancestors.is_empty() {
        return Err(Failure::usage("--ancestor says where one node lies: give it with a single --need"));
    }
    let requirement = match &arguments.user {
        Some(user) => Requirement::any().subject(user.clone()),
        None => Requirement::any(),
    };
    let need =
        |&scope: &Scope| RequiredPermission::new(scope).with_ancestors(arguments.ancestors.iter().copied());
    Ok(arguments.needs.iter().map(need).fold(requirement, Requirement::permission))
}

#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    #[serde(flatten)]
    grant: &'a Grant,
}

#[derive(Serialize)]
struct Inactive {
    active: bool,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
}

impl Inactive {
    fn new(reason: &Reason) -> Self {
        let missing = match reason {
            Reason::NotPermitted { missing } => Some(missing.to_string()),
            _ => None,
        };
        Self { active: false, reason: reason.code(), missing }
    }
}
