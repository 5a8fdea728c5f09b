//! Requests that are wrong: each is refused, by a problem document that names what is wrong with it.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::kit::*;

#[tokio::test]
async fn a_member_that_is_wrong_is_named() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let scopes = |scopes| json!({"expire": "1h", "scopes": scopes}).to_string();
    for (body, named) in [
        (r#"{"expires":"1h"}"#.to_owned(), "unknown field `expires`"),
        (r#"{"expire":"1h","expire":"2h"}"#.into(), "duplicate field `expire`"),
        (r#"{"expire":"1.5h"}"#.into(), "expire: "),
        (r#"{"expire":3600}"#.into(), "expire: "),
        (r#"{"auto":"-5m"}"#.into(), "auto: "),
        (r#"{"auto":"2h","expire":"1h"}"#.into(), "expire, auto: "),
        ("{}".into(), "expire, auto: "),
        (r#"{"user":"","expire":"1h"}"#.into(), "user: "),
        (r#"{"user":"a\u0000b","expire":"1h"}"#.into(), "user: "),
        (r#"{"label":["a"],"expire":"1h"}"#.into(), "label: "),
        (scopes(json!([])), "scopes: "),
        (scopes(json!(FILE)), "scopes: "),
        (scopes(json!([FILE, 7])), "scopes: "),
        (scopes(json!([null])), "scopes: "),
        (scopes(json!(["node:*:rw"])), "scopes: "),
        (scopes(json!({})), "scopes: "),
    ] {
        let answer = running.rest_with(&root, "POST", "", &body).await;
        assert_eq!((answer.status, answer.text("error")), (400, "invalid_request"), "{body}");
        assert!(answer.detail().starts_with(named), "{body}: {}", answer.detail());
    }
    assert_eq!(running.rest(&root, "GET", "").await.json["tokens"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let deep = "{\"user\":".repeat(5_000);
    for body in
        ["", "null", "[]", r#"["a","1h",null,null,null]"#, "{", r#"{"expire":"1h"}x"#, "{\"\u{0}", &deep]
    {
        let answer = running.rest_with(&root, "POST", "", body).await;
        assert_eq!(answer.status, 400, "{body:.40}");
    }
    let bytes = Request::post("/v1/tokens")
        .header("authorization", bearer(&root))
        .header("content-type", "application/json")
        .body(Body::from(b"{\"user\":\"\xff\"}".to_vec()));
    assert_eq!(Answer::of(running.send(bytes.unwrap()).await).status, 400, "no UTF-8");
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_refused() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    for content_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
    {
        let mut request = Request::post("/v1/tokens").header("authorization", bearer(&root));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = Answer::of(running.send(request.body(r#"{"expire":"1h"}"#.into()).unwrap()).await);
        assert_eq!(answer.status, 415, "{content_type:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_wherever_one_is_read() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    for (uri, media_type) in [("/v1/tokens", json), ("/introspect", form), ("/revoke", form)] {
        let request =
            Request::post(uri).header("authorization", bearer(&root)).header("content-type", media_type);
        let answer = Answer::of(running.send(request.body("x".repeat(64 * 1024 + 1).into()).unwrap()).await);
        assert_eq!(answer.status, 413, "{uri}");
    }
}

/// Nobody is waited for who has no business here.
#[tokio::test]
async fn a_request_is_refused_before_its_body_is_read() {
    for (uri, status) in [("/v1/tokens", 401), ("/introspect", 401), ("/revoke", 415)] {
        let never = Body::new(Never);
        let answer = Running::new().send(Request::post(uri).body(never).unwrap()).await;
        assert_eq!(answer.status(), status, "{uri}");
    }
}

#[tokio::test]
async fn a_body_that_is_compressed_is_refused() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    for (uri, media_type, body) in [
        ("/v1/tokens", json, r#"{"user":"a","expire":"1h"}"#),
        ("/introspect", form, "token=x"),
        ("/revoke", form, "token=x"),
    ] {
        for (codings, refused) in [
            (["gzip"].as_slice(), true),
            (&["identity", "br"], true),
            (&["x, identity"], true),
            (&["Identity"], false),
            (&[""], false),
        ] {
            let mut request =
                Request::post(uri).header("authorization", bearer(&root)).header("content-type", media_type);
            for coding in codings {
                request = request.header("content-encoding", *coding);
            }
            let response = running.send(request.body(body.into()).unwrap()).await;
            assert_eq!(response.status() == 415, refused, "{uri} {codings:?}: {}", response.status());
            assert!(!refused || Answer::of(response).detail().contains("Content-Encoding"), "{uri}");
        }
    }
}

#[tokio::test]
async fn two_media_types_of_one_body_are_refused() {
    let form = "application/x-www-form-urlencoded";
    let request = Request::post("/revoke").header("content-type", form).header("content-type", "text/plain");
    assert_eq!(Running::new().send(request.body("token=x".into()).unwrap()).await.status(), 415);
}

#[tokio::test]
async fn a_query_that_is_wrong_is_refused_and_named() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let one = format!("/{}", root.grant.id);
    for (method, path, named) in [
        ("GET", "?users=ci".to_owned(), "\"users\""),
        ("GET", "?limit=0".into(), "limit: "),
        ("GET", "?limit=1001".into(), "limit: "),
        ("GET", "?limit=many".into(), "limit: "),
        ("GET", "?limit=".into(), "limit: "),
        ("GET", "?cursor=7".into(), "cursor: "),
        ("GET", "?user=".into(), "user: "),
        ("GET", "?user=a%0Ab".into(), "user: "),
        ("GET", "?user=%ff".into(), "the query is not UTF-8"),
        ("GET", "?user=a&user=b".into(), "user: "),
        ("GET", format!("{one}?user=a"), "\"user\""),
        ("DELETE", format!("{one}?why="), "why: "),
        ("DELETE", format!("{one}?user=a"), "\"user\""),
        ("POST", "?user=a".into(), "\"user\""),
        ("DELETE", "?id=a".into(), "\"id\""),
    ] {
        let answer = running.rest(&root, method, &path).await;
        assert_eq!((answer.status, answer.text("error")), (400, "invalid_request"), "{method} {path}");
        assert!(answer.detail().starts_with(named), "{method} {path}: {}", answer.detail());
    }
    assert!(running.counts(root.token.expose_secret()).await, "nothing was revoked");
}

#[tokio::test]
async fn a_token_in_the_place_of_its_id_is_not_repeated() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let text = root.token.expose_secret();
    for path in [text, "garbage", "%ff", "%00"] {
        let answer = running.rest(&root, "GET", &format!("/{path}")).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(!answer.json.to_string().contains(path), "{answer:?}");
    }
}

#[tokio::test]
async fn every_token_route_needs_a_live_token() {
    let running = Running::new();
    for (method, uri) in [
        ("GET", "/v1/tokens"),
        ("POST", "/v1/tokens"),
        ("DELETE", "/v1/tokens"),
        ("GET", "/v1/tokens/x"),
        ("DELETE", "/v1/tokens/x"),
    ] {
        for (authorization, status) in [(None, 401), (Some("Bearer tok_nobody"), 401), (Some("Bearer"), 400)]
        {
            let mut request = Request::builder().method(method).uri(uri);
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let answer = Answer::of(running.send(request.body(Body::empty()).unwrap()).await);
            assert_eq!(answer.status, status, "{method} {uri} {authorization:?}");
            assert!(answer.headers.contains_key("www-authenticate"));
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_wrong_method_lists_the_allowed_ones() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    for (path, allowed) in [("", ["GET", "POST", "DELETE"].as_slice()), ("/x", &["GET", "DELETE"])] {
        let answer = running.rest(&root, "PUT", path).await;
        let allow = answer.headers["allow"].to_str().unwrap();
        assert_eq!(answer.status, 405);
        assert!(allowed.iter().all(|method| allow.contains(method)), "{allow}");
    }
}

/// A body that is announced and never comes.
struct Never;

impl http_body::Body for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn the_error_for_a_limit_out_of_bounds_names_the_bounds() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    for limit in ["-1", "0", "1001", "99999999999999999999999", "ten", ""] {
        let answer = running.rest(&root, "GET", &format!("?limit={limit}")).await;
        assert_eq!(
            (answer.status, answer.detail()),
            (400, "limit: it is a number from 1 to 1000"),
            "{limit}"
        );
    }
}
