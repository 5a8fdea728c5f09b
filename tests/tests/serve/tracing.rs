//! Traces: the spans that a collector of another make receives, and the behaviour without a collector.

use std::net::SocketAddr;

use serde_json::{Value, json};
use token_server::grpc::proto::token::v1::ListRequest;
use token_server::grpc::proto::token::v1::token_service_client::TokenServiceClient;
use token_tests::programs::{Cli, Collector, Daemon, Span};
use token_tests::servers::{ClientCertificates, Standalone};
use tokio::net::TcpListener;

use crate::wire::{request, send};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// A sidecar that exports to a collector.
struct Traced {
    redis: Standalone,
    cli: Cli,
    sidecar: Daemon,
    grpc: u16,
    collector: Collector,
}

impl Traced {
    async fn start() -> Self {
        Self::with_log("info").await
    }

    async fn with_log(level: &'static str) -> Self {
        let (redis, collector) = (Standalone::start().await, Collector::start().await);
        let cli = Cli::new(&redis.url()).with_log(level);
        let endpoint = collector.endpoint();
        let (sidecar, grpc) = cli.serve_grpc(&["--admin", "root", "--otlp-endpoint", &endpoint]).await;
        Self { redis, cli, sidecar, grpc, collector }
    }

    async fn ask(&self, first: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        send(&self.sidecar, &request(first, headers.join("\r\n").as_bytes())).await
    }

    /// Stops it, so that everything has been exported.
    async fn spans(&self) -> Vec<Span> {
        self.sidecar.terminate();
        assert!(self.sidecar.until_it_ends().await.success(), "{}", self.sidecar.said());
        self.collector.spans()
    }

    /// The public id of a token.
    async fn id(&self, token: &str) -> Value {
        self.cli.run("validate --peek --json", token).await.json()["id"].clone()
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.text("name") == name).collect();
    assert_eq!(found.len(), 1, "one {name} among {spans:?}");
    found[0]
}

#[tokio::test]
async fn a_request_and_its_store_calls_join_the_trace_of_the_caller() {
    let traced = Traced::start().await;
    let token = traced.cli.issue("admin", "-a 10m").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("traceparent", SENT)];
    assert_eq!(traced.ask("GET /auth/some/path?a=b", &headers).await, Some(200));
    let id = traced.id(&token).await;
    let spans = traced.spans().await;
    assert_eq!(spans.len(), 2, "{spans:?}");

    let request = named(&spans, "GET /auth/{*path}");
    assert_eq!((request.text("trace"), request.text("parent")), (TRACE, PARENT));
    assert_eq!(request.text("kind"), "SPAN_KIND_SERVER");
    let attributes = json!({
        "http.request.method": "GET",
        "http.route": "/auth/{*path}",
        "http.response.status_code": 200,
    });
    assert_eq!(request.0["attributes"], attributes, "and nothing else");
    assert_eq!(request.0["resource"]["service.name"], "token-cli");

    let store = named(&spans, "validate");
    assert_eq!((store.text("trace"), store.text("parent")), (TRACE, request.text("span")));
    assert_eq!(store.text("kind"), "SPAN_KIND_CLIENT");
    let attributes = json!({ "operation": "validate", "outcome": "active", "token_id": id });
    assert_eq!(store.0["attributes"], attributes, "and nothing else");
}

