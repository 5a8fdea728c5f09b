//! The rights of a user compared with the needs of its role.

use token_doctor::FindingStatus::{self, Failure, Ok, Warning};
use token_doctor::redis::Role;
use token_redis::Options;
use token_tests::servers::{Disk, Standalone};

use crate::kit::{by, examined, examined_as, examined_with, user};

/// The finding about a user with the rights of a role and these additional rules.
async fn found(role: &str, more: &[&str]) -> (FindingStatus, String) {
    let server = Standalone::start().await;
    let user = user(&server, role, more).await;
    let findings = examined(&by(&user, &server.url())).await;
    (findings.status("acl"), findings.found("acl"))
}

#[tokio::test]
async fn each_shipped_role_may_do_what_it_needs_and_nothing_beyond() {
    for role in ["validator", "issuer", "admin", "doctor"] {
        assert_eq!(found(role, &[]).await, (Ok, format!("user {role} may do what role {role} needs")));
    }
}

#[tokio::test]
async fn each_command_that_a_role_lacks_is_named() {
    for (role, command) in [("validator", "pexpireat"), ("issuer", "cluster|slots"), ("admin", "del")] {
        let (status, text) = found(role, &[&format!("-{command}")]).await;
        assert_eq!(status, Failure, "{text}");
        assert_eq!(text, format!("user {role} lacks for role {role}: {command}"));
    }
}

/// Servers before 7.2 have no WAITAOF, so a user who may not run it lacks nothing.
#[tokio::test]
async fn a_role_that_may_not_waitaof_is_a_failure_if_there_is_one() {
    let server = Standalone::start().await;
    let without: &[&str] = if Disk::of(&server).await == Disk::Silent { &[] } else { &["-waitaof"] };
    for role in ["issuer", "admin"] {
        let findings = examined(&by(&user(&server, role, without).await, &server.url())).await;
        let expected = match without {
            [] => (Ok, format!("user {role} may do what role {role} needs")),
            _ => (Failure, format!("user {role} lacks for role {role}: waitaof")),
        };
        assert_eq!((findings.status("acl"), findings.found("acl")), expected);
    }
}

#[tokio::test]
async fn each_command_beyond_a_role_is_named() {
    for (role, command) in
        [("validator", "flushall"), ("issuer", "del"), ("admin", "config|set"), ("doctor", "set")]
    {
        let (status, text) = found(role, &[&format!("+{command}")]).await;
        assert_eq!(status, Warning, "{text}");
        assert_eq!(text, format!("user {role} may do more than role {role}: {command}"));
    }
}

#[tokio::test]
async fn a_user_who_may_not_run_scripts_is_a_failure() {
    let (status, text) = found("validator", &["-eval"]).await;
    assert_eq!(status, Failure);
    assert!(text.contains("may not eval"), "{text}");
}

#[tokio::test]
async fn keys_outside_the_namespace_are_a_warning() {
    for pattern in ["~*", "~tok*"] {
        let (status, text) = found("admin", &[pattern]).await;
        assert_eq!(status, Warning, "{text}");
        assert!(text.contains("keys outside tok"), "{text}");
    }
}

#[tokio::test]
async fn keys_of_ours_that_the_user_may_not_access_are_a_failure() {
    let server = Standalone::start().await;
    let user = user(&server, "issuer", &[]).await;
    let mut options = Options::default();
    options.deadline = std::time::Duration::from_secs(20);
    options.namespace = "prod".parse().unwrap();
    let findings = examined_with(&by(&user, &server.url()), &options, None).await;
    assert_eq!((findings.status("acl"), findings.status("scripts")), (Failure, Failure));
}

#[tokio::test]
async fn the_requested_role_takes_precedence_over_the_user_name() {
    let server = Standalone::start().await;
    for (name, role, status) in [("issuer", Role::Admin, Failure), ("admin", Role::Validator, Warning)] {
        let url = by(&user(&server, name, &[]).await, &server.url());
        assert_eq!(examined_as(&url, Some(role)).await.status("acl"), status);
    }
}
