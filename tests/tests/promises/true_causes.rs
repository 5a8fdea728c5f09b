//! A failing store: the first sentence of the error names the true cause, and the store answers everything that it can.

use std::path::PathBuf;
use std::time::Duration;

use token_core::spi::TokenStore;
use token_core::{
    Issued, Lifetime, Reason, Requirement, Revocation, StoreError, StoreErrorKind, TokenStatus, Verdict,
};
use token_redis::Options;
use token_tests::programs::Ran;
use token_tests::servers::{Cluster, Sentinel, Server, Standalone};

use crate::command_line::Cli;
use crate::kit::{Tokens, issue, record_key, span, tokens_at, tokens_with, until};
use crate::one_bad_record::index_key;

fn hard() -> Lifetime {
    Lifetime::hard(span("1h"))
}

async fn tokens(url: &str) -> Tokens {
    let mut options = Options::default();
    options.connect_timeout = Duration::from_secs(5);
    options.response_timeout = Duration::from_secs(5);
    options.validate_deadline = Duration::from_secs(3);
    options.deadline = Duration::from_secs(3);
    tokens_with(url, options).await
}

fn is_unavailable(error: &StoreError, cause: &str) {
    let said = error.to_string();
    assert!(said.contains(cause) && !said.contains("did not answer"), "{said}");
    assert_eq!((error.kind(), error.is_retryable()), (StoreErrorKind::Unavailable, true), "{said}");
}

async fn refused_to_issue(tokens: &Tokens) -> StoreError {
    let request = token_core::IssueRequest::new("admin".parse().unwrap(), token_core::Access::Full, hard());
    tokens.issue(&request).await.unwrap_err().into_store().unwrap()
}

/// A disk on which no snapshot can be written: a directory has the path of the file.
struct FullDisk {
    in_the_way: PathBuf,
}

impl FullDisk {
    async fn of(server: &Server) -> Self {
        let answer: Vec<String> = server.command(&["CONFIG", "GET", "dir"]).await;
        let disk = Self { in_the_way: PathBuf::from(&answer[1]).join("dump.rdb") };
        // A snapshot for a replica may be under way, and create the file again.
        while std::fs::create_dir_all(disk.in_the_way.join("full")).is_err() {
            std::fs::remove_file(&disk.in_the_way).unwrap();
        }
        server.command::<()>(&["CONFIG", "SET", "save", "3600 1"]).await;
        disk.until(server, "rdb_last_bgsave_status:err").await;
        disk
    }

    async fn make_room(self, server: &Server) {
        std::fs::remove_dir_all(&self.in_the_way).unwrap();
        self.until(server, "rdb_last_bgsave_status:ok").await;
    }