#[tokio::test]
async fn a_grpc_call_joins_the_trace_of_its_metadata() {
    let traced = Traced::start().await;
    let token = traced.cli.issue("root", "-a 10m").await;
    let channel =
        tonic::transport::Channel::from_shared(format!("http://127.0.0.1:{}", traced.grpc)).unwrap();
    let mut client = TokenServiceClient::new(channel.connect().await.unwrap());
    for (user, code) in [("root", tonic::Code::Ok), ("a\nb", tonic::Code::InvalidArgument)] {
        let mut call = tonic::Request::new(ListRequest { user: user.into() });
        call.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        call.metadata_mut().insert("traceparent", SENT.parse().unwrap());
        assert_eq!(client.list(call).await.map_or_else(|status| status.code(), |_| tonic::Code::Ok), code);
    }
    let spans = traced.spans().await;
    let calls: Vec<_> =
        spans.iter().filter(|span| span.text("name") == "token.v1.TokenService/List").collect();
    let statuses: Vec<_> = calls.iter().map(|call| call.attribute("rpc.grpc.status_code").clone()).collect();
    assert_eq!(statuses, [json!(0), json!(3)], "{spans:?}");
    for call in &calls {
        assert_eq!((call.text("trace"), call.text("parent")), (TRACE, PARENT));
        assert_eq!(call.attribute("rpc.method"), "token.v1.TokenService/List");
    }
    let listed = named(&spans, "list");
    assert_eq!((listed.text("trace"), listed.text("parent")), (TRACE, calls[0].text("span")));
    assert_eq!(listed.attribute("outcome"), "listed");
    assert_eq!(
        spans.len(),
        6,
        "two calls, two validations, one renewal, one listing, and no check of the store: {spans:?}"
    );
}

