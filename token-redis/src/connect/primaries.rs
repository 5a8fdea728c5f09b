//! Connections of one's own to primaries, for what would hold up others on a shared one, and for WAIT, which speaks of
//! what its own connection wrote.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::{Runtime, Status};
use deadpool_redis::{Connection, Manager, Pool};
use redis::aio::ConnectionLike;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, RetryMethod,
    ServerErrorKind, Value,
};

use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::backoff::Backoff;
use super::target::{Address, Shape, Target};
use super::topology::{Home, Topology};
use super::tries::Tries;
use crate::options::Options;
use crate::pool::PoolState;
use crate::trouble::is_temporary;

/// Between two tries; doubled at each, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Something to do at a primary, over one connection that nobody else uses meanwhile. It may be done more than once, so
/// it must be idempotent.
pub(crate) trait Work: Sync {
    /// What comes of it.
    type Output: Send;

    /// Does it.
    fn perform(&self, own: &mut Own, home: &Home) -> impl Future<Output = RedisResult<Self::Output>> + Send;
}

/// The primaries of a deployment, and a deadpool-redis pool for each that was needed.
pub(crate) struct Primaries {
    target: Arc<Target>,
    topology: Topology,
    options: Options,
    pools: Mutex<HashMap<Address, Pool>>,
    /// When a pool that leads to a demoted server may be dropped.
    backoff: Backoff,
}

impl Primaries {
    pub(crate) fn new(target: Arc<Target>, options: &Options) -> Self {
        let topology = Topology::new(target.clone(), options.connect_timeout);
        Self {
            target,
            topology,
            options: options.clone(),
            pools: Mutex::default(),
            backoff: Backoff::default(),
        }
    }

    /// Does some work at the primary of a slot; when that turns out to be the wrong server, or is lost, again at the right
    /// one.
    ///
    /// This goes on until it succeeds, fails for another reason, or the deadline is over: then it ends with the last
    /// failure, if there was one.
    pub(crate) async fn at_home_of<W: Work>(
        &self,
        slot: u16,
        work: &W,
        until: Instant,
    ) -> Result<RedisResult<W::Output>, Elapsed> {
        let mut tries = Tries::until(until);
        let mut pause = FIRST_PAUSE;
        let mut redirected = None;
        let mut demoted = false;
        loop {
            let error = match tries.step(self.once(slot, redirected.take(), work)).await {
                Ok(Ok(done)) => return Ok(Ok(done)),
                Ok(Err(error)) => error,
                Err(elapsed) => return tries.end(elapsed),
            };
            // Behind its address may be another server by now, which new connections lead to; if not, it is a replica.
            if is_demoted(&error) && !std::mem::replace(&mut demoted, true) {
                continue;
            }
            match self.moves_on_after(&error) {
                None => return Ok(Err(error)),
                Some(Next::Ask(address)) => redirected = Some(address),
                Some(Next::LookAgain) => {
                    self.topology.forget();
                    tries.failed(error);
                    if let Err(elapsed) = tries.step(tokio::time::sleep(pause)).await {
                        return tries.end(elapsed);
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// All primaries.
    pub(crate) async fn all(&self) -> RedisResult<Vec<Home>> {
        self.topology.homes().await
    }

    /// A connection to this very server.
    pub(crate) async fn to(&self, home: &Home) -> RedisResult<Own> {
        Ok(Own { connection: self.connection(&home.address).await?, asking: false })
    }

    /// The pools as they are now.
    pub(crate) fn pools(&self) -> Vec<PoolState> {
        let of = |(address, pool): (&Address, &Pool)| {
            let Status { max_size: max, size, available, waiting } = pool.status();
            PoolState { server: address.to_string(), size, available, waiting, max }
        };
        let mut pools: Vec<_> = self.lock().iter().map(of).collect();
        pools.sort_unstable_by(|one, other| one.server.cmp(&other.server));
        pools
    }

    async fn once<W: Work>(
        &self,
        slot: u16,
        redirected: Option<Address>,
        work: &W,
    ) -> RedisResult<W::Output> {
        let home = self.topology.home(slot).await?;
        let address = redirected.as_ref().unwrap_or(&home.address);
        let mut own = Own { connection: self.connection(address).await?, asking: redirected.is_some() };
        let result = work.perform(&mut own, &home).await;
        if let Err(error) = &result {
            // Not back into the pool: its next user would only find out the same.
            if is_demoted(error) {
                // A new pool that leads to the same server is kept for a moment: each costs a connection.
                if self.backoff.wait().is_zero() {
                    self.backoff.begin();
                    self.lock().remove(address);
                }
            } else if error.is_unrecoverable_error() || error.is_timeout() {
                drop(Connection::take(own.connection));
            }
        }
        result
    }

    async fn connection(&self, address: &Address) -> RedisResult<Connection> {
        let pool = self.pool(address)?;
        pool.get().await.map_err(|error| match error {
            deadpool::managed::PoolError::Backend(error) => error,
            other => std::io::Error::new(std::io::ErrorKind::TimedOut, other).into(),
        })
    }

    fn pool(&self, address: &Address) -> RedisResult<Pool> {
        let mut pools = self.lock();
        if let Some(pool) = pools.get(address) {
            return Ok(pool.clone());
        }
        let options = &self.options;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.deadline));
        let manager = Manager::new_with_config(self.target.server(address)?, config)?;
        #[expect(
            clippy::expect_used,
            reason = "building fails only for a pool that has timeouts and no runtime"
        )]
        let pool = Pool::builder(manager)
            .max_size(options.pool_size.max(1))
            .wait_timeout(Some(options.deadline))
            .create_timeout(Some(options.connect_timeout))
            .recycle_timeout(Some(options.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .expect("the runtime is set");
        pools.insert(address.clone(), pool.clone());
        Ok(pool)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Pool>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do about an error, when there is something to do.
    fn moves_on_after(&self, error: &RedisError) -> Option<Next> {
        match (&self.target.shape, error.retry_method()) {
            _ if is_temporary(error) => Some(Next::LookAgain),
            // There is no other server, and whoever asks would rather know.
            (Shape::Single, _) => None,
            (_, RetryMethod::AskRedirect) => {
                let address = error.redirect_node().and_then(|(address, _slot)| Address::parse(address));
                Some(address.map_or(Next::LookAgain, Next::Ask))
            }
            (_, RetryMethod::NoRetry) => {
                (error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)).then_some(Next::LookAgain)
            }
            _ => Some(Next::LookAgain),
        }
    }
}

/// A connection that nobody else uses.
pub(crate) struct Own {
    connection: Connection,
    /// Every command is preceded by ASKING: its slot is on the move to this server.
    asking: bool,
}

impl ConnectionLike for Own {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        if !self.asking {
            return self.connection.req_packed_command(command);
        }
        let mut both = redis::pipe();
        both.cmd("ASKING").ignore().add_command(command.clone());
        Box::pin(async move {
            let mut answers = self.connection.req_packed_commands(&both, 1, 1).await?;
            answers
                .pop()
                .ok_or_else(|| RedisError::from((ErrorKind::UnexpectedReturnType, "no answer behind ASKING")))
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

enum Next {
    /// The slot is on the move, and what is asked for is there already.
    Ask(Address),
    /// The picture is old, or the server is not ready.
    LookAgain,
}

/// A primary that became a replica goes on answering; its connections are of no more use.
pub(crate) fn is_demoted(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}
