//! Tokens where none belongs: they are refused, and neither kept nor repeated.

use http::Request;

use crate::kit::*;

#[tokio::test]
async fn a_token_in_place_of_a_name_is_refused_and_not_repeated() {
    let running = Running::new();
    let (root, other) = (running.issue("root", &[]).await, running.issue("a", &[]).await);
    let token = other.token.expose_secret();
    let id = other.grant.id;
    for (method, path, body) in [
        ("POST", String::new(), format!(r#"{{"user":"{token}","expire":"1h"}}"#)),
        ("POST", String::new(), format!(r#"{{"user":"a","expire":"1h","label":"leaked {token}!"}}"#)),
        ("DELETE", format!("?user={token}"), String::new()),
        ("DELETE", format!("?user=a&why={token}"), String::new()),
        ("DELETE", format!("/{id}?why=leaked+{token}"), String::new()),
        ("POST", String::new(), format!(r#"{{"user":"x{token}y","expire":"1h"}}"#)),
        ("DELETE", format!("?user=a&why=x_{token}1"), String::new()),
    ] {
        let answer = running.rest_with(&root, method, &path, &body).await;
        assert_eq!(answer.status, 400, "{method} {body}");
        assert!(answer.detail().contains("it holds a token") && !answer.detail().contains(token));
    }
    assert!(running.counts(token).await, "nothing was done");
}

#[tokio::test]
async fn no_refusal_repeats_a_token() {
    let running = Running::new();
    let (root, other) = (running.issue("root", &[]).await, running.issue("a", &[]).await);
    let token = other.token.expose_secret();
    let cut = &token[..30];
    for secret in [token, cut] {
        for (method, path, body) in [
            ("POST", String::new(), format!(r#"{{"x{secret}":1}}"#)),
            ("POST", String::new(), format!(r#"{{"user":"a","expire":"1h","scopes":["{secret}"]}}"#)),
            ("POST", String::new(), format!(r#"{{"user":"a","expire":"{secret}"}}"#)),
            ("GET", format!("?{secret}=1"), String::new()),
            ("GET", format!("?limit={secret}"), String::new()),
            ("GET", format!("?cursor={secret}"), String::new()),
        ] {
            let answer = running.rest_with(&root, method, &path, &body).await;
            assert_eq!(answer.status, 400, "{method} {path} {body}");
            assert!(!answer.json.to_string().contains(cut), "{}", answer.json);
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_that_is_a_token_is_refused() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let token = root.token.expose_secret();
    for key in [token.to_owned(), format!("\"{token}\""), format!("x-{token}")] {
        let request = Request::post("/v1/tokens")
            .header("authorization", bearer(&root))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        let answer =
            running.send(request.body(r#"{"user":"a","expire":"1h"}"#.to_owned().into()).unwrap()).await;
        let answer = Answer::of(answer);
        assert_eq!(answer.status, 400);
        assert!(answer.detail().contains("it holds a token") && !answer.detail().contains(token));
    }
}
