//! Helpers for the tests: a sidecar on a server, and clients.

use std::collections::HashMap;
use std::time::Duration;

use token_server::grpc::proto::envoy::config::core::v3::HeaderValueOption;
use token_server::grpc::proto::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use token_server::grpc::proto::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use token_server::grpc::proto::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use token_server::grpc::proto::envoy::service::auth::v3::check_response::HttpResponse;
use token_server::grpc::proto::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use token_server::grpc::proto::token::v1::token_service_client::TokenServiceClient;
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Status;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// A sidecar with its own server.
pub(crate) struct Office {
    pub(crate) redis: Standalone,
    pub(crate) cli: Cli,
    pub(crate) sidecar: Daemon,
    pub(crate) port: u16,
}

impl Office {
    /// Starts it with `root` as an administrator, and `files` as an introspector.
    pub(crate) async fn open() -> Self {
        Self::open_with_log("info").await
    }

    pub(crate) async fn open_with_log(level: &'static str) -> Self {
        let redis = Standalone::start().await;
        let cli = Cli::new(&redis.url()).with_log(level);
        let (sidecar, port) = cli.serve_grpc(&["--admin", "root", "--introspector", "files"]).await;
        Self { redis, cli, sidecar, port }
    }

    /// The same with more arguments.
    pub(crate) async fn open_with(more: &[&str]) -> Self {
        let redis = Standalone::start().await;
        let cli = Cli::new(&redis.url());
        let (sidecar, port) = cli.serve_grpc(&[&["--admin", "root"], more].concat()).await;
        Self { redis, cli, sidecar, port }
    }

    pub(crate) async fn channel(&self) -> Channel {
        let address = format!("http://127.0.0.1:{}", self.port);
        Channel::from_shared(address).unwrap().connect().await.unwrap()
    }

    /// The keys of all records.
    pub(crate) async fn records(&self) -> Vec<String> {
        let keys: Vec<String> = self.redis.command(&["KEYS", "*"]).await;
        keys.into_iter()
            .filter(|key| key.rsplit_once("}:").is_some_and(|(_, id)| !id.contains(':')))
            .collect()
    }

    /// Waits until the health service says that the store answers.
    pub(crate) async fn until_it_serves(&self) {
        self.until_it_is(ServingStatus::Serving).await;
    }

    pub(crate) async fn until_it_is(&self, wanted: ServingStatus) {
        let mut client = HealthClient::new(self.channel().await);
        let mut seen = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
        let watched =
            async { while seen.message().await.unwrap().expect("the watch continues").status() != wanted {} };
        timeout(Duration::from_secs(60), watched).await.expect("it gets this status");
    }

    /// A caller who presents a token of this user, restricted to a scope unless that is empty.
    pub(crate) async fn caller(&self, user: &str, scope: &str) -> Caller {
        let scope = if scope.is_empty() { String::new() } else { format!("-s {scope}") };
        let token = self.cli.issue(user, &format!("-a 10m {scope}")).await;
        self.presenting(&format!("Bearer {token}")).await
    }

    /// A caller with this in the metadata; without metadata if it is empty.
    pub(crate) async fn presenting(&self, authorization: &str) -> Caller {
        let presents = (!authorization.is_empty()).then(|| authorization.parse().unwrap());
        Caller(TokenServiceClient::with_interceptor(self.channel().await, Presents(presents)))
    }

    pub(crate) async fn unauthenticated_client(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel().await)
    }

    /// Sends a check as Envoy does.
    pub(crate) async fn check(&self, asked: Asked) -> Result<Answer, Status> {
        let mut client = AuthorizationClient::new(self.channel().await);
        client.check(asked.request()).await.map(|answer| Answer(answer.into_inner()))
    }
}

/// A caller of `TokenService`.
pub(crate) struct Caller(pub(crate) TokenServiceClient<InterceptedService<Channel, Presents>>);

/// The metadata of each call.
pub(crate) struct Presents(Option<AsciiMetadataValue>);

