//! The access log: which client was refused, why, and with which token, without text that could attack a reader.

use std::process::Command;

use serde_json::{Value, json};
use token_server::grpc::proto::envoy::config::core::v3::{HeaderMap, HeaderValue};
use token_server::grpc::proto::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use token_server::grpc::proto::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use token_server::grpc::proto::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use token_server::grpc::proto::token::v1::token_service_client::TokenServiceClient;
use token_server::grpc::proto::token::v1::validate_response::Verdict;
use token_server::grpc::proto::token::v1::{ListRequest, ValidateRequest};
use token_tests::programs::{Cli, Daemon, program};
use token_tests::servers::Standalone;
use tonic::transport::Channel;

use crate::wire::{request, send};

const FORM: &str = "content-type: application/x-www-form-urlencoded";

async fn ask(sidecar: &Daemon, first: &str, headers: &[&str]) -> Option<u16> {
    send(sidecar, &request(first, headers.join("\r\n").as_bytes())).await
}

async fn post(sidecar: &Daemon, path: &str, bearer: &str, token: &str) -> Option<u16> {
    let form = format!("token={token}");
    let length = format!("content-length: {}", form.len());
    let head = request(&format!("POST {path}"), [bearer, FORM, &length].join("\r\n").as_bytes());
    send(sidecar, &[head, form.into_bytes()].concat()).await
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

async fn channel(port: u16) -> Channel {
    Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await.unwrap()
}

/// Ends the sidecar, and returns its access log.
async fn access_log(sidecar: &Daemon) -> Vec<Value> {
    let said = sidecar.all_it_said().await;
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["target"] == "access").collect()
}

async fn id(cli: &Cli, token: &str) -> Value {
    cli.run("validate --peek --json", token).await.json()["id"].clone()
}

#[tokio::test]
async fn a_refused_request_is_logged_with_reason_client_and_token() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
    let (live, dead) = (cli.issue("admin", "-a 10m").await, cli.issue("admin", "-a 10m").await);
    let narrow = cli.issue("admin", &format!("-a 10m -s {scope}")).await;
    let (live_id, dead_id, narrow_id) =
        (id(&cli, &live).await, id(&cli, &dead).await, id(&cli, &narrow).await);
    assert_eq!(cli.run("revoke --stdin", &dead).await.code, 0);
    let more = ["user-agent: rclone/1.6 x", "x-request-id: 7b1c-4f6e"];
    let ask = async |first: &str, authorization: &str| {
        ask(&sidecar, first, &[authorization, more[0], more[1]]).await
    };
    assert_eq!(ask("GET /auth", "a: b").await, Some(401));
    assert_eq!(ask("GET /auth", &bearer("nonsense")).await, Some(401));
    assert_eq!(ask("GET /auth", &bearer(&dead)).await, Some(401));
    assert_eq!(
        ask(&format!("GET /auth?scope={}", scope.replace("fc964ff", "fc96400")), &bearer(&narrow)).await,
        Some(403)
    );
    assert_eq!(ask("GET /v1/tokens?limit=0", &bearer(&live)).await, Some(400));
    assert_eq!(ask("GET /v1/tokens", &bearer(&dead)).await, Some(401));
    assert_eq!(ask("GET /nowhere", "a: b").await, Some(404));
    assert_eq!(ask("PUT /introspect", "a: b").await, Some(405));
    let log = access_log(&sidecar).await;
    let told: Vec<_> = log.iter().map(|line| (&line["status"], &line["reason"], &line["token_id"])).collect();
    let expected = [
        (401, "no_credentials", Value::Null),
        (401, "malformed", Value::Null),
        (401, "unknown", dead_id.clone()),
        (403, "not_permitted", narrow_id),
        (400, "invalid_request", live_id),
        (401, "unknown", dead_id),
        (404, "not_found", Value::Null),
        (405, "method_not_allowed", Value::Null),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(status, reason, id)| (json!(status), json!(reason), id.clone())).collect();
    let told: Vec<_> =
        told.into_iter().map(|(status, reason, id)| (status.clone(), reason.clone(), id.clone())).collect();
    assert_eq!(told, expected, "{log:?}");
    for line in &log {
        let more = (&line["client"], &line["user_agent"], &line["request_id"]);
        assert_eq!(more, (&json!("127.0.0.1"), &json!("rclone/1.6 x"), &json!("7b1c-4f6e")), "{line}");
    }
}

