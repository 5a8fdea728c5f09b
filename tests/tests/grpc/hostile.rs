//! Hostile input: every call gets a clean status, without a panic and without a secret in the log.

use bytes::{Buf, BufMut, Bytes};
use token_server::grpc::proto::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use token_server::grpc::proto::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use token_server::grpc::proto::token::v1::issue_request::Access;
use token_server::grpc::proto::token::v1::revoke_request::What;
use token_server::grpc::proto::token::v1::{
    FullAccess, IssueRequest, ListRequest, RevokeRequest, ValidateRequest,
};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataValue, BinaryMetadataValue};
use tonic::{Code, Request, Status};

use crate::kit::{Asked, Office};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const VALIDATE: &str = "/token.v1.TokenService/Validate";

impl Office {
    /// Sends bytes as a message.
    async fn send(&self, method: &'static str, authorization: &str, bytes: Vec<u8>) -> Result<Bytes, Status> {
        let mut client = tonic::client::Grpc::new(self.channel().await);
        client.ready().await.unwrap();
        let mut request = Request::new(Bytes::from(bytes));
        request.metadata_mut().insert("authorization", authorization.parse().unwrap());
        let path = http::uri::PathAndQuery::from_static(method);
        client.unary(request, path, RawBytes).await.map(tonic::Response::into_inner)
    }

    /// Asserts that it still answers, and that nothing has panicked.
    async fn is_well(&self) {
        assert_eq!(self.check(Asked::default()).await.unwrap().status(), 401);
        assert!(!self.sidecar.said().contains("panicked"), "{}", self.sidecar.said());
    }
}

#[tokio::test]
async fn an_empty_check_is_refused_like_one_without_credentials() {
    let office = Office::open().await;
    let mut client = AuthorizationClient::new(office.channel().await);
    for attributes in [None, Some(AttributeContext::default())] {
        let answer = client.check(CheckRequest { attributes }).await.unwrap().into_inner();
        assert_eq!(answer.status.unwrap().code, Code::Unauthenticated as i32);
    }
}

#[tokio::test]
async fn two_credentials_are_refused() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    assert_eq!(office.check(Asked::with(&bearer)).await.unwrap().code(), 0, "one credential is admitted");
    for other in [bearer.as_str(), "Basic eDp5", "Digest x", "", "x"] {
        for pair in [[bearer.as_str(), other], [other, bearer.as_str()]] {
            let headers = pair.map(|value| ("authorization", value.to_owned())).to_vec();
            let answer = office.check(Asked { headers, ..Asked::default() }).await.unwrap();
            assert_eq!(answer.status(), 401, "{other}");
        }
        let headers = vec![("authorization", bearer.clone()), ("Authorization", other.to_owned())];
        let answer = office.check(Asked { headers, ..Asked::default() }).await.unwrap();
        assert_eq!(answer.status(), 401, "{other}");
    }
}

#[tokio::test]
async fn the_uri_of_a_proxied_request_belongs_to_the_service() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    for path in [
        "/a?access_token=x",
        "/?b=c&access_token=",
        "?%61ccess_token=x",
        "/?access_token=a&access_token=b",
        "/?scope=openid&ancestor=7",
        "",
        "*",
        "/a b?c=<d>&e=%zz",
        "\u{1}",
        "//[?",
        "example.org:443",
    ] {
        let answer = office.check(Asked { path, ..Asked::with(&bearer) }).await.unwrap();
        assert_eq!(answer.code(), 0, "{path:?} is not ours to judge");
        assert_eq!(office.check(Asked { path, ..Asked::default() }).await.unwrap().status(), 401, "{path:?}");
    }
}

#[tokio::test]
async fn headers_of_any_kind_are_answered() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.cli.issue("admin", "-a 10m").await);
    let long = "x".repeat(200_000);
    for value in ["\0", "a\r\nb: c", "Zoë", "Bearer \u{7f}", "Bearer  ", long.as_str()] {
        assert_eq!(office.check(Asked::with(value)).await.unwrap().status(), 401);
        let mut asked = Asked::with(&bearer);
        asked.headers.push(("x-other", value.to_owned()));
        assert_eq!(office.check(asked).await.unwrap().code(), 0, "other headers are ignored");
    }
    let mut asked = Asked::with(&bearer);
    asked.headers.push(("x-token-needs", "\0".into()));
    assert_eq!(office.check(asked).await.unwrap().status(), 401, "a requirement that cannot be parsed");
    office.is_well().await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused() {
    let office = Office::open().await;
    let root = format!("Bearer {}", office.cli.issue("root", "-a 10m").await);
    // A field of another type, a truncated one, one without an end, and a text that is not UTF-8.
    for bytes in [vec![0x08, 0x01], vec![0x0a, 0xff, 0x01], vec![0xff; 20], vec![0x0a, 0x02, 0xc3, 0x28]] {
        for method in [CHECK, VALIDATE] {
            let status = office.send(method, &root, bytes.clone()).await.unwrap_err();
            assert!(matches!(status.code(), Code::Internal | Code::InvalidArgument), "{method}: {status:?}");
        }
    }
    office.is_well().await;
}

