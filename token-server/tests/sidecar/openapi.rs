//! The document that describes the sidecar, against the sidecar.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use token_core::TokenStatus;
use token_core::spi::TokenStore;

use crate::kit::*;

async fn document() -> Value {
    let answer = Running::new().auth("/openapi.json", &[]).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    serde_json::from_str(answer.body()).unwrap()
}

#[tokio::test]
async fn the_document_is_of_this_version() {
    let document = document().await;
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[tokio::test]
async fn what_the_document_refers_to_is_in_it() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let (document, mut found) = (document().await, Vec::new());
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_methods_of_each_path_are_those_of_the_document() {
    let (running, document) = (Running::new(), document().await);
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete", "options", "trace"] {
            let request =
                Request::builder().method(method.to_uppercase().as_str()).uri(path.replace(['{', '}'], ""));
            let answer = running.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                answer.status() != 405,
                item.get(method).is_some(),
                "{method} {path}: {}",
                answer.status()
            );
            assert_eq!(answer.headers()["cache-control"], "no-store");
        }
    }
}

/// Answers without a token: each of them is one that the document has.
#[tokio::test]
async fn unauthenticated_requests_are_answered_as_documented() {
    let (running, document) = (Running::new(), document().await);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, value)| value.is_object()) {
            let request =
                Request::builder().method(method.to_uppercase().as_str()).uri(path.replace(['{', '}'], ""));
            let answer = running.send(request.body(Body::empty()).unwrap()).await;
            // If credentials are optional, it is the body that is missing.
            let expected = match operation["security"].as_array().map(Vec::as_slice) {
                Some([]) => 200,
                Some(ways) if ways.contains(&json!({})) => 415,
                _ => 401,
            };
            assert_eq!(answer.status(), expected, "{method} {path}");
            assert!(operation["responses"].get(answer.status().as_str()).is_some(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn answers_have_the_members_that_the_document_gives_them() {
    fn members(value: &Value) -> BTreeSet<&String> {
        value.as_object().unwrap().keys().collect()
    }
    fn required(schema: &Value) -> BTreeSet<String> {
        serde_json::from_value(schema["required"].clone()).unwrap()
    }
    let (running, document) = (Running::new(), document().await);
    let schema = |name: &str| &document["components"]["schemas"][name];
    let (root, issued) = (running.issue("root", &[]).await, running.issue("ci", &[FILE]).await);
    let path = format!("/{}", issued.grant.id);
    let introspected = running.introspect(&issued).await;
    let answers = [
        ("Token", running.rest(&root, "GET", &path).await.json),
        ("Page", running.rest(&root, "GET", "").await.json),
        ("Revoked", running.rest(&root, "DELETE", &path).await.json),
        ("AllRevoked", running.rest(&root, "DELETE", "?user=ci").await.json),
        ("Tombstone", running.rest(&root, "GET", &path).await.json["tombstone"].clone()),
        ("Confirmation", running.rest(&root, "DELETE", "?user=ci").await.json["confirmation"].clone()),
        ("Problem", running.rest(&root, "GET", "?limit=0").await.json),
    ];
    for (name, answer) in &answers {
        assert_eq!(members(&schema(name)["properties"]), members(answer), "{name}");
        assert!(required(schema(name)).iter().all(|member| answer.get(member).is_some()), "{name}");
    }
    let active = &schema("Introspection")["oneOf"][1];
    assert!(members(&introspected).is_subset(&members(&active["properties"])), "{introspected}");
    assert!(required(active).iter().all(|member| introspected.get(member).is_some()), "{introspected}");
}

#[tokio::test]
async fn the_examples_of_the_document_are_taken() {
    let (running, document) = (Running::new(), document().await);
    let root = running.issue("root", &[]).await;
    let body = &document["paths"]["/v1/tokens"]["post"]["requestBody"]["content"]["application/json"];
    for (name, example) in body["examples"].as_object().unwrap() {
        let answer = running.rest_with(&root, "POST", "", &example["value"].to_string()).await;
        assert_eq!(answer.status, 201, "{name}");
        let token_status = running.tokens.store().show(answer.text("id").parse().unwrap()).await.unwrap();
        assert!(matches!(token_status, TokenStatus::Live(_)), "{name}");
    }
}
