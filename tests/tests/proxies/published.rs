//! What we publish for nginx, with large uploads and with tokens of the most scopes.

use std::fs::File;

use token_tests::programs::{Cli, Daemon, PublishedFolder};
use token_tests::servers::Standalone;

use crate::clients::{With, curl};

/// The node that is demanded in what we publish.
pub(crate) const NODE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff";
const LARGE: u64 = 300_000_000;

/// Everything that a user of the folder needs.
pub(crate) struct Office {
    pub(crate) redis: Standalone,
    pub(crate) cli: Cli,
    _sidecar: Daemon,
    pub(crate) folder: PublishedFolder,
}

impl Office {
    pub(crate) async fn of_compose() -> Self {
        let (redis, cli, sidecar) = Self::behind().await;
        let folder = PublishedFolder::of_compose(&sidecar.url()).await;
        Self { redis, cli, _sidecar: sidecar, folder }
    }

    async fn of_readme() -> Self {
        let (redis, cli, sidecar) = Self::behind().await;
        let folder = PublishedFolder::of_readme(&sidecar.url()).await;
        Self { redis, cli, _sidecar: sidecar, folder }
    }

    async fn behind() -> (Standalone, Cli, Daemon) {
        let redis = Standalone::start().await;
        let cli = Cli::new(&redis.url());
        let sidecar = cli.serve(&[]).await;
        (redis, cli, sidecar)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        format!("{}{name}", self.folder.url())
    }

    /// A token of the most scopes: one is the folder's.
    async fn most_scopes(&self) -> String {
        let others = (1..256).map(|node| format!(" -s node:00000000-0000-0000-0000-{node:012x}:rw"));
        self.cli.issue("admin", &format!("-a 10m -s {NODE}:rw{}", others.collect::<String>())).await
    }

    async fn takes_large_uploads(&self) {
        let source = self.cli.home().join("large");
        File::create(&source).unwrap().set_len(LARGE).unwrap();
        let source = source.display().to_string();
        let token = self.cli.issue("admin", "-a 1h").await;
        for (name, header) in [("length", "X-Nothing: 1"), ("chunks", "Transfer-Encoding: chunked")] {
            let arguments = ["--upload-file", &source, "--header", header, "--max-time", "300"];
            let put = curl(&self.file(name), With::Bearer(&token), &arguments).await;
            assert_eq!(put.status, 201, "{name}: {put:?} {}", self.folder.said());
            assert_eq!(self.folder.files().join(name).metadata().unwrap().len(), LARGE, "{name}");
            let refused = curl(&self.file("refused"), With::Nothing, &arguments).await;
            assert_eq!(refused.status, 401, "{name}: {refused:?}");
        }
        assert!(!self.folder.files().join("refused").exists());
    }
}

#[tokio::test]
async fn the_folder_of_compose_takes_uploads_of_300_mb() {
    Office::of_compose().await.takes_large_uploads().await;
}

#[tokio::test]
async fn the_nginx_of_the_readme_takes_uploads_of_300_mb() {
    Office::of_readme().await.takes_large_uploads().await;
}

#[tokio::test]
async fn the_folder_of_compose_takes_tokens_of_256_scopes() {
    let office = Office::of_compose().await;
    let token = office.most_scopes().await;
    let answer = curl(&office.folder.url(), With::Bearer(&token), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?} {}", office.folder.said());
}

#[tokio::test]
async fn the_nginx_of_the_readme_takes_tokens_of_256_scopes() {
    let office = Office::of_readme().await;
    std::fs::write(office.folder.files().join("note"), "hello").unwrap();
    let token = office.most_scopes().await;
    // The token has no label: an empty header is left out, and the client's own never comes through.
    let forged = ["user", "id", "scopes", "label"].map(|name| format!("X-Token-{name}: *"));
    let forged: Vec<_> = forged.iter().flat_map(|header| ["--header", header]).collect();
    let answer = curl(&office.file("note"), With::Bearer(&token), &forged).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{answer:?} {}", office.folder.said());
    assert_eq!(answer.header("x-seen-scopes"), Some("[too-many]"));
    assert_eq!(answer.header("x-seen-user"), Some("[admin]"));
    assert_eq!(answer.header("x-seen-label"), Some("[]"));
    assert_eq!(answer.header("x-seen-id").map(str::len), Some(30));
}
