//! The auth layer of a service, from outside.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use token_core::spi::{ManualClock, MemoryStore, TokenStore};
use token_core::{
    Access, IssueRequest, Issued, KeyRing, Lifetime, Prefix, Revocation, Scope, Timestamp, TokenService,
};
use token_http::{Ancestors, Authenticated, GrpcAuth, InUrl, TokenAuth};
use tower::ServiceExt;
use uuid::Uuid;

const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
const FOLDER: Uuid = Uuid::from_u128(7);

type Tokens = Arc<TokenService<MemoryStore>>;

struct Fixture {
    tokens: Tokens,
    clock: Arc<ManualClock>,
}

impl Fixture {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
        let store = MemoryStore::with_clock(Arc::new(KeyRing::public()), clock.clone());
        Self { tokens: Arc::new(TokenService::new(store, Prefix::default())), clock }
    }

    async fn issue(&self, access: Access) -> Issued {
        let lifetime = Lifetime::sliding("10m".parse().unwrap());
        let request = IssueRequest::new("admin".parse().unwrap(), access, lifetime);
        self.tokens.issue(&request).await.unwrap()
    }

    fn auth(&self) -> TokenAuth<MemoryStore> {
        TokenAuth::new(self.tokens.clone())
    }
}

/// Says who was let in, and with which headers.
fn service(auth: TokenAuth<MemoryStore>) -> Router {
    let who = async |who: Authenticated, headers: HeaderMap| {
        format!("{} {}", who.grant().subject, headers.contains_key("authorization"))
    };
    Router::new().route("/", get(who)).layer(auth)
}

async fn ask(service: &Router, uri: &str, authorization: Option<&str>) -> Response<String> {
    let mut request = Request::get(uri);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let answer = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    Response::from_parts(parts, String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap())
}

fn bearer(issued: &Issued) -> String {
    format!("Bearer {}", issued.token.expose_secret())
}

fn basic(user: &str, issued: &Issued) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{}", issued.token.expose_secret())))
}

#[tokio::test]
async fn a_token_is_accepted_as_bearer_and_as_password_of_its_user() {
    let fixture = Fixture::new();
    let issued = fixture.issue(Access::Full).await;
    let service = service(fixture.auth());
    for authorization in [bearer(&issued), basic("admin", &issued)] {
        let answer = ask(&service, "/", Some(&authorization)).await;
        assert_eq!((answer.status().as_u16(), answer.body().as_str()), (200, "admin false"));
    }
}

#[tokio::test]
async fn the_service_behind_the_layer_never_sees_the_token() {
    let fixture = Fixture::new();
    let issued = fixture.issue(Access::Full).await;
    let shown = async |who: Authenticated, request: Request<Body>| format!("{who:?} {request:?}");
    let service = Router::new().route("/", get(shown)).layer(fixture.auth());
    let answer = ask(&service, "/", Some(&bearer(&issued))).await;
    assert!(answer.body().contains("admin"));
    assert!(!answer.body().contains(issued.token.expose_secret()), "{answer:?}");
}

#[tokio::test]
async fn nothing_a_dead_token_and_another_user_are_unauthorized() {
    let fixture = Fixture::new();
    let (live, dead) = (fixture.issue(Access::Full).await, fixture.issue(Access::Full).await);
    let _ = fixture.tokens.store().revoke(dead.grant.id, &Revocation::default()).await.unwrap();
    let service = service(fixture.auth());
    let names =
        [basic("Admin", &live), basic("admin ", &live), basic("", &live), basic(&"x".repeat(300), &live)];
    for authorization in
        [None, Some("Bearer tok_x".into()), Some(bearer(&dead))].into_iter().chain(names.map(Some))
    {
        let answer = ask(&service, "/", authorization.as_deref()).await;
        assert_eq!(answer.status(), 401, "{authorization:?}");
        assert_eq!(answer.headers().get_all("www-authenticate").iter().count(), 2);
    }
}

#[tokio::test]
async fn a_wrong_user_name_does_not_renew_the_token() {
    let fixture = Fixture::new();
    let issued = fixture.issue(Access::Full).await;
    let service = service(fixture.auth());
    fixture.clock.advance(Duration::from_secs(540));
    assert_eq!(ask(&service, "/", Some(&basic("root", &issued))).await.status(), 401);
    fixture.clock.advance(Duration::from_secs(90));
    assert_eq!(ask(&service, "/", Some(&bearer(&issued))).await.status(), 401, "it died on time");
}

