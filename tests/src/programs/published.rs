//! nginx with the configurations that we publish; only addresses and paths are replaced.

use std::fs;
use std::path::{Path, PathBuf};

use super::daemon::{Daemon, program};

const FOLDER: &str = include_str!("../../../deploy/webdav.conf");

/// The first code block of this kind on a page of the book, such as `proxies/nginx.md`.
///
/// # Panics
/// There is no such page, or it has no such block.
#[must_use]
pub fn published_block(page: &str, kind: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, after) =
        text.split_once(&format!("```{kind}\n")).unwrap_or_else(|| panic!("{page} has no block of {kind}"));
    after
        .split_once("```")
        .map(|(block, _)| block.to_owned())
        .unwrap_or_else(|| panic!("a block of {page} has no end"))
}

/// The same with parts of it replaced, such as addresses.
///
/// # Panics
/// A part is missing: the page has changed too much.
#[must_use]
pub fn published_block_with(page: &str, kind: &str, replaced: &[(&str, &str)]) -> String {
    replaced.iter().fold(published_block(page, kind), |text, (from, to)| {
        assert!(text.contains(from), "the block of {kind} in {page} has no {from:?}");
        text.replace(from, to)
    })
}

/// nginx with a folder at `/files/` and a configuration that we publish.
#[derive(Debug)]
pub struct PublishedFolder(Daemon);

impl PublishedFolder {
    /// Starts it with `deploy/webdav.conf` and the sidecar at this URL.
    ///
    /// # Panics
    /// It does not start, or the configuration has changed too much.
    pub async fn of_compose(sidecar: &str) -> Self {
        Self::start(|port, home| {
            let replaced = [
                // Replace this first, because the home may be below it.
                ("/tmp/", format!("{home}/")),
                ("listen 8080;", format!("listen 127.0.0.1:{port};")),
                ("http://serve:8080", sidecar.to_owned()),
                ("/srv/www", format!("{home}/www")),
                ("/srv/incoming", format!("{home}/incoming")),
                // nginx cannot reopen /dev/stdout if that is a socket or belongs to another user.
                ("access_log /dev/stdout", format!("access_log {home}/access.log")),
            ];
            replaced.iter().fold(FOLDER.to_owned(), |text, (from, to)| {
                assert!(text.contains(from), "deploy/webdav.conf has no {from:?}");
                text.replace(from, to)
            })
        })
        .await
    }

    /// Starts it with the code block of the book and the sidecar at this URL. The service behind it is another nginx, which
    /// returns the identity that it received in `X-Seen-…` headers.
    ///
    /// # Panics
    /// It does not start, or the page has changed too much.
    pub async fn of_book(sidecar: &str) -> Self {
        Self::start(|port, home| {
            let service = format!("{home}/service.sock");
            let service_url = format!("http://unix:{service}");
            let addresses = [("http://127.0.0.1:8080", sidecar), ("http://127.0.0.1:9000", service_url.as_str())];
            let block = published_block_with("proxies/nginx.md", "nginx", &addresses);
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {home}/{kind};\n"))
                .concat();
            let seen = ["user", "id", "scopes", "label"]
                .map(|name| format!("add_header X-Seen-{name} \"[$http_x_token_{name}]\" always;\n"))
                .concat();
            format!(
                "daemon off; pid {home}/pid; events {{}}
                http {{
                  access_log off;
                  {temporary}
                  server {{ listen 127.0.0.1:{port};
                    {block}
                  }}
                  server {{ listen unix:{service}; root {home}/www; client_max_body_size 0; dav_methods PUT; {seen} }}
                }}"
            )
        })
        .await
    }

    async fn start(configuration: impl Fn(u16, &str) -> String) -> Self {
        let nginx =
            program("nginx", "nginx-light libnginx-mod-http-dav-ext libnginx-mod-http-headers-more-filter");
        let arguments = |port: u16, directory: &Path| {
            let home = directory.display().to_string();
            fs::create_dir_all(directory.join("www/files")).expect("room for a folder");
            let file = directory.join("nginx.conf");
            fs::write(&file, configuration(port, &home)).expect("room for a file");
            let mut words: Vec<_> = ["-e", "stderr", "-p", &home, "-c"].map(str::to_owned).to_vec();
            words.push(file.display().to_string());
            // Started by root, nginx runs as another user, who may not write there.
            words.extend(["-g", "user root;"].map(str::to_owned));
            words
        };
        Self(Daemon::start_in(&nginx, arguments).await)
    }

    /// The URL of the folder, with a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/files/", self.0.url())
    }

    /// The folder of its files.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.0.directory().join("www/files")
    }

    /// The log of nginx, and its access log.
    #[must_use]
    pub fn said(&self) -> String {
        let log = fs::read_to_string(self.0.directory().join("access.log"));
        format!("{}{}", self.0.said(), log.unwrap_or_default())
    }
}
