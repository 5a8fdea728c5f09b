//! P16: one bad record hides no good one, even if its key is of another type.

use token_core::spi::layout::KEY_VERSION;
use token_core::spi::{RecordError, SubjectHash, TokenStore};
use token_core::{Lifetime, Revocation, RevokeOutcome, StoreErrorKind, TokenId, TokenStatus};
use token_tests::programs::Ran;
use token_tests::servers::Standalone;

use crate::command_line::Cli;
use crate::kit::{Deployment, Tokens, issue, record_key, span, tokens_at};

pub(crate) fn index_key(user: &str) -> String {
    let hash = SubjectHash::of(&user.parse().unwrap());
    format!("tok:{{{}}}:u:{:032x}", hash.partition, hash.index)
}

/// Replaces a key with another value, which lives for an hour.
async fn replace(server: &Standalone, key: &str, command: &[&str]) {
    server.command::<()>(&["DEL", key]).await;
    server.command::<()>(command).await;
    server.command::<()>(&["PEXPIRE", key, "3600000"]).await;
}

/// Values of other types.
fn of_other_types(key: &str) -> [Vec<&str>; 4] {
    [
        vec!["HSET", key, "a", "b"],
        vec!["RPUSH", key, "a"],
        vec!["SADD", key, "a"],
        vec!["XADD", key, "*", "a", "b"],
    ]
}

async fn unreadable(tokens: &Tokens) -> Vec<(TokenId, RecordError)> {
    let listing = tokens.store().list(&"admin".parse().unwrap()).await.unwrap();
    listing.unreadable.iter().map(|row| (row.id, row.why)).collect()
}

