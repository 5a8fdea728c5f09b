//! One server process.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::binaries::binaries;
use super::certificates::{Certificates, Unacceptable};
use super::keeper::Kept;
use super::patience::{Missing, wait_for};
use super::plan::{Plan, Ports};
use super::ports;
use super::proxies::Proxies;
use super::roles::Roles;

/// How long a server may take to answer after its start; it takes a tenth of a second on an idle machine.
const START: Duration = Duration::from_secs(20);
/// How long a single command of a test may take.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// The file in its directory with its output.
const LOG: &str = "log";

/// A server. On drop it is killed, and its directory is deleted.
#[derive(Debug)]
pub struct Server {
    process: Mutex<Process>,
    ports: Ports,
    proxies: Option<Box<Proxies>>,
    plan: Plan,
    directory: TempDir,
}

#[derive(Debug)]
struct Process {
    kept: Kept,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Killed,
}

impl Server {
    /// Starts a server on the port and waits until it answers.
    ///
    /// # Errors
    /// It did not start: its log says why.
    pub(super) async fn start(port: u16, plan: &Plan) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("cannot start a server: {error}");
        let directory = tempfile::tempdir().map_err(cannot)?;
        let listens = if plan.is_behind_proxies() { ports::free::<1>()[0] } else { port };
        let ports = Ports { seen: port, listens };
        let proxies = if plan.is_behind_proxies() {
            Some(Box::new(Proxies::open(port, listens).await.map_err(cannot)?))
        } else {
            None
        };
        let kept = spawn(ports, plan, directory.path()).map_err(cannot)?;
        let process = Mutex::new(Process { kept, state: State::Running });
        let server = Self { process, ports, proxies, plan: plan.clone(), directory };
        server.wait_until_it_answers().await?;
        Ok(server)
    }

    /// Starts a server on any port that is free.
    ///
    /// # Errors
    /// It did not start: its log says why.
    pub(super) async fn start_anywhere(plan: &Plan) -> Result<Self, String> {
        let [port] = ports::free();
        Self::start(port, plan).await
    }

    async fn wait_until_it_answers(&self) -> Result<(), String> {
        let ready = wait_for(START, async || self.look_whether_it_answers().await).await;
        ready.map_err(|reason| {
            format!("the server on port {} did not start: {reason}{}", self.port(), self.log_tail())
        })
    }

    async fn look_whether_it_answers(&self) -> Result<(), Missing> {
        if let Some(status) = self.process().kept.ended() {
            return Err(Missing::ForEver(format!("it ended with {status}")));
        }
        let yet = |error: redis::RedisError| Missing::Yet(error.to_string());
        let info: String = self.try_command(&["INFO", "server"]).await.map_err(yet)?;
        // Another server on this port would answer, too.
        let own = format!("process_id:{}", self.process().kept.id());
        if info.lines().any(|line| line == own) {
            return Ok(());
        }
        Err(Missing::Yet("another server answers on its port".to_owned()))
    }

    /// The port that others use.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.seen
    }

    /// Its URL, `redis://127.0.0.1:PORT`, or `rediss://…` if it uses TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.plan.certificates().is_some() { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port())
    }

    /// Its URL for one of the [`Roles`].
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        log_in(&self.url(), role, &Roles::password(role))
    }

    /// Its URL for the harness itself.
    pub(super) fn own_url(&self) -> String {
        match self.plan.login() {
            Some([user, password]) => log_in(&self.url(), &user, &password),
            None => self.url(),
        }
    }

    /// The certificates of a server that uses TLS.
    ///
    /// # Panics
    /// It does not use TLS.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        self.plan.certificates().expect("only a server that was started with TLS has certificates")
    }

    /// Replaces its certificate. The harness itself cannot connect any more.
    ///
    /// # Panics
    /// It does not use TLS, or refuses.
    pub async fn show_unacceptable(&self, which: Unacceptable) {
        let [certificate, key] =
            self.certificates().unacceptable(which).map(|path| path.to_string_lossy().into_owned());
        let change = ["CONFIG", "SET", "tls-cert-file", &certificate, "tls-key-file", &key];
        self.command::<()>(&change).await;
    }

    /// Stops the process with SIGSTOP: connections stay open, and nothing answers.
    ///
    /// # Panics
    /// The process does not run any more.
    pub fn pause(&self) {
        self.change(State::Paused, Kept::pause);
    }

    /// Resumes the process after [`Server::pause`].
    ///
    /// # Panics
    /// The process does not run any more.
    pub fn resume(&self) {
        self.change(State::Running, Kept::resume);
    }

    /// Kills the process, as a power cut would. Only [`Server::restart`] makes it usable again.
    pub fn kill(&self) {
        let mut process = self.process();
        process.kept.kill();
        process.state = State::Killed;
    }

    /// Kills the process, if it still runs, and starts it on the same port, in the same directory and with the same
    /// arguments. Its keys are gone; a cluster node or a Sentinel keeps its identity.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn restart(&self) {
        self.kill();
        let kept = spawn(self.ports, &self.plan, self.directory.path());
        let kept = kept.unwrap_or_else(|error| panic!("cannot start a server: {error}"));
        *self.process() = Process { kept, state: State::Running };
        self.wait_until_it_answers().await.unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// Whether it runs: it is neither paused nor killed.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process().state == State::Running
    }

    /// Stops all traffic between this server and the other one, like a network partition. Clients still reach both.
    ///
    /// # Panics
    /// One of the two was started without proxies.
    pub fn keep_apart_from(&self, other: &Self) {
        self.proxies().keep_apart(other.proxies());
    }

    /// Ends [`Server::keep_apart_from`].
    ///
    /// # Panics
    /// One of the two was started without proxies.
    pub fn reunite_with(&self, other: &Self) {
        self.proxies().reunite(other.proxies());
    }

    /// Delays requests of the other server, and the replies, by this time.
    ///
    /// # Panics
    /// One of the two was started without proxies.
    pub fn delay(&self, other: &Self, by: Duration) {
        self.proxies().delay(other.proxies(), by);
    }

    fn proxies(&self) -> &Proxies {
        self.proxies.as_ref().expect("only servers that were started with proxies can be kept apart")
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.process().state == State::Paused
    }

    fn change(&self, state: State, change: fn(&mut Kept) -> io::Result<()>) {
        let mut process = self.process();
        let changed = change(&mut process.kept);
        changed.unwrap_or_else(|error| panic!("port {}: {error}{}", self.port(), self.log_tail()));
        process.state = state;
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        // If a test panicked under the lock, it has failed; its servers still have to be killed.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection on the calling runtime.
    ///
    /// # Panics
    /// The server does not answer.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.try_connection().await.unwrap_or_else(|error| self.complain("connecting", &error))
    }

    /// The reply to one command over a new connection.
    ///
    /// # Panics
    /// The server does not answer, refuses, or its reply is not a `T`.
    pub async fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_command(words).await.unwrap_or_else(|error| self.complain(&words.join(" "), &error))
    }

    pub(super) async fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query_async(&mut self.try_connection().await?).await
    }

    async fn try_connection(&self) -> RedisResult<MultiplexedConnection> {
        let limits = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let client = match self.plan.certificates() {
            Some(certificates) => Client::build_with_tls(self.own_url(), certificates.for_client())?,
            None => Client::open(self.own_url())?,
        };
        client.get_multiplexed_async_connection_with_config(&limits).await
    }

    /// The last lines of the server's log with a heading, for the end of a message.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(self.directory.path().join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default();
        format!("\nthe end of the log of the server on port {}:\n  {}", self.port(), tail.join("\n  "))
    }

    pub(super) fn complain(&self, what: &str, error: &dyn std::fmt::Display) -> ! {
        panic!("{what} failed: {error}{}", self.log_tail())
    }
}

/// The URL with user and password.
pub(super) fn log_in(url: &str, user: &str, password: &str) -> String {
    url.replacen("://", &format!("://{user}:{password}@"), 1)
}

fn spawn(ports: Ports, plan: &Plan, directory: &Path) -> io::Result<Kept> {
    let log = File::options().create(true).append(true).open(directory.join(LOG))?;
    Kept::start(&binaries().server, &plan.command_line(ports, directory)?, log)
}
