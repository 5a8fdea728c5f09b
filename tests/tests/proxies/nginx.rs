//! nginx with `auth_request`, in front of a WebDAV folder.

use token_tests::programs::{Cli, Daemon, NginxFolder};
use token_tests::servers::Standalone;

use crate::clients::{With, cadaver, curl};

/// A WebDAV folder behind nginx, with its sidecar and store.
struct Office {
    redis: Standalone,
    cli: Cli,
    _sidecar: Daemon,
    folder: NginxFolder,
}

impl Office {
    async fn open() -> Self {
        Self::demanding("").await
    }

    /// The same with a suffix on the URL that nginx requests.
    async fn demanding(query: &str) -> Self {
        let redis = Standalone::start().await;
        let cli = Cli::new(&redis.url());
        let sidecar = cli.serve(&[]).await;
        let folder = NginxFolder::asking(&format!("{}/auth{query}", sidecar.url())).await;
        Self { redis, cli, _sidecar: sidecar, folder }
    }

    fn file(&self, name: &str) -> String {
        format!("{}{name}", self.folder.url())
    }
}

#[tokio::test]
async fn curl_puts_lists_and_fetches_a_file_with_a_bearer_token() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let with = With::Bearer(&token);
    let put = curl(&office.file("note"), with, &["--request", "PUT", "--data", "hello"]).await;
    assert_eq!(put.status, 201, "{put:?} {}", office.folder.said());
    assert!(curl(&office.folder.url(), with, &[]).await.body.contains("note"));
    let got = curl(&office.file("note"), with, &[]).await;
    assert_eq!((got.status, got.body.as_str(), got.header("x-seen-user")), (200, "hello", Some("admin")));
}

#[tokio::test]
async fn cadaver_stores_and_fetches_a_file_with_a_token_as_password() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let home = office.cli.home();
    std::fs::write(home.join("note"), "hello from cadaver").unwrap();
    let script = "put note\nls\nget note fetched";
    let said = cadaver(home, &office.folder.url(), "admin", &token, script).await;
    assert!(said.contains("note"), "{said} {}", office.folder.said());
    assert_eq!(std::fs::read_to_string(home.join("fetched")).unwrap(), "hello from cadaver", "{said}");
}

#[tokio::test]
async fn a_request_without_a_valid_token_does_not_get_the_file() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let put =
        curl(&office.file("note"), With::Bearer(&token), &["--request", "PUT", "--data", "hello"]).await;
    assert_eq!(put.status, 201);
    let mut wrong = token.clone();
    wrong.pop();
    for with in [With::Nothing, With::Bearer(&wrong), With::Bearer("!"), With::Password("root", &token)] {
        let answer = curl(&office.file("note"), with, &[]).await;
        assert_eq!(answer.status, 401, "{with:?}");
        assert!(
            answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")),
            "{answer:?}"
        );
        assert!(!answer.body.contains("hello"));
    }
}

#[tokio::test]
async fn a_client_cannot_set_its_identity() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let forged = ["--header", "X-Token-User: root", "--header", "X-Seen-User: root"];
    let answer = curl(&office.folder.url(), With::Bearer(&token), &forged).await;
    assert_eq!((answer.status, answer.header("x-seen-user")), (200, Some("admin")));
}

#[tokio::test]
async fn a_location_requires_a_scope() {
    let scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
    let office = Office::demanding(&format!("?scope={scope}")).await;
    let inside = office.cli.issue("admin", &format!("-a 10m -s {scope}")).await;
    let outside = office.cli.issue("admin", &format!("-a 10m -s {}", scope.replace('6', "5"))).await;
    assert_eq!(curl(&office.folder.url(), With::Bearer(&inside), &[]).await.status, 200);
    assert_eq!(curl(&office.folder.url(), With::Bearer(&outside), &[]).await.status, 403);
}

#[tokio::test]
async fn the_next_request_after_a_revocation_is_refused() {
    let office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    assert_eq!(curl(&office.folder.url(), With::Bearer(&token), &[]).await.status, 200);
    assert_eq!(office.cli.run("revoke --stdin", &token).await.code, 0);
    assert_eq!(curl(&office.folder.url(), With::Bearer(&token), &[]).await.status, 401);
}

#[tokio::test]
async fn without_the_store_nginx_answers_500_and_never_the_file() {
    let mut office = Office::open().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let put =
        curl(&office.file("note"), With::Bearer(&token), &["--request", "PUT", "--data", "hello"]).await;
    assert_eq!(put.status, 201);
    office.redis.kill();
    for _ in 0..3 {
        let answer = curl(&office.file("note"), With::Bearer(&token), &[]).await;
        assert_eq!((answer.status, answer.body.contains("hello")), (500, false));
    }
}

/// nginx keeps a raw `#` in `$request_uri`, and appends the requirement after it.
#[tokio::test]
async fn a_number_sign_from_a_client_drops_no_requirement() {
    let scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let asked = format!("{}/auth$request_uri?scope={scope}", sidecar.url());
    let folder = NginxFolder::asking(&asked).await;
    let outside = cli.issue("admin", &format!("-a 10m -s {}", scope.replace('6', "5"))).await;
    let inside = cli.issue("admin", &format!("-a 10m -s {scope}")).await;
    let ask = async |target: &str, token: &str| {
        curl(&folder.url(), With::Bearer(token), &["--request-target", target]).await.status
    };
    assert_eq!(ask("/files/", &inside).await, 200, "{}", folder.said());
    assert_eq!(ask("/files/", &outside).await, 403);
    assert_eq!(ask("/files/#", &outside).await, 500, "the sidecar answers 400, which nginx turns into 500");
}