#[tokio::test]
async fn an_admitted_request_is_logged_with_client_and_token_id_only() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = cli.issue("admin", "-a 10m").await;
    let token_id = id(&cli, &token).await;
    for first in ["GET /auth", "GET /v1/tokens"] {
        assert_eq!(
            ask(&sidecar, first, &[&bearer(&token), "user-agent: x", "x-request-id: y"]).await,
            Some(200)
        );
    }
    let log = access_log(&sidecar).await;
    assert_eq!(log.len(), 2, "{log:?}");
    for line in log {
        assert_eq!((&line["client"], &line["token_id"]), (&json!("127.0.0.1"), &token_id), "{line}");
        for name in ["reason", "user_agent", "request_id"] {
            assert_eq!(line.get(name), None, "{line}");
        }
    }
}

#[tokio::test]
async fn a_forwarded_address_is_used_from_trusted_proxies_only() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let forged = "x-forwarded-for: 1.1.1.1, 198.51.100.7, 10.0.0.9";
    for (arguments, client) in [
        (&[] as &[&str], "127.0.0.1"),
        (&["--trusted-proxy", "192.0.2.0/24"], "127.0.0.1"),
        (&["--trusted-proxy", "127.0.0.0/8"], "10.0.0.9"),
        (&["--trusted-proxy", "127.0.0.1; 10.0.0.0/8"], "198.51.100.7"),
        (&["--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8"], "198.51.100.7"),
    ] {
        let sidecar = cli.serve(arguments).await;
        for first in ["GET /auth", "GET /v1/tokens", "GET /nowhere"] {
            ask(&sidecar, first, &[forged]).await;
        }
        let log = access_log(&sidecar).await;
        assert!(log.len() == 3 && log.iter().all(|line| line["client"] == client), "{arguments:?}: {log:?}");
    }
}

#[tokio::test]
async fn no_token_gets_into_the_log_by_a_header() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url()).with_log("trace");
    for format in ["json", "text"] {
        let sidecar = cli.serve(&["--log-format", format, "--trusted-proxy", "127.0.0.1"]).await;
        let token = cli.issue("admin", "-a 10m").await;
        for name in ["user-agent", "x-request-id", "x-forwarded-for"] {
            for value in [token.clone(), format!("agent {}{token}", "x ".repeat(9)), token[4..].into()] {
                for first in ["GET /auth", "GET /v1/tokens"] {
                    assert_eq!(ask(&sidecar, first, &[&format!("{name}: {value}")]).await, Some(401));
                }
            }
        }
        let said = sidecar.all_it_said().await;
        assert!(said.matches("no_credentials").count() >= 18, "{said}");
        assert!(!said.contains(&token[8..20]), "{said}");
    }
}

#[tokio::test]
async fn introspection_and_revocation_name_both_tokens() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&["--introspector", "files", "--admin", "root"]).await;
    let (files, root) = (cli.issue("files", "-a 10m").await, cli.issue("root", "-a 10m").await);
    let user = cli.issue("admin", "-a 10m").await;
    let (files_id, root_id, user_id) = (id(&cli, &files).await, id(&cli, &root).await, id(&cli, &user).await);
    assert_eq!(post(&sidecar, "/introspect", &bearer(&files), &user).await, Some(200));
    assert_eq!(post(&sidecar, "/revoke", &bearer(&root), &user).await, Some(200));
    assert_eq!(post(&sidecar, "/introspect", &bearer(&files), &user).await, Some(200));
    let path = format!("GET /v1/tokens/{}", user_id.as_str().unwrap());
    assert_eq!(ask(&sidecar, &path, &[&bearer(&root)]).await, Some(410));
    let log = access_log(&sidecar).await;
    let told: Vec<_> = log
        .iter()
        .map(|line| [&line["token_id"], &line["about"], &line["reason"]].map(Value::clone))
        .collect();
    let expected = [
        [files_id.clone(), user_id.clone(), Value::Null],
        [root_id.clone(), user_id.clone(), Value::Null],
        [files_id, user_id.clone(), json!("unknown")],
        [root_id, user_id, json!("revoked")],
    ];
    assert_eq!(told, expected, "{log:?}");
}

