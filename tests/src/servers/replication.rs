//! A server as a replica of another one.

use std::time::Duration;

use redis::RedisResult;

use super::info::{field, number};
use super::patience::{Missing, wait_for};
use super::server::Server;

/// How long a replica may take to get in sync; it takes a second or two on an idle machine.
const IN_STEP: Duration = Duration::from_secs(60);

impl Server {
    /// Makes this server a replica of the other one, and waits until it is in sync.
    ///
    /// # Panics
    /// It refuses, or does not get in sync. The message ends with the logs.
    pub async fn replicate(&self, primary: &Self) {
        let port = primary.port().to_string();
        // A replica that is loading the data of another primary refuses for a moment.
        let told = wait_for(IN_STEP, async || {
            let told: RedisResult<()> = self.try_command(&["REPLICAOF", "127.0.0.1", &port]).await;
            told.map_err(|error| Missing::Yet(error.to_string()))
        });
        told.await.unwrap_or_else(|reason| self.complain("REPLICAOF", &reason));
        self.wait_until_in_step_with(primary).await;
    }

    /// Waits until this replica has all data that the other server had when this was called.
    ///
    /// # Panics
    /// It does not get in sync. The message ends with the logs.
    pub async fn wait_until_in_step_with(&self, primary: &Self) {
        let mut goal: Option<Position> = None;
        let waited = wait_for(IN_STEP, async || {
            let now = Position::of_primary(primary).await?;
            // The first replica that connects makes a primary start a new replication history.
            let goal = match &mut goal {
                Some(goal) if goal.history == now.history => goal,
                outdated => outdated.insert(now),
            };
            self.look_whether_it_reached(goal).await
        });
        if let Err(reason) = waited.await {
            self.complain("getting in step", &format!("{reason}{}", primary.log_tail()));
        }
    }

    /// Whether this replica has all data of the other server.
    pub(super) async fn look_whether_it_is_in_step_with(&self, primary: &Self) -> Result<(), Missing> {
        self.look_whether_it_reached(&Position::of_primary(primary).await?).await
    }

    async fn look_whether_it_reached(&self, goal: &Position) -> Result<(), Missing> {
        let info = replication(self).await?;
        let up = field(&info, "role") == Some("slave") && field(&info, "master_link_status") == Some("up");
        let history = field(&info, "master_replid");
        let offset = number(&info, "slave_repl_offset");
        if up && history == Some(&goal.history) && offset >= Some(goal.offset) {
            return Ok(());
        }
        Err(Missing::Yet(format!("port {} is not in step: {info}", self.port())))
    }
}

/// A replication history, and an offset in it.
struct Position {
    history: String,
    offset: u64,
}

impl Position {
    async fn of_primary(server: &Server) -> Result<Self, Missing> {
        let info = replication(server).await?;
        let history = field(&info, "master_replid").unwrap_or_default().to_owned();
        Ok(Self { history, offset: number(&info, "master_repl_offset").unwrap_or_default() })
    }
}

async fn replication(server: &Server) -> Result<String, Missing> {
    let info: RedisResult<String> = server.try_command(&["INFO", "replication"]).await;
    info.map_err(|error| Missing::Yet(format!("port {}: {error}", server.port())))
}
