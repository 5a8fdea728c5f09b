//! Asking one server for all that it tells of itself.
//!
//! Everything that is sent is here. None of it changes anything or blocks:
//!
//! | sent | changes nothing, because |
//! |---|---|
//! | `TIME`, `INFO`, `CLUSTER NODES`, `CLUSTER INFO` | they only tell |
//! | `CONFIG GET` | it only tells, and is asked for these names alone: none of them is secret |
//! | `acl_check.lua` | it runs no command; a server would not let it write (`no-writes`) |
//! | `PING`, over another connection, to a server that gave no answer | it tells nothing but what is there |
//! | `GET` of the check values of the store keys | it only reads |
//! | `validate.lua` as a peek, on a key that no token has | it finds nothing; a peek renews nothing either way |
//! | the same behind `without_writing.lua`, if the disk is full | a server would not let it write (`no-writes`) |

use std::collections::HashMap;
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult, Value};
use token_core::KeyVersion;
use token_core::spi::{CheckValue, Clock, SystemClock};

use super::collector::Collector;
use super::info::Info;
use super::permissions::{Inquiry, Permissions};
use super::scene::{Facts, Node, Offset, Validated};
use super::seen::{Seen, Unseen, seen, trouble};
use crate::connection::{Address, Member, TopologyKind, open, peer, read_members};
use crate::key_checks;
use crate::keys::Namespace;
use crate::script::{self, Call, is_without_disk};
use crate::validate::reply::{self, ValidateReply};

/// The settings that only `CONFIG GET` tells. Nothing secret may ever stand here.
const SETTINGS: [&str; 8] = [
    "appendfsync",
    "save",
    "min-replicas-to-write",
    "min-replicas-max-lag",
    "replica-serve-stale-data",
    "cluster-node-timeout",
    "cluster-replica-validity-factor",
    "cluster-allow-reads-when-down",
];

impl Collector {
    /// Asks one server. That it cannot be asked is an answer, too.
    pub(super) async fn visit(&self, address: &Address) -> Node {
        let facts = match tokio::time::timeout(self.deadline, self.ask(address)).await {
            Ok(Ok(facts)) => Ok(facts),
            Ok(Err(error)) => Err(self.why(address, trouble(&error, self.stage())).await),
            Err(_) => {
                let silence =
                    format!("did not answer within {:?}; is it running and reachable?", self.deadline);
                Err(self.why(address, silence).await)
            }
        };
        Node { name: address.to_string(), is_local: address.is_local(), facts }
    }

    /// Why a server cannot be asked: by a second look, or else as it seemed.
    async fn why(&self, address: &Address, seemed: String) -> String {
        let seen = peer::look_at(address, self.target.certificates().is_some()).await;
        seen.map_or(seemed, |(_, seen)| seen)
    }

    async fn ask(&self, address: &Address) -> RedisResult<Facts> {
        let link = &mut open(self.target.server(address)?, self.deadline).await?;
        let mut facts = Facts::none();
        facts.clock = seen(clock(link).await, "time")?;
        facts.info = seen(tell::<String>(link, "INFO", &[]).await, "info")?.map(|text| Info::read(&text));
        facts.settings =
            seen(tell::<HashMap<String, String>>(link, "CONFIG", &settings()).await, "config|get")?;
        if self.target.kind == TopologyKind::Cluster {
            let nodes = seen(tell::<String>(link, "CLUSTER", &["NODES"]).await, "cluster|nodes")?;
            facts.members = Some(nodes.map(|nodes| read_members(&nodes, address)));
            let info = seen(tell::<String>(link, "CLUSTER", &["INFO"]).await, "cluster|info")?;
            facts.cluster_state = Some(info.map(|info| state(&info)));
        }
        facts.permissions = self.permissions(link).await?;
        if let Some(key) = self.key_to_validate(&facts) {
            facts.validation = Some(validate(link, key).await?);
        }
        if self.keeps_key_checks(&facts) {
            facts.key_checks = Some(self.key_checks(link).await?);
        }
        Ok(facts)
    }

    async fn permissions(&self, link: &mut MultiplexedConnection) -> RedisResult<Seen<Permissions>> {
        let inquiry = Inquiry::about(self.role, &self.namespace);
        let answer = seen(inquiry.call().send(link).await, "eval")?;
        Ok(answer.and_then(|answer| {
            inquiry.read(&answer).ok_or_else(|| Unseen::Refused("gave no answer of ours".into()))
        }))
    }