#[tokio::test]
async fn a_deeply_nested_message_is_refused() {
    let office = Office::open().await;
    let root = format!("Bearer {}", office.cli.issue("root", "-a 10m").await);
    let groups = vec![0x7b; 60_000];
    for method in [CHECK, VALIDATE] {
        let status = office.send(method, &root, groups.clone()).await.unwrap_err();
        assert!(matches!(status.code(), Code::Internal | Code::InvalidArgument), "{method}: {status:?}");
    }
    office.is_well().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused() {
    let office = Office::open().await;
    let root = format!("Bearer {}", office.cli.issue("root", "-a 10m").await);
    for (method, size) in [(CHECK, 1024 * 1024 + 1), (VALIDATE, 64 * 1024 + 1)] {
        let status = office.send(method, &root, vec![0; size]).await.unwrap_err();
        assert_eq!(status.code(), Code::OutOfRange, "{method}: {status:?}");
    }
    office.is_well().await;
}

#[tokio::test]
async fn metadata_of_any_kind_is_answered() {
    let office = Office::open().await;
    let huge = "x".repeat(100_000);
    let values = [
        AsciiMetadataValue::try_from(b"Bearer \xff\xfe".as_slice()),
        AsciiMetadataValue::try_from(b"Basic \xff".as_slice()),
        AsciiMetadataValue::try_from(huge.as_bytes()),
    ];
    for value in values {
        let mut request = Request::new(ListRequest::default());
        request.metadata_mut().insert("authorization", value.unwrap());
        request.metadata_mut().insert_bin("x-bin", BinaryMetadataValue::from_bytes(&[0, 255]));
        request.metadata_mut().insert("grpc-timeout", "99999999999S".parse().unwrap());
        office.unauthenticated_client().await.list(request).await.unwrap_err();
    }
    let twice = office.cli.issue("root", "-a 10m").await;
    let mut request = Request::new(ListRequest::default());
    for _ in 0..2 {
        request.metadata_mut().append("authorization", format!("Bearer {twice}").parse().unwrap());
    }
    let status = office.unauthenticated_client().await.list(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "two credentials");
    office.is_well().await;
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let office = Office::open().await;
    for method in
        ["/token.v1.TokenService/Steal", "/no.such.Service/Call", "/envoy.service.auth.v3.Authorization/"]
    {
        let status = office.send(method, "Bearer x", Vec::new()).await.unwrap_err();
        assert!(matches!(status.code(), Code::Unimplemented | Code::Unauthenticated), "{method}: {status:?}");
    }
}

/// Makes every call that carries a secret, with the most detailed log.
#[tokio::test]
async fn no_secret_is_in_the_log() {
    let office = Office::open_with_log("trace").await;
    let root = office.cli.issue("root", "-a 10m").await;
    let mut caller = office.presenting(&format!("Bearer {root}")).await;
    let request = IssueRequest {
        user: "admin".into(),
        access: Some(Access::Full(FullAccess {})),
        expire: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
        ..IssueRequest::default()
    };
    let token = caller.0.issue(request).await.unwrap().into_inner().token;
    let request = ValidateRequest { token: token.clone(), ..ValidateRequest::default() };
    let _ = caller.0.validate(request).await.unwrap();
    assert_eq!(office.check(Asked::with(&format!("Bearer {token}"))).await.unwrap().code(), 0);
    let what = Some(What::Token(token.clone()));
    let _ = caller.0.revoke(RevokeRequest { what, why: String::new() }).await.unwrap();
    assert_eq!(office.check(Asked::with(&format!("Bearer {token}"))).await.unwrap().status(), 401);
    let said = office.sidecar.all_it_said().await;
    assert!(said.contains("TRACE"), "it logs everything: {said}");
    for secret in [root, token] {
        // The random part alone must not appear either.
        assert!(!said.contains(&secret[8..40]), "{said}");
    }
}

/// Messages of arbitrary bytes.
#[derive(Default)]
struct RawBytes;

impl Codec for RawBytes {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawBytes {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for RawBytes {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
