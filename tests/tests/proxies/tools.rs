//! Tools with a fixed user name or scheme behind nginx: git, pip, npm, and clients of GitHub.

use std::path::Path;
use std::process::Output;

use serde_json::json;
use token_tests::programs::{Cli, Daemon, NginxFolder, installed, program, script};
use token_tests::servers::Standalone;
use tokio::process::Command;

use crate::clients::{Answer, With, curl};

/// A folder that requires tokens.
struct Office {
    redis: Standalone,
    cli: Cli,
    _sidecar: Daemon,
    folder: NginxFolder,
}

impl Office {
    async fn accepting(arguments: &[&str]) -> Self {
        let redis = Standalone::start().await;
        let cli = Cli::new(&redis.url());
        let sidecar = cli.serve(arguments).await;
        let folder = NginxFolder::asking(&format!("{}/auth", sidecar.url())).await;
        Self { redis, cli, _sidecar: sidecar, folder }
    }

    /// The URL of the folder with a login in it.
    fn url(&self, user: &str, password: &str) -> String {
        self.folder.url().replace("http://", &format!("http://{user}:{password}@"))
    }

    async fn ask(&self, with: With<'_>) -> u16 {
        curl(&self.folder.url(), with, &[]).await.status
    }

    /// Sends this header; its secret is not passed on the command line.
    async fn ask_saying(&self, authorization: &str) -> Answer {
        let file = self.cli.home().join("header");
        std::fs::write(&file, format!("Authorization: {authorization}")).unwrap();
        curl(&self.folder.url(), With::Nothing, &["--header", &format!("@{}", file.display())]).await
    }

    /// The remaining TTL of the only record, after it was set to five minutes.
    async fn left_after(&self, uses: impl AsyncFnOnce()) -> i64 {
        let keys: Vec<String> = self.redis.command(&["KEYS", "*"]).await;
        let is_record = |key: &&String| key.rsplit_once("}:").is_some_and(|(_, id)| !id.contains(':'));
        let record = keys.iter().find(is_record).unwrap();
        self.redis.command::<()>(&["PEXPIRE", record, "300000"]).await;
        uses().await;
        self.redis.command(&["PTTL", record]).await
    }
}

async fn run(program: &Path, home: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(home).env("HOME", home).envs(variables.iter().copied());
    command.kill_on_drop(true).output().await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn git(home: &Path, arguments: &[&str]) -> Output {
    let own = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "x"),
        ("GIT_AUTHOR_EMAIL", "x@x"),
        ("GIT_COMMITTER_NAME", "x"),
        ("GIT_COMMITTER_EMAIL", "x@x"),
    ];
    let store = ["-c", "credential.helper=store"];
    run(&program("git", "git"), home, &[&store[..], arguments].concat(), &own).await
}

/// A repository in the folder, as files.
async fn publish(office: &Office) {
    let home = office.cli.home();
    let bare = office.folder.files().join("demo.git").display().to_string();
    for arguments in [
        &["init", "--quiet", "work"][..],
        &["-C", "work", "commit", "--quiet", "--allow-empty", "--message", "hello from git"],
        &["clone", "--quiet", "--bare", "work", &bare],
        &["-C", &bare, "update-server-info"],
    ] {
        let done = git(home, arguments).await;
        assert!(done.status.success(), "{arguments:?}: {}", said(&done));
    }
}

/// Clones with this login, and returns whether that succeeded, and the output of git.
async fn clone(office: &Office, user: &str, password: &str, into: &str) -> (bool, String) {
    let home = office.cli.home();
    std::fs::write(home.join(".git-credentials"), office.url(user, password)).unwrap();
    let done = git(home, &["clone", &format!("{}demo.git", office.folder.url()), into]).await;
    (done.status.success(), said(&done))
}

#[tokio::test]
async fn git_clones_with_a_user_name_that_means_any_user() {
    let office = Office::accepting(&["--any-user-name", "x-access-token; oauth2"]).await;
    publish(&office).await;
    let token = office.cli.issue("admin", "-a 10m").await;
    for user in ["x-access-token", "oauth2", "admin"] {
        let (cloned, said) = clone(&office, user, &token, user).await;
        assert!(cloned, "{user}: {said} {}", office.folder.said());
        let log = git(&office.cli.home().join(user), &["log", "--format=%s"]).await;
        assert_eq!(String::from_utf8_lossy(&log.stdout).trim(), "hello from git");
    }
}

