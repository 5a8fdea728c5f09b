//! A client without code of ours: grpcio, Envoy's published protos, and reflection.

use std::process::Stdio;

use serde_json::{Value, json};
use token_tests::programs::{installed, script};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::kit::Office;

const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
const CHECK: &str = "envoy.service.auth.v3.Authorization/Check";

/// The answer that the client gets.
async fn ask(office: &Office, method: &str, authorization: Option<&str>, request: Value) -> Value {
    let mut command = Command::new(installed("bin/python"));
    command.arg(script("grpc_client.py")).arg(format!("127.0.0.1:{}", office.port));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("python runs");
    let asked = json!({ "method": method, "authorization": authorization, "request": request }).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    serde_json::from_slice(&output.stdout).expect("the client answers in JSON; what failed stands above")
}

/// A request with all attributes that Envoy sends.
fn envoys(authorization: &str, scope: &str) -> Value {
    let peer =
        |port: u16| json!({ "address": { "socketAddress": { "address": "10.0.0.1", "portValue": port } } });
    json!({ "attributes": {
        "source": peer(40_000),
        "destination": peer(443),
        "request": {
            "time": "2026-01-01T00:00:00.5Z",
            "http": {
                "id": "7315087351431517181",
                "method": "GET",
                "headers": {
                    ":authority": "files.example.org",
                    ":method": "GET",
                    ":path": "/files/a?b=c",
                    ":scheme": "https",
                    "authorization": authorization,
                    "user-agent": "curl/8",
                    "x-token-user": "root",
                    "x-request-id": "5f1d8a",
                },
                "path": "/files/a?b=c",
                "host": "files.example.org",
                "scheme": "https",
                "size": "-1",
                "protocol": "HTTP/2",
            },
        },
        "contextExtensions": { "scope": scope },
        "metadataContext": { "filterMetadata": { "a": { "b": 1 } } },
        "routeMetadataContext": {},
        "tlsSession": { "sni": "files.example.org" },
    }})
}

#[tokio::test]
async fn envoys_own_protos_can_read_the_answer_to_an_admitted_request() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", &format!("-a 10m -s {FILE}")).await);
    let answer = ask(&office, CHECK, None, envoys(&bearer, FILE)).await;
    let response = &answer["response"];
    assert_eq!((&answer["code"], &response["status"]), (&json!("OK"), &json!({})), "{answer}");
    let ok = &response["okResponse"];
    assert_eq!(ok["headersToRemove"], json!(["authorization"]));
    let user = json!({
        "header": { "key": "x-token-user", "value": "admin" },
        "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD",
        "keepEmptyValue": true,
    });
    assert!(ok["headers"].as_array().unwrap().contains(&user), "{ok}");
}

#[tokio::test]
async fn envoys_own_protos_read_a_refusal() {
    let office = Office::open().await;
    let answer = ask(&office, CHECK, None, envoys("Bearer tok_nobody", FILE)).await;
    let denied = &answer["response"]["deniedResponse"];
    assert_eq!(
        (&answer["code"], &answer["response"]["status"]["code"]),
        (&json!("OK"), &json!(16)),
        "{answer}"
    );
    assert_eq!(denied["status"], json!({ "code": "Unauthorized" }));
    let problem: Value = serde_json::from_str(denied["body"].as_str().unwrap()).unwrap();
    assert_eq!(problem["error"], "invalid_token");
}

#[tokio::test]
async fn two_credentials_in_raw_headers_of_newer_envoys_are_refused() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    let ask = async |values: &[&str]| {
        let encode = |value: &&str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, value);
        let fields = values.iter().map(|value| json!({ "key": "authorization", "rawValue": encode(value) }));
        let http = json!({ "headerMap": { "headers": fields.collect::<Vec<_>>() } });
        let request = json!({ "attributes": { "request": { "http": http } } });
        ask(&office, CHECK, None, request).await["response"]["status"].clone()
    };
    assert_eq!(ask(&[&bearer]).await, json!({}), "one credential is admitted");
    assert_eq!(ask(&[&bearer, &bearer]).await["code"], 16);
    assert_eq!(ask(&["", &bearer]).await["code"], 16);
}

#[tokio::test]
async fn reflection_lists_all_services() {
    let office = Office::open().await;
    let services = ask(&office, "services", None, Value::Null).await;
    for service in [
        "envoy.service.auth.v3.Authorization",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "token.v1.TokenService",
    ] {
        assert!(
            services["response"].as_array().unwrap().contains(&service.into()),
            "{service} of {services}"
        );
    }
}

#[tokio::test]
async fn a_client_with_only_reflection_can_issue_and_validate_a_token() {
    let office = Office::open().await;
    let root = format!("Bearer {}", office.cli.issue("root", "-a 10m").await);
    let request = json!({ "user": "admin", "restricted": { "scopes": [FILE] }, "slidingWindow": "600s", "expire": "86400s" });
    let issued = ask(&office, "token.v1.TokenService/Issue", Some(&root), request).await;
    assert_eq!(issued["code"], "OK", "{issued}");
    let token = &issued["response"]["token"];
    let verdict =
        ask(&office, "token.v1.TokenService/Validate", Some(&root), json!({ "token": token })).await;
    let active = &verdict["response"]["active"];
    assert_eq!(
        (&active["user"], &active["restricted"]["scopes"]),
        (&json!("admin"), &json!([FILE])),
        "{verdict}"
    );
    let refused = ask(&office, "token.v1.TokenService/Validate", None, json!({ "token": token })).await;
    assert_eq!(refused["code"], "UNAUTHENTICATED", "{refused}");
}

#[tokio::test]
async fn a_stock_health_check_gets_serving() {
    let office = Office::open().await;
    office.until_it_serves().await;
    for service in ["", "envoy.service.auth.v3.Authorization", "token.v1.TokenService"] {
        let answer = ask(&office, "grpc.health.v1.Health/Check", None, json!({ "service": service })).await;
        assert_eq!(answer["response"]["status"], "SERVING", "{service}: {answer}");
    }
}
