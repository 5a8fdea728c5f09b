//! Each role can do its complete job.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use token_core::spi::TokenStore;
use token_core::{
    Access, Confirmation, ConfirmationLevel, IssueRequest, Lifetime, Once, Reason, Requirement, Revocation,
    RevokeOutcome, TokenState, TokenStatus, Unconfirmed, Verdict,
};
use token_tests::servers::{Disk, Standalone};

use crate::kit::{Place, Tokens, hard, is_active, issue, lifetimes, patient, tokens_with};

/// Enough users that each primary of a cluster has some.
const USERS: usize = 12;

fn users() -> impl Iterator<Item = String> {
    (0..USERS).map(|n| format!("user-{n}"))
}

async fn validators_job(validator: &Tokens, issuer: &Tokens) {
    for user in users() {
        let mut texts = Vec::new();
        for lifetime in lifetimes() {
            let token = issue(issuer, &user, lifetime).await.token;
            let text = token.expose_secret();
            texts.push(text.to_owned());
            for requirement in [Requirement::any(), Requirement::any().subject(user.parse().unwrap())] {
                assert!(validator.validate(text, &requirement).await.unwrap().grant().is_some());
                assert!(validator.peek(text, &requirement).await.unwrap().grant().is_some());
            }
            let other = Requirement::any().subject("somebody else".parse().unwrap());
            let verdict = validator.validate(text, &other).await.unwrap();
            assert_eq!(verdict, Verdict::Inactive(Reason::WrongSubject));
        }
        are_active(validator, &texts).await;
    }
}

/// Validates them in one call.
async fn are_active(tokens: &Tokens, texts: &[String]) {
    let uses = texts.iter().map(|text| (text.as_str(), Requirement::any()));
    for verdict in tokens.validate_many(uses).await {
        assert!(verdict.unwrap().grant().is_some());
    }
}

async fn issuers_job(place: &Place, issuer: &Tokens) {
    for user in users() {
        let [mut dead, mut live] = [Vec::new(), Vec::new()];
        for lifetime in lifetimes() {
            dead.push(issue(issuer, &user, lifetime).await);
            live.push(issue(issuer, &user, lifetime).await);
        }
        for issued in &dead {
            place.bury(issued).await;
            assert!(matches!(issuer.store().show(issued.grant.id).await.unwrap(), TokenStatus::Unknown));
        }
        // Issuing and listing remove expired ids.
        let listed = issuer.store().list(&user.parse().unwrap()).await.unwrap().grants;
        let texts: Vec<_> = live.iter().map(|issued| issued.token.expose_secret().to_owned()).collect();
        are_active(issuer, &texts).await;
        for issued in &live {
            assert!(listed.iter().any(|grant| grant.id == issued.grant.id));
            assert!(matches!(issuer.store().show(issued.grant.id).await.unwrap(), TokenStatus::Live(_)));
        }
        place.bury(&live[0]).await;
        issue(issuer, &user, hard()).await;
        issues_once_and_confirms(issuer, &user).await;
    }
}

/// Each call uses another idempotency key.
async fn issues_once_and_confirms(issuer: &Tokens, user: &str) {
    static KEYS: AtomicU32 = AtomicU32::new(0);
    let request = IssueRequest::new(user.parse().unwrap(), Access::Full, hard());
    let key =
        format!("8e03978e-40d5-43e8-bc93-{:012}", KEYS.fetch_add(1, Ordering::Relaxed)).parse().unwrap();
    let once = async || issuer.issue_once(&request, &key).await.unwrap();
    let Once::Issued(issued) = once().await else { panic!("no token was issued for this key") };
    let confirmed = issuer.store().confirm(issued.grant.id).await.unwrap();
    assert_eq!(confirmed.outcome, TokenState::Live);
    let Once::Repeated(repeated) = once().await else { panic!("it is the same request") };
    assert!(repeated.confirmation.is_confirmed());
}

