//! Proxies, resource servers, and whoever watches over the process.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use serde_json::json;
use token_core::{Access, IssueRequest, Lifetime, Scope, Scopes};

use crate::kit::*;

#[tokio::test]
async fn a_proxy_gets_the_user_label_scopes_and_id_of_the_token() {
    let running = Running::new();
    let issued = running.issue("Zoë", &[]).await;
    let answer = running.auth("/auth", &[("authorization", &bearer(&issued))]).await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(header("x-token-user"), "Zo%C3%AB");
    assert_eq!(header("x-token-label"), "Zo%C3%AB's%20100%25");
    assert_eq!(header("x-token-scopes"), "*");
    assert_eq!(header("x-token-id"), issued.grant.id.to_string());
    assert_eq!(header("cache-control"), "no-store");
}

/// Over HTTP/2 nobody else takes it away.
#[tokio::test]
async fn a_head_request_gets_no_body_and_hears_how_long_it_would_be() {
    let running = Running::new();
    for path in ["/auth", "/auth/files"] {
        let refused = running.auth(path, &[]).await;
        let request = Request::head(path).body(axum::body::Body::empty()).unwrap();
        let answer = running.send(request).await;
        assert_eq!((answer.status().as_u16(), answer.body().as_str()), (401, ""));
        assert_eq!(answer.headers()["content-length"], refused.body().len().to_string());
    }
}

/// A header that is left out would let the client's own through.
#[tokio::test]
async fn every_identity_header_is_there_also_when_it_is_empty() {
    let running = Running::new();
    let request =
        IssueRequest::new("admin".parse().unwrap(), Access::Full, Lifetime::hard("1h".parse().unwrap()));
    let issued = running.tokens.issue(&request).await.unwrap();
    let answer = running.auth("/auth", &[("authorization", &bearer(&issued))]).await;
    assert_eq!(answer.headers()["x-token-label"], "");
}

/// nginx has 4 KiB for the head of an answer by default, status line and all.
#[tokio::test]
async fn the_longest_identity_fits_the_default_buffer_of_nginx() {
    let running = Running::new();
    let longest = "é".repeat(127);
    for count in [1, MOST_LISTED, Scopes::MAX] {
        let access = Access::Restricted(Scopes::new((1..=count).map(scope)).unwrap());
        let lifetime = Lifetime::hard("1h".parse().unwrap());
        let mut request = IssueRequest::new(longest.parse().unwrap(), access, lifetime);
        request.label = Some(longest.parse().unwrap());
        let issued = running.tokens.issue(&request).await.unwrap();
        let answer = running.auth("/auth", &[("authorization", &bearer(&issued))]).await;
        assert_eq!(answer.status(), 200);
        let lengths = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        let identity: usize = lengths.sum();
        // What the server adds (status line, length, date, an id of the request) has the rest.
        assert!(identity <= 3_072 + "cache-control: no-store\r\n".len(), "{count}: {identity}");
    }
}

#[tokio::test]
async fn too_many_scopes_read_as_neither_full_access_nor_scopes() {
    let running = Running::new();
    let told = async |count: usize| {
        let scopes: Vec<_> = (1..=count).map(|node| scope(node).to_string()).collect();
        let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        let issued = running.issue("admin", &scopes).await;
        let answer = running.auth("/auth", &[("authorization", &bearer(&issued))]).await;
        assert_eq!(answer.status(), 200, "{count}");
        let headers: Vec<_> = answer.headers().get_all("x-token-scopes").iter().collect();
        let [header] = headers[..] else { panic!("one header, not {headers:?}") };
        (header.to_str().unwrap().to_owned(), scopes.join(" "))
    };
    let (listed, all) = told(MOST_LISTED).await;
    assert_eq!(listed, all);
    for count in [MOST_LISTED + 1, Scopes::MAX] {
        let (told, _) = told(count).await;
        assert_eq!(told, "too-many", "{count}");
        // Nothing that a careless reader looks for is in it.
        assert!(!told.contains(['*', ':', 'r', 'w', ' ']) && told.parse::<Scope>().is_err(), "{told}");
    }
}

const MOST_LISTED: usize = 32;

fn scope(node: usize) -> Scope {
    format!("node:00000000-0000-0000-0000-{node:012x}:rw").parse().unwrap()
}

/// nginx knows 401 and 403; anything else is a server error to it.
#[tokio::test]
async fn a_proxy_hears_only_of_401_and_403() {
    let running = Running::new();
    let issued = bearer(&running.issue("admin", &[FILE]).await);
    let too_far = format!("/auth?scope={}w", FILE.trim_end_matches('r'));
    for (uri, authorization, status) in [
        ("/auth", None, 401),
        ("/auth", Some("Bearer tok_nobody"), 401),
        ("/auth", Some("Bearer"), 401),
        ("/auth", Some("Basic !"), 401),
        ("/auth?access_token=x", None, 401),
        (too_far.as_str(), Some(issued.as_str()), 403),
        ("/auth?scope=everything", Some(&issued), 403),
        ("/auth?scpoe=node", Some(&issued), 403),
        ("/auth?ancestor=7", Some(&issued), 403),
    ] {
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
        let answer = running.auth(uri, &headers).await;
        assert_eq!(answer.status(), status, "{uri} {authorization:?}");
        assert!(!answer.headers().contains_key("x-token-user"));
    }
}

