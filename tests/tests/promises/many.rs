//! Many uses at once: in one call of one caller, or in concurrent calls of many. Each gets the same answer as alone.

use futures_util::future::join_all;
use token_core::spi::TokenStore;
use token_core::{Lifetime, Mode, ParsedToken, Requirement, StoreErrorKind, Verdict};
use token_tests::servers::Standalone;

use crate::kit::{Deployment, Tokens, issue, revoke, span, tokens_at};

/// Two hundred uses, with a revoked token and every other reason for a refusal.
async fn uses_at(tokens: &Tokens) -> Vec<(String, Requirement)> {
    let mut uses = Vec::new();
    for n in 0..200 {
        let issued = issue(tokens, &format!("user-{}", n % 50), Lifetime::sliding(span("10m"))).await;
        if n == 0 {
            revoke(tokens, &issued).await;
        }
        uses.push((issued.token.expose_secret().to_owned(), Requirement::any()));
    }
    let wrong = Requirement::any().subject("somebody else".parse().unwrap());
    uses.push(("tok_garbage".into(), Requirement::any()));
    uses.push((uses[1].0.clone(), wrong));
    uses
}

async fn assert_as_one_by_one(tokens: &Tokens, uses: &[(String, Requirement)], together: Vec<Verdict>) {
    assert_eq!(together.len(), uses.len());
    for ((text, requirement), verdict) in uses.iter().zip(together) {
        let alone = tokens.validate(text, requirement).await.unwrap();
        assert_eq!(verdict.grant().map(|grant| grant.id), alone.grant().map(|grant| grant.id));
        if verdict.grant().is_none() {
            assert_eq!(verdict, alone);
        }
    }
}

#[tokio::test]
async fn many_at_once_are_answered_as_one_by_one() {
    for deployment in [Deployment::standalone().await, Deployment::cluster().await] {
        let tokens = tokens_at(&deployment.url()).await;
        let uses = uses_at(&tokens).await;
        for _ in 0..2 {
            let asked = uses.iter().map(|(text, requirement)| (text.as_str(), requirement.clone()));
            let together = tokens.validate_many(asked).await.into_iter().map(Result::unwrap).collect();
            assert_as_one_by_one(&tokens, &uses, together).await;
        }
    }
}

#[tokio::test]
async fn many_callers_at_a_time_are_answered_as_one_by_one() {
    for deployment in [Deployment::standalone().await, Deployment::cluster().await] {
        let tokens = tokens_at(&deployment.url()).await;
        let uses = uses_at(&tokens).await;
        for _ in 0..2 {
            let asked = uses.iter().map(|(text, requirement)| tokens.validate(text, requirement));
            let together = join_all(asked).await.into_iter().map(Result::unwrap).collect();
            assert_as_one_by_one(&tokens, &uses, together).await;
        }
    }
}

#[tokio::test]
async fn many_at_once_are_few_commands() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    let mut issued = Vec::new();
    for n in 0..130 {
        issued.push(issue(&tokens, &format!("user-{n}"), Lifetime::sliding(span("10m"))).await);
    }
    let uses: Vec<_> = issued.iter().map(|token| (token.token.expose_secret(), Requirement::any())).collect();
    assert!(
        tokens.validate_many(uses.clone()).await.iter().all(|one| one.as_ref().unwrap().grant().is_some())
    );
    deployment.forget_commands().await;
    tokens.validate_many(uses).await;
    assert_eq!(deployment.commands().await.remove("evalsha"), Some(3));
}

#[tokio::test]
async fn many_callers_at_a_time_share_commands() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    let uses = uses_at(&tokens).await;
    deployment.forget_commands().await;
    join_all(uses.iter().map(|(text, requirement)| tokens.validate(text, requirement))).await;
    // All except the garbage: two have their own call, the others share calls of up to 64.
    let commands = deployment.commands().await.remove("evalsha").unwrap();
    assert!(commands <= 2 + 4, "{commands}");
}

/// One record that cannot be trusted does not affect the other tokens.
#[tokio::test]
async fn among_many_only_the_one_that_cannot_be_trusted_is_an_error() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let mut parsed = Vec::new();
    for n in 0..40 {
        let issued = issue(&tokens, &format!("user-{n}"), Lifetime::sliding(span("10m"))).await;
        parsed.push((tokens.parse(issued.token.expose_secret()).unwrap(), Requirement::any()));
    }
    // Not one of the first, which have their own calls.
    const SPOILT: usize = 20;
    let spoilt = parsed[SPOILT].0.id().to_string();
    let key = format!("tok:{{{}}}:{}", &spoilt[..2], &spoilt[2..]);
    server.command::<()>(&["SET", &key, "spoilt", "KEEPTTL"]).await;
    assert_only_one_is_an_error(&tokens, &parsed, SPOILT).await;
    server.command::<()>(&["DEL", &key]).await;
    server.command::<i64>(&["RPUSH", &key, "no", "string"]).await;
    assert_only_one_is_an_error(&tokens, &parsed, SPOILT).await;
}

async fn assert_only_one_is_an_error(tokens: &Tokens, parsed: &[(ParsedToken, Requirement)], spoilt: usize) {
    let together = tokens.store().validate_many(parsed, Mode::Use).await;
    let asked =
        parsed.iter().map(|(token, requirement)| tokens.store().validate(*token, requirement, Mode::Use));
    for verdicts in [together, join_all(asked).await] {
        for (place, verdict) in verdicts.into_iter().enumerate() {
            match verdict {
                Ok(verdict) => assert!(place != spoilt && verdict.grant().is_some(), "{place}"),
                Err(error) => {
                    assert!(place == spoilt && error.kind() == StoreErrorKind::Corrupt, "{error:?}")
                }
            }
        }
    }
}
