//! Replaced certificates: open connections continue, and new ones use the new certificates.

use std::fs;
use std::path::{Path, PathBuf};

use token_tests::programs::{Cli, Daemon, program};
use token_tests::servers::{ClientCertificates, Standalone};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::reloading::{hang_up, reloads};
use crate::until;
use crate::wire::{request, send};

#[tokio::test]
async fn a_key_of_another_certificate_is_refused_by_name() {
    let (one, other) = (
        Standalone::start_tls(ClientCertificates::Optional).await,
        Standalone::start_tls(ClientCertificates::Optional).await,
    );
    let certificate = one.certificates().server_certificate().display().to_string();
    let key = other.certificates().server_key().display().to_string();
    let cli = Cli::new("redis://127.0.0.1:1");
    let ran = cli.run(&format!("serve --listen-cert {certificate} --listen-key {key}"), "").await;
    assert_eq!(ran.code, 2, "{ran:?}");
    let said = format!("the private key {key} does not belong to the certificate {certificate}: ");
    assert!(ran.stderr.contains(&said), "{ran:?}");
}

/// Replaces the files as Kubernetes does: by a symbolic link to another folder.
#[tokio::test]
async fn a_new_certificate_is_shown_without_a_signal() {
    shows_a_new_certificate(async |at, _| {
        std::os::unix::fs::symlink(at("second"), at("next")).unwrap();
        fs::rename(at("next"), at("data")).unwrap();
    })
    .await;
}

/// The new certificate is in other files, which are not watched.
#[tokio::test]
async fn a_certificate_of_another_file_is_shown_after_a_signal() {
    shows_a_new_certificate(async |at, sidecar| {
        fs::write(at("serve.toml"), named(&at("second"))).unwrap();
        hang_up(sidecar);
    })
    .await;
}

/// A configuration with the certificate of this folder.
fn named(folder: &Path) -> String {
    let folder = folder.display();
    format!("listen-cert = \"{folder}/tls.crt\"\nlisten-key = \"{folder}/tls.key\"\n")
}

async fn shows_a_new_certificate(replace: impl AsyncFnOnce(&dyn Fn(&str) -> PathBuf, &Daemon)) {
    let redis = Standalone::start().await;
    let (one, other) = (
        Standalone::start_tls(ClientCertificates::Optional).await,
        Standalone::start_tls(ClientCertificates::Optional).await,
    );
    let cli = Cli::new(&redis.url());
    let at = |name: &str| cli.home().join(name);
    for (server, folder) in [(&one, "first"), (&other, "second")] {
        fs::create_dir(at(folder)).unwrap();
        let certificates = server.certificates();
        fs::copy(certificates.server_certificate(), at(folder).join("tls.crt")).unwrap();
        fs::copy(certificates.server_key(), at(folder).join("tls.key")).unwrap();
    }
    std::os::unix::fs::symlink(at("first"), at("data")).unwrap();
    fs::write(at("serve.toml"), named(&at("data"))).unwrap();
    let sidecar = cli.serve(&["--config", &at("serve.toml").display().to_string()]).await;
    let shows = async |server: &Standalone| {
        let mut curl = Command::new(program("curl", "curl"));
        curl.args(["--silent", "--fail", "--output", "/dev/null", "--cacert"])
            .arg(server.certificates().ca());
        curl.arg(format!("https://127.0.0.1:{}/healthz", sidecar.port()));
        curl.status().await.unwrap().success()
    };
    assert!(shows(&one).await && !shows(&other).await);

    // An open connection continues. A client keeps it and reports each response.
    let mut old = Command::new(program("openssl", "openssl"))
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", sidecar.port())])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut say, mut hear) = (old.stdin.take().unwrap(), old.stdout.take().unwrap());
    let mut ask = async || {
        say.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 4096];
        let length = hear.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    };
    ask().await;

    replace(&at, &sidecar).await;
    until(async || shows(&other).await).await;
    assert!(!shows(&one).await);
    ask().await;
}

/// From some moment on, the server trusts another authority for new connections.
#[tokio::test]
async fn a_reload_shows_the_store_a_new_client_certificate() {
    let redis = Standalone::start_tls(ClientCertificates::Required).await;
    let other = Standalone::start_tls(ClientCertificates::Required).await;
    let home = tempfile::tempdir().unwrap();
    let [certificate, key] = ["client.pem", "client-key.pem"].map(|name| home.path().join(name));
    let show = |server: &Standalone| {
        fs::copy(server.certificates().client_certificate(), &certificate).unwrap();
        fs::copy(server.certificates().client_key(), &key).unwrap();
    };
    show(&redis);
    let cli = Cli::new(&redis.url())
        .with_variable("TOKEN_TLS_CA", &redis.certificates().ca().display().to_string())
        .with_variable("TOKEN_TLS_CERT", &certificate.display().to_string())
        .with_variable("TOKEN_TLS_KEY", &key.display().to_string());
    let token = cli.issue("admin", "-a 10m").await;
    let sidecar = cli.serve(&[]).await;
    let asked = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    assert_eq!(send(&sidecar, &asked).await, Some(200));

    // Open connections stay when the server does not trust the old certificate any more.
    let mut admin = redis.connection().await;
    let trusted = other.certificates().ca().display().to_string();
    redis.command::<()>(&["CONFIG", "SET", "tls-ca-cert-file", &trusted]).await;
    hang_up(&sidecar);
    until(async || reloads(&sidecar, "failed").await == 1).await;
    assert_eq!(send(&sidecar, &asked).await, Some(200), "open connections stay");

    show(&other);
    hang_up(&sidecar);
    until(async || reloads(&sidecar, "done").await >= 1).await;
    assert_eq!(reloads(&sidecar, "failed").await, 1, "{}", sidecar.said());
    redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).exec_async(&mut admin).await.unwrap();
    until(async || send(&sidecar, &asked).await == Some(200)).await;
}
