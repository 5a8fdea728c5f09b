//! Lists of users and networks in flags and variables.

use std::str::FromStr;

use token_core::{NameError, Subject};
use token_server::{TrustedProxy, TrustedProxyError};

/// Separates names. Distinguished names of LDAP are full of commas, and have to escape a semicolon (RFC 4514 §2.4).
const SEPARATOR: char = ';';

/// Some users: names separated by semicolons, without the blanks around them.
///
/// A comma belongs to a name only in a distinguished name of LDAP (`cn=bob,ou=people`). Every other one is refused,
/// because a list with commas would be taken for one name that nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names(Vec<Subject>);

impl Names {
    /// One user with this very name.
    pub(crate) fn one(name: &str) -> Result<Self, NameError> {
        Ok(Self(vec![name.parse()?]))
    }
}

/// Names that Basic can send as a user name, which ends at its first colon (RFC 7617 §2).
pub(crate) fn basic_user_names(text: &str) -> Result<Names, String> {
    text.parse().and_then(Names::without_colon)
}

impl Names {
    /// Refuses a name that no request can have.
    pub(crate) fn without_colon(self) -> Result<Self, String> {
        match self.0.iter().find(|name| name.as_str().contains(':')) {
            Some(name) => Err(format!(
                "no user name of Basic has a colon: \"{name}\" would never be sent; leave it out"
            )),
            None => Ok(self),
        }
    }
}

impl FromStr for Names {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = split(text, SEPARATOR).map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<_> = names.map(name).collect::<Result<_, _>>()?;
        if names.is_empty() { Err("it holds no name".into()) } else { Ok(Self(names)) }
    }
}

fn name(text: &str) -> Result<Subject, String> {
    let is_distinguished = || split(text, ',').all(|part| part.contains('='));
    if text.contains(',') && !is_distinguished() {
        return Err(format!(
            "separate names by \"{SEPARATOR}\": {}; a single name with a comma that is no distinguished name of LDAP belongs in \
             the list of a configuration file",
            text.split(',').map(str::trim).collect::<Vec<_>>().join(&SEPARATOR.to_string())
        ));
    }
    text.parse().map_err(|error: NameError| error.to_string())
}

/// The parts of a text between separators that are neither escaped nor in the quotes of a value (`O="A, B"`), as
/// distinguished names have them (RFC 4514 §2.4, RFC 2253 §4).
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut escaped, mut quoted, mut before) = (false, false, None);
    text.split(move |c: char| {
        let is_separator = c == separator && !escaped && !quoted;
        if !escaped && c == '"' && (quoted || before == Some('=')) {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        before = Some(c);
        is_separator
    })
}

/// One network of a list that is separated by semicolons.
pub(crate) fn trusted_proxy(text: &str) -> Result<TrustedProxy, String> {
    if text.contains(',') {
        return Err(format!("separate networks by \"{SEPARATOR}\""));
    }
    text.trim().parse().map_err(|error: TrustedProxyError| error.to_string())
}

impl IntoIterator for Names {
    type Item = Subject;
    type IntoIter = std::vec::IntoIter<Subject>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Vec<String>> {
        let names = text.parse::<Names>().ok()?;
        Some(names.into_iter().map(|name| name.to_string()).collect())
    }

    #[test]
    fn names_are_separated_by_semicolons_and_trimmed() {
        assert_eq!(read(" alice ;bob; "), Some(vec!["alice".into(), "bob".into()]));
        assert_eq!(read("cn=bob,ou=people"), Some(vec!["cn=bob,ou=people".into()]));
        let two = Some(vec!["cn=bob, ou=people".into(), "cn=ann,ou=people".into()]);
        assert_eq!(read("cn=bob, ou=people; cn=ann,ou=people"), two);
    }

    #[test]
    fn escaped_and_quoted_separators_belong_to_a_distinguished_name() {
        for name in
            [r"CN=Doe\, John,OU=x", r#"O="A, B",c=de"#, r#"cn="a;b",o=x"#, r"cn=a\;b,o=x", r"cn=a\\,o=x"]
        {
            assert_eq!(read(name), Some(vec![name.into()]), "{name}");
            assert_eq!(read(&format!("{name}; bob")), Some(vec![name.into(), "bob".into()]), "{name}");
        }
        for name in [r"Doe\, John", r#""a, b""#, r"cn=a\\,b"] {
            assert_eq!(read(name), None, "{name}");
        }
    }

    #[test]
    fn a_list_of_networks_is_separated_by_semicolons() {
        assert!(trusted_proxy(" 10.0.0.0/8 ").is_ok());
        assert!(trusted_proxy("10.0.0.0/8, 127.0.0.1").unwrap_err().contains("\";\""));
    }

    #[test]
    fn a_list_with_commas_is_refused_and_never_one_name() {
        for text in ["alice,bob", "alice, bob", "cn=bob,alice", "a;b,c", ";", " ", ""] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert!("a,b".parse::<Names>().unwrap_err().contains("\";\""));
    }

    #[test]
    fn a_user_name_of_basic_has_no_colon() {
        assert!(basic_user_names("oauth2; x-access-token").is_ok());
        assert!(basic_user_names("oauth2; a:b").unwrap_err().contains("\"a:b\""));
    }

    proptest! {
        #[test]
        fn a_list_of_names_reads_back(names in proptest::collection::vec("[a-z=@. ]{0,5}[a-zé]", 1..5)) {
            let names: Vec<_> = names.iter().map(|name| name.trim().to_owned()).collect();
            prop_assert_eq!(read(&names.join("; ")), Some(names));
        }
    }
}
