//! Listening with TLS and HTTP/2, and the settings.

use std::path::PathBuf;
use std::time::Duration;

use token_tests::programs::{Cli, Daemon, program};
use token_tests::servers::{ClientCertificates, Standalone};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

/// A sidecar that shows the certificate of this server.
pub(crate) async fn serve_with_certificate(cli: &Cli, server: &Standalone, more: &[&str]) -> Daemon {
    let shown = |path: PathBuf| path.display().to_string();
    let certificates = server.certificates();
    let (certificate, key) = (shown(certificates.server_certificate()), shown(certificates.server_key()));
    cli.serve(&[&["--listen-cert", &certificate, "--listen-key", &key], more].concat()).await
}

#[tokio::test]
async fn it_serves_tls_with_a_certificate_from_files() {
    let redis = Standalone::start().await;
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    let certificates = secure.certificates();
    let cli = Cli::new(&redis.url());
    let authority = certificates.ca().display().to_string();
    let sidecar = serve_with_certificate(&cli, &secure, &[]).await;
    let curl = async |url: String| {
        let mut curl = Command::new(program("curl", "curl"));
        curl.args(["--silent", "--cacert", &authority, "--write-out", "%{http_code}", &url]);
        String::from_utf8(curl.output().await.unwrap().stdout).unwrap()
    };
    assert_eq!(curl(format!("https://127.0.0.1:{}/healthz", sidecar.port())).await, "200");
    assert_eq!(curl(format!("http://127.0.0.1:{}/healthz", sidecar.port())).await, "000");
}

/// HEAD gets the response of GET without its body, also for HTTP/2, for which hyper leaves that to the service.
#[tokio::test]
async fn it_serves_http_2_with_and_without_tls() {
    let redis = Standalone::start().await;
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    let certificates = secure.certificates();
    let cli = Cli::new(&redis.url());
    let authority = certificates.ca().display().to_string();
    let (plain, secure) = (cli.serve(&[]).await, serve_with_certificate(&cli, &secure, &[]).await);
    let curl = async |more: &[&str]| {
        let mut curl = Command::new(program("curl", "curl"));
        let told = "%{http_version} %{http_code} %{size_download}";
        curl.args(["--silent", "--cacert", &authority, "--output", "-", "--write-out", told]);
        curl.args(more);
        String::from_utf8(curl.output().await.unwrap().stdout).unwrap()
    };
    let url = format!("https://127.0.0.1:{}/auth", secure.port());
    assert!(curl(&["--http2", &url]).await.ends_with("}2 401 133"), "by ALPN");
    assert!(curl(&["--http1.1", &url]).await.ends_with("}1.1 401 133"), "for clients without HTTP/2");
    let url = format!("http://127.0.0.1:{}/auth", plain.port());
    assert!(curl(&["--http2-prior-knowledge", &url]).await.ends_with("}2 401 133"));
    let head = curl(&["--http2-prior-knowledge", "--head", &url]).await;
    assert!(head.contains("content-length: 133") && head.ends_with("2 401 0"), "{head}");
}

