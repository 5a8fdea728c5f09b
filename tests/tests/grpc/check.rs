//! Envoy's `ext_authz`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;
use tonic::Code;

use crate::kit::{Asked, Office, applied};

const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
const OTHER: &str = "node:5f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
const FOLDER: &str = "00000000-0000-0000-0000-000000000007";

#[tokio::test]
async fn envoy_gets_the_user_label_scopes_and_id_of_the_token() {
    let office = Office::open().await;
    let token = office.cli.issue("Zoë", "-a 10m -l nightly").await;
    let answer = office.check(Asked::with(&format!("Bearer {token}"))).await.unwrap();
    let headers = applied(&[], &answer.ok().headers);
    let value = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(value("x-token-user"), Some("Zo%C3%AB"));
    assert_eq!(value("x-token-label"), Some("nightly"));
    assert_eq!(value("x-token-scopes"), Some("*"));
    assert_eq!(value("x-token-id").map(str::len), Some(28));
    assert_eq!(headers.len(), 4, "nothing else goes upstream: {headers:?}");
}

#[tokio::test]
async fn envoy_gets_the_text_too_many_instead_of_too_many_scopes() {
    let office = Office::open().await;
    let scope = |node| format!("-s node:00000000-0000-0000-0000-{node:012x}:rw");
    for (count, whole) in [(32, true), (33, false), (256, false)] {
        let scopes: Vec<_> = (1..=count).map(scope).collect();
        let token = office.cli.issue("admin", &format!("-a 10m {}", scopes.join(" "))).await;
        let answer = office.check(Asked::with(&format!("Bearer {token}"))).await.unwrap();
        let headers = applied(&[("x-token-scopes", "*")], &answer.ok().headers);
        let told = scopes.join(" ").replace("-s ", "");
        let expected = if whole { told } else { "too-many".into() };
        assert!(headers.contains(&("x-token-scopes".into(), expected)), "{count}: {headers:?}");
    }
}

#[tokio::test]
async fn envoy_check_takes_a_token_as_the_password_of_its_user_only() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let basic = |user: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{token}")));
    assert_eq!(office.check(Asked::with(&basic("admin"))).await.unwrap().code(), 0);
    assert_eq!(office.check(Asked::with(&basic("root"))).await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_service_behind_envoy_never_sees_the_token() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let answer = office.check(Asked::with(&format!("Bearer {token}"))).await.unwrap();
    assert_eq!(answer.ok().headers_to_remove, ["authorization"]);
    assert!(!format!("{answer:?}").contains(&token));
}

#[tokio::test]
async fn identity_headers_of_the_client_are_removed() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let answer = office.check(Asked::with(&format!("Bearer {token}"))).await.unwrap();
    // The token has no label: that header is sent, and is empty.
    let forged =
        [("x-token-user", "root"), ("x-token-label", "forged"), ("x-token-scopes", "*"), ("x-token-id", "1")];
    let headers = applied(&forged, &answer.ok().headers);
    assert_eq!(headers.len(), 4, "{headers:?}");
    assert!(headers.contains(&("x-token-user".into(), "admin".into())), "{headers:?}");
    assert!(headers.contains(&("x-token-label".into(), String::new())), "{headers:?}");
}

#[tokio::test]
async fn a_denied_envoy_check_has_the_same_answer_as_http() {
    let office = Office::open().await;
    for authorization in [None, Some("Bearer tok_nobody"), Some("Bearer"), Some("Basic !")] {
        let asked = authorization.map(Asked::with).unwrap_or_default();
        let answer = office.check(asked).await.unwrap();
        assert_eq!(
            (answer.code(), answer.status()),
            (Code::Unauthenticated as i32, 401),
            "{authorization:?}"
        );
        let http = crate::kit::over_http(&office, authorization).await;
        let mut headers = applied(&[], &answer.denied().headers);
        headers.sort();
        assert_eq!((headers, answer.denied().body.clone()), http, "{authorization:?}");
    }
}

#[tokio::test]
async fn a_route_requires_all_of_its_scopes() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", &format!("-a 10m -s {FILE}")).await;
    let bearer = format!("Bearer {token}");
    for (requirement, code) in [
        (FILE.to_owned(), Code::Ok),
        (OTHER.to_owned(), Code::PermissionDenied),
        (format!("{FILE} {OTHER}"), Code::PermissionDenied),
        (format!("{OTHER},{FILE}"), Code::PermissionDenied),
        (format!("{FILE},{FILE}"), Code::Ok),
    ] {
        let answer = office.check(Asked::with(&bearer).demanding("scope", &requirement)).await.unwrap();
        assert_eq!(answer.code(), code as i32, "{requirement}");
    }
}

#[tokio::test]
async fn a_scope_on_a_folder_admits_if_the_operator_names_the_folder() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", &format!("-a 10m -s node:{FOLDER}:r")).await;
    let asked = || Asked::with(&format!("Bearer {token}")).demanding("scope", FILE);
    assert_eq!(office.check(asked()).await.unwrap().status(), 403);
    assert_eq!(office.check(asked().demanding("ancestor", FOLDER)).await.unwrap().code(), 0);
}

#[tokio::test]
async fn a_requirement_that_cannot_be_parsed_denies_every_request() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    for (name, value) in [
        ("scope", "everything"),
        ("scope", ""),
        ("scope", " , "),
        ("scpoe", FILE),
        ("ancestor", "7"),
        ("ancestor", ""),
        ("", ""),
    ] {
        let answer = office.check(Asked::with(&bearer).demanding(name, value)).await.unwrap();
        assert_eq!((answer.code(), answer.status()), (Code::PermissionDenied as i32, 403), "{name}={value}");
    }
}

#[tokio::test]
async fn an_admitted_check_renews_the_token_and_a_denied_one_does_not() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", &format!("-a 10m -s {FILE}")).await;
    let bearer = format!("Bearer {token}");
    let record = office.records().await.concat();
    office.redis.command::<()>(&["PEXPIRE", &record, "300000"]).await;
    assert_eq!(office.check(Asked::with(&bearer).demanding("scope", OTHER)).await.unwrap().status(), 403);
    assert!(office.redis.command::<i64>(&["PTTL", &record]).await <= 300_000);
    assert_eq!(office.check(Asked::with(&bearer).demanding("scope", FILE)).await.unwrap().code(), 0);
    assert!(office.redis.command::<i64>(&["PTTL", &record]).await > 300_000);
}

#[tokio::test]
async fn the_next_request_after_a_revocation_is_refused() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let bearer = format!("Bearer {token}");
    assert_eq!(office.check(Asked::with(&bearer)).await.unwrap().code(), 0);
    assert_eq!(office.cli.run("revoke --stdin", &token).await.code, 0);
    assert_eq!(office.check(Asked::with(&bearer)).await.unwrap().status(), 401);
}

#[tokio::test]
async fn without_the_store_the_answer_says_nothing_about_the_token() {
    let mut office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    office.redis.kill();
    for _ in 0..3 {
        let status = office.check(Asked::with(&format!("Bearer {token}"))).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(!status.message().contains("127.0.0.1"), "the cause is for the log: {status:?}");
    }
}

#[tokio::test]
async fn a_store_that_hangs_does_not_hang_envoy() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    office.redis.pause();
    let asked = timeout(Duration::from_secs(30), office.check(Asked::with(&bearer)));
    assert_eq!(asked.await.expect("an answer").unwrap_err().code(), Code::Unavailable);
    office.redis.resume();
}