#[tokio::test]
async fn a_failure_of_the_store_is_an_error_with_its_kind() {
    let mut traced = Traced::start().await;
    let bearer = format!("Bearer {}", traced.cli.issue("admin", "-a 10m").await);
    traced.redis.kill();
    assert_eq!(traced.ask("GET /auth", &[("authorization", &bearer)]).await, Some(503));
    let spans = traced.spans().await;
    let (request, store) = (named(&spans, "GET /auth"), named(&spans, "validate"));
    assert_eq!(store.attribute("error.type"), "unavailable");
    assert_eq!((&store.0["is_error"], &request.0["is_error"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn the_span_of_a_refusal_is_no_error_and_has_its_reason() {
    let traced = Traced::start().await;
    let token = traced.cli.issue("admin", "-a 10m").await;
    assert_eq!(traced.cli.run("revoke --stdin", &token).await.code, 0);
    let bearer = format!("Bearer {token}");
    assert_eq!(traced.ask("GET /auth", &[("authorization", &bearer)]).await, Some(401));
    let spans = traced.spans().await;
    let (request, store) = (named(&spans, "GET /auth"), named(&spans, "validate"));
    assert_eq!(store.attribute("outcome"), "unknown");
    assert_eq!((&store.0["is_error"], &request.0["is_error"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn a_request_without_a_trace_starts_one_that_the_log_names() {
    let traced = Traced::start().await;
    assert_eq!(traced.ask("GET /healthz", &[("traceparent", "00-garbage")]).await, Some(200));
    let spans = traced.spans().await;
    let request = named(&spans, "GET /healthz");
    assert_eq!((request.text("parent"), request.text("trace").len()), ("", 32));
    let said = traced.sidecar.said();
    let access = said.lines().find(|line| line.contains("\"/healthz\"")).unwrap();
    let access: Value = serde_json::from_str(access).unwrap();
    assert_eq!((&access["target"], &access["trace_id"]), (&json!("access"), &request.0["trace"]));
}

#[tokio::test]
async fn a_trace_that_its_sender_does_not_sample_is_not_exported() {
    let traced = Traced::start().await;
    assert_eq!(traced.ask("GET /healthz", &[("traceparent", NOT_SAMPLED)]).await, Some(200));
    assert_eq!(traced.ask("GET /openapi.json", &[("traceparent", SENT)]).await, Some(200));
    let spans = traced.spans().await;
    assert_eq!((spans.len(), named(&spans, "GET /openapi.json").text("trace")), (1, TRACE));
}

/// Sends a token in every place where it may appear by mistake.
#[tokio::test]
async fn no_token_and_no_user_is_in_a_trace() {
    let traced = Traced::with_log("trace").await;
    let token = traced.cli.issue("root", "-a 10m -l canary-label").await;
    let bearer = format!("Bearer {token}");
    let state = format!("vendor={}", token.to_lowercase());
    let asked = [
        ("GET /auth", bearer.clone()),
        ("GET /auth", format!("Basic {token}")),
        ("GET /auth", token.clone()),
        (&format!("GET /auth?access_token={token}"), String::new()),
        (&format!("GET /auth?scope={token}"), bearer.clone()),
        (&format!("GET /auth/{token}"), bearer.clone()),
        (&format!("GET /v1/tokens/{token}"), bearer.clone()),
        (&format!("GET /v1/tokens?user={token}"), bearer.clone()),
        ("DELETE /v1/tokens?user=canary-user", bearer.clone()),
        (&format!("GET /{token}"), bearer.clone()),
        (&format!("{token} /auth"), bearer.clone()),
    ];
    for (first, authorization) in &asked {
        let headers = [
            ("authorization", authorization.as_str()),
            ("traceparent", SENT),
            ("tracestate", &state),
            ("baggage", &state),
        ];
        traced.ask(first, &headers).await;
    }
    let channel =
        tonic::transport::Channel::from_shared(format!("http://127.0.0.1:{}", traced.grpc)).unwrap();
    let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
    client.ready().await.unwrap();
    let path = format!("/token.v1.TokenService/{token}").parse().unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let status = client.unary(tonic::Request::new(()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated, "{status:?}");

    let (spans, said) = (traced.spans().await, traced.collector.said().to_lowercase());
    assert!(spans.len() > asked.len(), "there are spans to search: {spans:?}");
    let id = traced.id(&token).await;
    assert!(said.contains(&id.as_str().unwrap().to_lowercase()), "its id is logged: {said}");
    for secret in [&token[8..40], "canary-user", "canary-label"] {
        assert!(!said.contains(&secret.to_lowercase()), "{said}");
    }
    assert!(!traced.sidecar.said().contains(&token[8..40]), "nor in the log");
}

/// More requests than the export queue holds.
#[tokio::test]
async fn a_lost_or_hung_collector_is_logged_and_stops_no_answer() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let hung = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = |address: SocketAddr| format!("http://{address}");
    for endpoint in [endpoint(hung.local_addr().unwrap()), endpoint(closed)] {
        let sidecar = cli.serve(&["--otlp-endpoint", &endpoint]).await;
        let bearer = format!("Bearer {}", cli.issue("admin", "-a 10m").await);
        for _ in 0..1_500 {
            let asked = request("GET /auth", format!("authorization: {bearer}").as_bytes());
            assert_eq!(send(&sidecar, &asked).await, Some(200), "{endpoint}");
        }
        sidecar.terminate();
        assert!(sidecar.until_it_ends().await.success(), "{}", sidecar.said());
        let said = sidecar.said();
        let told = |line: &str| line.contains("\"WARN\"") && line.to_lowercase().contains("export");
        assert!(said.lines().any(told), "{endpoint}: {said}");
    }
}

#[tokio::test]
async fn without_tracing_no_request_has_a_trace() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url()).with_log("trace");
    let sidecar = cli.serve(&[]).await;
    assert_eq!(send(&sidecar, &request("GET /healthz", b"a: b")).await, Some(200));
    let said = sidecar.all_it_said().await;
    let access = said.lines().find(|line| line.contains("\"/healthz\"")).unwrap();
    let access: Value = serde_json::from_str(access).unwrap();
    assert_eq!(access.get("trace_id"), None);
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_used_is_refused_and_not_repeated() {
    let cli = Cli::new("redis://127.0.0.1:1");
    for endpoint in ["ftp://hidden:4317", "http://hidden@collector:4317", "hidden:99999", "http://"] {
        let ran = cli.run(&format!("serve --otlp-endpoint {endpoint}"), "").await;
        assert_eq!(ran.code, 2, "{endpoint}");
        assert!(ran.stderr.contains("OTLP endpoint") && !ran.stderr.contains("hidden"), "{}", ran.stderr);
    }
}

/// The log of a sidecar that is configured only by variables, gets one request, and is stopped.
async fn asked_once(variables: &[(&str, &str)]) -> String {
    let redis = Standalone::start().await;
    let cli =
        variables.iter().fold(Cli::new(&redis.url()), |cli, (name, value)| cli.with_variable(name, value));
    let sidecar = cli.serve(&[]).await;
    assert_eq!(send(&sidecar, &request("GET /healthz", b"a: b")).await, Some(200));
    sidecar.all_it_said().await
}

#[tokio::test]
async fn the_standard_otel_variables_control_the_export_of_traces() {
    let (collector, other) = (Collector::start().await, Collector::start().await);
    let (endpoint, other_endpoint) = (collector.endpoint(), other.endpoint());
    let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str());
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", other_endpoint.as_str()),
    ] {
        let said = asked_once(&[all, (name, value)]).await;
        assert_eq!(collector.spans().len(), 0, "{name}: {said}");
    }
    assert_eq!(other.spans().len(), 1);
    asked_once(&[all, ("OTEL_SDK_DISABLED", ""), ("OTEL_TRACES_EXPORTER", "otlp")]).await;
    assert_eq!(collector.spans().len(), 1);
    let bare = format!("127.0.0.1:{}", collector.port());
    asked_once(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &bare), ("OTEL_EXPORTER_OTLP_INSECURE", "true")]).await;
    assert_eq!(collector.spans().len(), 2);
}

#[tokio::test]
async fn a_collector_with_tls_is_verified_by_its_authority() {
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    let certificates = secure.certificates();
    let shown = |path: std::path::PathBuf| path.display().to_string();
    let collector =
        Collector::start_tls(&certificates.server_certificate(), &certificates.server_key()).await;
    let (authority, another) = (shown(certificates.ca()), shown(certificates.other_ca()));
    let with_scheme = format!("https://localhost:{}", collector.port());
    let bare = format!("localhost:{}", collector.port());
    for (endpoint, authority, spans) in
        [(&with_scheme, &another, 0), (&with_scheme, &authority, 1), (&bare, &authority, 2)]
    {
        let said = asked_once(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", authority),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
        ])
        .await;
        assert_eq!(collector.spans().len(), spans, "{endpoint}: {said}");
    }
    let plain = format!("http://localhost:{}", collector.port());
    asked_once(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &plain)]).await;
    assert_eq!(collector.spans().len(), 2, "nothing goes there in plain text");
}

