//! `X-Token-Needs` states requirements of the proxy. One of the client must not reach the sidecar.

use token_tests::programs::{CaddyFolder, HaproxyFolder};

use crate::clients::{With, curl};
use crate::hop_by_hop::{Ends, expect_identity};
use crate::published::{NODE, Office};

/// One that no token fulfils, and one that cannot be read: either refuses the request if it reaches the sidecar.
const FOREIGN: [&str; 2] =
    ["X-Token-Needs: node:00000000-0000-4000-8000-000000000001:rw", "X-Token-Needs: garbage"];

#[tokio::test]
async fn caddy_drops_the_clients_x_token_needs() {
    let ends = Ends::open().await;
    let caddy = CaddyFolder::in_front_of(&ends.service.url(), &ends.sidecar.url()).await;
    for header in FOREIGN {
        expect_identity(&ends.ask(&caddy.url(), &[header]).await);
    }
}

#[tokio::test]
async fn haproxy_drops_the_clients_x_token_needs() {
    let ends = Ends::open().await;
    let haproxy = HaproxyFolder::in_front_of(ends.service.port(), &ends.sidecar.url()).await;
    for header in FOREIGN {
        expect_identity(&ends.ask(&haproxy.url(), &[header]).await);
    }
}

#[tokio::test]
async fn the_nginx_of_the_book_drops_the_clients_x_token_needs() {
    expect_dropped(Office::of_book().await).await;
}

#[tokio::test]
async fn the_folder_of_compose_drops_the_clients_x_token_needs() {
    expect_dropped(Office::of_compose().await).await;
}

async fn expect_dropped(office: Office) {
    std::fs::write(office.folder.files().join("note"), "hello").unwrap();
    let token = office.cli.issue("admin", &format!("-a 10m -s {NODE}:rw")).await;
    for header in FOREIGN {
        let answer = curl(&office.file("note"), With::Bearer(&token), &["--header", header]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{header}: {answer:?}");
    }
}