async fn admins_job(place: &Place, admin: &Tokens) {
    let revocation = Revocation::default();
    issuers_job(place, admin).await;
    for user in users() {
        let token = issue(admin, &user, hard()).await;
        assert!(is_active(admin, &token).await);
        for outcome in [RevokeOutcome::Revoked, RevokeOutcome::AlreadyRevoked] {
            assert_eq!(admin.store().revoke(token.grant.id, &revocation).await.unwrap().outcome, outcome);
        }
        assert!(!is_active(admin, &token).await);
        assert!(matches!(admin.store().show(token.grant.id).await.unwrap(), TokenStatus::Revoked(_)));
        let other = issue(admin, &user, hard()).await;
        place.bury(&other).await;
    }
    // At least the tokens that were just revoked; a revocation also leaves ids in the index.
    assert!(admin.store().prune().await.unwrap() >= USERS as u64);
    for user in users() {
        let token = issue(admin, &user, hard()).await;
        let subject = user.parse().unwrap();
        let revoked = admin.store().revoke_subject(&subject, &revocation).await.unwrap().outcome;
        assert!(revoked.contains(&token.grant.id));
        assert!(!is_active(admin, &token).await);
    }
}

async fn each_role_does_its_job(place: Place) {
    let [validator, issuer, admin] =
        [place.tokens("validator").await, place.tokens("issuer").await, place.tokens("admin").await];
    for _ in ["scripts that no server knows", "scripts that were flushed"] {
        place.each::<()>(&["SCRIPT", "FLUSH"]).await;
        validators_job(&validator, &issuer).await;
        place.each::<()>(&["SCRIPT", "FLUSH"]).await;
        issuers_job(&place, &issuer).await;
        place.each::<()>(&["SCRIPT", "FLUSH"]).await;
        admins_job(&place, &admin).await;
    }
    place.nothing_was_refused().await;
}

#[tokio::test]
async fn each_role_does_its_job_on_a_server_that_forgets_the_scripts() {
    each_role_does_its_job(Place::server().await).await;
}

#[tokio::test]
async fn each_role_does_its_job_on_a_cluster_that_forgets_the_scripts() {
    each_role_does_its_job(Place::cluster().await).await;
}

async fn changes_are_confirmed(tokens: &Tokens, confirmation: Confirmation) {
    let issued = issue(tokens, "admin", Lifetime::sliding("10m".parse().unwrap())).await;
    assert_eq!(issued.confirmation, confirmation);
}

/// This needs the rights to ROLE and WAIT: without them, the change would be reported as not confirmed.
#[tokio::test]
async fn issuers_and_admins_wait_for_replicas() {
    let replicated = |expected, reached| Confirmation {
        level: ConfirmationLevel::Replicated,
        expected,
        reached,
        reason: None,
    };
    let (server, cluster) = (Place::server().await, Place::cluster().await);
    for role in ["issuer", "admin"] {
        changes_are_confirmed(&cluster.tokens(role).await, replicated(1, 1)).await;
        let mut asking = patient();
        asking.confirm = Some(ConfirmationLevel::Replicated);
        asking.confirm_timeout = Duration::from_millis(50);
        changes_are_confirmed(&tokens_with(&server.url_as(role), asking).await, replicated(1, 0)).await;
    }
    let admin = cluster.tokens("admin").await;
    let all = admin.store().revoke_subject(&"admin".parse().unwrap(), &Revocation::default()).await.unwrap();
    assert_eq!((all.outcome.len(), all.confirmation), (2, replicated(1, 1)));
    server.nothing_was_refused().await;
    cluster.nothing_was_refused().await;
}

/// The right to WAITAOF is enough if the answer can be trusted. Other servers must also report that they sync each change.
#[tokio::test]
async fn issuers_and_admins_confirm_by_the_disk() {
    let server = Standalone::start_with_roles_and(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let not_confirmed = |reason| Confirmation { reached: 0, reason: Some(reason), ..Confirmation::DISK };
    let mut asking = patient();
    asking.confirm = Some(ConfirmationLevel::Disk);
    for role in ["issuer", "admin"] {
        let tokens = tokens_with(&server.url_as(role), asking.clone()).await;
        match Disk::of(&server).await {
            Disk::Silent => changes_are_confirmed(&tokens, not_confirmed(Unconfirmed::NoWaitAof)).await,
            Disk::Honest => changes_are_confirmed(&tokens, Confirmation::DISK).await,
            Disk::Early => {
                changes_are_confirmed(&tokens, not_confirmed(Unconfirmed::AnswersEarly)).await;
                server.command::<()>(&["ACL", "SETUSER", role, "+config|get"]).await;
                changes_are_confirmed(&tokens, Confirmation::DISK).await;
            }
        }
    }
}
