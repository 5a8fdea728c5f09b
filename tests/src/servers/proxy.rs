//! A proxy in front of a server, which a test can stall or cut.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::patience::{Missing, wait_for};
use super::ports;
use super::server::ANSWER;

/// Forwards from one port on loopback to another. It is closed on drop, with all its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    traffic: watch::Sender<Traffic>,
    /// The listener; `None` after [`Proxy::cut`].
    open: Mutex<Option<Open>>,
}

/// What a proxy does to the traffic.
#[derive(Debug, Clone, Default)]
struct Traffic {
    /// Whether all traffic is stalled.
    stalled: bool,
    /// The client addresses whose traffic is stalled.
    apart: HashSet<IpAddr>,
    /// The delay of the traffic of each client address.
    delays: HashMap<IpAddr, Duration>,
}

impl Traffic {
    fn passes(&self, source: IpAddr) -> bool {
        !self.stalled && !self.apart.contains(&source)
    }
}

/// Listens, and keeps the connections, until `close` is dropped or signalled.
#[derive(Debug)]
struct Open {
    close: oneshot::Sender<()>,
    closed: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and forwards to this one.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(target: u16) -> Self {
        let [port] = ports::free();
        let proxy = Self::between(port, target).await;
        proxy.unwrap_or_else(|error| panic!("a proxy cannot listen on port {port}: {error}"))
    }

    /// Listens on this port and forwards to the other one.
    ///
    /// # Errors
    /// Another program listens there.
    pub(super) async fn between(port: u16, target: u16) -> io::Result<Self> {
        let target = Arc::new(AtomicU16::new(target));
        let proxy =
            Self { port, target, traffic: watch::Sender::new(Traffic::default()), open: Mutex::new(None) };
        let open = proxy.listen().await?;
        *proxy.open.lock().await = Some(open);
        Ok(proxy)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Forwards new connections to this port; open ones still lead to the old one.
    pub fn lead_to(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
    }

    /// Stalls all traffic in both directions. Connections stay open, and new ones are accepted. Data that was read before may
    /// still arrive.
    pub fn stall(&self) {
        self.traffic.send_modify(|traffic| traffic.stalled = true);
    }

    /// The same for clients with this address only.
    pub(super) fn keep_apart(&self, source: Ipv4Addr) {
        self.traffic.send_modify(|traffic| _ = traffic.apart.insert(source.into()));
    }

    /// Ends [`Proxy::keep_apart`], and forwards the waiting data.
    pub(super) fn let_in(&self, source: Ipv4Addr) {
        self.traffic.send_modify(|traffic| _ = traffic.apart.remove(&source.into()));
    }

    /// Delays the traffic of clients with this address, in each direction.
    pub(super) fn delay(&self, source: Ipv4Addr, by: Duration) {
        self.traffic.send_modify(|traffic| _ = traffic.delays.insert(source.into(), by));
    }

    /// Closes all connections and refuses new ones, before it returns.
    pub async fn cut(&self) {
        if let Some(open) = self.open.lock().await.take() {
            // It may have ended already.
            let _ = open.close.send(());
            let _ = open.closed.await;
        }
    }

    /// Forwards everything again: the data that waited since [`Proxy::stall`], and new connections after [`Proxy::cut`].
    ///
    /// # Panics
    /// Another program listens on the port meanwhile.
    pub async fn heal(&self) {
        self.traffic.send_modify(|traffic| traffic.stalled = false);
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
        let closed = WORKER.spawn(serve(listener, self.target.clone(), self.traffic.subscribe(), told));
        Ok(Open { close, closed })
    }
}

/// Proxies have their own runtime, because those that a test binary starts once outlive the runtime of their start.
static WORKER: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("proxies").enable_all().build().expect("the system gives a thread")
});

/// Accepts connections until it is signalled to stop, or the sender is dropped.
async fn serve(
    listener: TcpListener,
    target: Arc<AtomicU16>,
    traffic: watch::Receiver<Traffic>,
    mut told: oneshot::Receiver<()>,
) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut told => break,
            Some(_) = links.join_next() => {}
            accepted = listener.accept() => {
                if let Ok((client, source)) = accepted {
                    links.spawn(link(client, target.load(Ordering::Relaxed), Gate { source: source.ip(), traffic: traffic.clone() }));
                }
            }
        }
    }
    drop(listener);
    links.shutdown().await;
}

/// What delays one connection.
#[derive(Clone)]
struct Gate {
    source: IpAddr,
    traffic: watch::Receiver<Traffic>,
}

impl Gate {
    /// Waits until the data that was just read may be forwarded.
    async fn pass(&mut self) -> io::Result<()> {
        let delay = self.traffic.borrow().delays.get(&self.source).copied();
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        self.traffic.wait_for(|traffic| traffic.passes(self.source)).await.map_err(io::Error::other)?;
        Ok(())
    }
}

/// Forwards between the client and the target until both directions have ended, or one has failed.
async fn link(client: TcpStream, target: u16, gate: Gate) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::try_join!(pump(from_client, to_server, gate.clone()), pump(from_server, to_client, gate))?;
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut gate: Gate,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        // After the read, so that data that arrives during a stall has to wait.
        gate.pass().await?;
        match buffer.get(..count) {
            Some(bytes) if count > 0 => to.write_all(bytes).await?,
            _ => return to.shutdown().await,
        }
    }
}
