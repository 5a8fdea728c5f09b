//! A change reports the confirmation that it has, and never more than that.

use std::time::Duration;

use token_core::spi::TokenStore;
use token_core::{Confirmation, ConfirmationLevel, Lifetime, Revocation, RevokeOutcome, Unconfirmed};
use token_redis::Options;
use token_tests::servers::{Cluster, Disk, Replicated, Sentinel, Standalone};

use crate::command_line::Cli;
use crate::kit::{Tokens, issue, span, tokens_at, tokens_with};

async fn with_level(url: &str, level: impl Into<Option<ConfirmationLevel>>) -> Tokens {
    let mut options = Options::default();
    options.confirm = level.into();
    options.deadline = Duration::from_secs(10);
    options.confirm_timeout = Duration::from_secs(2);
    tokens_with(url, options).await
}

fn replicated(expected: u32, reached: u32) -> Confirmation {
    Confirmation { level: ConfirmationLevel::Replicated, expected, reached, reason: None }
}

async fn changes_are_confirmed_by(tokens: &Tokens, confirmation: Confirmation) {
    let issued = issue(tokens, "admin", Lifetime::hard(span("1h"))).await;
    assert_eq!(issued.confirmation, confirmation);
    for outcome in [RevokeOutcome::Revoked, RevokeOutcome::AlreadyRevoked] {
        let revoked = tokens.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
        assert_eq!((revoked.outcome, revoked.confirmation), (outcome, confirmation));
    }
    let user = "admin".parse().unwrap();
    let all = tokens.store().revoke_subject(&user, &Revocation::default()).await.unwrap();
    assert_eq!(all.confirmation, confirmation);
}

#[tokio::test]
async fn a_cluster_confirms_by_every_replica_by_default() {
    let cluster = Cluster::start().await;
    changes_are_confirmed_by(&tokens_at(&cluster.url()).await, replicated(1, 1)).await;
}

#[tokio::test]
async fn behind_sentinels_every_replica_confirms_by_default() {
    let sentinel = Sentinel::start().await;
    changes_are_confirmed_by(&tokens_at(&sentinel.url()).await, replicated(2, 2)).await;
}

/// The new primary has no replica yet. If it fails next, the change is lost.
#[tokio::test]
async fn a_primary_that_took_over_does_not_confirm_itself_by_default() {
    let cluster = Cluster::start().await;
    let tokens = with_level(&cluster.url(), None).await;
    let issued = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let slot = cluster.slot_of(&format!("{{{}}}", issued.grant.id.partition())).await;
    cluster.kill_primary(cluster.owner_of(slot).await).await;
    changes_are_confirmed_by(&tokens, replicated(1, 0)).await;
}

