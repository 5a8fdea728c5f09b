//! Apache with `mod_auth_openidc`: a stock resource server that introspects.

use std::path::Path;

use token_tests::programs::{ApacheFolder, Cli};
use token_tests::servers::{ClientCertificates, Standalone};

use crate::clients::{With, curl};

#[tokio::test]
async fn a_stock_resource_server_accepts_our_tokens_by_introspection() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    // It connects only with TLS.
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    let certificates = secure.certificates();
    let path = |path: &Path| path.display().to_string();
    let (certificate, key) = (path(&certificates.server_certificate()), path(&certificates.server_key()));
    let tls = ["--introspector", "files", "--listen-cert", &certificate, "--listen-key", &key];
    let sidecar = cli.serve(&tls).await;
    let url = sidecar.url().replace("http:", "https:");
    let own = cli.issue("files", "-e 1h").await;
    let files = [("note", "hello")];
    let folder = ApacheFolder::introspecting(&url, &certificates.ca(), ["files", &own], &files).await;
    let note = format!("{}note", folder.url());
    let token = cli.issue("admin", "-a 10m").await;

    let answer = curl(&note, With::Bearer(&token), &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{answer:?} {}", folder.said());
    // A token without a label and a hard limit: Apache would warn about members without a value.
    let said = folder.said();
    let of_requests = |line: &&str| line.contains("[auth_openidc:") && !line.contains("oidc_check_config");
    let complaints = said.lines().filter(of_requests);
    assert_eq!(complaints.collect::<Vec<_>>(), Vec::<&str>::new());
    let mut wrong = token.clone();
    wrong.pop();
    for with in [With::Nothing, With::Bearer(&wrong)] {
        let refused = curl(&note, with, &[]).await;
        assert_eq!((refused.status, refused.body.contains("hello")), (401, false), "{with:?}");
    }
    assert_eq!(cli.run("revoke -u admin", "").await.code, 0);
    assert_eq!(curl(&note, With::Bearer(&token), &[]).await.status, 401, "{}", folder.said());
}
