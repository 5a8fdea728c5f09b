//! Requirements that are misspelled, or stand in a part of the URL that is not read for requirements.
//!
//! Below `/auth/` the URL is the proxy's and the client's. A requirement of the proxy that is written or joined wrongly
//! must refuse the request: if it passed for a part of the client's URL, it would be dropped.

use percent_encoding::percent_decode_str;
use token_core::Scope;

/// The parameters that state requirements.
const NAMES: [&str; 2] = ["scope", "ancestor"];
/// What begins or separates the parameters of a query.
const SEPARATORS: [char; 5] = ['?', '&', ';', ',', '#'];
/// How often a path is decoded: proxies in a row may each have encoded it.
const DECODINGS: usize = 3;

/// Whether a parameter of another name was meant to state a requirement.
pub(crate) fn is_parameter(name: &str, value: &str) -> bool {
    holds_scope(name)
        || holds_scope(value)
        || name.split(SEPARATORS).any(|part| named(part).is_some())
        || value.split(SEPARATORS).skip(1).any(|part| named(part).is_some_and(|rest| !rest.is_empty()))
}

/// Whether a path has a requirement after a character that begins or separates parameters: a proxy that appends `&scope=`
/// to a URL without a query makes it a part of the path.
pub(crate) fn is_in_path(path: &str) -> bool {
    if !path.contains(['%', '&', ';', ',']) {
        return false;
    }
    let mut path = path.to_owned();
    for _ in 0..DECODINGS {
        path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
    }
    path.split_once(SEPARATORS).is_some_and(|(_, query)| {
        holds_scope(query) || query.split(SEPARATORS).any(|part| named(part).is_some())
    })
}

/// What follows the name of a requirement that the text begins with, whatever stands before the name.
fn named(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let rest = NAMES.iter().find_map(|name| {
        text.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name))?;
        text.get(name.len()..)
    })?;
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with(['=', '[', '%'])).then_some(rest)
}

/// Whether a text has a scope of ours among its words.
fn holds_scope(text: &str) -> bool {
    text.split([',', ' ', '=', '&', ';', '?', '#']).any(|word| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        word.parse::<Scope>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";

    fn in_query(query: &str) -> bool {
        form_urlencoded::parse(query.as_bytes()).any(|(name, value)| is_parameter(&name, &value))
    }

    #[test]
    fn a_misspelled_parameter_is_seen() {
        for name in ["scopes", "need", "scope[]", "amp;scope", "?scope", "", "x"] {
            assert!(in_query(&format!("{name}={FILE}")), "{name}");
            assert!(in_query(&format!("{name}%3D{FILE}")), "{name}");
        }
        for query in [
            "Scope=",
            "SCOPE=garbage",
            "%20scope=x",
            "Ancestor=7",
            "scope%3Dgarbage",
            "scope%253Dgarbage",
            "ancestor%3D00000000-0000-0000-0000-000000000007",
            "amp;scope=garbage",
            "a=b;scope=garbage",
            "a=b%26ancestor=7",
            "x?scope=garbage",
            "rd=/a?scope=garbage",
            "scope[]=garbage",
            "%EF%BB%BFscope=garbage",
            "a;+scope",
        ] {
            assert!(in_query(query), "{query}");
        }
        assert!(in_query(&format!("files/a?{FILE}")));
        assert!(in_query(&format!("x=1;scope={FILE}")));
    }

    #[test]
    fn a_clients_own_parameters_are_not() {
        for query in [
            "a=b",
            "scopes=repo",
            "q=node:7",
            "q=scope",
            "q=foo;+scope+creep",
            "q=a,scope",
            "telescope=1",
            "scope_id=7",
            "scopename=x",
            "=",
            "%ff=%zz",
        ] {
            assert!(!in_query(query), "{query}");
        }
    }

    #[test]
    fn a_requirement_in_a_path_is_seen_in_every_spelling() {
        for before in
            ["/auth/a&", "/auth/a&x=1&", "/auth/&", "/auth/a;", "/auth/a,", "/auth/a%26", "/auth/a%23"]
        {
            assert!(is_in_path(&format!("{before}scope={FILE}")), "{before}");
            assert!(is_in_path(&format!("{before}{FILE}")), "{before}");
            for after in
                ["SCOPE=garbage", "scope", "ancestor=7", "%20scope=garbage", "scope%5B%5D=x", "+scope=x"]
            {
                assert!(is_in_path(&format!("{before}{after}")), "{before}{after}");
            }
        }
        for path in ["/auth/a%3bscope%3dgarbage", "/auth/a%2526scope%253Dgarbage", "/auth/a%3Fancestor=7"] {
            assert!(is_in_path(path), "{path}");
        }
    }

    #[test]
    fn a_clients_own_path_is_not() {
        for path in [
            "/auth/a",
            "/auth/scope=a",
            "/auth/a&b=c",
            "/auth/a%20b",
            "/auth/telescope;v=1",
            "/auth/plan,scope-creep.txt",
            "/auth/100%",
        ] {
            assert!(!is_in_path(path), "{path}");
        }
    }
}
