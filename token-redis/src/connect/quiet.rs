//! Connections of the cluster client that do not tell the library's name.
//!
//! The client would send CLIENT SETINFO twice on each connection. No role may that (Redis 7.0 does not know the command, and
//! refuses an ACL file that names it), so each connection would leave two entries in the ACL log. Its builder has no
//! switch for it (redis 1.8), other than connections of another type.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::Connect;
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, RedisFuture, Value};

/// A connection of the cluster client to one node.
#[derive(Clone)]
pub(crate) struct Quiet(MultiplexedConnection);

impl Connect for Quiet {
    fn connect_with_config<'a, T>(info: T, config: AsyncConnectionConfig) -> RedisFuture<'a, Self>
    where
        T: IntoConnectionInfo + Send + 'a,
    {
        Box::pin(async move {
            let info = info.into_connection_info()?;
            let settings = info.redis_settings().clone().set_skip_set_lib_name();
            let client = Client::open(info.set_redis_settings(settings))?;
            client.get_multiplexed_async_connection_with_config(&config).await.map(Self)
        })
    }
}

impl ConnectionLike for Quiet {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.0.req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}
