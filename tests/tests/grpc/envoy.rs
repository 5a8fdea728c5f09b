//! Envoy itself, with `ext_authz` over gRPC in front of a route.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use token_tests::programs::{
    Daemon, Upstream, With, curl, installed, most_scopes, published_block_with, takes_large_uploads,
};

use crate::kit::{HttpAnswer, Office, get};

const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";

/// Envoy in front of `/`, which accepts any token, and of `/file`, which requires [`FILE`]. Both respond with the request that
/// they receive.
struct Envoy(Daemon);

/// How Envoy asks the sidecar.
#[derive(Debug, Clone, Copy)]
enum Asking {
    /// Over gRPC; headers of one name are joined, or sent one by one.
    Grpc { raw_headers: bool },
    /// Over HTTP, below `/auth`.
    Http,
}

impl Envoy {
    async fn asking(office: &Office) -> Self {
        Self::asking_by(office, Asking::Grpc { raw_headers: false }).await
    }

    async fn asking_by(office: &Office, asking: Asking) -> Self {
        Self::start(office, asking, None).await
    }

    /// The same in front of this service, with the minimal configuration.
    async fn in_front_of(service: &Upstream, office: &Office, asking: Asking) -> Self {
        Self::start(office, asking, Some(service.port())).await
    }

    async fn start(office: &Office, asking: Asking, service: Option<u16>) -> Self {
        let sidecar = match asking {
            Asking::Grpc { .. } => office.port,
            Asking::Http => office.sidecar.port(),
        };
        let configuration = |port| configuration(port, sidecar, asking, service).to_string();
        Self::configured(configuration).await
    }

    /// The configuration of the book, in front of this service.
    async fn of_book(service: &Upstream, office: &Office) -> Self {
        let configuration = |port| {
            let ports = [("8000", port), ("8081", office.port), ("9000", service.port())];
            let ports = ports.map(|(from, to)| (format!("port_value: {from}"), format!("port_value: {to}")));
            let ports = ports.each_ref().map(|(from, to)| (from.as_str(), to.as_str()));
            published_block_with("proxies/envoy.md", "yaml", &ports)
        };
        Self::configured(configuration).await
    }

    /// The configuration as JSON, which is also YAML.
    async fn configured(configuration: impl Fn(u16) -> String) -> Self {
        let start = |port: u16, directory: &Path| {
            let file = directory.join("envoy.yaml");
            fs::write(&file, configuration(port)).unwrap();
            let words =
                ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn", "--config-path"];
            words.into_iter().map(str::to_owned).chain([file.display().to_string()]).collect()
        };
        Self(Daemon::start_in(&installed("server/envoy/_bin/envoy"), start).await)
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> HttpAnswer {
        get(self.0.port(), path, headers).await
    }
}

fn configuration(port: u16, sidecar: u16, asking: Asking, service: Option<u16>) -> Value {
    let address = |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let typed = |name: &str, mut settings: Value| {
        let kind = format!("type.googleapis.com/envoy.extensions.{name}");
        settings.as_object_mut().unwrap().insert("@type".into(), kind.into());
        settings
    };
    let seen = ["user", "label", "scopes"]
        .map(|name| header(&format!("x-seen-{name}"), &format!("[%REQ(x-token-{name})%]")));
    let seen = [seen.to_vec(), vec![header("x-seen-authorization", "[%REQ(authorization)%]")]].concat();
    let route = |prefix: &str| {
        let (action, what) = match service {
            Some(_) => ("route", json!({ "cluster": "service" })),
            None => ("direct_response", json!({ "status": 200, "body": { "inline_string": "hello" } })),
        };
        json!({ "match": { "prefix": prefix }, action: what, "response_headers_to_add": seen })
    };
    let mut file = route("/file");
    let demands = json!({ "check_settings": { "context_extensions": { "scope": FILE } } });
    let demands = typed("filters.http.ext_authz.v3.ExtAuthzPerRoute", demands);
    let per_route = json!({ "envoy.filters.http.ext_authz": demands });
    file.as_object_mut().unwrap().insert("typed_per_filter_config".into(), per_route);
    let asked = match asking {
        Asking::Grpc { raw_headers } => json!({
            "encode_raw_headers": raw_headers,
            "grpc_service": { "envoy_grpc": { "cluster_name": "tokens" }, "timeout": "20s" },
        }),
        Asking::Http => json!({ "http_service": {
            "server_uri": { "uri": "tokens:80", "cluster": "tokens", "timeout": "20s" },
            "path_prefix": "/auth",
            "authorization_response": {
                "allowed_upstream_headers": { "patterns": [{ "prefix": "x-token-" }] },
            },
        }}),
    };
    let mut authorization = typed("filters.http.ext_authz.v3.ExtAuthz", asked);
    authorization.as_object_mut().unwrap().insert("transport_api_version".into(), "V3".into());
    let connections = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "x",
            "route_config": { "virtual_hosts": [{ "name": "x", "domains": ["*"], "routes": [file, route("/")] }] },
            "http_filters": [
                { "name": "envoy.filters.http.ext_authz", "typed_config": authorization },
                { "name": "envoy.filters.http.router", "typed_config": typed("filters.http.router.v3.Router", json!({})) },
            ],
        }),
    );
    let protocol = match asking {
        Asking::Grpc { .. } => "http2_protocol_options",
        Asking::Http => "http_protocol_options",
    };
    let options =
        typed("upstreams.http.v3.HttpProtocolOptions", json!({ "explicit_http_config": { protocol: {} } }));
    let assignment = |name: &str, port: u16| {
        let endpoint = json!({ "endpoint": { "address": address(port) } });
        json!({ "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] })
    };
    let tokens = json!({
        "name": "tokens",
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options },
        "load_assignment": assignment("tokens", sidecar),
    });
    let service =
        service.map(|port| json!({ "name": "service", "load_assignment": assignment("service", port) }));
    let clusters: Vec<_> = [tokens].into_iter().chain(service).collect();
    json!({ "static_resources": {
        "listeners": [{ "address": address(port), "filter_chains": [{ "filters": [
            { "name": "envoy.filters.network.http_connection_manager", "typed_config": connections },
        ]}]}],
        "clusters": clusters,
    }})
}

