//! TLS is used whenever the URL requires it, and an error names the cause and the remedy.

use std::time::{Duration, Instant};

use token_core::{Lifetime, StoreError, StoreErrorKind};
use token_redis::{Options, RedisStore, Tls};
use token_tests::fixtures::tls;
use token_tests::servers::{
    Certificates, ClientCertificates, Cluster, Sentinel, Server, Standalone, Unacceptable,
};

use crate::command_line::Cli;
use crate::kit::{issue, keys, span, tokens_with};

/// The URL of a server, also in the forms for a cluster and for Sentinels: the TLS handshake comes before the topology.
fn urls(server: &Server) -> [String; 3] {
    let url = server.url();
    let cluster = url.replacen("://", "-cluster://", 1);
    let sentinel = format!("{url}/0?sentinelServiceName=any").replacen("://", "-sentinel://", 1);
    [url, cluster, sentinel]
}

/// The error of connecting, within the deadline.
async fn refusal(url: &str, tls: Tls) -> StoreError {
    let mut options = Options::default();
    options.tls = tls;
    let limit = options.deadline + Duration::from_secs(10);
    let began = Instant::now();
    let refusal = RedisStore::connect(url, keys(), options).await.unwrap_err();
    assert!(began.elapsed() < limit, "{url}: {:?}", began.elapsed());
    refusal
}

/// The same, if its text has this end. Returns the cause.
async fn refused(url: &str, tls: Tls, kind: StoreErrorKind, sentence: &str) -> String {
    let refusal = refusal(url, tls).await;
    let said = refusal.to_string();
    assert_eq!(refusal.kind(), kind, "{said}");
    let scheme = url.split_once("://").unwrap().0;
    assert!(said.starts_with(&format!("cannot connect: {scheme}://")) && said.ends_with(sentence), "{said}");
    std::error::Error::source(&refusal).unwrap().to_string()
}

const UNKNOWN_AUTHORITY: &str = "has a certificate of an authority that is not trusted here; name that authority \
                                 (--tls-ca)";

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_named_as_the_reason() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    let other = std::fs::read(server.certificates().other_ca()).unwrap();
    for url in urls(&server) {
        for authorities in [None, Some(other.clone())] {
            let foreign = Tls { authorities, client: None };
            refused(&url, foreign, StoreErrorKind::Misconfigured, UNKNOWN_AUTHORITY).await;
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_named_as_the_reason() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    server.show_unacceptable(Unacceptable::AnotherName).await;
    let sentence = "has a certificate for another name; write the name that stands in it into the URL";
    for url in urls(&server) {
        let cause = refused(&url, tls(server.certificates()), StoreErrorKind::Misconfigured, sentence).await;
        assert!(cause.contains("elsewhere.example"), "the name in the certificate: {cause}");
    }
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_named_as_the_reason() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    server.show_unacceptable(Unacceptable::Expired).await;
    let sentence =
        "has a certificate that has expired; it needs a new one, unless the clock of this machine is wrong";
    for url in urls(&server) {
        refused(&url, tls(server.certificates()), StoreErrorKind::Misconfigured, sentence).await;
    }
}

#[tokio::test]
async fn the_error_asks_a_client_without_a_certificate_for_one() {
    let server = Standalone::start_tls(ClientCertificates::Required).await;
    for url in urls(&server) {
        let said = refusal(&url, Tls { client: None, ..tls(server.certificates()) }).await.to_string();
        let demands = "demands a certificate of its clients; give one (--tls-cert and --tls-key)";
        // The server may close the connection before its reason has arrived: then the error is a guess.
        let guess = "does it demand a certificate of its clients (--tls-cert and --tls-key)?";
        assert!(said.ends_with(demands) || said.ends_with(guess), "{said}");
    }
}

#[tokio::test]
async fn the_error_asks_for_a_client_certificate_of_a_trusted_ca() {
    let server = Standalone::start_tls(ClientCertificates::Required).await;
    let other = Standalone::start_tls(ClientCertificates::Required).await;
    for url in urls(&server) {
        let foreign = Tls { client: tls(other.certificates()).client, ..tls(server.certificates()) };
        let said = refusal(&url, foreign).await.to_string();
        let accepts = "does not accept the certificate it was shown; give one of an authority that it trusts \
                       (--tls-cert and --tls-key)";
        let guess = "does it demand a certificate of its clients (--tls-cert and --tls-key)?";
        assert!(said.ends_with(accepts) || said.ends_with(guess), "{said}");
    }
}

#[tokio::test]
async fn the_error_says_that_a_plain_port_does_not_speak_tls() {
    let plain = Standalone::start().await;
    let other = Standalone::start_tls(ClientCertificates::Optional).await;
    for url in urls(&plain) {
        let said = refusal(&url.replacen("redis", "rediss", 1), tls(other.certificates())).await.to_string();
        // The server interprets the handshake as a command. Depending on its bytes, it waits for the end of the line,
        // reports an unknown command, or closes the connection.
        assert!(said.contains(" speak TLS at this port"), "{said}");
    }
}

#[tokio::test]
async fn the_error_says_that_the_port_takes_nothing_but_tls() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    let sentence = "takes nothing but TLS at this port; write rediss in the URL instead of redis";
    for url in urls(&server) {
        let url = url.replacen("rediss", "redis", 1);
        refused(&url, Tls::default(), StoreErrorKind::Misconfigured, sentence).await;
    }
}

