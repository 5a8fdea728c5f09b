//! What the tests share: a sidecar on a store in memory, and how it is asked.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use token_core::spi::{MemoryStore, TokenStore};
use token_core::{Access, IssueRequest, Issued, KeyRing, Lifetime, Prefix, Requirement, TokenService};
use token_http::Realm;
use token_server::{Limits, Retirement, Sidecar, SidecarService, Tokens};
use tower::ServiceExt;

pub(crate) const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
pub(crate) const FOLDER: &str = "00000000-0000-0000-0000-000000000007";

pub(crate) struct Running {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) service: SidecarService,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new(Arc::new(KeyRing::public()))))
    }

    pub(crate) fn on(store: Arc<dyn TokenStore>) -> Self {
        Self::within(Limits::default(), store)
    }

    pub(crate) fn within(limits: Limits, store: Arc<dyn TokenStore>) -> Self {
        Self::with(store, |sidecar| sidecar.limits = limits)
    }

    /// With other settings.
    pub(crate) fn with(store: Arc<dyn TokenStore>, set: impl FnOnce(&mut Sidecar)) -> Self {
        let tokens = Arc::new(TokenService::new(store, Prefix::default()));
        let name = |name: &str| [name.parse().unwrap()].into();
        let mut sidecar = Sidecar {
            tokens: tokens.clone(),
            realm: Realm::default(),
            credentials: Arc::default(),
            admins: name("root"),
            introspectors: name("files"),
            issuer: "https://tokens.example/issuer".parse().unwrap(),
            cors_origins: Vec::new(),
            limits: Limits::default(),
            metrics: Some(Arc::new(String::new)),
            trusted_proxies: Vec::new(),
            trace: None,
            retirement: Retirement::default(),
        };
        set(&mut sidecar);
        Self { tokens, service: sidecar.service() }
    }

    pub(crate) async fn issue(&self, user: &str, scopes: &[&str]) -> Issued {
        let access =
            Access::from_scopes(scopes.iter().map(|scope| scope.parse().unwrap()).collect()).unwrap();
        self.issue_for(user, access, Lifetime::sliding("10m".parse().unwrap())).await
    }

    pub(crate) async fn issue_for(&self, user: &str, access: Access, lifetime: Lifetime) -> Issued {
        let mut request = IssueRequest::new(user.parse().unwrap(), access, lifetime);
        request.label = Some("Zoë's 100%".parse().unwrap());
        self.tokens.issue(&request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<String> {
        let answer = self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        Response::from_parts(
            parts,
            String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
        )
    }

    pub(crate) async fn auth(&self, uri: &str, headers: &[(&str, &str)]) -> Response<String> {
        let request =
            headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, uri: &str, caller: &Issued, form: &str) -> Response<String> {
        let request = Request::post(uri)
            .header("authorization", bearer(caller))
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        self.send(request.body(form.to_owned().into()).unwrap()).await
    }

    /// A request about `/v1/tokens` and what is below it.
    pub(crate) async fn rest(&self, caller: &Issued, method: &str, path: &str) -> Answer {
        self.rest_with(caller, method, path, "").await
    }

    /// The same with a JSON body.
    pub(crate) async fn rest_with(&self, caller: &Issued, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/tokens{path}"))
            .header("authorization", bearer(caller))
            .header("content-type", "application/json; charset=utf-8");
        Answer::of(self.send(request.body(body.to_owned().into()).unwrap()).await)
    }

    pub(crate) async fn counts(&self, text: &str) -> bool {
        self.tokens.validate(text, &Requirement::any()).await.unwrap().grant().is_some()
    }

    pub(crate) async fn introspect(&self, token: &Issued) -> Value {
        let files = self.issue("files", &[]).await;
        let form = format!("token={}&token_type_hint=refresh_token", token.token.expose_secret());
        let answer = self.post("/introspect", &files, &form).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["cache-control"]),
            (200, &"no-store".parse().unwrap())
        );
        serde_json::from_str(answer.body()).unwrap()
    }
}

pub(crate) fn bearer(issued: &Issued) -> String {
    format!("Bearer {}", issued.token.expose_secret())
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    /// Every answer of the API is JSON that nobody keeps, and every refusal is a problem document.
    pub(crate) fn of(response: Response<String>) -> Self {
        let (parts, body) = response.into_parts();
        let json: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body:?}"));
        let (status, headers) = (parts.status.as_u16(), parts.headers);
        assert_eq!(headers["cache-control"], "no-store");
        if status < 300 {
            assert_eq!(headers["content-type"], "application/json");
        } else {
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(json["status"], status, "{json}");
            assert!(json["detail"].is_string() && json["type"].is_string(), "{json}");
        }
        Self { status, headers, json }
    }

    pub(crate) fn detail(&self) -> &str {
        self.json["detail"].as_str().unwrap()
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap_or_else(|| panic!("{member}: {}", self.json))
    }
}
