//! HTTP and gRPC have the same policy.

use serde_json::json;
use token_server::grpc::proto::token::v1::issue_request::Access;
use token_server::grpc::proto::token::v1::revoke_request::What;
use token_server::grpc::proto::token::v1::{
    ConfirmRequest, FullAccess, IssueRequest, ListRequest, RevokeRequest, ValidateRequest,
};
use tonic::Code;

use crate::kit::{Caller, Office, send};

const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";

/// An operation that a caller tries.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Issue,
    List,
    RevokeAll,
    RevokeOne,
    RevokeText,
    Introspect,
}

/// Its outcome, independent of HTTP and gRPC.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// This many tokens were listed.
    Listed(usize),
    Forbidden,
    NotThere,
}

/// A caller and one operation, with a separate user, and one more token of that user and of another one.
struct Case<'a> {
    office: &'a Office,
    bearer: String,
    deed: Deed,
    /// The user whose tokens are affected.
    user: String,
    text: String,
    id: String,
}

impl<'a> Case<'a> {
    async fn new(office: &'a Office, caller: (&str, &str), deed: Deed, own: bool) -> Self {
        let (name, scope) = caller;
        let restricted = if scope.is_empty() { String::new() } else { format!("-s {scope}") };
        let bearer = format!("Bearer {}", office.cli.issue(name, &format!("-a 10m {restricted}")).await);
        let user = if own { name } else { "other" };
        let text = office.cli.issue(user, "-a 10m").await;
        let shown = office.cli.run("validate --peek --json", &text).await.json();
        let id = shown["id"].as_str().unwrap().to_owned();
        Self { office, bearer, deed, user: user.to_owned(), text, id }
    }

    async fn over_http(&self) -> Outcome {
        let (user, id, text) = (&self.user, &self.id, &self.text);
        let form = ("content-type", "application/x-www-form-urlencoded");
        let (what, kind, body) = match self.deed {
            Deed::Issue => {
                let body = json!({ "user": user, "auto": "10m" }).to_string();
                ("POST /v1/tokens".to_owned(), ("content-type", "application/json"), body)
            }
            Deed::List => (format!("GET /v1/tokens?user={user}"), form, String::new()),
            Deed::RevokeAll => (format!("DELETE /v1/tokens?user={user}"), form, String::new()),
            Deed::RevokeOne => (format!("DELETE /v1/tokens/{id}"), form, String::new()),
            Deed::RevokeText => ("POST /revoke".to_owned(), form, format!("token={text}")),
            Deed::Introspect => ("POST /introspect".to_owned(), form, format!("token={text}")),
        };
        let headers = [("authorization", self.bearer.as_str()), kind];
        let answer = send(self.office.sidecar.port(), &what, &headers, &body).await;
        match (answer.status, self.deed) {
            (200, Deed::List) => {
                let page: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
                Outcome::Listed(page["tokens"].as_array().unwrap().len())
            }
            (200, Deed::RevokeText) => self.whether_it_ended().await,
            (200 | 201, _) => Outcome::Done,
            (403, _) => Outcome::Forbidden,
            (404, _) => Outcome::NotThere,
            (status, deed) => panic!("{status} to {deed:?}: {answer:?}"),
        }
    }

    async fn over_grpc(&self) -> Outcome {
        let Caller(mut client) = self.office.presenting(&self.bearer).await;
        let (user, token) = (self.user.clone(), self.text.clone());
        let revoking = |what| RevokeRequest { what: Some(what), why: String::new() };
        let sliding_window = Some(prost_types::Duration { seconds: 600, nanos: 0 });
        let revoked = |ids: &[String]| if ids.is_empty() { Outcome::NotThere } else { Outcome::Done };
        let done = match self.deed {
            Deed::Issue => {
                let access = Some(Access::Full(FullAccess {}));
                let request = IssueRequest { user, access, sliding_window, ..IssueRequest::default() };
                client.issue(request).await.map(|_| Outcome::Done)
            }
            Deed::List => {
                let listed = client.list(ListRequest { user }).await;
                listed.map(|answer| Outcome::Listed(answer.into_inner().grants.len()))
            }
            Deed::RevokeAll => client.revoke(revoking(What::User(user))).await.map(|_| Outcome::Done),
            Deed::RevokeOne => {
                let answer = client.revoke(revoking(What::Id(self.id.clone()))).await;
                answer.map(|answer| revoked(&answer.into_inner().ids))
            }
            Deed::RevokeText => {
                let answer = client.revoke(revoking(What::Token(token))).await;
                answer.map(|answer| revoked(&answer.into_inner().ids))
            }
            Deed::Introspect => {
                let request = ValidateRequest { token, ..ValidateRequest::default() };
                client.validate(request).await.map(|_| Outcome::Done)
            }
        };
        done.unwrap_or_else(|status| {
            assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
            Outcome::Forbidden
        })
    }

    /// Whether the token was revoked, which `/revoke` does not say.
    async fn whether_it_ended(&self) -> Outcome {
        let ended = self.office.cli.run("validate --peek", &self.text).await.code == 1;
        if ended { Outcome::Done } else { Outcome::NotThere }
    }
}

#[tokio::test]
async fn the_same_callers_may_do_the_same_over_both() {
    let office = Office::open().await;
    let mut granted = 0;
    for caller in [("root", ""), ("root", FILE), ("files", ""), ("files", FILE), ("ann", ""), ("ann", FILE)] {
        for deed in
            [Deed::Issue, Deed::List, Deed::RevokeAll, Deed::RevokeOne, Deed::RevokeText, Deed::Introspect]
        {
            for own in [true, false] {
                // Each case starts without the tokens that another one has issued or revoked.
                let http = fresh(&office, caller, deed, own).await.over_http().await;
                let grpc = fresh(&office, caller, deed, own).await.over_grpc().await;
                assert_eq!(http, grpc, "{caller:?} {deed:?}, own: {own}");
                granted += usize::from(matches!(http, Outcome::Done | Outcome::Listed(_)));
            }
        }
    }
    assert!(granted > 20, "most operations are permitted to some caller: {granted}");
}

/// A case in a store without other tokens of these users.
async fn fresh<'a>(office: &'a Office, caller: (&str, &str), deed: Deed, own: bool) -> Case<'a> {
    for user in [caller.0, "other"] {
        assert_eq!(office.cli.run(&format!("revoke --user {user}"), "").await.code, 0);
    }
    Case::new(office, caller, deed, own).await
}

/// A refused call does not change the caller's token; an admitted one renews it.
#[tokio::test]
async fn a_refused_call_does_not_prolong_the_token() {
    let office = Office::open().await;
    let mut ann = office.caller("ann", "").await;
    let records = office.records().await;
    let [key] = &records[..] else { panic!("one token: {records:?}") };
    let ends = async || office.redis.command::<i64>(&["PEXPIRETIME", key]).await;
    let shortened = async || {
        let _: i64 = office.redis.command(&["PEXPIRE", key, "60000"]).await;
        ends().await
    };
    let before = shortened().await;
    let list = |user: &str| ListRequest { user: user.into() };
    let id = |id: &str| ConfirmRequest { id: id.into() };
    let validate = ValidateRequest { token: "x".into(), ..ValidateRequest::default() };
    assert_eq!(ann.0.list(list("bob")).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(ann.0.validate(validate).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(ann.0.revoke(RevokeRequest::default()).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(ann.0.confirm(id("x")).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(ann.0.issue(IssueRequest::default()).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(ends().await, before);
    ann.0.list(list("")).await.unwrap();
    assert!(ends().await > before, "an admitted call renews it");
}
