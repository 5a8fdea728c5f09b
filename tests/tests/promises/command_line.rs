//! The command on a server and on a cluster.

use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use token_tests::command::binary;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::kit::{Deployment, KEY_FILE};

/// The command, with a store, a key file and a home of its own.
pub(crate) struct Cli {
    home: TempDir,
    store: Option<String>,
    clock: Option<&'static str>,
    log: Option<&'static str>,
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}{}", self.stdout, self.stderr))
    }
}

impl Cli {
    pub(crate) fn new(store: &str) -> Self {
        Self { store: Some(store.to_owned()), ..Self::embedded() }
    }

    /// On the embedded store.
    pub(crate) fn embedded() -> Self {
        let home = TempDir::new().unwrap();
        std::fs::write(home.path().join("keys"), KEY_FILE).unwrap();
        Self { home, store: None, clock: None, log: None }
    }

    /// With a clock that is off by as much as `faketime` takes, like `+1h`.
    pub(crate) fn with_clock(self, offset: &'static str) -> Self {
        Self { clock: Some(offset), ..self }
    }

    /// With a log of this level.
    pub(crate) fn with_log(self, level: &'static str) -> Self {
        Self { log: Some(level), ..self }
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    pub(crate) async fn run(&self, arguments: &str, stdin: &str) -> Ran {
        let mut command = match self.clock {
            None => Command::new(binary()),
            Some(offset) => {
                let mut command = Command::new("faketime");
                command.args(["-f", offset]).arg(binary());
                command
            }
        };
        command.args(arguments.split_whitespace()).env("HOME", self.home.path()).env_remove("XDG_DATA_HOME");
        if let Some(store) = &self.store {
            command.env("TOKEN_STORE", store).env("TOKEN_KEY_FILE", self.home.path().join("keys"));
        }
        if let Some(level) = self.log {
            command.env("TOKEN_LOG", level).env("RUST_BACKTRACE", "full");
        }
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.expect("the command runs (and faketime, which scripts/test.sh installs)");
        // A command that refuses its arguments does not read: the pipe may be closed.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes()).await;
        let Output { status, stdout, stderr } = child.wait_with_output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }
}

async fn the_main_job_works(deployment: &Deployment) {
    let cli = Cli::new(&deployment.url());
    let token = cli.run("user token -u admin -a 10m -e 1h --json -l ci", "").await.json();
    let (text, id) = (token["token"].as_str().unwrap(), token["id"].as_str().unwrap());
    let other = cli.run("user token -u admin -e 24h -q", "").await.stdout;

    assert_eq!(cli.run("validate -u admin", text).await.code, 0);
    assert_eq!(cli.run("validate -u root", text).await.code, 1);
    assert_eq!(cli.run("list -u admin --json", "").await.json().as_array().unwrap().len(), 2);
    assert_eq!(cli.run(&format!("show {id}"), "").await.code, 0);

    assert_eq!(cli.run(&format!("revoke {id} --why test"), "").await.code, 0);
    assert_eq!(cli.run("validate", text).await.code, 1);
    let shown = cli.run(&format!("show {id} --json"), "").await;
    assert_eq!(
        (shown.code, &shown.json()["why"], &shown.json()["user"]),
        (1, &"test".into(), &"admin".into())
    );

    assert_eq!(cli.run("revoke --user admin", "").await.code, 0);
    assert_eq!(cli.run("validate", &other).await.code, 1);
    assert_eq!(cli.run("prune", "").await.code, 0);
}

#[tokio::test]
async fn the_main_job_works_on_a_server() {
    the_main_job_works(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn the_main_job_works_on_a_cluster() {
    the_main_job_works(&Deployment::cluster().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_at_once_share_a_fresh_embedded_store() {
    let cli = std::sync::Arc::new(Cli::embedded());
    let mut commands = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let cli = cli.clone();
        commands.spawn(async move { cli.run("issue -u admin -a 10m -q", "").await });
    }
    while let Some(ran) = commands.join_next().await {
        let ran = ran.unwrap();
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(cli.run("validate", &ran.stdout).await.code, 0);
    }
    assert_eq!(cli.run("list -u admin --json", "").await.json().as_array().unwrap().len(), 12);
}
