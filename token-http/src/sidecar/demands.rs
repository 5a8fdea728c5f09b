//! What a proxy demands of a token.

use std::borrow::Cow;

use http::HeaderMap;
use token_core::{Need, Scope, parse_node};
use uuid::Uuid;

use super::problem::Problem;

/// What a proxy can demand for each route. A client could, too: all that is demanded adds up.
pub(super) const NEEDS: &str = "x-token-needs";

/// Scopes, and the folders that hold their nodes.
#[derive(Debug, Default)]
pub(super) struct Demands {
    scopes: Vec<Scope>,
    folders: Vec<Uuid>,
}

impl Demands {
    /// What the proxy's configuration says: `scope` and `ancestor`, and nothing else, since a misspelled demand would
    /// demand nothing.
    pub(super) fn configured<'a>(
        settings: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Self, Problem> {
        let mut demands = Self::default();
        for (name, value) in settings {
            let added = match &*name {
                "scope" => demands.add_scopes(&value)?,
                "ancestor" => demands.add_folders(&value)?,
                _ => 0,
            };
            if added == 0 {
                return Err(misconfigured("an unknown or empty setting"));
            }
        }
        Ok(demands)
    }

    /// The same, and what the header says.
    pub(super) fn and_in(mut self, headers: &HeaderMap) -> Result<Self, Problem> {
        for value in headers.get_all(NEEDS) {
            if self.add_scopes(value.to_str().map_err(|_| misconfigured(NEEDS))?)? == 0 {
                return Err(misconfigured("an empty header of demands"));
            }
        }
        Ok(self)
    }

    pub(super) fn needs(self) -> Vec<Need> {
        let Self { scopes, folders } = self;
        scopes.into_iter().map(|scope| Need::new(scope).below(folders.iter().copied())).collect()
    }

    fn add_scopes(&mut self, text: &str) -> Result<usize, Problem> {
        let before = self.scopes.len();
        for scope in words(text) {
            self.scopes.push(scope.parse().map_err(|_| misconfigured("scope"))?);
        }
        Ok(self.scopes.len() - before)
    }

    fn add_folders(&mut self, text: &str) -> Result<usize, Problem> {
        let before = self.folders.len();
        for folder in words(text) {
            self.folders.push(parse_node(folder).ok_or_else(|| misconfigured("ancestor"))?);
        }
        Ok(self.folders.len() - before)
    }
}

/// One, or several separated by commas or spaces.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|word| !word.is_empty())
}

/// The proxy's configuration is wrong, or a client meddles with it: nothing comes through.
fn misconfigured(what: &'static str) -> Problem {
    tracing::warn!(what, "refused a request to a proxy whose demands cannot be read");
    Problem::Forbidden(
        "what is demanded of the token cannot be read: write scope=node:UUID:PERM and ancestor=UUID",
    )
}
