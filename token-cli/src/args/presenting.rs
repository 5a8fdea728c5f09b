//! How tokens may be presented, apart from Bearer and from Basic with the token's user.

use std::ffi::OsStr;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command};
use token_http::CredentialOptions;

use super::names::{Names, basic_user_names};

// Ways to present a token for tools that fix the user name or the scheme. None is accepted by default. (A doc comment
// would replace the help of the command.)
#[derive(Debug, Args)]
pub(crate) struct Presenting {
    /// A user name of Basic that stands for the token's own user, such as x-access-token, oauth2 or __token__; repeat it,
    /// or separate names by semicolons [default: none]
    #[arg(long = "any-user-name", env = "TOKEN_ANY_USER_NAMES", value_name = "NAME", hide_env_values = true, value_parser = basic_user_names)]
    pub(crate) any_user_names: Vec<Names>,

    /// Also accept a token that is presented so; repeat it, or separate several by semicolons [default: none]
    ///
    /// token-as-user-name: as the user name of Basic, with an empty password or with x-oauth-basic. token-scheme: as
    /// "Authorization: token TOKEN".
    #[arg(long, env = "TOKEN_ACCEPT", value_name = "FORM", hide_env_values = true, value_parser = FormsParser)]
    pub(crate) accept: Vec<Forms>,
}

impl Presenting {
    pub(crate) fn options(&self) -> CredentialOptions {
        let forms: Vec<_> = self.forms().collect();
        let names = self.any_user_names.iter().cloned().flatten();
        CredentialOptions {
            any_user_names: names.map(|name| name.to_string()).collect(),
            token_as_user_name: forms.contains(&Form::TokenAsUserName),
            token_scheme: forms.contains(&Form::TokenScheme),
        }
    }

    /// All forms that are accepted.
    pub(crate) fn forms(&self) -> impl Iterator<Item = Form> + '_ {
        self.accept.iter().flat_map(|Forms(forms)| forms.iter().copied())
    }
}

/// A further form of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    TokenAsUserName,
    TokenScheme,
}

impl Form {
    const ALL: [Self; 2] = [Self::TokenAsUserName, Self::TokenScheme];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TokenAsUserName => "token-as-user-name",
            Self::TokenScheme => "token-scheme",
        }
    }
}

/// Some forms, separated by semicolons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forms(Vec<Form>);

impl FromStr for Forms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(';').map(str::trim).filter(|word| !word.is_empty());
        let form = |word| Form::ALL.into_iter().find(|form| form.name() == word);
        let forms: Option<Vec<_>> = words.map(form).collect();
        let forms = forms.filter(|forms| !forms.is_empty()).map(Self);
        forms.ok_or_else(|| format!("write {}", Form::ALL.map(Form::name).join(" or ")))
    }
}

/// Reads [`Forms`], and names the forms for shells to complete.
#[derive(Debug, Clone)]
struct FormsParser;

impl TypedValueParser for FormsParser {
    type Value = Forms;

    fn parse_ref(&self, command: &Command, flag: Option<&Arg>, value: &OsStr) -> Result<Forms, clap::Error> {
        str::parse::<Forms>.parse_ref(command, flag, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Form::ALL.into_iter().map(|form| PossibleValue::new(form.name()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_separated_by_semicolons_and_unknown_ones_refused() {
        let both = Ok(Forms(Form::ALL.to_vec()));
        assert_eq!("token-as-user-name; token-scheme;".parse(), both);
        assert_eq!("token-scheme".parse(), Ok(Forms(vec![Form::TokenScheme])));
        for wrong in ["", ";", "token-scheme,token-as-user-name", "Token-Scheme", "basic"] {
            let refused = wrong.parse::<Forms>().unwrap_err();
            assert!(refused.contains("token-as-user-name or token-scheme"), "{wrong}: {refused}");
        }
    }
}
