//! The configurations that we publish for nginx, with large uploads and with tokens with the maximum number of scopes.

use token_tests::programs::{Cli, Daemon, PublishedFolder, most_scopes, takes_large_uploads};
use token_tests::servers::Standalone;

use crate::clients::{With, curl};

/// The node that the published configurations require.
pub(crate) const NODE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff";

/// A folder with its sidecar and store.
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

    pub(crate) async fn of_book() -> Self {
        let (redis, cli, sidecar) = Self::behind().await;
        let folder = PublishedFolder::of_book(&sidecar.url()).await;
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

    async fn most_scopes(&self) -> String {
        most_scopes(&self.cli, &format!("{NODE}:rw")).await
    }

    async fn takes_large_uploads(&self) {
        let taken = |name: &str| Some(self.folder.files().join(name).metadata().ok()?.len());
        takes_large_uploads(&self.cli, &self.folder.url(), taken, || self.folder.said()).await;
    }
}

#[tokio::test]
async fn the_folder_of_compose_takes_uploads_of_300_mb() {
    Office::of_compose().await.takes_large_uploads().await;
}

#[tokio::test]
async fn the_nginx_of_the_book_takes_uploads_of_300_mb() {
    Office::of_book().await.takes_large_uploads().await;
}

#[tokio::test]
async fn the_folder_of_compose_takes_tokens_of_256_scopes() {
    let office = Office::of_compose().await;
    let token = office.most_scopes().await;
    let answer = curl(&office.folder.url(), With::Bearer(&token), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?} {}", office.folder.said());
}

#[tokio::test]
async fn the_nginx_of_the_book_takes_tokens_of_256_scopes() {
    let office = Office::of_book().await;
    std::fs::write(office.folder.files().join("note"), "hello").unwrap();
    let token = office.most_scopes().await;
    // The token has no label: an empty header is omitted, and the client's own header is always removed.
    let forged = ["user", "id", "scopes", "label"].map(|name| format!("X-Token-{name}: *"));
    let forged: Vec<_> = forged.iter().flat_map(|header| ["--header", header]).collect();
    let answer = curl(&office.file("note"), With::Bearer(&token), &forged).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{answer:?} {}", office.folder.said());
    assert_eq!(answer.header("x-seen-scopes"), Some("[too-many]"));
    assert_eq!(answer.header("x-seen-user"), Some("[admin]"));
    assert_eq!(answer.header("x-seen-label"), Some("[]"));
    assert_eq!(answer.header("x-seen-id").map(str::len), Some(30));
}