#[tokio::test]
async fn a_user_name_that_is_not_listed_refuses_and_prolongs_nothing() {
    let office = Office::accepting(&["--any-user-name", "oauth2"]).await;
    publish(&office).await;
    let token = office.cli.issue("admin", "-a 10m").await;
    let refused = async || {
        for user in ["x-access-token", "root"] {
            let (cloned, said) = clone(&office, user, &token, "refused").await;
            assert!(!cloned && said.contains("uthentication failed"), "{user}: {said}");
        }
    };
    // It would be negative without a record or a TTL.
    let left = office.left_after(refused).await;
    assert!((1..=300_000).contains(&left), "{left}");
    let accepted = async || assert!(clone(&office, "oauth2", &token, "accepted").await.0);
    assert!(office.left_after(accepted).await > 300_000);
}

#[tokio::test]
async fn pip_installs_from_an_index_with_its_own_user_name() {
    let office = Office::accepting(&["--any-user-name", "__token__"]).await;
    let (home, python) = (office.cli.home(), installed("tools/bin/python"));
    let maker = script("make_wheel.py").display().to_string();
    let made = run(&python, home, &[&maker, &office.folder.files().display().to_string()], &[]).await;
    assert!(made.status.success(), "{}", said(&made));
    let token = office.cli.issue("admin", "-a 10m").await;
    for (user, installs) in [("__token__", true), ("root", false)] {
        let index = format!("{}simple/", office.url(user, &token));
        let variables =
            [("PIP_INDEX_URL", index.as_str()), ("PIP_CONFIG_FILE", "/dev/null"), ("PIP_NO_INPUT", "1")];
        let arguments = ["-m", "pip", "install", "--no-cache-dir", "--retries=0", "--target", user, "demo"];
        let done = run(&python, home, &arguments, &variables).await;
        assert_eq!(done.status.success(), installs, "{user}: {} {}", said(&done), office.folder.said());
        assert_eq!(home.join(user).join("demo.py").exists(), installs, "{user}");
    }
}

#[tokio::test]
async fn npm_reads_a_registry_with_a_token_as_bearer_and_as_password() {
    let office = Office::accepting(&["--any-user-name", "npm"]).await;
    let package = json!({
        "name": "demo",
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": { "name": "demo", "version": "1.0.0", "dist": { "tarball": "x", "shasum": "x" } } },
    });
    std::fs::write(office.folder.files().join("demo"), package.to_string()).unwrap();
    let home = office.cli.home();
    let token = office.cli.issue("admin", "-a 10m").await;
    let registry = office.folder.url();
    let host = registry.trim_start_matches("http:");
    for (login, reads) in [
        (format!("{host}:_authToken={token}"), true),
        (format!("{host}:_auth={}", base64(&format!("npm:{token}"))), true),
        (format!("{host}:_auth={}", base64(&format!("root:{token}"))), false),
        (format!("{host}:_authToken=tok_x"), false),
    ] {
        std::fs::write(home.join(".npmrc"), format!("registry={registry}\n{login}\n")).unwrap();
        let arguments = ["view", "demo", "version", "--fetch-retries=0"];
        let done = run(&installed("tools/bin/npm"), home, &arguments, &[]).await;
        assert_eq!(done.status.success(), reads, "{}", said(&done));
        assert_eq!(String::from_utf8_lossy(&done.stdout).trim() == "1.0.0", reads, "{}", said(&done));
    }
}

#[tokio::test]
async fn a_token_as_user_name_or_own_scheme_works_only_if_accepted() {
    let both = Office::accepting(&["--accept", "token-as-user-name; token-scheme"]).await;
    let none = Office::accepting(&["--any-user-name", "oauth2"]).await;
    for (office, status) in [(both, 200), (none, 401)] {
        let token = office.cli.issue("admin", "-a 10m").await;
        assert_eq!(office.ask(With::Password(&token, "")).await, status);
        assert_eq!(office.ask(With::Password(&token, "x-oauth-basic")).await, status);
        let answer = office.ask_saying(&format!("token {token}")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(office.ask(With::Password("admin", &token)).await, 200);
        assert_eq!(office.ask(With::Password("root", &token)).await, 401);
        assert_eq!(office.ask(With::Password("tok_x", "")).await, 401);
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