#[tokio::test]
async fn a_record_of_another_type_hides_no_other_token() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let good = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let mut expected = Vec::new();
    for number in 0..4 {
        let bad = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await.grant.id;
        let key = record_key(bad);
        replace(&server, &key, &of_other_types(&key)[number]).await;
        expected.push((bad, RecordError::Type));
    }
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(unreadable(&tokens).await, expected);
    assert_eq!(tokens.store().list(&"admin".parse().unwrap()).await.unwrap().grants, [good.grant]);

    let (bad, _) = expected[0];
    assert_eq!(tokens.store().show(bad).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    for outcome in [RevokeOutcome::Revoked, RevokeOutcome::AlreadyRevoked] {
        assert_eq!(tokens.store().revoke(bad, &Revocation::default()).await.unwrap().outcome, outcome);
    }
    assert!(matches!(tokens.store().show(bad).await.unwrap(), TokenStatus::Revoked(_)));
    issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let all = tokens.store().revoke_subject(&"admin".parse().unwrap(), &Revocation::default()).await.unwrap();
    assert_eq!(all.outcome.len(), 5, "two good ones and three of another type");
    assert!(tokens.store().list(&"admin".parse().unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_tombstone_of_another_type_does_not_undo_a_revocation() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let id = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await.grant.id;
    let _ = tokens.store().revoke(id, &Revocation::default()).await.unwrap();
    let key = record_key(id).replace("}:", "}:r:");
    for command in of_other_types(&key) {
        replace(&server, &key, &command).await;
        assert_eq!(tokens.store().show(id).await.unwrap_err().kind(), StoreErrorKind::Corrupt, "{command:?}");
        let again = tokens.store().revoke(id, &Revocation::default()).await.unwrap();
        assert_eq!(again.outcome, RevokeOutcome::AlreadyRevoked);
        assert!(matches!(tokens.store().show(id).await.unwrap(), TokenStatus::Revoked(_)));
    }
}

/// An id of another partition is in another slot: a cluster refuses a script with both.
async fn members_of_others_hinder_nothing(deployment: &Deployment) {
    let tokens = tokens_at(&deployment.url()).await;
    let own = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let other = issue(&tokens, "somebody else", Lifetime::hard(span("1h"))).await.grant.id;
    assert_ne!(own.grant.id.partition(), other.partition());
    let index = index_key("admin");
    plant(deployment, &index, other).await;
    // Each issue reads up to eight members.
    let another = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let listing = tokens.store().list(&"admin".parse().unwrap()).await.unwrap();
    assert_eq!(listing.grants, [own.grant.clone(), another.grant.clone()]);
    assert_eq!(listing.unreadable, []);
    plant(deployment, &index, other).await;
    tokens.store().prune().await.unwrap();
    plant(deployment, &index, other).await;
    let all = tokens.store().revoke_subject(&"admin".parse().unwrap(), &Revocation::default()).await.unwrap();
    assert_eq!(all.outcome.len(), 2, "its own tokens, and not another subject's");
    assert!(matches!(tokens.store().show(other).await.unwrap(), TokenStatus::Live(_)));
}

/// Adds foreign members to an index.
async fn plant(deployment: &Deployment, index: &str, other: TokenId) {
    let other = other.to_string();
    for server in deployment.primaries().await {
        if server.command::<Vec<String>>(&["KEYS", index]).await.is_empty() {
            continue;
        }
        let members: [&[u8]; 3] = [other.as_bytes(), b"\xff\xfe", b"not an id"];
        for member in members {
            let mut add = redis::cmd("ZADD");
            add.arg(index).arg("+inf").arg(member);
            add.query_async::<()>(&mut server.connection().await).await.unwrap();
        }
    }
}

#[tokio::test]
async fn members_of_others_in_an_index_hinder_nothing_on_a_server() {
    members_of_others_hinder_nothing(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn members_of_others_in_an_index_hinder_nothing_on_a_cluster() {
    members_of_others_hinder_nothing(&Deployment::cluster().await).await;
}

#[tokio::test]
async fn an_index_of_another_type_does_not_end_a_prune_for_the_others() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let dead = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await.grant.id;
    server.command::<()>(&["DEL", &record_key(dead)]).await;
    for number in 0..20 {
        server.command::<()>(&["HSET", &index_key(&format!("user-{number}")), "a", "b"]).await;
    }
    assert_eq!(tokens.store().prune().await.unwrap(), 1);
}

/// A revocation of all tokens would not find its record.
#[tokio::test]
async fn a_failed_issue_on_a_foreign_index_leaves_no_record() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    server.command::<()>(&["HSET", &index_key("admin"), "a", "b"]).await;
    let request = token_core::IssueRequest::new(
        "admin".parse().unwrap(),
        token_core::Access::Full,
        Lifetime::hard(span("1h")),
    );
    tokens.issue(&request).await.unwrap_err();
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "tok:{??}:*"]).await, [index_key("admin")]);
}

/// Fails, and says that a key of another type stands in the place of this.
fn is_of_another_type(ran: &Ran, place: &str) {
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ran.code, 3, "{said}");
    assert!(said.contains(&format!("a key of another type in the place of {place}")), "{said}");
    assert!(said.contains("delete or rename it"), "{said}");
}

#[tokio::test]
async fn an_index_of_another_type_is_named_with_what_to_do() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let (index, place) = (index_key("admin"), "the index of this user's tokens");
    for command in of_other_types(&index).into_iter().chain([vec!["SET", &index, "a"]]) {
        replace(&server, &index, &command).await;
        for arguments in
            ["list admin", "issue -u admin -e 1h", "revoke -u admin", "revoke -u admin --dry-run"]
        {
            is_of_another_type(&cli.run(arguments, "").await, place);
        }
        assert_eq!(cli.run("prune", "").await.code, 0, "others are pruned");
    }
    server.command::<()>(&["DEL", &index]).await;
    cli.issue("admin", "-e 1h").await;
}

#[tokio::test]
async fn an_idempotency_key_of_another_type_is_named() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let arguments = "issue -u admin -e 1h --idempotency-key one -q";
    assert_eq!(cli.run(arguments, "").await.code, 0);
    let notes: Vec<String> = server.command(&["KEYS", "tok:{??}:i:*"]).await;
    for command in of_other_types(&notes[0]) {
        replace(&server, &notes[0], &command).await;
        is_of_another_type(&cli.run(arguments, "").await, "what this idempotency key has issued");
    }
    assert_eq!(server.command::<u64>(&["ZCARD", &index_key("admin")]).await, 1, "nothing was issued");
}