#[tokio::test]
async fn headers_reach_the_collector_and_are_printed_nowhere() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hid%64en,hidden,x y=hidden");
    let said = asked_once(&[
        ("TOKEN_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        headers,
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""),
    ])
    .await;
    let spans = collector.spans();
    assert_eq!(spans[0].text("api_key"), "hidden", "{spans:?}");
    assert!(!said.contains("hidden") && !said.contains("hid%64en"), "{said}");
    assert!(said.contains("is not NAME=VALUE"), "{said}");
    for (arguments, code, said) in [
        ("serve --print-config", 0, "listen = "),
        ("serve --otlp-endpoint ftp://x:1", 2, "cannot use the OTLP endpoint"),
    ] {
        let cli = Cli::new("redis://127.0.0.1:1").with_variable(headers.0, headers.1);
        let ran = cli.run(arguments, "").await;
        assert_eq!(ran.code, code, "{arguments}: {}", ran.stderr);
        assert!(ran.stdout.contains(said) || ran.stderr.contains(said), "{}{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains("hid") && !ran.stderr.contains("hid"), "{}{}", ran.stdout, ran.stderr);
    }
}

#[tokio::test]
async fn unsupported_variables_of_the_standard_are_refused_by_name() {
    let with = |name: &str, value: &str| {
        let cli = Cli::new("redis://127.0.0.1:1").with_variable(name, value);
        async move { cli.run("serve --otlp-endpoint http://127.0.0.1:4317", "").await }
    };
    for (name, value, supported) in [
        ("OTEL_TRACES_EXPORTER", "console", "otlp or none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "grpc"),
    ] {
        let ran = with(name, value).await;
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(name) && ran.stderr.contains(supported), "{}", ran.stderr);
    }
}
