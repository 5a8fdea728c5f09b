//! P2: one validation is one Redis command on keys of one slot.

use token_core::{Access, IssueRequest, Lifetime, RequiredPermission, Requirement, Scope, Scopes};

use crate::kit::{Deployment, span, tokens_at};

/// Covers a renewal under a cap, the subject and two permissions at once, and every reason for a refusal.
async fn a_validation_is_one_command(deployment: &Deployment) {
    let tokens = tokens_at(&deployment.url()).await;
    let scope: Scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:rw".parse().unwrap();
    let mut issued = Vec::new();
    // Many subjects, so that every primary of a cluster has some.
    for n in 0..30 {
        let access = Access::Restricted(Scopes::new([scope]).unwrap());
        let lifetime = Lifetime::capped(span("10m"), span("1h")).unwrap();
        let request = IssueRequest::new(format!("user-{n}").parse().unwrap(), access, lifetime);
        issued.push(tokens.issue(&request).await.unwrap());
    }
    let elsewhere: Scope = "node:00000000-0000-0000-0000-000000000001:r".parse().unwrap();
    let all = |user: &str| {
        let below = RequiredPermission::new(elsewhere).with_ancestors([scope.node]);
        Requirement::any()
            .subject(user.parse().unwrap())
            .permission(RequiredPermission::new(scope))
            .permission(below)
    };
    // From here on, every node has the script.
    for token in &issued {
        tokens.validate(token.token.expose_secret(), &Requirement::any()).await.unwrap();
    }

    deployment.forget_commands().await;
    let mut validations = 0;
    for (n, token) in issued.iter().enumerate() {
        let text = token.token.expose_secret();
        let user = format!("user-{n}");
        assert!(tokens.validate(text, &Requirement::any()).await.unwrap().grant().is_some());
        assert!(tokens.validate(text, &all(&user)).await.unwrap().grant().is_some());
        assert!(tokens.validate(text, &all("somebody else")).await.unwrap().grant().is_none());
        assert!(
            tokens
                .validate(text, &Requirement::any().permission(RequiredPermission::new(elsewhere)))
                .await
                .unwrap()
                .grant()
                .is_none()
        );
        assert!(tokens.peek(text, &all(&user)).await.unwrap().grant().is_some());
        validations += 5;
    }
    let mut commands = deployment.commands().await;
    assert_eq!(commands.remove("evalsha"), Some(validations));
    // Inside the script: a read of the record at each validation; for an admitted use also the time, and a renewal; for a
    // peek the time, to see whether a use can have set its end.
    let (let_in, peeks) = (validations / 5 * 2, validations / 5);
    assert_eq!(commands.remove("get"), Some(validations));
    assert_eq!(commands.remove("time"), Some(let_in + peeks));
    assert_eq!(commands.remove("pexpireat"), Some(let_in));
    // A peek reads the expiry, and so does a use in the same millisecond as the previous one, which prolongs nothing.
    let looks = commands.remove("pexpiretime").unwrap_or(0);
    assert!((validations / 5..=validations / 5 * 2).contains(&looks), "{looks}");
    assert!(commands.is_empty(), "{commands:?}");
}

#[tokio::test]
async fn a_validation_is_one_command_on_a_server() {
    a_validation_is_one_command(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn a_validation_is_one_command_on_a_cluster() {
    a_validation_is_one_command(&Deployment::cluster().await).await;
}
