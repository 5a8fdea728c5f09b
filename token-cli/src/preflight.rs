//! What must not stand in the arguments, looked for before anything else reads them.
//!
//! Every process of the machine can read the arguments of every other one, and an argument parser repeats in its
//! complaints what it does not understand.

use std::ffi::OsString;

use crate::failure::Failure;

/// Refuses arguments that hold a token or a password, and settings that hold a token, without repeating them.
pub(crate) fn check(
    arguments: impl Iterator<Item = OsString>,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(), Failure> {
    for argument in arguments.skip(1) {
        let argument = argument.to_string_lossy();
        if holds_token(&argument) {
            return Err(Failure::usage(
                "a token was given as an argument, where every process of this machine can read it: give it on \
                 standard input or with --token-file, and consider it known (revoke it)",
            ));
        }
        if holds_password(&argument) {
            return Err(Failure::usage(
                "a password was given as an argument, where every process of this machine can read it: put the \
                 store URL into the environment variable TOKEN_STORE instead of --store",
            ));
        }
    }
    // An environment variable is not read by others, but what does not parse there is repeated in complaints, too.
    for (name, value) in environment {
        if name.to_string_lossy().starts_with("TOKEN_") && holds_token(&value.to_string_lossy()) {
            let name = name.to_string_lossy();
            return Err(Failure::usage(format!("{name} holds a token: give the token on standard input")));
        }
    }
    Ok(())
}

/// Whether anything in the text looks like a token of whatever prefix, or most of one: a long run of letters and digits.
/// Paths may hold long names; in them the run must stand behind an underscore, as in a token.
fn holds_token(text: &str) -> bool {
    let run = |rest: &str| rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let whole = text.split('_').skip(1).any(|rest| run(rest) >= 52);
    let most =
        !text.contains('/') && text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| run(part) >= 36);
    whole || most
}

/// Whether the text holds a URL with a password: in front of a host, or as a parameter.
fn holds_password(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| {
        let before_a_host = rest.rsplit_once('@').is_some_and(|(before, _)| {
            before.split_once(':').is_some_and(|(_, password)| !password.is_empty())
        });
        before_a_host || rest.contains("pass=") || rest.contains("password=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(argument: &str) -> bool {
        check(["token-cli".into(), argument.into()].into_iter(), std::iter::empty()).is_err()
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let token = format!("tok_{}", "a1".repeat(26));
        for argument in
            [token.clone(), format!("--token={token}"), format!("x {token} y"), format!("my_pat_{token}")]
        {
            assert!(refused(&argument), "{argument}");
        }
    }

    #[test]
    fn most_of_a_token_is_found() {
        for piece in ["a1".repeat(26), "a1".repeat(18), format!("x{}", "b2".repeat(20))] {
            assert!(refused(&piece), "{piece}");
        }
    }

    #[test]
    fn a_token_in_a_setting_is_found() {
        let found = |name: &str| {
            let environment = [(name.into(), format!("tok_{}", "a1".repeat(26)).into())];
            check(std::iter::empty(), environment.into_iter()).is_err()
        };
        assert!(found("TOKEN_NAMESPACE"));
        assert!(!found("MY_TOKEN"), "the caller's own variables are none of our business");
    }

    #[test]
    fn a_password_in_a_url_is_found() {
        assert!(refused("redis://:pw@localhost"));
        assert!(refused("--store=redis-cluster://me:p@x@h:1?node=h:2"));
        assert!(refused("redis://:se/cret@h"));
        assert!(refused("redis-cluster://h:1?node=:secret@h:2"));
        assert!(refused("redis+unix:///run/redis.sock?pass=secret"));
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
        ] {
            assert!(!refused(argument), "{argument}");
        }
    }
}