fn header(key: &str, value: &str) -> Value {
    json!({ "header": { "key": key, "value": value } })
}

#[tokio::test]
async fn envoy_admits_a_valid_token_and_passes_on_the_user_without_it() {
    let office = Office::open().await;
    let envoy = Envoy::asking(&office).await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    // The token has no label, so the client's own must not survive.
    let forged = [("x-token-user", "root"), ("x-token-label", "forged"), ("x-token-scopes", "none")];
    let answer = envoy.get("/", &[&forged[..], &[("authorization", &bearer)]].concat()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{answer:?} {}", envoy.0.said());
    assert_eq!(answer.all("x-seen-user"), ["[admin]"]);
    assert_eq!(answer.all("x-seen-scopes"), ["[*]"]);
    assert_eq!(answer.all("x-seen-label"), ["[]"]);
    assert_eq!(answer.all("x-seen-authorization"), ["[]"]);
}

#[tokio::test]
async fn the_challenges_behind_envoy_name_both_credentials() {
    let office = Office::open().await;
    let envoy = Envoy::asking(&office).await;
    let answer = envoy.get("/", &[]).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    let challenges = answer.all("www-authenticate");
    assert!(challenges.len() == 2 && challenges[0].starts_with("Basic "), "{answer:?}");
    assert_eq!(answer.all("content-type"), ["application/problem+json"]);
    assert!(answer.body.contains("\"status\":401"), "{answer:?}");
}

#[tokio::test]
async fn envoy_admits_no_request_with_two_credentials() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    for raw in [false, true] {
        let envoy = Envoy::asking_by(&office, Asking::Grpc { raw_headers: raw }).await;
        assert_eq!(envoy.get("/", &[("authorization", &bearer)]).await.status, 200);
        for other in [bearer.as_str(), "Basic eDp5", "Digest x"] {
            for pair in [[bearer.as_str(), other], [other, bearer.as_str()]] {
                let answer = envoy.get("/", &pair.map(|value| ("authorization", value))).await;
                assert_eq!(answer.status, 401, "{other}, raw {raw}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_route_of_envoy_requires_a_scope() {
    let office = Office::open().await;
    let envoy = Envoy::asking(&office).await;
    for (scope, status) in [(FILE, 200), ("node:5f9619ff-8b86-d011-b42d-00cf4fc964ff:r", 403)] {
        let bearer = format!("Bearer {}", office.cli.issue("admin", &format!("-a 10m -s {scope}")).await);
        assert_eq!(envoy.get("/file", &[("authorization", &bearer)]).await.status, status, "{scope}");
        assert_eq!(envoy.get("/", &[("authorization", &bearer)]).await.status, 200, "{scope}");
    }
}

#[tokio::test]
async fn without_the_store_envoy_admits_no_request() {
    let mut office = Office::open().await;
    let envoy = Envoy::asking(&office).await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    office.redis.kill();
    let answer = envoy.get("/", &[("authorization", &bearer)]).await;
    // Envoy's default response to an error, which says nothing about the token.
    assert_eq!((answer.status, answer.all("www-authenticate").len()), (403, 0), "{answer:?}");
}

#[tokio::test]
async fn the_clients_uri_belongs_to_the_service_behind_envoy() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let bearer = format!("Bearer {token}");
    for asking in [Asking::Grpc { raw_headers: false }, Asking::Http] {
        let envoy = Envoy::asking_by(&office, asking).await;
        for path in
            ["/?access_token=x", "/a?access_token=x&access_token=y", "/?page=1", "//a?scopes=repo", "/%3F"]
        {
            let answer = envoy.get(path, &[("authorization", &bearer)]).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?} {}", envoy.0.said());
            assert_eq!(answer.all("x-seen-user"), ["[admin]"]);
            assert_eq!(envoy.get(path, &[]).await.status, 401, "{path}");
        }
        let in_url = format!("/?access_token={token}");
        assert_eq!(envoy.get(&in_url, &[]).await.status, 401, "the query admits no request");
    }
}

async fn envoy_takes_large_uploads(asking: Asking) {
    let office = Office::open().await;
    let service = Upstream::start().await;
    let envoy = Envoy::in_front_of(&service, &office, asking).await;
    let taken = |name: &str| service.taken(&format!("/{name}"));
    takes_large_uploads(&office.cli, &format!("{}/", envoy.0.url()), taken, || envoy.0.said()).await;
}

#[tokio::test]
async fn envoy_that_asks_over_grpc_takes_uploads_of_300_mb() {
    envoy_takes_large_uploads(Asking::Grpc { raw_headers: false }).await;
}

#[tokio::test]
async fn envoy_that_asks_over_http_takes_uploads_of_300_mb() {
    envoy_takes_large_uploads(Asking::Http).await;
}

#[tokio::test]
async fn envoy_takes_tokens_of_256_scopes() {
    let office = Office::open().await;
    let service = Upstream::start().await;
    let token = most_scopes(&office.cli, FILE).await;
    for asking in [Asking::Grpc { raw_headers: false }, Asking::Http] {
        let envoy = Envoy::in_front_of(&service, &office, asking).await;
        // Over gRPC, this route requires one of the scopes.
        let url = format!("{}/file", envoy.0.url());
        let answer = curl(&url, With::Bearer(&token), &[]).await;
        let seen = (answer.status, answer.body.as_str());
        assert_eq!(seen, (201, "admin too-many"), "{asking:?}: {answer:?} {}", envoy.0.said());
    }
}

#[tokio::test]
async fn the_envoy_of_the_book_requires_its_scope() {
    let office = Office::open().await;
    let service = Upstream::start().await;
    let envoy = Envoy::of_book(&service, &office).await;
    let url = format!("{}/files/a", envoy.0.url());
    let forged = ["--header", "X-Token-User: root", "--header", "X-Token-Scopes: *"];
    let other = "node:5f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
    for (scope, status, body) in [(FILE, 201, format!("admin {FILE}")), (other, 403, String::new())] {
        let token = office.cli.issue("admin", &format!("-a 10m -s {scope}")).await;
        let answer = curl(&url, With::Bearer(&token), &forged).await;
        assert_eq!(answer.status, status, "{scope}: {answer:?} {}", envoy.0.said());
        assert!(answer.body.contains(&body), "{scope}: {answer:?}");
    }
    assert_eq!(curl(&url, With::Nothing, &[]).await.status, 401);
}

/// RFC 9110 §7.6.1: a proxy removes the headers that `Connection` names.
#[tokio::test]
async fn envoy_keeps_identity_headers_that_connection_names() {
    let office = Office::open().await;
    let service = Upstream::start().await;
    let envoy = Envoy::of_book(&service, &office).await;
    let token = office.cli.issue("admin", &format!("-a 10m -s {FILE}")).await;
    let named = ["--header", "Connection: close, X-Token-User, X-Token-Id, X-Token-Scopes, X-Token-Label"];
    let answer = curl(&format!("{}/files/a", envoy.0.url()), With::Bearer(&token), &named).await;
    let seen = (answer.status, answer.body);
    assert_eq!(seen, (201, format!("admin {FILE}")), "{}", envoy.0.said());
}