#[tokio::test]
async fn refused_grpc_calls_are_logged_in_the_same_way() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let (sidecar, port) = cli.serve_grpc(&["--introspector", "files"]).await;
    let (files, dead) = (cli.issue("files", "-a 10m").await, cli.issue("admin", "-a 10m").await);
    let (files_id, dead_id) = (id(&cli, &files).await, id(&cli, &dead).await);
    assert_eq!(cli.run("revoke --stdin", &dead).await.code, 0);
    let mut client = TokenServiceClient::new(channel(port).await);
    let mut list = tonic::Request::new(ListRequest { user: String::new() });
    list.metadata_mut().insert("authorization", format!("Bearer {dead}").parse().unwrap());
    list.metadata_mut().insert("x-request-id", "call-1".parse().unwrap());
    assert_eq!(client.list(list).await.unwrap_err().code(), tonic::Code::Unauthenticated);
    let asked = ValidateRequest { token: dead.clone(), user: None, needs: Vec::new(), peek: false };
    let mut asked = tonic::Request::new(asked);
    asked.metadata_mut().insert("authorization", format!("Bearer {files}").parse().unwrap());
    let verdict = client.validate(asked).await.unwrap().into_inner();
    assert!(matches!(verdict.verdict, Some(Verdict::Inactive(_))), "{verdict:?}");
    let log = access_log(&sidecar).await;
    let line = |method: &str| {
        log.iter().find(|line| line["grpc"] == format!("token.v1.TokenService/{method}")).unwrap()
    };
    let listed = line("List");
    assert_eq!(
        [&listed["status"], &listed["reason"], &listed["token_id"]],
        [&json!(16), &json!("unknown"), &dead_id]
    );
    assert_eq!([&listed["client"], &listed["request_id"]], [&json!("127.0.0.1"), &json!("call-1")]);
    let asked = line("Validate");
    assert_eq!(
        [&asked["token_id"], &asked["about"], &asked["reason"]],
        [&files_id, &dead_id, &json!("unknown")]
    );
}

/// Envoy calls on behalf of its client, and sends the client's address.
#[tokio::test]
async fn a_refusal_over_envoy_is_logged_with_the_client_of_envoy() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let (sidecar, port) = cli.serve_grpc(&["--trusted-proxy", "127.0.0.1"]).await;
    let dead = cli.issue("admin", "-a 10m").await;
    let dead_id = id(&cli, &dead).await;
    assert_eq!(cli.run("revoke --stdin", &dead).await.code, 0);
    let header =
        |key: &str, value: &str| HeaderValue { key: key.into(), value: value.into(), raw_value: Vec::new() };
    let headers = vec![
        header("authorization", &format!("Bearer {dead}")),
        header("x-forwarded-for", "198.51.100.7"),
        header("x-request-id", "envoy-1"),
        header("user-agent", "rclone"),
    ];
    let http = HttpRequest { header_map: Some(HeaderMap { headers }), ..HttpRequest::default() };
    let attributes =
        AttributeContext { request: Some(Request { http: Some(http) }), ..AttributeContext::default() };
    let asked = CheckRequest { attributes: Some(attributes) };
    let answer = AuthorizationClient::new(channel(port).await).check(asked).await.unwrap();
    assert_eq!(answer.into_inner().status.unwrap().code, 16);
    let log = access_log(&sidecar).await;
    let line = log.iter().find(|line| line["grpc"] == "envoy.service.auth.v3.Authorization/Check").unwrap();
    assert_eq!(
        [&line["client"], &line["reason"], &line["token_id"]],
        [&json!("198.51.100.7"), &json!("unknown"), &dead_id]
    );
    assert_eq!([&line["request_id"], &line["user_agent"]], [&json!("envoy-1"), &json!("rclone")]);
}