#[tokio::test]
async fn scopes_are_demanded_by_query_and_by_header_and_add_up() {
    let running = Running::new();
    let bearer = bearer(&running.issue("admin", &[FILE]).await);
    let other = FILE.replace('6', "5");
    for (uri, needs, status) in [
        (format!("/auth?scope={FILE}"), None, 200),
        ("/auth".into(), Some(FILE), 200),
        (format!("/auth?scope={FILE}&scope={other}"), None, 403),
        (format!("/auth?scope={FILE}"), Some(other.as_str()), 403),
        (format!("/auth?scope={other}"), Some(FILE), 403),
        // A template of the proxy's configuration that turned out empty demands something that cannot be read.
        ("/auth".to_owned(), Some(""), 403),
    ] {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(needs.map(|needs| ("x-token-needs", needs)));
        assert_eq!(running.auth(&uri, &headers).await.status(), status, "{uri} {needs:?}");
    }
}

#[tokio::test]
async fn folders_are_taken_only_from_what_the_proxy_sets() {
    let running = Running::new();
    let bearer = bearer(&running.issue("admin", &[&format!("node:{FOLDER}:r")]).await);
    let headers = [("authorization", bearer.as_str())];
    let query = format!("scope={FILE}&ancestor={FOLDER}");
    assert_eq!(running.auth(&format!("/auth?{query}"), &headers).await.status(), 200);
    // Envoy appends the client's own path and query.
    let headers = [headers[0], ("x-token-needs", FILE)];
    assert_eq!(running.auth(&format!("/auth/some/file?ancestor={FOLDER}"), &headers).await.status(), 403);
    for path in ["/auth/some/file?a=b", "/auth/", "/auth/?a=b"] {
        assert_eq!(running.auth(path, &headers[..1]).await.status(), 200, "{path}");
        assert_eq!(running.auth(path, &headers).await.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn introspection_says_of_a_dead_token_only_that_it_is_inactive() {
    let running = Running::new();
    let issued = running.issue("admin", &[FILE]).await;
    let answer = running.introspect(&issued).await;
    assert_eq!(
        (&answer["active"], &answer["sub"], &answer["scope"]),
        (&json!(true), &json!("admin"), &json!(FILE))
    );
    assert_eq!(answer["exp"], json!(issued.grant.expires_at.as_millis() / 1000));
    let root = running.issue("root", &[]).await;
    let form = format!("token={}", issued.token.expose_secret());
    assert_eq!(running.post("/revoke", &root, &form).await.status(), 200);
    assert_eq!(running.introspect(&issued).await, json!({ "active": false }));
}

#[tokio::test]
async fn only_those_who_may_introspect() {
    let running = Running::new();
    let form = format!("token={}", running.issue("admin", &[]).await.token.expose_secret());
    for (user, scopes, status) in
        [("files", &[] as &[&str], 200), ("root", &[], 200), ("admin", &[], 403), ("files", &[FILE], 403)]
    {
        let caller = running.issue(user, scopes).await;
        assert_eq!(running.post("/introspect", &caller, &form).await.status(), status, "{user} {scopes:?}");
    }
    assert_eq!(running.send(Request::post("/introspect").body(form.into()).unwrap()).await.status(), 401);
}

#[tokio::test]
async fn a_resource_server_may_authenticate_as_oauth_clients_do() {
    let running = Running::new();
    let files = running.issue("files", &[]).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("files:{}", files.token.expose_secret())));
    let request = Request::post("/introspect")
        .header("authorization", basic)
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(running.send(request.body("token=x".into()).unwrap()).await.body(), "{\"active\":false}");
}

#[tokio::test]
async fn a_form_of_another_kind_is_refused() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    for uri in ["/introspect", "/revoke"] {
        for form in ["", "token=", "token=a&token=b", "tokens=a"] {
            assert_eq!(running.post(uri, &root, form).await.status(), 400, "{uri} {form}");
        }
        let json = Request::post(uri)
            .header("authorization", bearer(&root))
            .header("content-type", "application/json");
        assert_eq!(running.send(json.body("token=a".into()).unwrap()).await.status(), 415);
        assert_eq!(running.auth(uri, &[]).await.status(), 405);
    }
}

#[tokio::test]
async fn a_holder_revokes_any_token_whose_text_they_have() {
    let running = Running::new();
    let (own, other) = (running.issue("admin", &[]).await, running.issue("other", &[]).await);
    let caller = running.issue("admin", &[]).await;
    for token in [&own, &other] {
        let form = format!("token={}", token.token.expose_secret());
        assert_eq!(running.post("/revoke", &caller, &form).await.status(), 200, "nothing is told");
    }
    assert_eq!(running.introspect(&own).await["active"], json!(false));
    assert_eq!(running.introspect(&other).await["active"], json!(false));
    assert_eq!(running.post("/revoke", &caller, "token=garbage").await.status(), 200);
}

/// The text alone would do: it could be presented itself.
#[tokio::test]
async fn a_restricted_token_ends_another_one_of_its_user_by_its_text() {
    let running = Running::new();
    let (caller, own) = (running.issue("admin", &[FILE]).await, running.issue("admin", &[]).await);
    let form = format!("token={}", own.token.expose_secret());
    assert_eq!(running.post("/revoke", &caller, &form).await.status(), 200);
    assert!(!running.counts(own.token.expose_secret()).await);
}

#[tokio::test]
async fn it_lives_and_is_ready() {
    let running = Running::new();
    for uri in ["/healthz", "/readyz"] {
        assert_eq!(running.auth(uri, &[]).await.status(), 200);
    }
    assert_eq!(running.auth("/nowhere", &[]).await.status(), 404);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_as_such() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let answer = running.post("/introspect", &root, &format!("token={}", "x".repeat(70_000))).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (413, &"application/problem+json".parse().unwrap())
    );
}