#[tokio::test]
async fn unusable_certificates_are_refused_before_connecting() {
    let server = Standalone::start_tls(ClientCertificates::Required).await;
    let other = Standalone::start_tls(ClientCertificates::Required).await;
    let right = tls(server.certificates());
    let (certificate, key) = right.client.clone().unwrap();
    let (_, other_key) = tls(other.certificates()).client.unwrap();
    let nothing = b"nothing".to_vec();
    for (authorities, client, sentence) in [
        (
            Some(nothing.clone()),
            None,
            "there is no certificate in PEM among the authorities to trust (--tls-ca)",
        ),
        (
            None,
            Some((nothing.clone(), key)),
            "there is no certificate in PEM to show to servers (--tls-cert)",
        ),
        (
            None,
            Some((certificate.clone(), nothing)),
            "there is no private key in PEM for our certificate (--tls-key)",
        ),
        (
            None,
            Some((certificate, other_key)),
            "our certificate has another private key (--tls-cert and --tls-key)",
        ),
    ] {
        let refusal = refusal("rediss://127.0.0.1:1", Tls { authorities, client }).await;
        assert_eq!(refusal.kind(), StoreErrorKind::Misconfigured);
        assert_eq!(refusal.to_string(), format!("cannot use TLS: {sentence}"));
    }
}

#[tokio::test]
async fn the_command_reports_a_tls_failure_with_its_cause() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    let cli = Cli::new(&server.url());
    let ran = cli.run("list -u admin", "").await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let said = ran.stderr.trim_end();
    let end = format!("{UNKNOWN_AUTHORITY} (invalid peer certificate: UnknownIssuer)");
    assert!(said.starts_with("error: cannot connect: rediss://127.0.0.1:") && said.ends_with(&end), "{said}");
    let ca = server.certificates().ca();
    let ran = cli.run(&format!("list -u admin --tls-ca {}", ca.display()), "").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

async fn a_token_is_issued(url: &str, certificates: &Certificates) {
    let mut options = Options::default();
    options.connect_timeout = Duration::from_secs(10);
    options.deadline = Duration::from_secs(30);
    options.tls = tls(certificates);
    issue(&tokens_with(url, options).await, "admin", Lifetime::hard(span("1h"))).await;
}

#[tokio::test]
async fn each_kind_of_url_speaks_tls() {
    let server = Standalone::start_tls(ClientCertificates::Required).await;
    a_token_is_issued(&server.url(), server.certificates()).await;
    let cluster = Cluster::start_tls(ClientCertificates::Required).await;
    a_token_is_issued(&cluster.url(), cluster.certificates()).await;
    let sentinel = Sentinel::start_tls().await;
    assert!(sentinel.url().starts_with("rediss-sentinel://"));
    a_token_is_issued(&sentinel.url(), sentinel.certificates()).await;
}