    async fn until(&self, server: &Server, status: &str) {
        for _ in 0..200 {
            let mut connection = server.connection().await;
            let _ = redis::cmd("BGSAVE").query_async::<String>(&mut connection).await;
            let info: String = server.command(&["INFO", "persistence"]).await;
            if info.contains(status) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never {status}");
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_validations_go_on() {
    let server = Standalone::start().await;
    validations_go_on(&server, &server.url(), &server.url()).await;
}

#[tokio::test]
async fn a_full_disk_keeps_no_role_from_validating() {
    let server = Standalone::start_with_roles().await;
    for role in ["validator", "issuer", "admin"] {
        validations_go_on(&server, &server.url_as("issuer"), &server.url_as(role)).await;
    }
}

#[tokio::test]
async fn a_full_disk_keeps_no_role_from_reading() {
    let server = Standalone::start_with_roles().await;
    let issuer = tokens_at(&server.url_as("issuer")).await;
    let issued = issue(&issuer, "admin", hard()).await;
    let gone = issue(&issuer, "admin", hard()).await;
    server.command::<()>(&["DEL", &record_key(gone.grant.id)]).await;
    let other = issue(&issuer, "somebody else", hard()).await.grant.id.to_string();
    for member in [&other, "not an id"] {
        server.command::<()>(&["ZADD", &index_key("admin"), "+inf", member]).await;
    }
    let _disk = FullDisk::of(&server).await;
    for role in ["issuer", "admin"] {
        let tokens = tokens(&server.url_as(role)).await;
        let shown = tokens.show(issued.grant.id).await.unwrap();
        assert!(matches!(shown, TokenStatus::Live(_)), "{role}: {shown:?}");
        let listed = tokens.list(&"admin".parse().unwrap()).await.unwrap();
        assert_eq!(listed.grants.len(), 1, "{role}: the expired id is not listed, and stays in the index");
    }
    let cli = Cli::new(&server.url_as("admin"));
    let ran = cli.run("revoke --user admin --dry-run", "").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = cli.run("revoke --user admin", "").await;
    assert!(ran.code == 3 && ran.stderr.contains("cannot write to its disk"), "{}", ran.stderr);
}

#[tokio::test]
async fn doctor_says_that_validations_go_on_with_a_full_disk() {
    let server = Standalone::start().await;
    let _disk = FullDisk::of(&server).await;
    let ran = Cli::new(&server.url()).run("doctor", "").await;
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("a validation works, but renews nothing"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("cannot run"), "{}", ran.stdout);
}

async fn validations_go_on(server: &Server, issuer: &str, validator: &str) {
    let issuer = tokens_at(issuer).await;
    let [first, second] = [issue(&issuer, "admin", hard()).await, issue(&issuer, "admin", hard()).await];
    let sliding = issue(&issuer, "admin", Lifetime::sliding(span("10m"))).await;
    let unknown = issue(&issuer, "admin", Lifetime::hard(span("1s"))).await;
    let disk = FullDisk::of(server).await;

    let tokens = tokens(validator).await;
    let live = |verdict: Verdict| verdict.grant().is_some();
    for token in [&first, &sliding] {
        let text = token.token.expose_secret();
        assert!(live(tokens.validate(text, &Requirement::any()).await.unwrap()));
        assert!(live(tokens.peek(text, &Requirement::any()).await.unwrap()));
    }
    let other = Requirement::any().subject("root".parse().unwrap());
    let verdict = tokens.validate(first.token.expose_secret(), &other).await.unwrap();
    assert!(matches!(verdict, Verdict::Inactive(Reason::WrongSubject)), "{verdict:?}");
    let texts = [&first, &second]
        .map(|token| (tokens.parse(token.token.expose_secret()).unwrap(), Requirement::any()));
    for verdict in tokens.store().validate_many(&texts, token_core::Mode::Use).await {
        assert!(live(verdict.unwrap()));
    }
    until(async || is_gone(server, &unknown).await).await;
    let verdict = tokens.validate(unknown.token.expose_secret(), &Requirement::any()).await.unwrap();
    assert!(matches!(verdict, Verdict::Inactive(Reason::NoSuchToken)), "{verdict:?}");
    is_unavailable(&refused_to_issue(&issuer).await, "cannot write to its disk");

    disk.make_room(server).await;
    assert!(live(tokens.validate(sliding.token.expose_secret(), &Requirement::any()).await.unwrap()));
    issue(&issuer, "admin", hard()).await;
}

/// Whether the server has no record of the token any more.
async fn is_gone(server: &Server, token: &Issued) -> bool {
    server.command::<u64>(&["EXISTS", &record_key(token.grant.id)]).await == 0
}

/// It may have been replaced, and lack later revocations.
#[tokio::test]
async fn a_primary_with_a_full_disk_that_is_cut_off_validates_nothing() {
    let sentinel = Sentinel::start_behind_proxies().await;
    let tokens = tokens(&sentinel.url()).await;
    let issued = issue(&tokens, "admin", hard()).await;
    let primary = sentinel.primary().await;
    let _disk = FullDisk::of(primary).await;
    assert!(
        tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap().grant().is_some()
    );
    let replicas: Vec<_> =
        sentinel.servers().iter().filter(|server| server.port() != primary.port()).collect();
    // One missing replica is enough: it may have been promoted.
    primary.keep_apart_from(replicas[0]);
    let mut refused = None;
    until(async || {
        refused = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.err();
        refused.is_some()
    })
    .await;
    is_unavailable(&refused.unwrap(), "cannot write to its disk");
}

/// The store cannot find out how many replicas it requires, and the server reports MISCONF before NOREPLICAS.
#[tokio::test]
async fn a_full_disk_does_not_excuse_a_server_that_demands_replicas() {
    let server = Standalone::start().await;
    let tokens = tokens(&server.url()).await;
    let issued = issue(&tokens, "admin", hard()).await;
    let _disk = FullDisk::of(&server).await;
    server.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let error = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap_err();
    is_unavailable(&error, "cannot write to its disk");
}

#[tokio::test]
async fn an_interrupted_reshard_is_named_and_validations_go_on() {
    let cluster = Cluster::start().await;
    let tokens = tokens(&cluster.url()).await;
    let mut issued = Vec::new();
    for _ in 0..4 {
        issued.push(issue(&tokens, "admin", hard()).await);
    }
    let slot = cluster.slot_of(&format!("{{{}}}", issued[0].grant.id.partition())).await;
    let owner = cluster.owner_of(slot).await.port();
    let primaries = cluster.primaries().await;
    let to = primaries.iter().find(|primary| primary.port() != owner).unwrap();
    let mut half = cluster.begin_move(slot, to).await;
    // Three of five keys (four records and an index), so that there are records on both sides.
    assert_eq!(half.move_keys(3).await, 3);

    let each: Vec<_> = issued
        .iter()
        .map(|token| (tokens.parse(token.token.expose_secret()).unwrap(), Requirement::any()))
        .collect();
    for verdict in tokens.store().validate_many(&each, token_core::Mode::Use).await {
        assert!(verdict.unwrap().grant().is_some());
    }
    for token in &issued {
        let verdict = tokens.validate(token.token.expose_secret(), &Requirement::any()).await.unwrap();
        assert!(verdict.grant().is_some());
    }
    let user = "admin".parse().unwrap();
    is_unavailable(&tokens.store().list(&user).await.unwrap_err(), "redis-cli --cluster fix");
    let revoked = tokens.store().revoke_subject(&user, &Revocation::default()).await;
    is_unavailable(&revoked.unwrap_err(), "redis-cli --cluster fix");
    let cli = Cli::new(&cluster.url());
    let listed = cli.run("list -u admin", "").await;
    names_the_fix(&listed);
    // A record and the index of its user are on the same side or not; the script needs both.
    let mut revoked = 0;
    for token in &issued {
        let ran = cli.run(&format!("revoke {}", token.grant.id), "").await;
        if ran.code == 0 { revoked += 1 } else { names_the_fix(&ran) }
    }
    assert!(revoked < 4, "at least one record is apart from the index");

    half.finish().await;
    cluster.wait_until_well().await;
    assert_eq!(tokens.store().list(&user).await.unwrap().grants.len(), 4 - revoked);
}

fn names_the_fix(ran: &Ran) {
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 3, "{said}");
    assert!(said.contains("redis-cli --cluster fix"), "{said}");
}

#[tokio::test]
async fn a_cluster_without_a_primary_for_a_slot_is_named() {
    let cluster = Cluster::start().await;
    let tokens = tokens(&cluster.url()).await;
    let issued = issue(&tokens, "admin", hard()).await;
    let home = cluster.slot_of(&format!("{{{}}}", issued.grant.id.partition())).await;
    let owner = cluster.owner_of(home).await;
    owner.command::<()>(&["CLUSTER", "DELSLOTS", &home.to_string()]).await;
    let error = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap_err();
    is_unavailable(&error, "have no primary");
    is_unavailable(&refused_to_issue(&tokens).await, "no primary");
}

#[tokio::test]
async fn a_loading_server_is_awaited_and_then_named_as_the_cause() {
    let slow = ["--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024"];
    let server = Standalone::start_with(&slow).await;
    let tokens = tokens(&server.url()).await;
    let issued = issue(&tokens, "admin", hard()).await;
    let fill = "for n = 1, 4000 do redis.call('SET', 'k' .. n, string.rep('x', 100)) end";
    server.command::<()>(&["EVAL", fill, "0"]).await;
    server.command::<()>(&["SAVE"]).await;
    let patient = tokens_at(&server.url()).await;
    // It loads for 20 s, or until the test speeds it up.
    Server::restart(&server).await;
    let text = issued.token.expose_secret().to_owned();
    let asked = text.clone();
    let waits = tokio::spawn(async move { patient.validate(&asked, &Requirement::any()).await });
    let error = tokens.validate(&text, &Requirement::any()).await.unwrap_err();
    is_unavailable(&error, "is loading its data");
    is_unavailable(&refused_to_issue(&tokens).await, "is loading its data");
    assert!(!waits.is_finished(), "it waits until its deadline");
    server.command::<()>(&["CONFIG", "SET", "key-load-delay", "0"]).await;
    assert!(waits.await.unwrap().unwrap().grant().is_some());
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_is_named() {
    let server = Standalone::start().await;
    server.command::<()>(&["CONFIG", "SET", "lua-time-limit", "1"]).await;
    let tokens = tokens(&server.url()).await;
    let issued = issue(&tokens, "admin", hard()).await;
    let mut other = server.connection().await;
    let stuck = tokio::spawn(async move {
        redis::cmd("EVAL").arg("while true do end").arg(0).query_async::<()>(&mut other).await
    });
    let mut look = server.connection().await;
    until(async || {
        let pong = redis::cmd("PING").query_async::<String>(&mut look).await;
        pong.is_err_and(|error| error.code() == Some("BUSY"))
    })
    .await;
    let validated = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await;
    let refused = refused_to_issue(&tokens).await;
    server.command::<()>(&["SCRIPT", "KILL"]).await;
    let killed = stuck.await.unwrap().unwrap_err();
    assert!(killed.to_string().contains("Script killed"), "{killed}");
    is_unavailable(&validated.unwrap_err(), "SCRIPT KILL");
    is_unavailable(&refused, "SCRIPT KILL");
}
