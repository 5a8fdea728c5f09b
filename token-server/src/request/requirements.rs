//! What a proxy requires of a token.
//!
//! A requirement is met, or the request is refused: none is dropped. Folders widen only the scopes that
//! are required in the same place, so that no other query or header widens what an operator requires.

use std::borrow::Cow;

use http::HeaderMap;
use token_core::{RequiredPermission, Scope, parse_node};
use uuid::Uuid;

use super::misspelled;

/// The header by which a proxy can add requirements for each route. A client could, too: they all add up.
pub(crate) const REQUIREMENTS_HEADER: &str = "x-token-needs";

/// Why requirements cannot be read. The text says what the operator should change, and never what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequirementError {
    #[error(
        "the query of /auth has a parameter other than scope and ancestor; keep a client's own query out of it (in Caddy, \
         end the URI with a question mark: uri /auth?)"
    )]
    UnknownParameter,
    #[error("a parameter of the query looks like a demand and is not called scope or ancestor")]
    Misspelled,
    #[error(
        "a demanded scope cannot be read; write scope=node:UUID:PERM, several separated by commas or spaces"
    )]
    Scope,
    #[error("an ancestor cannot be read; write ancestor=UUID")]
    Ancestor,
    #[error(
        "an ancestor is named and no scope is demanded beside it, in the same query or the same extensions"
    )]
    AncestorAlone,
    #[error(
        "the header X-Token-Needs cannot be read; the proxy or its client sends it: write node:UUID:PERM, several separated by \
         commas or spaces, and drop the header of clients"
    )]
    Header,
    #[error("the path begins like /auth and is encoded otherwise; write /auth as it is")]
    Path,
}

impl RequirementError {
    /// Whether a header is unreadable, which a client can send as well as the proxy.
    pub(crate) fn is_of_header(self) -> bool {
        self == Self::Header
    }

    /// A stable word for logs.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::UnknownParameter => "demand_unknown_parameter",
            Self::Misspelled => "demand_misspelled",
            Self::Scope => "demand_scope_unreadable",
            Self::Ancestor => "demand_ancestor_unreadable",
            Self::AncestorAlone => "demand_ancestor_alone",
            Self::Header => "demand_header_unreadable",
            Self::Path => "demand_path_unreadable",
        }
    }
}

/// The required scopes, with the folders that hold their nodes.
#[derive(Debug, Default)]
pub(crate) struct Requirements(Vec<RequiredPermission>);

impl Requirements {
    /// What an operator's configuration says: `scope` and `ancestor`. Anything else refuses, since a misspelled one would
    /// require nothing.
    pub(crate) fn configured<'a>(
        settings: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Self, RequirementError> {
        let mut named = Named::default();
        for (name, value) in settings {
            if !named.take(&name, &value)? {
                return Err(RequirementError::UnknownParameter);
            }
        }
        named.requirements()
    }

    /// The same of a query that may be a client's own. Parameters of other names belong to the service behind the proxy,
    /// unless they look like a requirement.
    pub(crate) fn among<'a>(
        parameters: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Self, RequirementError> {
        let mut named = Named::default();
        for (name, value) in parameters {
            if !named.take(&name, &value)? && misspelled::is_parameter(&name, &value) {
                return Err(RequirementError::Misspelled);
            }
        }
        named.requirements()
    }

    /// The same, and what the header says.
    pub(crate) fn and_in(mut self, headers: &HeaderMap) -> Result<Self, RequirementError> {
        for value in headers.get_all(REQUIREMENTS_HEADER) {
            let scopes = value.to_str().ok().and_then(scopes).ok_or(RequirementError::Header)?;
            self.0.extend(scopes.into_iter().map(RequiredPermission::new));
        }
        Ok(self)
    }

    pub(crate) fn permissions(self) -> Vec<RequiredPermission> {
        self.0
    }
}

/// What the parameters of one query, or the settings of one route, name.
#[derive(Debug, Default)]
struct Named {
    scopes: Vec<Scope>,
    folders: Vec<Uuid>,
}