struct Tree;

#[async_trait::async_trait]
impl Ancestors for Tree {
    async fn ancestors(&self, node: Uuid) -> Result<Vec<Uuid>, Box<dyn std::error::Error + Send + Sync>> {
        if node.is_nil() { Err("the tree is down".into()) } else { Ok(vec![FOLDER]) }
    }
}

fn restricted(scope: &str) -> Access {
    Access::from_scopes(vec![scope.parse().unwrap()]).unwrap()
}

#[tokio::test]
async fn a_route_demands_scopes_and_those_of_folders_count() {
    let fixture = Fixture::new();
    let demanded: Scope = FILE.parse().unwrap();
    let auth = fixture.auth().demanding(move |_| vec![demanded]);
    let (flat, tree) = (service(auth.clone()), service(auth.in_tree(Tree)));
    let on_file = bearer(&fixture.issue(restricted(FILE)).await);
    let on_folder = bearer(&fixture.issue(restricted(&format!("node:{FOLDER}:r"))).await);
    assert_eq!(ask(&flat, "/", Some(&on_file)).await.status(), 200);
    assert_eq!(ask(&tree, "/", Some(&on_folder)).await.status(), 200);
    let refused = ask(&flat, "/", Some(&on_folder)).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().ends_with(&format!("scope=\"{FILE}\"")));
}

#[tokio::test]
async fn a_tree_that_cannot_be_asked_is_503_and_admits_no_request() {
    let fixture = Fixture::new();
    let demanded: Scope = format!("node:{}:r", Uuid::nil()).parse().unwrap();
    let service = service(fixture.auth().demanding(move |_| vec![demanded]).in_tree(Tree));
    let answer = ask(&service, "/", Some(&bearer(&fixture.issue(Access::Full).await))).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
}

#[tokio::test]
async fn a_token_in_the_url_is_accepted_only_if_the_route_opts_in() {
    let fixture = Fixture::new();
    let uri = format!("/?access_token={}", fixture.issue(Access::Full).await.token.expose_secret());
    assert_eq!(ask(&service(fixture.auth()), &uri, None).await.status(), 400);
    assert_eq!(ask(&service(fixture.auth().in_url(InUrl::Accepted)), &uri, None).await.status(), 200);
}

#[tokio::test]
async fn an_open_connection_can_learn_that_its_token_was_revoked() {
    let fixture = Fixture::new();
    let issued = fixture.issue(Access::Full).await;
    let (mut parts, ()) =
        Request::get("/").header("authorization", bearer(&issued)).body(()).unwrap().into_parts();
    fixture.auth().admit(&mut parts).await.unwrap();
    let who: Authenticated = parts.extensions.get().cloned().unwrap();
    assert!(who.again().await.unwrap().grant().is_some());
    let _ = fixture.tokens.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
    assert!(who.again().await.unwrap().grant().is_none());
}

#[tokio::test]
async fn a_route_without_an_auth_layer_is_a_mistake_of_the_service() {
    let service = Router::new().route("/", get(async |_: Authenticated| "in"));
    assert_eq!(ask(&service, "/", None).await.status(), 500);
}

#[tokio::test]
async fn a_grpc_service_answers_with_statuses() {
    let fixture = Fixture::new();
    let demanded: Scope = FILE.parse().unwrap();
    let guarded = Router::new().route("/", get(async || "in"));
    let open = guarded.clone().layer(GrpcAuth(fixture.auth()));
    let scoped = guarded.layer(GrpcAuth(fixture.auth().demanding(move |_| vec![demanded])));
    let elsewhere = bearer(&fixture.issue(restricted(&format!("node:{FOLDER}:r"))).await);
    for (service, authorization, status) in [
        (&open, None, "16"),
        (&open, Some("Bearer tok_x"), "16"),
        (&open, Some("Bearer"), "3"),
        (&scoped, Some(elsewhere.as_str()), "7"),
    ] {
        let answer = ask(service, "/", authorization).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["grpc-status"]),
            (200, &status.parse().unwrap())
        );
        assert_eq!(answer.headers()["content-type"], "application/grpc");
    }
    assert_eq!(ask(&open, "/", Some(&elsewhere)).await.body(), "in");
}
