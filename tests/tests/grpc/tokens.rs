//! The service `token.v1.TokenService`.

use prost_types::Duration;
use token_core::spi::layout::KEY_VERSION;
use token_server::grpc::proto::token::v1::issue_request::Access;
use token_server::grpc::proto::token::v1::revoke_request::What;
use token_server::grpc::proto::token::v1::validate_response::Verdict;
use token_server::grpc::proto::token::v1::{
    ConfirmRequest, FullAccess, Inactive, IssueRequest, IssueResponse, ListRequest, Need, NotPermitted,
    RevokeRequest, Scopes, ValidateRequest,
};
use tonic::{Code, Status};

use crate::kit::{Caller, Office};

const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
const FOLDER: &str = "00000000-0000-0000-0000-000000000007";

fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

fn restricted(scopes: &[&str]) -> Option<Access> {
    Some(Access::Restricted(Scopes { scopes: scopes.iter().map(|&scope| scope.to_owned()).collect() }))
}

/// A request for a token of `admin` that slides by ten minutes and is capped at a day.
fn request(access: Option<Access>) -> IssueRequest {
    let (sliding_window, expire) = (seconds(600), seconds(86_400));
    IssueRequest {
        user: "admin".into(),
        access,
        sliding_window,
        expire,
        label: "nightly".into(),
        ..IssueRequest::default()
    }
}

fn full() -> Option<Access> {
    Some(Access::Full(FullAccess {}))
}

impl Caller {
    async fn issue(&mut self, request: IssueRequest) -> Result<IssueResponse, Status> {
        self.0.issue(request).await.map(tonic::Response::into_inner)
    }

    async fn validate(&mut self, request: ValidateRequest) -> Result<Verdict, Status> {
        let answer = self.0.validate(request).await?.into_inner();
        Ok(answer.verdict.expect("a verdict"))
    }

    async fn is_active(&mut self, token: &str) -> bool {
        let request = ValidateRequest { token: token.to_owned(), ..ValidateRequest::default() };
        matches!(self.validate(request).await.unwrap(), Verdict::Active(_))
    }

    /// Revokes, and returns the revoked ids.
    async fn revoke(&mut self, what: What) -> Result<Vec<String>, Status> {
        let request = RevokeRequest { what: Some(what), why: "lost".into() };
        self.0.revoke(request).await.map(|answer| answer.into_inner().ids)
    }

    /// The ids of a user's tokens; of the caller's tokens if the name is empty.
    async fn list(&mut self, user: &str) -> Result<Vec<String>, Status> {
        let answer = self.0.list(ListRequest { user: user.to_owned() }).await?.into_inner();
        Ok(answer.grants.into_iter().map(|grant| grant.id).collect())
    }
}

#[tokio::test]
async fn an_administrator_issues_a_token_that_the_command_knows() {
    let office = Office::open().await;
    let mut root = office.caller("root", "").await;
    let issued = root.issue(request(restricted(&[FILE]))).await.unwrap();
    assert!(issued.confirmation.unwrap().confirmed);
    let grant = issued.grant.unwrap();
    let shown = office.cli.run("validate --peek --json", &issued.token).await.json();
    assert_eq!(
        (&shown["id"], &shown["user"], &shown["scopes"][0], &shown["label"], &shown["issuer"]),
        (&grant.id.into(), &"admin".into(), &FILE.into(), &"nightly".into(), &"root".into()),
        "{shown}"
    );
    assert_eq!(shown["sliding_window_seconds"], 600);
    let (issued_at, max) = (grant.issued_at.unwrap().seconds, grant.max_expires_at.unwrap().seconds);
    assert_eq!(max - issued_at, 86_400);
}

