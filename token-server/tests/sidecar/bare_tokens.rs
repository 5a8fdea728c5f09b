//! `/revoke` and `/introspect`: the token alone, or nothing that is one.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
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
        format!("{plain}{plain}"),
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
    for other in ["x", "x_y", &text(&token)[1..], &text(&token)[..50]] {
        let answer = post(&running, "/revoke", None, other).await;
        assert_eq!(answer.status(), 200, "{other}");
    }
}

/// A text with such a character is no token of any deployment: the one that was meant may be live.
#[tokio::test]
async fn a_token_with_anything_within_it_is_refused() {
    let running = Running::new();
    let (files, token) = (running.issue("files", &[]).await, running.issue("admin", &[]).await);
    let plain = text(&token);
    let (begin, end) = plain.split_at(30);
    for (within, named) in [
        (format!("{begin}\n{end}"), "a line break"),
        (format!("{begin}\t{end}"), "white space"),
        (format!("{begin}\u{ad}{end}"), "other than ASCII"),
        (format!("{begin}\u{200b}{end}"), "other than ASCII"),
        (plain.replacen('t', "\u{ff54}", 1), "other than ASCII"),
        (plain.replace('_', "\\_"), "a backslash"),
        (plain.replace('_', "%5F"), "percent-encoding"),
        (plain.replace('_', "&#95;"), "no token has"),
        (format!("{begin}\0{end}"), "a control character"),
        (format!("\u{201c}{plain}\u{201d}"), "other than ASCII"),
        ("Basic dXNlcjp0b2tlbg".into(), "white space"),
        ("dXNlcjp0b2tlbg==".into(), "no token has"),
    ] {
        for (uri, header) in [("/revoke", None), ("/introspect", Some(bearer(&files)))] {
            let answer = post(&running, uri, header.as_deref(), &within).await;
            assert_eq!(answer.status(), 400, "{uri} {within:?}");
            assert_eq!(json(&answer)["error"], "invalid_request", "{within:?}");
            let why = json(&answer)["error_description"].as_str().unwrap().to_owned();
            assert!(why.contains(named), "{within:?}: {why}");
        }
    }
    assert!(running.counts(plain).await);
}

#[tokio::test]
async fn a_token_in_base64_is_refused() {
    let running = Running::new();
    let (files, token) = (running.issue("files", &[]).await, running.issue("admin", &[]).await);
    let plain = text(&token);
    for credentials in
        [format!("admin:{plain}"), format!("ad:{plain}"), format!("{plain}:"), plain.to_owned()]
    {
        let encoded = STANDARD_NO_PAD.encode(credentials);
        for (uri, header) in [("/revoke", None), ("/introspect", Some(bearer(&files)))] {
            let answer = post(&running, uri, header.as_deref(), &encoded).await;
            assert_eq!(answer.status(), 400, "{uri} {encoded}");
            let why = json(&answer)["error_description"].as_str().unwrap().to_owned();
            assert!(why.contains("base64"), "{why}");
        }
    }
    assert!(running.counts(plain).await);
}

#[tokio::test]
async fn a_form_whose_encoding_is_damaged_is_refused() {
    let running = Running::new();
    let (files, token) = (running.issue("files", &[]).await, running.issue("admin", &[]).await);
    for damage in ["%zz", "%ff", "%", "%5", "%c3%28"] {
        for (uri, header) in [("/revoke", None), ("/introspect", Some(bearer(&files)))] {
            let mut request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let form = format!("token={}{damage}", text(&token));
            let answer = running.send(request.body(Body::from(form)).unwrap()).await;
            assert_eq!(answer.status(), 400, "{uri} {damage}");
            assert_eq!(json(&answer)["error"], "invalid_request", "{damage}");
            let why = json(&answer)["error_description"].as_str().unwrap().to_owned();
            assert!(why.contains("not well-formed"), "{damage}: {why}");
        }
    }
    assert!(running.counts(text(&token)).await);
}
