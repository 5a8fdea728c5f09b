//! Opens a store, and checks that the servers are of the kind that the URL says, before the first token is used.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use redis::{RedisError, RedisResult};
use token_core::StoreError;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use crate::connection::{Limits, Retries, SharedConnections, StoreUrl, Topology, TopologyKind, peer};
use crate::operation_context::OperationContext;
use crate::options::Options;
use crate::script;
use crate::trouble::is_temporary;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// Two ranges of slots to probe: a node of a cluster redirects for slots that it does not serve.
const SLOTS: [Range<u16>; 2] = [0..5461, 10923..16384];

/// Connects. A single server also has to validate a token that cannot exist.
pub(crate) async fn open(
    topology: &Arc<Topology>,
    options: &Options,
    attempt: OperationContext<'_>,
) -> Result<Arc<SharedConnections>, StoreError> {
    let target = topology.url();
    let opened = connected(topology, options.limits(), attempt.until()).await;
    let shared = match attempt.ended(opened) {
        Ok(shared) => shared,
        Err(error) => return Err(explained(error, target, attempt).await),
    };
    if target.kind == TopologyKind::Server
        && let Some(error) = wrong_kind(&shared, options).await
    {
        return Err(attempt.failed(error));
    }
    Ok(shared)
}

/// Connects; tries again while the server has too many clients.
async fn connected(
    topology: &Arc<Topology>,
    limits: Limits,
    until: Instant,
) -> Result<RedisResult<Arc<SharedConnections>>, Elapsed> {
    let mut tries = Retries::until(until);
    loop {
        match tries.step(SharedConnections::open(topology.clone(), limits)).await {
            Ok(Err(error)) if is_temporary(&error) => tries.failed(error),
            Ok(ended) => return Ok(ended),
            Err(elapsed) => return tries.end(elapsed),
        }
        if let Err(elapsed) = tries.step(tokio::time::sleep(PAUSE)).await {
            return tries.end(elapsed);
        }
    }
}

/// Examines a server that did not answer as a store: it may be something else.
async fn explained(error: StoreError, target: &StoreUrl, attempt: OperationContext<'_>) -> StoreError {
    match peer::look(target).await {
        Some((kind, seen)) => {
            let first = attempt.seen(kind, &seen);
            match std::error::Error::source(&error) {
                Some(cause) => first.caused_by(cause.to_string()),
                None => first,
            }
        }
        None => error,
    }
}

/// Whether the error proves that the server is of another kind than the URL says: a node of a cluster, a replica, a Sentinel.
/// All other errors may pass: a server that is full, or has too few replicas at the moment, can be opened.
async fn wrong_kind(shared: &SharedConnections, options: &Options) -> Option<RedisError> {
    for range in SLOTS {
        let probe = script::probe(options.namespace.nobody(|slot| range.contains(&slot))?);
        let Err(error) = shared.once(0, &probe).await else { continue };
        let unknown = error.code() == Some("ERR")
            && error.detail().is_some_and(|detail| detail.starts_with("unknown command"));
        if unknown || matches!(error.code(), Some("MOVED" | "READONLY" | "MASTERDOWN")) {
            return Some(error);
        }
    }
    None
}