#[tokio::test]
async fn a_check_value_of_another_type_hinders_no_issue() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let (k, public) = ("tok:{keys}:v:k", "tok:{keys}:v:0");
    for other in [&["HSET", k, "a", "b"][..], &["HSET", public, "a", "b"], &["SET", k, "junk"]] {
        let key = *other.get(1).unwrap();
        replace(&server, key, other).await;
        cli.issue("admin", "-e 1h").await;
        let found = cli.run("doctor --json", "").await.json();
        let findings = found["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["check"] == "key-versions").unwrap();
        assert_eq!(finding["status"], "warning", "{finding}");
        assert!(finding["found"].as_str().unwrap().contains(key), "{finding}");
        server.command::<()>(&["DEL", key]).await;
    }
}

/// With and without a TTL: one that somebody took away must not keep the command from an answer.
#[tokio::test]
async fn no_command_calls_a_record_of_another_type_live() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let token = cli.run("issue -u admin -e 1h --json", "").await.json();
    let id = token["id"].as_str().unwrap();
    let key = record_key(id.parse().unwrap());
    for command in of_other_types(&key) {
        replace(&server, &key, &command).await;
        for kept in ["EXISTS", "PERSIST"] {
            server.command::<()>(&[kept, &key]).await;
            for arguments in ["show", "confirm"] {
                let ran = cli.run(&format!("{arguments} {id}"), "").await;
                assert_eq!(ran.code, 3, "{arguments}: {}{}", ran.stdout, ran.stderr);
                assert!(!ran.stdout.contains("live"), "{arguments}: {}", ran.stdout);
            }
            let ran = cli.run(&format!("revoke {id} --dry-run"), "").await;
            assert!(ran.code == 0 && ran.stdout.contains("would be revoked"), "{}{}", ran.stdout, ran.stderr);
        }
    }
    assert_eq!(server.command::<i64>(&["PTTL", &key]).await, -1, "it is left as it was");
}

#[tokio::test]
async fn list_shows_good_tokens_marks_bad_ones_and_exits_with_3() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let good = cli.run("issue -u admin -e 1h --json", "").await.json()["id"].as_str().unwrap().to_owned();
    let bad = cli.run("issue -u admin -e 1h --json", "").await.json()["id"].as_str().unwrap().to_owned();
    server
        .command::<()>(&["SETRANGE", &record_key(bad.parse().unwrap()), &KEY_VERSION.to_string(), "2"])
        .await;

    let ran = cli.run("list -u admin", "").await;
    assert_eq!(ran.code, 3);
    assert!(ran.stdout.contains(&format!("\n{good} ")), "{}", ran.stdout);
    let said = format!(
        "{bad}  cannot be read\n  it was sealed with key version 2, which is not in this node's key file;\n  \
         give this node the key file that has its key\n"
    );
    assert!(ran.stdout.contains(&said), "{}", ran.stdout);
    assert!(ran.stderr.contains("the record of 1 token cannot be read"), "{}", ran.stderr);

    let ran = cli.run("list -u admin --json", "").await;
    let rows = ran.json();
    assert_eq!((ran.code, rows.as_array().unwrap().len()), (3, 2));
    assert_eq!((&rows[0]["id"], rows[0].get("unreadable")), (&good.as_str().into(), None));
    assert_eq!(
        (&rows[1]["id"], &rows[1]["unreadable"], &rows[1]["why"]),
        (&bad.as_str().into(), &true.into(), &"missing_key".into())
    );

    let said: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(said["error"]["kind"], "corrupt", "{}", ran.stderr);
    let shown = cli.run(&format!("show {bad}"), "").await;
    assert_eq!(shown.code, 3);
    assert!(
        shown.stderr.contains("give this node the key file") && !shown.stderr.contains("revoke"),
        "{}",
        shown.stderr
    );
    assert_eq!(cli.run("revoke --user admin", "").await.code, 0);
    assert_eq!(cli.run("list -u admin", "").await.code, 0);
}