    async fn key_checks(
        &self,
        link: &mut MultiplexedConnection,
    ) -> RedisResult<Seen<Vec<(KeyVersion, CheckValue)>>> {
        let known = seen(key_checks::known(&self.namespace, link).await, "get")?;
        let foreign = key_checks::foreign(&self.namespace, link).await.ok().flatten();
        Ok(match foreign {
            Some(key) => Err(Unseen::Refused(format!(
                "holds a key of another type in the place of a check value, {key}: delete it, and the next token that \
                 is issued notes its own"
            ))),
            None => known,
        })
    }

    fn keeps_key_checks(&self, facts: &Facts) -> bool {
        match self.target.kind {
            TopologyKind::Server => true,
            TopologyKind::Sentinel { .. } => facts.info.as_ref().is_ok_and(Info::is_primary),
            TopologyKind::Cluster => {
                let own = facts.myself().filter(|own| own.is("master"));
                own.is_some_and(|own| serves(&own.slots, Namespace::slot_of_key_checks()))
            }
        }
    }

    /// A key on which a validation has to work at this server.
    fn key_to_validate(&self, facts: &Facts) -> Option<String> {
        match self.target.kind {
            TopologyKind::Server => self.namespace.nobody(|_| true),
            TopologyKind::Sentinel { .. } => {
                facts.info.as_ref().ok().filter(|info| info.is_primary())?;
                self.namespace.nobody(|_| true)
            }
            TopologyKind::Cluster => {
                let slots = &facts.myself().filter(|own| own.is("master"))?.slots;
                self.namespace.nobody(|slot| serves(slots, slot))
            }
        }
    }
}

fn serves(slots: &[(u16, u16)], slot: u16) -> bool {
    slots.iter().any(|&(first, last)| (first..=last).contains(&slot))
}

fn settings() -> Vec<&'static str> {
    ["GET"].into_iter().chain(SETTINGS).collect()
}

async fn tell<T: FromRedisValue>(
    link: &mut MultiplexedConnection,
    command: &str,
    arguments: &[&str],
) -> RedisResult<T> {
    redis::cmd(command).arg(arguments).query_async(link).await
}

fn state(cluster_info: &str) -> String {
    Info::read(cluster_info).text("cluster_state").unwrap_or("not told").to_owned()
}

/// The server's clock against ours, half way between question and answer.
async fn clock(link: &mut MultiplexedConnection) -> RedisResult<Offset> {
    let (ours, asked) = (SystemClock.now(), Instant::now());
    let (seconds, micros): (i64, i64) = tell(link, "TIME", &[]).await?;
    let took = i64::try_from(asked.elapsed().as_millis()).unwrap_or(i64::MAX);
    let theirs = seconds.saturating_mul(1000).saturating_add(micros / 1000);
    let ours = i64::try_from(ours.as_millis()).unwrap_or(i64::MAX).saturating_add(took / 2);
    // A whole millisecond for what was cut off.
    Ok(Offset { millis: theirs.saturating_sub(ours), uncertain: took / 2 + 1 })
}

/// Validates a token that cannot exist, as a validation does it, but without renewing.
async fn validate(link: &mut MultiplexedConnection, key: String) -> RedisResult<Result<Validated, String>> {
    let probe = script::probe(key);
    let (answer, validated) = match probe.send(link).await {
        Err(error) if is_without_disk(&error) => {
            (again(link, &probe).await.ok_or(error), Validated::WithoutWriting)
        }
        answer => (answer, Validated::Fully),
    };
    let answer = match seen(answer, "evalsha")? {
        Ok(value) => reply::read(value, 1),
        Err(unseen) => return Ok(Err(unseen.behind_the_server())),
    };
    Ok(match answer.as_deref() {
        Some([ValidateReply::Unknown]) => Ok(validated),
        _ => Err("gave another answer than that there is no such token".into()),
    })
}

/// The same without the right to write. Replicas that are missing are another finding.
async fn again(link: &mut MultiplexedConnection, probe: &Call) -> Option<Value> {
    probe.without_writing(None)?.send(link).await.ok()
}

/// Addresses that members of a cluster have, as far as they can be read.
pub(super) fn addresses(members: &[Member]) -> impl Iterator<Item = (&Member, &Address)> {
    let there = members.iter().filter(|member| !member.is("noaddr") && !member.is("handshake"));
    there.filter_map(|member| Some((member, member.address.as_ref()?)))
}
