//! Routes an operation to the primary of its slot, also while the topology changes.
//!
//! | reply or failure | reaction |
//! |---|---|
//! | MOVED, ASK (in a cluster) | send the operation to the named server |
//! | LOADING, TRYAGAIN, BUSY, too many clients | try again after a pause |
//! | CLUSTERDOWN, MASTERDOWN (if there are other servers) | read the topology again, and try again after a pause |
//! | READONLY | replace the connection: another server may have taken over the address |
//! | a lost connection | replace it; if there are other servers, read the topology again |
//! | no reply in time | read the topology again, and ask the primary if it is another one |
//! | anything else | return it |
//!
//! All of this ends by the deadline of the operation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{ErrorKind, RedisError, RedisResult, RetryMethod, ServerErrorKind};
use tokio::time::error::Elapsed;

use super::retries::Retries;
use super::routed::{Operation, Routed};
use super::slot_map::Primary;
use super::store_url::{Address, TopologyKind};
use super::topology::{Hint, Topology};
use crate::trouble::is_temporary;

/// The first pause between two attempts; it doubles with each one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Connects to servers.
pub(super) trait Connector: Sync {
    type Connection: ConnectionLike + Send;

    /// The longest pause between two attempts.
    const LONGEST_PAUSE: Duration;

    /// Whether to ask a silent server again if the topology names no other primary.
    const ASKS_SILENT_SERVERS_AGAIN: bool;

    /// The primary of a slot, from a map that is recent enough for this kind of connection.
    fn primary(&self, slot: u16) -> impl Future<Output = RedisResult<Arc<Primary>>> + Send;

    fn connect(&self, address: &Address) -> impl Future<Output = RedisResult<Self::Connection>> + Send;

    fn succeeded(&self, connection: Self::Connection);

    /// A call over this connection has failed. Returns whether another connection to the same server may succeed.
    fn failed(&self, address: &Address, connection: Self::Connection, error: &RedisError) -> bool;
}

/// Routes operations.
pub(super) struct Router<'a, C> {
    pub(super) topology: &'a Topology,
    pub(super) connector: &'a C,
}

/// A failed attempt.
pub(super) struct Failed {
    pub(super) error: RedisError,
    /// The server, if it is known.
    at: Option<Address>,
    began: Instant,
    /// Another connection to the same server may succeed.
    reconnects: bool,
}

/// The target of a redirection.
pub(super) struct Redirect {
    address: Address,
    asking: bool,
}

/// What to do about a failure.
enum Next {
    Redirect(Redirect),
    /// Try again.
    Again,
    /// Try again once, over another connection, after looking for another primary.
    Reconnect,
    /// Look for another primary, then try again.
    LookUp,
    /// Look for another primary, and try again only if there is one.
    GoElsewhere,
}

