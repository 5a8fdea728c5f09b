//! What must not stand in the arguments, looked for before anything else reads them.
//!
//! Every process of the machine can read the arguments of every other one, and an argument parser repeats in its
//! complaints what it does not understand.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use token_core::{KeyRing, Recogniser};

use crate::args;
use crate::failure::Failure;
use crate::open;

/// Refuses arguments that hold a token or a password, and settings that hold a token, without repeating them.
///
/// `variable` looks up a variable of the environment.
pub(crate) fn check(
    arguments: impl Iterator<Item = OsString>,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> Result<(), Failure> {
    let arguments: Vec<String> =
        arguments.skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let setting = |flag: &str, name: &str| {
        let given = given(&arguments, flag).map(str::to_owned);
        given.or_else(|| variable(name.as_ref()).map(|value| value.to_string_lossy().into_owned()))
    };
    let prefix = setting("--prefix", "TOKEN_PREFIX").and_then(|prefix| prefix.trim().parse().ok());
    let keys = || keys(setting("--store", "TOKEN_STORE"), setting("--key-file", "TOKEN_KEY_FILE"));
    let tokens = Recogniser::new(prefix, keys);

    if setting("--key-file", "TOKEN_KEY_FILE").is_some_and(|path| is_key(&path)) {
        return Err(Failure::usage(KEY_FOR_PATH));
    }
    for (at, argument) in arguments.iter().enumerate() {
        if is_private_key(argument) {
            return Err(Failure::usage(PRIVATE_KEY_FOR_PATH));
        }
        if tokens.finds_token(argument) {
            return Err(Failure::usage(in_arguments(&arguments)));
        }
        if holds_password(argument) {
            return Err(Failure::usage(password_in_arguments(&arguments, at)));
        }
    }
    // An environment variable is not read by others, but what does not parse there is repeated in complaints, too.
    for name in args::variables() {
        // Paths may be any bytes.
        let is_path = ["_FILE", "_CA", "_CERT", "_KEY", "_CONFIG"]
            .iter()
            .any(|end| name.to_string_lossy().ends_with(end));
        if !is_path && variable(&name).is_some_and(|value| value.to_str().is_none()) {
            let name = name.to_string_lossy();
            return Err(Failure::usage(format!(
                "{name} holds bytes that are no UTF-8: set it to plain text"
            )));
        }
        if variable(&name).is_some_and(|value| is_private_key(&value.to_string_lossy())) {
            return Err(Failure::usage(format!("{}: {PRIVATE_KEY_FOR_PATH}", name.to_string_lossy())));
        }
        if variable(&name).is_some_and(|value| tokens.finds_token(&value.to_string_lossy())) {
            let name = name.to_string_lossy();
            return Err(Failure::usage(format!("{name} holds a token: give the token on standard input")));
        }
    }
    Ok(())
}

/// The value of the last `--flag VALUE` or `--flag=VALUE`.
fn given<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let of = |pair: &'a [String]| match pair {
        [name, value] if name == flag => Some(value.as_str()),
        [name, ..] => name.strip_prefix(flag)?.strip_prefix('='),
        [] => None,
    };
    // The last window is one short, so that a last argument is looked at by itself, too.
    (0..arguments.len()).rev().find_map(|at| {
        let end = arguments.len().min(at + 2);
        arguments.get(at..end).and_then(of)
    })
}

fn keys(store: Option<String>, key_file: Option<String>) -> Option<Arc<KeyRing>> {
    open::keys_at_hand(store.as_deref(), key_file.as_deref().map(Path::new))
}

/// What to do instead, by what the command can do.
fn in_arguments(arguments: &[String]) -> String {
    const LEAKED: &str = "a token was given as an argument, where every process of this machine can read it";
    const KNOWN: &str = "Consider the token known: \"token-cli revoke --stdin\" revokes it";
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    if named("validate") {
        format!("{LEAKED}: give it on standard input or with --token-file, and consider it known (revoke it)")
    } else if named("revoke") {
        format!(
            "{LEAKED}: \"revoke\" takes token ids as arguments; give tokens on standard input with --stdin, and revoke \
             this one so, because it is known now"
        )
    } else if named("show") {
        format!(
            "{LEAKED}: \"show\" takes a token id; \"token-cli validate --peek\" shows the id of a token that is given \
             on standard input. {KNOWN}"
        )
    } else {
        format!("{LEAKED}, and no argument takes one. {KNOWN} from standard input")
    }
}

