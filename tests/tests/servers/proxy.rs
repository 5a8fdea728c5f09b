//! A proxy that a test can stall or cut.

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult, cmd};
use token_tests::servers::{Proxy, Standalone};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::{A_MOMENT, patient};

async fn connect(proxy: &Proxy) -> RedisResult<MultiplexedConnection> {
    let client = Client::open(format!("redis://127.0.0.1:{}", proxy.port())).unwrap();
    client.get_multiplexed_async_connection_with_config(&patient()).await
}

async fn carry(from: &mut TcpStream, to: &mut TcpStream) {
    let much = vec![7; 1_000_000];
    let mut got = vec![0; much.len()];
    let (sent, received) = tokio::join!(from.write_all(&much), to.read_exact(&mut got));
    sent.unwrap();
    received.unwrap();
    assert!(got == much);
}

#[tokio::test]
async fn a_proxy_forwards_both_directions_until_one_side_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().port()).await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    carry(&mut client, &mut server).await;
    carry(&mut server, &mut client).await;
    drop(client);
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stalled_proxy_holds_what_is_sent_until_it_is_healed() {
    let server = Standalone::start().await;
    let proxy = Proxy::to(server.port()).await;
    let mut connection = connect(&proxy).await.unwrap();
    proxy.stall();
    let incr = cmd("INCR").arg("key").clone();
    let mut answer = std::pin::pin!(incr.query_async::<u64>(&mut connection));
    assert!(timeout(A_MOMENT, &mut answer).await.is_err());
    assert_eq!(server.command::<u64>(&["EXISTS", "key"]).await, 0);
    let newcomer = connect(&proxy);
    let mut newcomer = std::pin::pin!(newcomer);
    assert!(timeout(A_MOMENT, &mut newcomer).await.is_err());

    proxy.heal().await;
    assert_eq!(answer.await.unwrap(), 1);
    newcomer.await.unwrap();
}

#[tokio::test]
async fn a_cut_proxy_has_no_connections_until_it_is_healed() {
    let server = Standalone::start().await;
    let proxy = Proxy::to(server.port()).await;
    let mut open = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    open.write_all(b"PING\r\n").await.unwrap();
    open.read_exact(&mut [0; 7]).await.unwrap();
    proxy.cut().await;
    assert!(matches!(open.read(&mut [0]).await, Ok(0) | Err(_)));
    connect(&proxy).await.unwrap_err();
    proxy.cut().await;

    proxy.heal().await;
    cmd("PING").exec_async(&mut connect(&proxy).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_proxy_is_gone() {
    let server = Standalone::start().await;
    let proxy = Proxy::to(server.port()).await;
    connect(&proxy).await.unwrap();
    let port = proxy.port();
    drop(proxy);
    crate::wait_until_nobody_listens(port).await;
}

/// A test binary starts its topology on a runtime that ends before the first trial starts.
#[test]
fn a_proxy_outlives_the_runtime_it_was_started_on() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (server, proxy) = runtime().block_on(async {
        let server = Standalone::start().await;
        let proxy = Proxy::to(server.port()).await;
        (server, proxy)
    });
    runtime().block_on(async {
        cmd("PING").exec_async(&mut connect(&proxy).await.unwrap()).await.unwrap();
    });
    drop(server);
}
