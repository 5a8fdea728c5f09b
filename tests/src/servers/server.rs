//! One server process.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::binaries::binaries;
use super::keeper::Kept;
use super::patience::{Missing, wait_for};

/// How long a server may take to answer after its start; it takes a tenth of a second where nothing else runs.
const START: Duration = Duration::from_secs(20);
/// How long any one command of a test may take.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// The file in its directory that takes all it says.
const LOG: &str = "log";

/// A running server. It is killed on drop, and its directory goes with it.
#[derive(Debug)]
pub struct Server {
    process: Kept,
    port: u16,
    directory: TempDir,
}

impl Server {
    /// Starts a server on the port, with these arguments after our own, and waits until it answers.
    ///
    /// # Errors
    /// It did not start: its log says why. The port may have been taken meanwhile.
    pub(super) async fn start(port: u16, arguments: &[String]) -> Result<Self, String> {
        let mut server =
            Self::spawn(port, arguments).map_err(|error| format!("cannot start a server: {error}"))?;
        let ready = wait_for(START, async || server.look_whether_it_answers().await).await;
        ready.map_err(|reason| {
            format!("the server on port {port} did not start: {reason}{}", server.log_tail())
        })?;
        Ok(server)
    }

    fn spawn(port: u16, arguments: &[String]) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let log = File::create(directory.path().join(LOG))?;
        let own = own_arguments(port, directory.path());
        let all: Vec<String> = own.iter().chain(arguments).cloned().collect();
        let process = Kept::start(&binaries().server, &all, log)?;
        Ok(Self { process, port, directory })
    }

    async fn look_whether_it_answers(&mut self) -> Result<(), Missing> {
        if let Some(status) = self.process.ended() {
            return Err(Missing::ForEver(format!("it ended with {status}")));
        }
        let yet = |error: redis::RedisError| Missing::Yet(error.to_string());
        let info: String = self.try_command(&["INFO", "server"]).await.map_err(yet)?;
        // Somebody else's server on this port would answer, too.
        if info.lines().any(|line| line == format!("process_id:{}", self.process.id())) {
            return Ok(());
        }
        Err(Missing::Yet("another server answers on its port".to_owned()))
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A new connection that belongs to the runtime it is called on.
    ///
    /// # Panics
    /// The server does not answer.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.try_connection().await.unwrap_or_else(|error| self.complain("connecting", &error))
    }

    /// The answer to one command, asked over a connection of its own.
    ///
    /// # Panics
    /// The server does not answer, refuses, or answers with what is no `T`.
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
        Client::open(self.url())?.get_multiplexed_async_connection_with_config(&limits).await
    }

    /// The last lines of the server's log, introduced, for the end of a message.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(self.directory.path().join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default();
        format!("\nthe end of the log of the server on port {}:\n  {}", self.port, tail.join("\n  "))
    }

    fn complain(&self, what: &str, error: &redis::RedisError) -> ! {
        panic!("{what} failed: {error}{}", self.log_tail())
    }
}

/// On loopback, in its directory, and nothing is kept.
fn own_arguments(port: u16, directory: &Path) -> Vec<String> {
    let (port, directory) = (port.to_string(), directory.to_string_lossy());
    let pairs = [
        ["--bind", "127.0.0.1"],
        ["--port", &port],
        ["--dir", &directory],
        ["--save", ""],
        ["--appendonly", "no"],
    ];
    pairs.concat().into_iter().map(str::to_owned).collect()
}