/// What to do instead of a password in this argument, by the flag that it is given to.
fn password_in_arguments(arguments: &[String], at: usize) -> String {
    const LEAKED: &str =
        "a password was given as an argument, where every process of this machine can read it";
    let flag = |text: &str| text.starts_with("--").then(|| text.split('=').next().unwrap_or(text).to_owned());
    let argument = arguments.get(at).map_or("", String::as_str);
    let before = at.checked_sub(1).and_then(|before| arguments.get(before));
    let flag =
        flag(argument).or_else(|| before.filter(|before| !before.contains('=')).and_then(|text| flag(text)));
    match flag.as_deref() {
        Some("--otlp-endpoint") => format!(
            "{LEAKED}: --otlp-endpoint takes no user and password; put what the collector asks for into the \
             environment variable OTEL_EXPORTER_OTLP_HEADERS"
        ),
        Some(flag @ ("--issuer" | "--cors-origin")) => format!(
            "{LEAKED}: {flag} takes no user and password; leave them out, and consider that password known"
        ),
        _ if flag.as_deref() == Some("--store") || argument.split(':').next().is_some_and(is_of_store) => {
            format!(
                "{LEAKED}: put the store URL into the environment variable TOKEN_STORE instead of --store"
            )
        }
        _ => format!(
            "{LEAKED}: leave the user and the password of the URL out, and consider that password known"
        ),
    }
}

/// Whether the text holds a URL with a password: in front of a host, or as a parameter of a store.
fn holds_password(text: &str) -> bool {
    // Some schemes of stores work without slashes.
    let value = text.strip_prefix("--store=").unwrap_or(text);
    if let Some((scheme, rest)) = value.split_once(':')
        && is_of_store(scheme)
        && (has_login(rest) || has_parameter(rest))
    {
        return true;
    }
    text.match_indices("://").any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let rest = rest.trim_start_matches("://");
        let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let scheme = before.trim_start_matches(|c| !is_of_scheme(c));
        let scheme = scheme.rsplit(|c| !is_of_scheme(c)).next().unwrap_or_default();
        if is_of_store(scheme) {
            has_login(rest) || has_parameter(rest)
        } else {
            // Of other URLs only the login is known: what stands behind the host is theirs.
            has_login(rest.split(['/', '?', '#', ' ']).next().unwrap_or_default())
        }
    })
}

/// Whether a scheme is one of a store on servers, or an alias of one.
fn is_of_store(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    ["redis", "valkey"].iter().any(|store| scheme.starts_with(store)) || scheme == "unix"
}

/// Whether a password is a parameter of a store.
fn has_parameter(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    url.contains("pass=") || url.contains("password=")
}

/// Whether a text is a store key, or the content of a key file, and not the path of one.
pub(crate) fn is_key(text: &str) -> bool {
    let is_hex = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.lines().any(|line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [key] => is_hex(key),
        [version, key] => version.len() == 1 && is_hex(key),
        _ => false,
    })
}

pub(crate) const KEY_FOR_PATH: &str = "the key file (TOKEN_KEY_FILE, --key-file) is the path of a file, and a store key was given: \
                                       write the key to a file that only this user can read, and give its path; consider a key known \
                                       that was given as an argument";

/// Whether a text holds a private key in PEM (RFC 7468), and is not the path of one.
pub(crate) fn is_private_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

pub(crate) const PRIVATE_KEY_FOR_PATH: &str = "a private key was given in the place of a path: write the key to a file that only this user can read, and give \
                                               its path; consider a key known that was given as an argument";