#[tokio::test]
async fn a_token_without_access_or_lifetime_is_not_issued() {
    let office = Office::open().await;
    let mut root = office.caller("root", "").await;
    let none = IssueRequest { sliding_window: None, expire: None, ..request(full()) };
    let window = |window, expire| IssueRequest { sliding_window: window, expire, ..request(full()) };
    for (wrong, field) in [
        (request(None), "access"),
        (request(restricted(&[])), "restricted"),
        (request(restricted(&["everything"])), "restricted"),
        (none, "expire"),
        (window(seconds(86_400), seconds(600)), "expire"),
        (window(seconds(0), None), "sliding_window"),
        (window(seconds(-1), None), "sliding_window"),
        (window(None, seconds(i64::MAX)), "expire"),
        (window(None, Some(Duration { seconds: i64::MIN, nanos: i32::MIN })), "expire"),
        (IssueRequest { user: String::new(), ..request(full()) }, "user"),
        (IssueRequest { label: "a\nb".into(), ..request(full()) }, "label"),
    ] {
        let status = root.issue(wrong.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{wrong:?}");
        assert!(status.message().starts_with(field), "{status:?}");
    }
    assert_eq!(root.list("admin").await.unwrap().len(), 0);
}

#[tokio::test]
async fn holders_issue_for_themselves_within_the_presented_token() {
    let office = Office::open().await;
    let mut admin = office.caller("admin", "").await;
    let longer = IssueRequest { sliding_window: None, ..request(full()) };
    let child = admin.issue(longer).await.unwrap();
    let grant = child.grant.unwrap();
    assert_eq!((grant.issuer.as_str(), grant.sliding_window), ("admin", seconds(600)), "its parent's window");
    assert!(child.shortened);
    let within = admin.issue(request(full())).await.unwrap();
    assert!(!within.shortened);
    assert_eq!(office.cli.run("validate -u admin", &within.token).await.code, 0);
}

#[tokio::test]
async fn an_administrators_token_does_not_limit_its_children() {
    let office = Office::open().await;
    let mut root = office.caller("root", "").await;
    let longer = IssueRequest { sliding_window: None, ..request(full()) };
    let issued = root.issue(longer).await.unwrap();
    assert_eq!((issued.shortened, issued.grant.unwrap().sliding_window), (false, None));
}

#[tokio::test]
async fn holders_issue_only_for_themselves_and_never_if_restricted() {
    let office = Office::open().await;
    for (user, arguments) in [("files", ""), ("root", FILE), ("admin", FILE)] {
        let mut caller = office.caller(user, arguments).await;
        let status = caller.issue(request(full())).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{user} {arguments}");
    }
}

#[tokio::test]
async fn a_call_without_a_live_token_is_refused() {
    let office = Office::open().await;
    for authorization in ["", "Bearer tok_nobody", "Digest x"] {
        let status = office.presenting(authorization).await.list("").await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{authorization}");
    }
    assert_eq!(office.presenting("Bearer").await.list("").await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn only_introspectors_and_administrators_may_validate() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    for user in ["files", "root"] {
        assert!(office.caller(user, "").await.is_active(&token).await, "{user}");
    }
    let request = ValidateRequest { token, ..ValidateRequest::default() };
    for (user, scope) in [("admin", ""), ("files", FILE)] {
        let status = office.caller(user, scope).await.validate(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{user} {scope}");
    }
}

#[tokio::test]
async fn a_validation_may_require_a_user_and_permissions() {
    let office = Office::open().await;
    let mut files = office.caller("files", "").await;
    let token = office.cli.issue("admin", &format!("-a 10m -s node:{FOLDER}:r")).await;
    let inactive = Verdict::Inactive(Inactive {});
    let of =
        |user: &str| ValidateRequest { user: Some(user.into()), token: token.clone(), ..Default::default() };
    assert!(matches!(files.validate(of("admin")).await, Ok(Verdict::Active(_))));
    assert_eq!(files.validate(of("root")).await.unwrap(), inactive);
    assert_eq!(
        files.validate(of("")).await.unwrap_err().code(),
        Code::InvalidArgument,
        "empty is not nobody"
    );

    let needing = |scope: &str, ancestors: Vec<String>| {
        let needs = vec![Need { scope: scope.into(), ancestors }];
        ValidateRequest { token: token.clone(), needs, ..ValidateRequest::default() }
    };
    let missing = Verdict::NotPermitted(NotPermitted { missing_scope: FILE.into() });
    assert_eq!(files.validate(needing(FILE, vec![])).await.unwrap(), missing);
    let inside = files.validate(needing(FILE, vec![FOLDER.into()])).await.unwrap();
    assert!(matches!(inside, Verdict::Active(_)));
    for wrong in [needing("", vec![]), needing(FILE, vec!["7".into()])] {
        assert_eq!(files.validate(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_peek_over_grpc_renews_nothing() {
    let office = Office::open().await;
    let mut files = office.caller("files", "").await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let id = office.cli.run("validate --peek --json", &token).await.json()["id"].clone();
    let records = office.records().await;
    // In a key, the partition of the id comes first, in braces.
    let digits = id.as_str().unwrap().split_at(2).1;
    let record = records.iter().find(|key| key.ends_with(digits)).unwrap();
    office.redis.command::<()>(&["PEXPIRE", record, "300000"]).await;
    for (peek, renewed) in [(true, false), (false, true)] {
        let request = ValidateRequest { token: token.clone(), peek, ..ValidateRequest::default() };
        assert!(matches!(files.validate(request).await.unwrap(), Verdict::Active(_)));
        assert_eq!(office.redis.command::<i64>(&["PTTL", record]).await > 300_000, renewed, "peek {peek}");
    }
}

#[tokio::test]
async fn a_text_that_is_no_token_is_inactive() {
    let office = Office::open().await;
    let mut files = office.caller("files", "").await;
    for token in ["garbage", "tok_"] {
        assert!(!files.is_active(token).await, "{token:?}");
    }
}

#[tokio::test]
async fn a_holder_lists_and_revokes_their_own_tokens() {
    let office = Office::open().await;
    let mut admin = office.caller("admin", "").await;
    let [first, second, third] = [
        office.cli.issue("admin", "-a 10m").await,
        office.cli.issue("admin", "-a 10m").await,
        office.cli.issue("admin", "-a 10m").await,
    ];
    let mut files = office.caller("files", "").await;
    let ids = admin.list("").await.unwrap();
    assert_eq!((ids.len(), &ids), (4, &admin.list("admin").await.unwrap()));
    let by_id = What::Id(ids.get(1).unwrap().clone());
    assert_eq!(admin.revoke(by_id.clone()).await.unwrap(), ids[1..2]);
    assert_eq!(admin.revoke(by_id).await.unwrap(), ids[1..2], "a repeat is no error");
    assert!(!files.is_active(&first).await);
    assert_eq!(admin.revoke(What::Token(second.clone())).await.unwrap(), ids[2..3]);
    assert!(!files.is_active(&second).await);
    assert_eq!(admin.revoke(What::User("admin".into())).await.unwrap().len(), 2);
    assert!(!files.is_active(&third).await);
    assert_eq!(
        admin.list("").await.unwrap_err().code(),
        Code::Unauthenticated,
        "the caller's own token is gone, too"
    );
}

#[tokio::test]
async fn a_holder_revokes_tokens_of_others_only_by_their_text() {
    let office = Office::open().await;
    let mut admin = office.caller("admin", "").await;
    let mut root = office.caller("root", "").await;
    let other = office.cli.issue("other", "-a 10m").await;
    let id = root.list("other").await.unwrap().remove(0);
    assert_eq!(admin.list("other").await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(admin.revoke(What::User("other".into())).await.unwrap_err().code(), Code::PermissionDenied);
    // The same answer as for a token that never existed.
    assert!(admin.revoke(What::Id(id.clone())).await.unwrap().is_empty());
    assert!(root.is_active(&other).await);
    // Anyone who has the text may revoke the token (RFC 7009).
    assert_eq!(admin.revoke(What::Token(other.clone())).await.unwrap(), [id]);
    assert!(!root.is_active(&other).await);
}

#[tokio::test]
async fn a_restricted_token_can_list_and_revoke_only_itself() {
    let office = Office::open().await;
    let sibling = office.cli.issue("admin", "-a 10m").await;
    let mut admin = office.caller("admin", FILE).await;
    let everything = What::User("admin".into());
    assert_eq!(admin.revoke(everything).await.unwrap_err().code(), Code::PermissionDenied);
    let ids = office.caller("root", "").await.list("admin").await.unwrap();
    let own = admin.list("").await.unwrap();
    assert_eq!((ids.len(), own.len()), (2, 1));
    for id in ids.into_iter().filter(|id| !own.contains(id)) {
        assert!(admin.revoke(What::Id(id)).await.unwrap().is_empty(), "it cannot see its sibling");
    }
    assert_eq!(office.cli.run("validate --peek", &sibling).await.code, 0);
    assert_eq!(admin.revoke(What::Id(own[0].clone())).await.unwrap(), own);
    assert_eq!(admin.list("").await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn an_administrator_revokes_any_token_and_by_and_why_are_kept() {
    let office = Office::open().await;
    let mut root = office.caller("root", "").await;
    let token = office.cli.issue("other", "-a 10m").await;
    let id = root.revoke(What::Token(token.clone())).await.unwrap().remove(0);
    assert!(!root.is_active(&token).await);
    let shown = office.cli.run(&format!("show {id} --json"), "").await.json().to_string();
    assert!(shown.contains("\"root\"") && shown.contains("\"lost\""), "{shown}");
    let nobody = root.revoke(What::Token("garbage".into())).await.unwrap();
    assert!(nobody.is_empty(), "there is nothing to revoke");
    let wrong = root.revoke(What::Id(token)).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument, "a token is not its id");
    let nothing = root.0.revoke(RevokeRequest::default()).await.unwrap_err();
    assert_eq!(nothing.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn without_the_store_calls_are_unavailable_and_the_log_says_why() {
    let mut office = Office::open().await;
    let mut root = office.caller("root", "").await;
    office.redis.kill();
    let status = root.list("").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(!status.message().contains("refused"), "{status:?}");
    let cause = office.sidecar.until_it_says("could not be validated").await;
    cause.unwrap_or_else(|why| panic!("{why}: {}", office.sidecar.said()));
}

#[tokio::test]
async fn a_repeat_with_an_idempotency_key_issues_no_second_token() {
    let office = Office::open().await;
    let mut root = office.caller("root", "").await;
    let asked = IssueRequest { idempotency_key: "8e03978e-40d5".into(), ..request(full()) };
    let first = root.issue(asked.clone()).await.unwrap();
    assert!(!first.token.is_empty() && first.repeated.is_none());
    let id = first.grant.as_ref().unwrap().id.clone();
    let again = root.issue(asked.clone()).await.unwrap();
    let repeated = again.repeated.as_ref().unwrap();
    assert_eq!((again.token.as_str(), &repeated.id, repeated.state.as_str()), ("", &id, "live"));
    assert_eq!(again.grant, first.grant);

    for wrong in [
        IssueRequest { label: "other".into(), ..asked.clone() },
        IssueRequest { idempotency_key: "ä".into(), ..asked.clone() },
    ] {
        assert_eq!(root.issue(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
    root.revoke(What::Id(id.clone())).await.unwrap();
    let revoked = root.issue(asked).await.unwrap();
    assert_eq!((revoked.grant, revoked.repeated.unwrap().state.as_str()), (None, "revoked"));
    assert_eq!(root.list("admin").await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_no_other_token() {
    let office = Office::open().await;
    let mut root = office.caller("root", "").await;
    let [good, bad] =
        [root.issue(request(full())).await.unwrap(), root.issue(request(full())).await.unwrap()];
    let [good, bad] = [good, bad].map(|issued| issued.grant.unwrap().id);
    let key = format!("tok:{{{}}}:{}", &bad[..2], &bad[2..]);
    office.redis.command::<()>(&["SETRANGE", &key, &KEY_VERSION.to_string(), "2"]).await;
    let answer = root.0.list(ListRequest { user: "admin".into() }).await.unwrap().into_inner();
    assert_eq!(answer.grants.iter().map(|grant| &grant.id).collect::<Vec<_>>(), [&good]);
    let [row] = answer.unreadable.as_slice() else { panic!("one row, not {:?}", answer.unreadable) };
    assert_eq!((&row.id, row.why.as_str()), (&bad, "missing_key"));
    assert!(row.message.contains("give this node the key file"), "{row:?}");
}

#[tokio::test]
async fn a_change_is_confirmed_again_and_says_why_it_is_not() {
    let office = Office::open_with(&["--confirm", "disk"]).await;
    let mut root = office.caller("root", "").await;
    let made = root.issue(request(full())).await.unwrap();
    let (id, first) = (made.grant.unwrap().id, made.confirmation.unwrap());
    // The server has no append-only file; a server before 7.2 cannot report that.
    assert!(!first.confirmed && ["appendonly_no", "no_waitaof"].contains(&&*first.reason), "{first:?}");
    let confirm = |id: &str| ConfirmRequest { id: id.to_owned() };
    let again = root.0.confirm(confirm(&id)).await.unwrap().into_inner();
    assert_eq!((again.id, again.state, again.confirmation.unwrap()), (id.clone(), "live".into(), first));
    root.revoke(What::Id(id.clone())).await.unwrap();
    assert_eq!(root.0.confirm(confirm(&id)).await.unwrap().into_inner().state, "revoked");
    let mut bob = office.caller("bob", "").await;
    assert_eq!(bob.0.confirm(confirm(&id)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_token_with_anything_around_it_is_an_invalid_argument() {
    let office = Office::open().await;
    let (mut admin, mut files) = (office.caller("admin", "").await, office.caller("files", "").await);
    let token = office.cli.issue("admin", "-a 10m").await;
    for around in [
        format!("{token}\n"),
        format!("Bearer {token}"),
        format!("\"{token}\""),
        String::new(),
        "\0".into(),
        "tok_\u{ad}x".into(),
    ] {
        let revoked = admin.revoke(What::Token(around.clone())).await.unwrap_err();
        let request = ValidateRequest { token: around, ..ValidateRequest::default() };
        let validated = files.validate(request).await.unwrap_err();
        for status in [revoked, validated] {
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(!status.message().contains(&token), "{status}");
        }
    }
    let key = IssueRequest { idempotency_key: format!("x{token}"), ..request(full()) };
    assert_eq!(admin.issue(key).await.unwrap_err().code(), Code::InvalidArgument);
    assert!(files.is_active(&token).await);
}
