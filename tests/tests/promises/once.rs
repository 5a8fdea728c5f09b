//! Idempotency keys: of all requests with a key, one issues a token. These tests need Redis or the command.

use token_core::spi::TokenStore;
use token_core::{Access, IdempotencyKey, IssueRequest, Issued, Lifetime, Once};
use token_tests::servers::{Replicated, Standalone};

use crate::command_line::Cli;
use crate::kit::{Deployment, Tokens, span, tokens_at};

const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

fn asked() -> IssueRequest {
    let lifetime = Lifetime::sliding(span("10m"));
    let mut request = IssueRequest::new("a very private name".parse().unwrap(), Access::Full, lifetime);
    request.label = "a very private label".parse().ok();
    request
}

async fn once(tokens: &Tokens) -> Once<Issued> {
    tokens.issue_once(&asked(), &KEY.parse().unwrap()).await.unwrap()
}

async fn the_entry_lives_a_day(deployment: &Deployment) {
    let tokens = tokens_at(&deployment.url()).await;
    let Once::Issued(first) = once(&tokens).await else { panic!("nobody asked before") };
    let keys = deployment.all_keys().await;
    let [entry] = keys.iter().filter(|key| key.contains("}:i:")).collect::<Vec<_>>()[..] else {
        panic!("one entry, in {keys:?}")
    };
    assert!(entry.starts_with(&format!("tok:{{{}}}:i:", first.grant.id.partition())), "{entry}");

    let mut forgotten = 0;
    for server in deployment.primaries().await {
        if server.command::<Vec<String>>(&["KEYS", entry]).await.is_empty() {
            continue;
        }
        let ttl: i64 = server.command(&["PTTL", entry]).await;
        let day = i64::try_from(IdempotencyKey::RETENTION.as_millis()).unwrap();
        assert!((1..=day).contains(&ttl) && day - ttl < 600_000, "{ttl}");
        let value: Vec<u8> =
            redis::cmd("GET").arg(entry).query_async(&mut server.connection().await).await.unwrap();
        assert_eq!(value.len(), 16 + 28, "a fingerprint and an id");
        assert!(!value.windows(7).any(|part| part == b"private" || part == &KEY.as_bytes()[..7]));
        assert!(matches!(once(&tokens).await, Once::Repeated(_)));
        forgotten += server.command::<i64>(&["PEXPIRE", entry, "0"]).await;
    }
    assert_eq!(forgotten, 1);
    let Once::Issued(second) = once(&tokens).await else { panic!("a day later it is another request") };
    assert_ne!(first.grant.id, second.grant.id);
    assert_eq!(tokens.store().list(&asked().subject).await.unwrap().grants.len(), 2);
}

#[tokio::test]
async fn the_entry_of_a_key_lives_a_day_and_holds_hashes_on_a_server() {
    the_entry_lives_a_day(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn the_entry_of_a_key_lives_a_day_and_holds_hashes_on_a_cluster() {
    the_entry_lives_a_day(&Deployment::cluster().await).await;
}

#[tokio::test]
async fn the_command_repeats_an_issue_without_a_second_token() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let issue = format!("issue -u admin -e 1h --issuer ops --idempotency-key {KEY}");
    let first = cli.run(&format!("{issue} --json"), "").await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));

    let again = cli.run(&format!("{issue} --json"), "").await;
    let json = again.json();
    assert_eq!((again.code, &json["repeated"], &json["state"]), (1, &true.into(), &"live".into()));
    assert_eq!((json["id"].as_str(), json.get("token")), (Some(id.as_str()), None));
    assert!(again.stderr.contains(&format!("token-cli revoke {id}")), "{}", again.stderr);

    let quiet = cli.run(&format!("{issue} -q"), "").await;
    assert_eq!((quiet.code, quiet.stdout.as_str()), (1, ""));
    assert!(quiet.stderr.contains(&id), "{}", quiet.stderr);

    let other = cli.run(&format!("{issue} -l other"), "").await;
    assert_eq!((other.code, other.stdout.as_str()), (2, ""));
    assert!(other.stderr.contains("with other arguments"), "{}", other.stderr);

    assert_eq!(cli.run(&format!("revoke {id}"), "").await.code, 0);
    let revoked = cli.run(&issue, "").await;
    assert_eq!(revoked.code, 1);
    assert!(revoked.stderr.contains("was revoked since"), "{}", revoked.stderr);
    assert_eq!(cli.run("list -u admin --json", "").await.json().as_array().unwrap().len(), 0);
}

/// The advice after an unconfirmed issue makes no second token.
#[tokio::test]
async fn an_unconfirmed_issue_is_confirmed_once_the_replica_is_back() {
    let servers = Replicated::start(1).await;
    let cli = Cli::new(&servers.url());
    let issue = format!("issue -u admin -e 1h --confirm replicated --idempotency-key {KEY}");
    servers.link(0).stall();
    let issued = cli.run(&format!("{issue} --json"), "").await;
    let id = issued.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(issued.code, 3);
    assert!(issued.stderr.contains(&format!("token-cli confirm {id}")), "{}", issued.stderr);
    assert!(!issued.stderr.contains("repeat this"), "{}", issued.stderr);

    let confirm = format!("confirm {id} --confirm replicated");
    let ran = cli.run(&format!("{confirm} --json"), "").await;
    let row = &ran.json()[0];
    assert_eq!((ran.code, &row["state"], &row["confirmation"]["reached"]), (3, &"live".into(), &0.into()));
    assert!(cli.run(&confirm, "").await.stdout.contains("by 0 of 1 replica"));
    assert_eq!(cli.run(&issue, "").await.code, 3, "a repeat is not confirmed either");

    servers.link(0).heal().await;
    servers.wait_until_in_step().await;
    let ran = cli.run(&confirm, "").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("by 1 of 1 replica"), "{}", ran.stdout);
    assert_eq!(cli.run(&issue, "").await.code, 1, "confirmed, and no token");
    assert_eq!(cli.run("list -u admin --json", "").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_command_confirms_existing_ids_and_reports_others() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let id = cli.run("issue -u admin -e 1h --json", "").await.json()["id"].as_str().unwrap().to_owned();
    let ran = cli.run(&format!("confirm {id}"), "").await;
    assert_eq!(ran.code, 0);
    assert!(
        ran.stdout.contains("live") && ran.stdout.contains("no replica was waited for"),
        "{}",
        ran.stdout
    );
    let ran = cli.run(&format!("confirm {id} 3l51xk1fgfw2k28rm7smxkaqntg3 --json"), "").await;
    let rows = ran.json();
    assert_eq!((ran.code, &rows[0]["state"], &rows[1]["state"]), (1, &"live".into(), &"unknown".into()));
    assert_eq!(cli.run("confirm", "").await.code, 2);
    assert_eq!(cli.run(&format!("confirm {id} nonsense"), "").await.code, 2);
    assert_eq!(cli.run(&format!("revoke {id}"), "").await.code, 0);
    assert!(cli.run(&format!("confirm {id}"), "").await.stdout.contains("revoked"));

    let embedded = Cli::embedded();
    let id = embedded.run("issue -u admin -e 1h --json", "").await.json()["id"].as_str().unwrap().to_owned();
    let ran = embedded.run(&format!("confirm {id}"), "").await;
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("by the disk"), "{}", ran.stdout);
}
