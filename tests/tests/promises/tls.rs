//! TLS is what the URL says, and nothing less.

use token_core::{StoreError, StoreErrorKind};
use token_redis::{Options, RedisStore, Tls};
use token_tests::rig::tls;
use token_tests::servers::{ClientCertificates, Standalone};

use crate::kit::keys;

async fn refusal(url: &str, tls: Tls) -> StoreError {
    let mut options = Options::default();
    options.tls = tls;
    RedisStore::connect(url, keys(), options).await.unwrap_err()
}

#[tokio::test]
async fn another_authority_another_name_and_no_certificate_are_refused() {
    let server = Standalone::start_tls(ClientCertificates::Required).await;
    let right = tls(server.certificates());
    let foreign =
        Tls { authorities: Some(std::fs::read(server.certificates().other_ca()).unwrap()), ..right.clone() };
    let nobody = Tls { client: None, ..right.clone() };
    let other_name = format!("rediss://127.0.0.2:{}", server.port());
    for (url, tls) in [
        (server.url(), foreign),
        (server.url(), Tls::default()),
        (server.url(), nobody),
        (other_name, right.clone()),
    ] {
        let refused = refusal(&url, tls).await;
        assert!(!refused.to_string().is_empty() && refused.kind() != StoreErrorKind::Corrupt, "{refused:?}");
    }
    let mut options = Options::default();
    options.tls = right;
    RedisStore::connect(&server.url(), keys(), options).await.unwrap();
}

#[tokio::test]
async fn a_port_without_tls_is_refused_where_tls_is_asked_for_and_the_other_way_round() {
    let plain = Standalone::start().await;
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    refusal(&plain.url().replace("redis://", "rediss://"), Tls::default()).await;
    refusal(&secure.url().replace("rediss://", "redis://"), Tls::default()).await;
}