impl Interceptor for Presents {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if let Some(authorization) = &self.0 {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        Ok(request)
    }
}

/// A client's request to Envoy, and the operator's requirement.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) path: &'static str,
    pub(crate) demands: Vec<(&'static str, String)>,
}

impl Asked {
    pub(crate) fn with(authorization: &str) -> Self {
        Self { headers: vec![("authorization", authorization.to_owned())], ..Self::default() }
    }

    pub(crate) fn demanding(mut self, name: &'static str, value: &str) -> Self {
        self.demands.push((name, value.to_owned()));
        self
    }

    /// Joins headers of one name with a comma, as Envoy does.
    fn request(self) -> CheckRequest {
        let mut headers = HashMap::<String, String>::new();
        for (name, value) in self.headers {
            let joined = headers.entry(name.to_owned());
            joined.and_modify(|before| *before += &format!(",{value}")).or_insert(value);
        }
        let demands = self.demands.into_iter().map(|(name, value)| (name.to_owned(), value));
        let http = HttpRequest { headers, path: self.path.to_owned(), header_map: None };
        let attributes = AttributeContext {
            request: Some(Request { http: Some(http) }),
            context_extensions: demands.collect(),
        };
        CheckRequest { attributes: Some(attributes) }
    }
}

/// The answer to Envoy.
#[derive(Debug)]
pub(crate) struct Answer(CheckResponse);

impl Answer {
    /// The status code of gRPC: 0 admits the request.
    pub(crate) fn code(&self) -> i32 {
        self.0.status.as_ref().expect("a status").code
    }

    pub(crate) fn ok(&self) -> &OkHttpResponse {
        match &self.0.http_response {
            Some(HttpResponse::OkResponse(ok)) if self.code() == 0 => ok,
            _ => panic!("not let through: {self:?}"),
        }
    }

    pub(crate) fn denied(&self) -> &DeniedHttpResponse {
        match &self.0.http_response {
            Some(HttpResponse::DeniedResponse(denied)) if self.code() != 0 => denied,
            _ => panic!("not denied: {self:?}"),
        }
    }

    /// The status that the client of Envoy gets.
    pub(crate) fn status(&self) -> i32 {
        self.denied().status.expect("an HTTP status").code
    }
}

/// The headers that Envoy forwards: those of the client, changed by the answer.
pub(crate) fn applied(client: &[(&str, &str)], options: &[HeaderValueOption]) -> Vec<(String, String)> {
    let mut headers: Vec<_> =
        client.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for option in options {
        let header = option.header.as_ref().expect("a header");
        if option.append_action() == HeaderAppendAction::OverwriteIfExistsOrAdd {
            headers.retain(|(name, _)| *name != header.key);
        }
        headers.push((header.key.clone(), header.value.clone()));
    }
    headers
}

/// The response of `/auth` to the same request: sorted headers, and the body.
pub(crate) async fn over_http(
    office: &Office,
    authorization: Option<&str>,
) -> (Vec<(String, String)>, String) {
    let authorization = authorization.map(|value| ("authorization", value));
    let answer = get(office.sidecar.port(), "/auth", authorization.as_slice()).await;
    let mut headers = answer.headers;
    headers.retain(|(name, _)| !["date", "connection", "content-length"].contains(&name.as_str()));
    headers.sort();
    (headers, answer.body)
}

/// The response of an HTTP server.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl HttpAnswer {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// Sends exactly these headers; a repeated one becomes two lines.
pub(crate) async fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> HttpAnswer {
    send(port, &format!("GET {path}"), headers, "").await
}

/// The same with a method and a body.
pub(crate) async fn send(port: u16, what: &str, headers: &[(&str, &str)], body: &str) -> HttpAnswer {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n{body}");
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let fields = head.lines().skip(1).map(|line| line.split_once(':').expect("a header"));
    let headers = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    HttpAnswer { status, headers, body: body.to_owned() }
}