#[tokio::test]
async fn a_store_that_is_down_is_one_error_and_a_count() {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = bearer(&cli.issue("admin", "-a 10m").await);
    redis.kill();
    for _ in 0..30 {
        assert_eq!(ask(&sidecar, "GET /auth", &[&token]).await, Some(503));
    }
    let said = sidecar.all_it_said().await;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let errors = lines.iter().filter(|line| line["message"] == "a token could not be validated").count();
    assert!((1..30).contains(&errors), "{said}");
    let suppressed: u64 = lines
        .iter()
        .filter(|line| {
            line["cause"].as_str().is_some_and(|cause| cause.starts_with("a token could not be validated"))
        })
        .filter_map(|line| line["suppressed"].as_u64())
        .sum();
    assert_eq!(errors as u64 + suppressed, 30, "{said}");
    assert!(errors <= 3, "{said}");
    let answered: Vec<_> = lines.iter().filter(|line| line["target"] == "access").collect();
    assert!(answered.len() == 30 && answered.iter().all(|line| line["reason"].is_string()), "{said}");
}

/// Runs fail2ban on real lines in both formats.
#[tokio::test]
async fn fail2ban_finds_clients_that_try_tokens() {
    let fail2ban = program("fail2ban-regex", "fail2ban");
    let filter = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/fail2ban/token-cli.conf");
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let (live, dead) = (cli.issue("admin", "-a 10m").await, cli.issue("admin", "-a 10m").await);
    assert_eq!(cli.run("revoke --stdin", &dead).await.code, 0);
    let forged = [
        "user-agent: x\",\"client\":\"9.9.9.9\",\"reason\":\"malformed\"",
        "user-agent: x client=9.9.9.9 reason=malformed",
        "x-request-id: {\"timestamp\":\"\",\"level\":\"INFO\",\"message\":\"answered\"",
    ];
    for format in ["json", "text"] {
        let sidecar = cli.serve(&["--log-format", format, "--trusted-proxy", "127.0.0.1"]).await;
        let ask = async |client: &str, authorization: &str, more: &str| {
            ask(&sidecar, "GET /auth", &[&format!("x-forwarded-for: {client}"), authorization, more]).await
        };
        assert_eq!(ask("198.51.100.1", &bearer("guess"), "a: b").await, Some(401));
        assert_eq!(ask("2001:db8::2", &bearer(&dead), forged[0]).await, Some(401));
        assert_eq!(ask("198.51.100.3", &bearer(&live), "a: b").await, Some(200));
        for forged in forged {
            assert_eq!(ask("198.51.100.4", "a: b", forged).await, Some(401));
        }
        for token in [&dead, "guess"] {
            let revoked = post(&sidecar, "/revoke", "x-forwarded-for: 198.51.100.5", token).await;
            assert_eq!(revoked, Some(200), "the token of another is no attempt of the one who revokes it");
        }
        let said = sidecar.all_it_said().await;
        let log = sidecar.directory().join("log");
        std::fs::write(&log, &said).unwrap();
        let ran = Command::new(&fail2ban).args(["-o", "ip"]).arg(&log).arg(filter).output().unwrap();
        let found = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["198.51.100.1", "2001:db8::2"], "{said}");
    }
}

#[tokio::test]
async fn a_revocation_that_revokes_nothing_has_its_reason() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = cli.issue("admin", "-a 10m").await;
    for (sent, status) in
        [("x", 200), (&*format!("Bearer+{token}"), 400), (&token, 200), (&format!("{token}%0A"), 400)]
    {
        assert_eq!(post(&sidecar, "/revoke", "a: b", sent).await, Some(status), "{sent}");
    }
    let log = access_log(&sidecar).await;
    let reasons: Vec<_> = log.iter().map(|line| line["reason"].as_str().unwrap_or_default()).collect();
    assert_eq!(reasons, ["malformed", "token_not_bare", "", "token_not_bare"], "{log:?}");
}
