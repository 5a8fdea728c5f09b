//! What must not stand in the arguments, looked for before anything else reads them.
//!
//! Every process of the machine can read the arguments of every other one, and an argument parser repeats in its
//! complaints what it does not understand.

use std::ffi::OsString;

use crate::failure::Failure;

/// Refuses arguments that hold a token or a password, without repeating them.
pub(crate) fn check(arguments: impl Iterator<Item = OsString>) -> Result<(), Failure> {
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
    Ok(())
}

/// Whether anything in the text looks like a token, of whatever prefix: an underscore and 52 letters and digits.
fn holds_token(text: &str) -> bool {
    text.split('_').skip(1).any(|rest| rest.bytes().take_while(u8::is_ascii_alphanumeric).count() >= 52)
}

/// Whether the text holds a URL with a password.
fn holds_password(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(credentials, _)| {
            credentials.split_once(':').is_some_and(|(_, password)| !password.is_empty())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(argument: &str) -> bool {
        check(["token-cli".into(), argument.into()].into_iter()).is_err()
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
    fn a_password_in_a_url_is_found() {
        assert!(refused("redis://:pw@localhost"));
        assert!(refused("--store=redis-cluster://me:p@x@h:1?node=h:2"));
    }

    #[test]
    fn other_arguments_pass() {
        for argument in [
            "user",
            "sqlite:/tmp/a_b.db",
            "redis://me@h/0",
            "redis://h:1?x=a:b@c",
            "node:a_b:r",
            "3l51xk1fgfw2k28rm7smxkaqntg3",
        ] {
            assert!(!refused(argument), "{argument}");
        }
    }
}