#[tokio::test]
async fn changes_also_wait_for_a_replica_that_joins_a_cluster_later() {
    let mut cluster = Cluster::start().await;
    let tokens = tokens_at(&cluster.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    assert_eq!(issued.confirmation, replicated(1, 1));

    let slot = cluster.slot_of(&format!("{{{}}}", issued.grant.id.partition())).await;
    let added = cluster.add_node().await;
    cluster.make_replica_of(cluster.node(added), cluster.owner_of(slot).await).await;
    until_changes_are_confirmed_by(&tokens, replicated(2, 2)).await;
}

#[tokio::test]
async fn changes_also_wait_for_a_replica_that_joins_sentinels_later() {
    let mut sentinel = Sentinel::start().await;
    let tokens = tokens_at(&sentinel.url()).await;
    changes_are_confirmed_by(&tokens, replicated(2, 2)).await;
    sentinel.add_replica().await;
    until_changes_are_confirmed_by(&tokens, replicated(3, 3)).await;
}

/// SENTINEL RESET makes a Sentinel forget all replicas. It finds them again after a while, and lists none until then.
#[tokio::test]
async fn changes_still_wait_for_replicas_the_sentinels_forgot() {
    let sentinel = Sentinel::start_behind_proxies().await;
    let primary = sentinel.primary().await;
    let replicas: Vec<_> =
        sentinel.servers().iter().filter(|server| server.port() != primary.port()).collect();
    let issued = {
        let tokens = with_level(&sentinel.url(), None).await;
        issue(&tokens, "admin", Lifetime::hard(span("1h"))).await
    };
    // One replica is in sync. The other one is stalled, and could be promoted as well.
    primary.keep_apart_from(replicas[0]);
    for level in [None, Some(ConfirmationLevel::Replicated)] {
        // A node that has just started has no earlier topology.
        let tokens = with_level(&sentinel.url(), level).await;
        for sentinel in sentinel.sentinels() {
            sentinel.command::<i64>(&["SENTINEL", "RESET", "tokens"]).await;
        }
        let revoked = tokens.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
        assert_eq!(revoked.confirmation, replicated(2, 1), "{level:?}");
    }
}

/// Waits for a new topology, which is at most one second old.
async fn until_changes_are_confirmed_by(tokens: &Tokens, confirmation: Confirmation) {
    let mut last = None;
    for _ in 0..100 {
        last = Some(issue(tokens, "admin", Lifetime::hard(span("1h"))).await.confirmation);
        if last == Some(confirmation) {
            return changes_are_confirmed_by(tokens, confirmation).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it is {last:?} for ever");
}

#[tokio::test]
async fn a_lone_server_confirms_locally_and_is_never_its_own_replica() {
    let server = Standalone::start().await;
    changes_are_confirmed_by(&tokens_at(&server.url()).await, Confirmation::LOCAL).await;
    let asked = with_level(&server.url(), ConfirmationLevel::Replicated).await;
    changes_are_confirmed_by(&asked, replicated(1, 0)).await;
}

async fn ask<T: redis::FromRedisValue>(server: &Standalone, words: &[&str]) -> T {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await.unwrap()
}

fn not_on_disk(reason: Unconfirmed) -> Confirmation {
    Confirmation { level: ConfirmationLevel::Disk, expected: 1, reached: 0, reason: Some(reason) }
}

async fn a_server_with(appendfsync: &str) -> (Standalone, Disk) {
    let server = Standalone::start_with(&["--appendonly", "yes", "--appendfsync", appendfsync]).await;
    let disk = Disk::of(&server).await;
    (server, disk)
}

async fn the_disk_confirms(server: &Standalone, confirmation: Confirmation) {
    let mut options = Options::default();
    options.confirm = Some(ConfirmationLevel::Disk);
    options.confirm_within(Duration::from_secs(20));
    changes_are_confirmed_by(&tokens_with(&server.url(), options).await, confirmation).await;
}

#[tokio::test]
async fn a_server_without_an_append_only_file_says_so_for_disk() {
    let server = Standalone::start().await;
    let reason = match Disk::of(&server).await {
        Disk::Silent => Unconfirmed::NoWaitAof,
        Disk::Early | Disk::Honest => Unconfirmed::NoAppendOnlyFile,
    };
    the_disk_confirms(&server, not_on_disk(reason)).await;
}

#[tokio::test]
async fn a_disk_synced_always_is_confirmed_by_every_waitaof() {
    let (server, disk) = a_server_with("always").await;
    let confirmation = match disk {
        Disk::Silent => not_on_disk(Unconfirmed::NoWaitAof),
        Disk::Early | Disk::Honest => Confirmation::DISK,
    };
    the_disk_confirms(&server, confirmation).await;
}

#[tokio::test]
async fn a_disk_synced_each_second_is_confirmed_if_waitaof_is_true() {
    let (server, disk) = a_server_with("everysec").await;
    let confirmation = match disk {
        Disk::Silent => not_on_disk(Unconfirmed::NoWaitAof),
        Disk::Early => not_on_disk(Unconfirmed::AnswersEarly),
        Disk::Honest => Confirmation::DISK,
    };
    the_disk_confirms(&server, confirmation).await;
}

#[tokio::test]
async fn a_disk_that_is_never_synced_is_named_as_the_reason() {
    let (server, disk) = a_server_with("no").await;
    let reason = if disk == Disk::Silent { Unconfirmed::NoWaitAof } else { Unconfirmed::NeverSynced };
    let asked = with_level(&server.url(), ConfirmationLevel::Disk).await;
    assert_eq!(issue(&asked, "admin", Lifetime::hard(span("1h"))).await.confirmation, not_on_disk(reason));
}

#[tokio::test]
async fn a_user_who_may_not_waitaof_gets_that_as_the_reason() {
    let (server, disk) = a_server_with("always").await;
    if disk != Disk::Silent {
        let () = ask(&server, &["ACL", "SETUSER", "default", "-waitaof"]).await;
    }
    let reason = if disk == Disk::Silent { Unconfirmed::NoWaitAof } else { Unconfirmed::NotPermitted };
    the_disk_confirms(&server, not_on_disk(reason)).await;
}

/// A server that may answer early is not trusted if its `appendfsync` cannot be read; any other server is.
#[tokio::test]
async fn an_early_waitaof_is_not_trusted_if_the_setting_is_hidden() {
    let (server, disk) = a_server_with("always").await;
    let () = ask(&server, &["ACL", "SETUSER", "default", "-config|get"]).await;
    let confirmation = match disk {
        Disk::Silent => not_on_disk(Unconfirmed::NoWaitAof),
        Disk::Early => not_on_disk(Unconfirmed::AnswersEarly),
        Disk::Honest => Confirmation::DISK,
    };
    the_disk_confirms(&server, confirmation).await;
}

/// Newer servers confirm a repeat that writes nothing without asking a replica, so the repeat must write.
#[tokio::test]
async fn a_stalled_replica_confirms_no_revocation_and_no_repeat_of_it() {
    let servers = Replicated::start(1).await;
    let tokens = with_level(&servers.url(), ConfirmationLevel::Replicated).await;
    let issued = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    assert_eq!(issued.confirmation, replicated(1, 1));

    servers.link(0).stall();
    let revoke = async || {
        let revoked = tokens.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
        revoked.confirmation
    };
    assert_eq!(revoke().await, replicated(1, 0));
    assert_eq!(revoke().await, replicated(1, 0), "the repeat is not confirmed either");
    servers.link(0).heal().await;
    servers.wait_until_in_step().await;
    assert_eq!(revoke().await, replicated(1, 1));
}

#[tokio::test]
async fn the_command_says_that_a_revocation_is_not_confirmed() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let token = cli.run("issue -u admin -e 1h --json", "").await.json();
    let ran =
        cli.run(&format!("revoke {} --confirm replicated --json", token["id"].as_str().unwrap()), "").await;
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("revoked, but not confirmed by a replica"), "{}", ran.stderr);
    let row = &ran.json()[0];
    assert_eq!((&row["outcome"], &row["confirmation"]["confirmed"]), (&"revoked".into(), &false.into()));
    assert_eq!(
        cli.run("validate", token["token"].as_str().unwrap()).await.code,
        1,
        "the token is revoked all the same"
    );
}

/// The JSON object on standard error.
fn failure(ran: &token_tests::programs::Ran) -> serde_json::Value {
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    serde_json::from_str::<serde_json::Value>(&ran.stderr).unwrap()["error"].clone()
}

#[tokio::test]
async fn with_json_a_change_that_is_not_confirmed_is_an_object() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let wanted = "--confirm replicated --confirm-timeout 1s --json";
    let issued = cli.run(&format!("issue -u admin -e 1h {wanted}"), "").await;
    let id = issued.json()["id"].as_str().unwrap().to_owned();
    let confirmed = cli.run(&format!("confirm {id} {wanted}"), "").await;
    let revoked = cli.run(&format!("revoke {id} {wanted}"), "").await;
    for ran in [&issued, &confirmed, &revoked] {
        assert_eq!((ran.code, &failure(ran)["kind"]), (3, &"unconfirmed".into()), "{}", ran.stderr);
    }
    assert_eq!(failure(&issued)["retryable"], false, "a second issue is a second token");
    assert_eq!(failure(&revoked)["retryable"], true);
}

#[tokio::test]
async fn nothing_to_revoke_that_is_not_confirmed_says_so() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let wanted = "revoke --user nobody --confirm replicated --confirm-timeout 1s";
    let ran = cli.run(wanted, "").await;
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("nothing to revoke, and this could not be confirmed by a replica"),
        "{}",
        ran.stderr
    );
    let ran = cli.run(&format!("{wanted} --json"), "").await;
    let row = &ran.json()[0];
    assert_eq!((ran.code, &row["outcome"]), (3, &"nothing_to_revoke".into()));
    assert_eq!(
        (&row["confirmation"]["level"], &row["confirmation"]["reached"]),
        (&"replicated".into(), &0.into())
    );
    assert_eq!(failure(&ran)["kind"], "unconfirmed");
}