/// A client that connects and sends nothing is disconnected after a while, and delays no other client.
#[tokio::test]
async fn a_client_that_sends_nothing_is_disconnected() {
    let redis = Standalone::start().await;
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    let certificates = secure.certificates();
    let cli = Cli::new(&redis.url());
    let authority = certificates.ca().display().to_string();
    let sidecar = serve_with_certificate(&cli, &secure, &["--threads", "1"]).await;
    let silent = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    let plain = cli.serve(&[]).await;
    let mut curl = Command::new(program("curl", "curl"));
    let url = format!("https://127.0.0.1:{}/healthz", sidecar.port());
    let answered = curl.args(["--silent", "--fail", "--cacert", &authority, &url]).output().await;
    assert!(answered.unwrap().status.success());
    let mut others = Vec::new();
    for said in ["", "G", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"] {
        let mut other = TcpStream::connect(("127.0.0.1", plain.port())).await.unwrap();
        other.write_all(said.as_bytes()).await.unwrap();
        others.push(other);
    }
    for mut silent in others.into_iter().chain([silent]) {
        // The SETTINGS frame of HTTP/2 is no response.
        let closed = timeout(Duration::from_secs(30), silent.read_to_end(&mut Vec::new())).await;
        assert!(closed.is_ok(), "it is closed");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let ran = cli.run(&format!("serve --listen 127.0.0.1:{}", sidecar.port()), "").await;
    assert_eq!(ran.code, 2, "the user can choose another address");
    assert!(ran.stderr.contains(&format!("cannot listen on 127.0.0.1:{}", sidecar.port())), "{}", ran.stderr);
}

#[tokio::test]
async fn an_endpoint_that_serve_refuses_is_not_printed() {
    let cli = Cli::new("redis://127.0.0.1:1");
    for endpoint in ["ftp://x:1", "http://x:1?key=hidden", "http://x:1/#hidden", "http://x:99999"] {
        for more in ["", " --print-config"] {
            let ran = cli.run(&format!("serve --otlp-endpoint {endpoint}{more}"), "").await;
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{endpoint}{more}");
            assert!(ran.stderr.contains("cannot use the OTLP endpoint"), "{endpoint}: {}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn flags_and_environment_override_the_file() {
    let cli = Cli::new("redis://me:hidden@127.0.0.1:1");
    let file = cli.home().join("serve.toml");
    std::fs::write(&file, "realm = \"file\"\nadmin = [\"root\", \"ann\"]\nstore = \"redis://elsewhere\"\n")
        .unwrap();
    let ran =
        cli.run(&format!("serve --config {} --listen 127.0.0.1:99 --print-config", file.display()), "").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for line in [
        "realm = \"file\"",
        "admin = [\"root\", \"ann\"]",
        "listen = \"127.0.0.1:99\"",
        "store = \"redis://me:…@127.0.0.1:1\"",
    ] {
        assert!(ran.stdout.lines().any(|own| own == line), "{line} is not in {}", ran.stdout);
    }
    // It accepts the configuration that it prints.
    std::fs::write(&file, ran.stdout.replace("…", "hidden")).unwrap();
    assert_eq!(
        cli.run(&format!("serve --config {} --print-config", file.display()), "").await.stdout,
        ran.stdout
    );
}

#[tokio::test]
async fn an_unknown_setting_is_refused_and_no_value_is_repeated() {
    let cli = Cli::new("redis://127.0.0.1:1");
    let file = cli.home().join("serve.toml");
    for (text, named) in [
        ("admins = \"root\"", "admins"),
        ("store = \"redis://x:hidden", "no TOML"),
        ("realm = true", "realm"),
    ] {
        std::fs::write(&file, text).unwrap();
        let ran = cli.run(&format!("serve --config {}", file.display()), "").await;
        assert_eq!(ran.code, 2, "{text}");
        assert!(ran.stderr.contains(named) && !ran.stderr.contains("hidden"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let redis = Standalone::start().await;
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    let cli = Cli::new(&redis.url());
    let shown = |path: PathBuf| path.display().to_string();
    let certificates = secure.certificates();
    let (certificate, key) = (shown(certificates.server_certificate()), shown(certificates.server_key()));
    let text = shown(cli.home().join("text"));
    std::fs::write(&text, "no PEM").unwrap();
    for (certificate, key, sentence) in [
        (certificate.as_str(), "/nowhere/key.pem", "cannot read the private key /nowhere/key.pem"),
        ("/nowhere/cert.pem", key.as_str(), "cannot read the certificate /nowhere/cert.pem"),
        (text.as_str(), key.as_str(), "holds no certificate in PEM"),
        (key.as_str(), key.as_str(), "holds no certificate in PEM"),
        (certificate.as_str(), certificate.as_str(), "holds no private key in PEM"),
    ] {
        let flags = format!("serve --listen 127.0.0.1:0 --listen-cert {certificate} --listen-key {key}");
        let ran = cli.run(&flags, "").await;
        assert_eq!(ran.code, 2, "{flags}: {}", ran.stderr);
        assert!(ran.stderr.contains(sentence), "{flags}: {}", ran.stderr);
    }
}