impl<C: Connector> Router<'_, C> {
    /// Performs an operation until it succeeds, fails permanently, or the deadline is over; then it returns the last failure,
    /// if there was one. `failed` is an attempt that was made before.
    pub(super) async fn run<O: Operation<Routed<C::Connection>>>(
        &self,
        slot: u16,
        operation: &O,
        until: tokio::time::Instant,
        mut failed: Option<Failed>,
    ) -> Result<RedisResult<O::Output>, Elapsed> {
        let mut retries = Retries::until(until);
        let mut state = State { pause: FIRST_PAUSE, redirects: 0, demoted: false };
        let mut redirect = None;
        loop {
            let failure = match failed.take() {
                Some(failure) => failure,
                None => match retries.step(self.attempt(slot, redirect.take(), operation)).await {
                    Ok(Ok(done)) => return Ok(Ok(done)),
                    Ok(Err(failure)) => failure,
                    Err(elapsed) => return retries.end(elapsed),
                },
            };
            if operation.ends_with(&failure.error) {
                return Ok(Err(failure.error));
            }
            let Some(next) = self.next(&failure, &mut state) else { return Ok(Err(failure.error)) };
            retries.failed(failure.error.clone());
            match retries.step(self.prepare(slot, next, &failure, &mut state)).await {
                Ok(Some(Prepared { to })) => redirect = to,
                Ok(None) => return Ok(Err(failure.error)),
                Err(elapsed) => return retries.end(elapsed),
            }
        }
    }

    /// Makes one attempt.
    pub(super) async fn attempt<O: Operation<Routed<C::Connection>>>(
        &self,
        slot: u16,
        redirect: Option<Redirect>,
        operation: &O,
    ) -> Result<O::Output, Failed> {
        let began = Instant::now();
        let failed =
            |error, at: Option<&Address>, reconnects| Failed { error, at: at.cloned(), began, reconnects };
        let mut primary = self.connector.primary(slot).await.map_err(|error| failed(error, None, false))?;
        let mut asking = false;
        if let Some(redirect) = redirect {
            asking = redirect.asking;
            primary = Arc::new(Primary { address: redirect.address, replicas: primary.replicas });
        }
        let address = &primary.address;
        let connection = self.connector.connect(address).await;
        let connection = connection.map_err(|error| failed(error, Some(address), false))?;
        let mut routed = Routed::new(connection, asking);
        match operation.perform(&mut routed, &primary).await {
            Ok(output) => {
                self.connector.succeeded(routed.into_inner());
                Ok(output)
            }
            Err(error) => {
                let reconnects = self.connector.failed(address, routed.into_inner(), &error);
                Err(failed(error, Some(address), reconnects))
            }
        }
    }

    /// What to do about a failure; `None` if the failure is final.
    fn next(&self, failure: &Failed, state: &mut State) -> Option<Next> {
        let error = &failure.error;
        let alone = *self.topology.kind() == TopologyKind::Server;
        if is_temporary(error) {
            return Some(if alone { Next::Again } else { Next::LookUp });
        }
        if is_refusal(error) {
            return None;
        }
        if is_demoted(error) {
            let before = std::mem::replace(&mut state.demoted, true);
            // If a single server is a replica over the new connection as well, it remains one.
            return if alone {
                (failure.reconnects && !before).then_some(Next::Reconnect)
            } else {
                Some(Next::LookUp)
            };
        }
        match error.retry_method() {
            RetryMethod::NoRetry => None,
            RetryMethod::MovedRedirect | RetryMethod::AskRedirect => self.redirect(error),
            _ if alone => (failure.reconnects && is_lost(error)).then_some(Next::Reconnect),
            _ if error.is_timeout() && failure.at.is_some() && !C::ASKS_SILENT_SERVERS_AGAIN => {
                Some(Next::GoElsewhere)
            }
            _ if failure.reconnects && is_lost(error) => Some(Next::Reconnect),
            _ => Some(Next::LookUp),
        }
    }

    /// Outside of a cluster, a redirection is an error: the URL should name a cluster.
    fn redirect(&self, error: &RedisError) -> Option<Next> {
        if *self.topology.kind() != TopologyKind::Cluster {
            return None;
        }
        let asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
        let address = error.redirect_node().and_then(|(address, _slot)| Address::parse(address));
        Some(address.map_or(Next::LookUp, |address| Next::Redirect(Redirect { address, asking })))
    }

    /// Prepares the next attempt; `None` if another attempt is of no use.
    async fn prepare(&self, slot: u16, next: Next, failure: &Failed, state: &mut State) -> Option<Prepared> {
        let Failed { at, began, .. } = failure;
        let avoid = at.clone().map(Hint::Avoid);
        match next {
            Next::Again => state.pause::<C>().await,
            Next::Reconnect => {
                if *self.topology.kind() != TopologyKind::Server {
                    // If no other primary is known, the next attempt asks the same server.
                    let _ = self.topology.map_since(*began, avoid).await;
                }
            }
            Next::LookUp => {
                let _ = self.topology.map_since(*began, avoid).await;
                state.pause::<C>().await;
            }
            Next::GoElsewhere => {
                let map = self.topology.map_since(*began, avoid).await.ok()?;
                let primary = map.primary(slot)?;
                if Some(&primary.address) == at.as_ref() {
                    return None;
                }
            }
            Next::Redirect(redirect) => {
                if !redirect.asking {
                    let _ = self.topology.map_since(*began, Some(Hint::Ask(redirect.address.clone()))).await;
                }
                // Two servers that redirect to each other do not agree yet.
                state.redirects += 1;
                if state.redirects > 1 {
                    state.pause::<C>().await;
                }
                return Some(Prepared { to: Some(redirect) });
            }
        }
        Some(Prepared { to: None })
    }
}

struct Prepared {
    to: Option<Redirect>,
}

struct State {
    pause: Duration,
    redirects: usize,
    demoted: bool,
}

impl State {
    async fn pause<C: Connector>(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(C::LONGEST_PAUSE);
    }
}

/// Whether the server is a replica that was a primary: it still answers, but connections to it are useless.
pub(super) fn is_demoted(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Whether the connection is lost.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_unrecoverable_error() && !is_refusal(error)
}

/// Whether the server refused the login or the command: another attempt would be refused as well.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"))
}