/// Whether a password stands before the last `@`. One of a store may hold every other character.
fn has_login(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(before, _)| before.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "tok_005SWQajQtAyglOLxJtIVH8v0ZmvsBM0sxAyopWf6vJvz8L9dx4b";

    fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> Option<String> {
        let arguments = ["token-cli"].iter().chain(arguments).map(OsString::from);
        let variable = |name: &OsStr| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        check(arguments.collect::<Vec<_>>().into_iter(), variable).err().map(|failure| failure.sentence())
    }

    fn refused(argument: &str) -> bool {
        refusal(&[argument], &[]).is_some()
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        for argument in [
            TOKEN.to_owned(),
            format!("--token={TOKEN}"),
            format!("-l{TOKEN}"),
            format!("x {TOKEN} y"),
            format!("my_pat_{TOKEN}"),
            format!("https://host/?access_token={TOKEN}&x=1"),
        ] {
            assert!(refused(&argument), "{argument}");
        }
    }

    #[test]
    fn the_prefix_in_force_is_known_however_it_is_given() {
        let keyed = "pat_105SWQajQtAyglOLxJtIVH8v0ZmvsBM0sxAyopWf6vJvz8L9dx4b";
        assert!(refusal(&["--prefix", "pat", "show", keyed], &[]).is_some());
        assert!(refusal(&["show", keyed, "--prefix=pat"], &[]).is_some());
        assert!(refusal(&["show", keyed], &[("TOKEN_PREFIX", "pat")]).is_some());
        assert!(refusal(&["show", keyed], &[("TOKEN_STORE", "redis://h")]).is_none());
    }

    #[test]
    fn only_the_settings_of_the_command_are_searched() {
        assert!(refusal(&[], &[("TOKEN_NAMESPACE", TOKEN)]).is_some());
        assert!(refusal(&[], &[("TOKEN_OF_SOMEBODY", TOKEN)]).is_none());
        assert!(refusal(&[], &[("MY_TOKEN", TOKEN)]).is_none());
    }

    #[test]
    fn the_advice_is_what_the_command_can_do() {
        let advice = |command: &str| refusal(&[command, TOKEN], &[]).unwrap();
        assert!(advice("validate").contains("--token-file"));
        for command in ["show", "revoke", "list", "prune"] {
            let said = advice(command);
            assert!(said.contains("--stdin") && !said.contains("--token-file"), "{said}");
            assert!(!said.contains(TOKEN), "{said}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_found() {
        for argument in [
            "redis://:pw@localhost",
            "--store=redis-cluster://me:p@x@h:1?node=h:2",
            "redis://:se/cret@h",
            "redis-cluster://h:1?node=:secret@h:2",
            "redis+unix:///run/redis.sock?pass=secret",
            "unix:///run/redis.sock?pass=secret",
            "unix:/run/redis.sock?pass=secret",
            "UNIX:///run/redis.sock?db=0&PASS=secret",
            "--store=unix:/run/redis.sock?user=me&pass=secret",
            "valkey+unix:///run/redis.sock?password=secret",
            "valkeys://me:secret@h",
            "redis:me:secret@h",
            "see https://user:pw@host/ for more",
            "http://host/ and redis://:pw@h",
        ] {
            assert!(refused(argument), "{argument}");
        }
    }

    #[test]
    fn a_password_is_refused_with_the_flag_that_it_was_given_to() {
        for (arguments, flag, advice) in [
            (&["serve", "--issuer=https://u:hidden@x"][..], "--issuer", "leave them out"),
            (&["serve", "--issuer", "https://u:hidden@x"], "--issuer", "leave them out"),
            (
                &["serve", "--otlp-endpoint=http://u:hidden@x"],
                "--otlp-endpoint",
                "OTEL_EXPORTER_OTLP_HEADERS",
            ),
            (&["serve", "--cors-origin", "https://u:hidden@x"], "--cors-origin", "leave them out"),
            (&["issue", "--label=see https://u:hidden@x"], "leave", "consider that password known"),
            (&["list", "--store", "redis://:hidden@x"], "--store", "TOKEN_STORE"),
            (&["redis://:hidden@x"], "--store", "TOKEN_STORE"),
            (&["list", "--store", "valkey://:hidden@x"], "--store", "TOKEN_STORE"),
            (&["list", "--store", "unix:/s?pass=hidden"], "--store", "TOKEN_STORE"),
        ] {
            let said = refusal(arguments, &[]).unwrap();
            assert!(said.contains(flag) && said.contains(advice), "{arguments:?}: {said}");
            assert!(!said.contains("hidden"), "{said}");
            assert_eq!(said.contains("TOKEN_STORE"), flag == "--store", "{said}");
        }
    }

    #[test]
    fn a_store_key_in_the_place_of_a_path_is_not_repeated() {
        const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        for key in [KEY.to_owned(), format!("1 {KEY}"), format!("# keys\n2 {KEY}\n"), format!(" {KEY}\n")] {
            for said in [
                refusal(&["list", "u"], &[("TOKEN_KEY_FILE", &key)]).unwrap(),
                refusal(&["list", "u", "--key-file", &key], &[]).unwrap(),
                refusal(&["list", "u", &format!("--key-file={key}")], &[]).unwrap(),
            ] {
                assert!(said.contains("TOKEN_KEY_FILE") && !said.contains("0011"), "{said}");
            }
        }
        assert_eq!(refusal(&["list", "u", "--key-file", &format!("/keys/{KEY}")], &[]), None);
    }

    #[test]
    fn a_private_key_in_the_place_of_a_path_is_not_repeated() {
        const KEY: &str = "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----";
        for said in [
            refusal(&["list", "u"], &[("TOKEN_TLS_KEY", KEY)]).unwrap(),
            refusal(&["serve"], &[("TOKEN_LISTEN_KEY", KEY)]).unwrap(),
            refusal(&["list", "u", "--tls-key", KEY], &[]).unwrap(),
            refusal(&["serve", &format!("--listen-key={KEY}")], &[]).unwrap(),
        ] {
            assert!(said.contains("its path") && !said.contains("hidden"), "{said}");
        }
    }

    #[test]
    fn other_arguments_pass() {
        for argument in [
            "user",
            "sqlite:/tmp/a_b.db",
            "redis://me@h/0",
            "redis-cluster://h:1?node=h:2",
            "/run/keys/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "node:a_b:r",
            "3l51xk1fgfw2k28rm7smxkaqntg3",
            "leaked in 5f2d3c0a9b8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bcd9b5f2b6a7f6d1e0c2a",
            "see https://tracker:8443/issue?mail=ann@example.com",
            "https://host/?pass=1&password=2",
        ] {
            assert!(!refused(argument), "{argument}");
        }
    }
}
