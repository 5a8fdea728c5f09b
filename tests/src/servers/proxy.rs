//! A way to a server that a test can break without the server's knowing.

use std::io;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::patience::{Missing, wait_for};
use super::ports;
use super::server::ANSWER;

/// How often another port is tried when one was taken meanwhile.
const ATTEMPTS: usize = 5;

/// A port on loopback behind which is another port on loopback. It is closed on drop, with all its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    target: u16,
    flows: watch::Sender<bool>,
    /// What listens now; nothing does after [`Proxy::cut`].
    open: Mutex<Option<Open>>,
}

/// Listens, and holds the connections, until `close` is dropped or told.
#[derive(Debug)]
struct Open {
    close: oneshot::Sender<()>,
    closed: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and passes on everything to this one, and back.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(target: u16) -> Self {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let [port] = ports::free();
            let proxy = Self { port, target, flows: watch::Sender::new(true), open: Mutex::new(None) };
            match proxy.listen().await {
                Ok(open) => {
                    *proxy.open.lock().await = Some(open);
                    return proxy;
                }
                Err(error) => last = Some(error),
            }
        }
        panic!("no port for a proxy: {last:?}")
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing is passed on, in either direction. Connections stay open, and new ones are taken. What was
    /// read before may still arrive.
    pub fn stall(&self) {
        self.flows.send_replace(false);
    }

    /// Closes all connections and refuses new ones. All this is done when it returns.
    pub async fn cut(&self) {
        if let Some(open) = self.open.lock().await.take() {
            // It may be gone already.
            let _ = open.close.send(());
            let _ = open.closed.await;
        }
    }

    /// Passes on everything again: what waited since [`Proxy::stall`], and new connections after [`Proxy::cut`].
    ///
    /// # Panics
    /// Somebody else listens on the port by now.
    pub async fn heal(&self) {
        self.flows.send_replace(true);
        let mut open = self.open.lock().await;
        if open.is_none() {
            let listening = wait_for(ANSWER, async || {
                self.listen().await.map_err(|error| Missing::Yet(format!("port {}: {error}", self.port)))
            });
            *open = Some(listening.await.unwrap_or_else(|reason| panic!("cannot listen again: {reason}")));
        }
    }

    async fn listen(&self) -> io::Result<Open> {
        let port = self.port;
        let listening = WORKER.spawn(async move { TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await });
        let listener = listening.await.map_err(io::Error::other)??;
        let (close, told) = oneshot::channel();
        let closed = WORKER.spawn(serve(listener, self.target, self.flows.subscribe(), told));
        Ok(Open { close, closed })
    }
}

/// What a test binary starts once outlives the runtime that it was started on, so proxies have one of their own.
static WORKER: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("proxies").enable_all().build().expect("the system gives a thread")
});

/// Takes connections until it is told to stop, or nobody is left who could tell.
async fn serve(
    listener: TcpListener,
    target: u16,
    flows: watch::Receiver<bool>,
    mut told: oneshot::Receiver<()>,
) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut told => break,
            Some(_) = links.join_next() => {}
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    links.spawn(link(client, target, flows.clone()));
                }
            }
        }
    }
    drop(listener);
    links.shutdown().await;
}

/// Passes on between the client and the target until both directions have ended, or one has broken.
async fn link(client: TcpStream, target: u16, flows: watch::Receiver<bool>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::try_join!(pump(from_client, to_server, flows.clone()), pump(from_server, to_client, flows))?;
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut flows: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        // After the read: what comes while it stalls has to wait.
        flows.wait_for(|&flows| flows).await.map_err(io::Error::other)?;
        match buffer.get(..count) {
            Some(bytes) if count > 0 => to.write_all(bytes).await?,
            _ => return to.shutdown().await,
        }
    }
}
