//! `/revoke` and `/introspect`: the token alone, or nothing that is one.

use axum::body::Body;
use http::{Request, Response};
use serde_json::{Value, json};
use token_core::Issued;

use crate::kit::*;

fn text(issued: &Issued) -> &str {
    issued.token.expose_secret()
}

fn json(answer: &Response<String>) -> Value {
    serde_json::from_str(answer.body()).unwrap()
}

async fn post(running: &Running, uri: &str, authorization: Option<&str>, token: &str) -> Response<String> {
    let form: String = form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
    let mut request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    running.send(request.body(Body::from(form)).unwrap()).await
}

/// 200 for it would leave its holder with a live token.
#[tokio::test]
async fn a_token_with_anything_around_it_is_refused() {
    let running = Running::new();
    let (files, token) = (running.issue("files", &[]).await, running.issue("admin", &[]).await);
    let plain = text(&token);
    for around in [
        format!("{plain}\n"),
        format!("{plain}\r\n"),
        format!(" {plain}"),
        format!("\"{plain}\""),
        format!("'{plain}'"),
        format!("Bearer {plain}"),
        format!("token={plain}"),
        format!("x{plain}="),
    ] {
        for (uri, header) in
            [("/revoke", None), ("/revoke", Some(bearer(&files))), ("/introspect", Some(bearer(&files)))]
        {
            let answer = post(&running, uri, header.as_deref(), &around).await;
            assert_eq!(
                (answer.status().as_u16(), &json(&answer)["error"]),
                (400, &json!("invalid_request")),
                "{around}"
            );
            let why = json(&answer)["error_description"].as_str().unwrap().to_owned();
            assert!(why.contains("send the token alone") && !why.contains(plain), "{why}");
        }
    }
    assert!(running.counts(plain).await);
}

#[tokio::test]
async fn what_is_no_token_is_still_revoked_with_200() {
    let running = Running::new();
    let token = running.issue("admin", &[]).await;
    for other in ["x", "Bearer x", &text(&token)[1..], &text(&token)[..50], " "] {
        let answer = post(&running, "/revoke", None, other).await;
        assert_eq!(answer.status(), 200, "{other}");
    }
}