impl Named {
    /// Whether it is a requirement.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, RequirementError> {
        match name {
            "scope" => self.scopes.extend(scopes(value).ok_or(RequirementError::Scope)?),
            "ancestor" => self.folders.extend(list(value, parse_node).ok_or(RequirementError::Ancestor)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn requirements(self) -> Result<Requirements, RequirementError> {
        let Self { scopes, folders } = self;
        if scopes.is_empty() && !folders.is_empty() {
            return Err(RequirementError::AncestorAlone);
        }
        Ok(Requirements(
            scopes
                .into_iter()
                .map(|scope| RequiredPermission::new(scope).with_ancestors(folders.iter().copied()))
                .collect(),
        ))
    }
}

fn scopes(text: &str) -> Option<Vec<Scope>> {
    list(text, |word| word.parse().ok())
}

/// Items separated by commas or spaces. An empty one between commas is what an empty setting leaves when a header of the
/// client is joined to it: it cannot be read.
fn list<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut items = Vec::new();
    for part in text.split(',') {
        let before = items.len();
        for word in part.split(' ').filter(|word| !word.is_empty()) {
            items.push(parse(word)?);
        }
        if items.len() == before {
            return None;
        }
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
    const FOLDER: &str = "00000000-0000-0000-0000-000000000007";

    fn parameters(query: &str) -> form_urlencoded::Parse<'_> {
        form_urlencoded::parse(query.as_bytes())
    }

    fn configured(query: &str) -> Result<usize, RequirementError> {
        Requirements::configured(parameters(query)).map(|requirements| requirements.0.len())
    }

    fn among(query: &str) -> Result<usize, RequirementError> {
        Requirements::among(parameters(query)).map(|requirements| requirements.0.len())
    }

    #[test]
    fn a_configured_requirement_is_read_in_every_spelling() {
        let encoded = FILE.replace(':', "%3A");
        for (query, number) in [
            (String::new(), 0),
            ("&&".into(), 0),
            (format!("scope={FILE}"), 1),
            (format!("sc%6Fpe={encoded}"), 1),
            (format!("scope={FILE}&scope={FILE}"), 2),
            (format!("scope={FILE},{FILE}"), 2),
            (format!("scope={FILE}+{FILE}"), 2),
            (format!("scope={FILE}%20%20{FILE}%2C+{FILE}"), 3),
            (format!("scope={FILE}&ancestor={FOLDER}"), 1),
            (format!("ancestor={FOLDER}&scope={FILE}"), 1),
        ] {
            assert_eq!(configured(&query), Ok(number), "{query}");
            assert_eq!(among(&query), Ok(number), "{query}");
        }
    }

    #[test]
    fn a_requirement_that_cannot_be_read_refuses() {
        use RequirementError::*;
        for (query, wrong) in [
            ("scope", Scope),
            ("scope=", Scope),
            ("scope=,", Scope),
            ("scope=+", Scope),
            ("scope=garbage", Scope),
            ("scope=node:7:r", Scope),
            (&format!("scope={FILE},"), Scope),
            (&format!("scope={FILE}&scope="), Scope),
            (&format!("scope={FILE};{FILE}"), Scope),
            (&format!("scope={FILE}%00"), Scope),
            (&format!("scope={FILE}&ancestor=7"), Ancestor),
            (&format!("scope={FILE}&ancestor="), Ancestor),
            ("ancestor=", Ancestor),
            (&format!("ancestor={FOLDER}"), AncestorAlone),
        ] {
            assert_eq!(configured(query), Err(wrong), "{query}");
            assert_eq!(among(query), Err(wrong), "{query}");
        }
    }

    #[test]
    fn a_misspelled_requirement_is_not_dropped() {
        for query in ["Scope=", "SCOPE=garbage", "%20scope=x", "Ancestor=7"]
            .into_iter()
            .map(str::to_owned)
            .chain(
                ["scopes", "need", "scope[]", "amp;scope", "?scope", ""].map(|name| format!("{name}={FILE}")),
            )
            .chain([format!("x=1;scope={FILE}"), format!("rd=/a?scope={FILE}")])
        {
            assert_eq!(configured(&query), Err(RequirementError::UnknownParameter), "{query}");
            assert_eq!(among(&query), Err(RequirementError::Misspelled), "{query}");
        }
        for query in ["scopes=x", "need=", "access_token=x", "a"] {
            assert_eq!(configured(query), Err(RequirementError::UnknownParameter), "{query}");
        }
    }

    #[test]
    fn a_clients_own_parameters_are_the_services() {
        for query in ["a=b", "access_token=x&access_token=y", "scopes=repo", "q=node:7", "=", "%ff=%zz"] {
            assert_eq!(among(query), Ok(0), "{query}");
        }
    }

    #[test]
    fn an_empty_part_of_the_header_refuses() {
        for (value, number) in
            [(FILE.to_owned(), Ok(1)), (format!("{FILE}, {FILE}"), Ok(2)), (format!("{FILE} {FILE}"), Ok(2))]
                .into_iter()
                .chain(
                    ["", " ", ",", "x", &format!(",{FILE}"), &format!("{FILE},"), &format!("{FILE},,{FILE}")]
                        .map(|value| (value.to_owned(), Err(RequirementError::Header))),
                )
        {
            let headers = [(http::HeaderName::from_static(REQUIREMENTS_HEADER), value.parse().unwrap())]
                .into_iter()
                .collect();
            assert_eq!(
                Requirements::default().and_in(&headers).map(|requirements| requirements.0.len()),
                number,
                "{value:?}"
            );
        }
    }

    proptest! {
        /// Whatever else is in a query: a scope in it is required, or the request is refused.
        #[test]
        fn a_scope_is_never_dropped(before in "[^#]{0,30}", after in "[^#]{0,30}") {
            for separator in ["&", "?", ";", ",", "%26", "%3F", "%3B", "%23", "&amp;"] {
                for sign in ["=", "%3D", "%253D", "[]="] {
                    let query = format!("{before}{separator}scope{sign}{FILE}&{after}");
                    for found in [configured(&query), among(&query)] {
                        prop_assert!(!matches!(found, Ok(0)), "{}", query);
                    }
                }
            }
        }
    }
}
