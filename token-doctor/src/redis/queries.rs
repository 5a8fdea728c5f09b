//! Asking one server about itself.
//!
//! Everything that is sent is here. None of it changes anything or blocks:
//!
//! | sent | changes nothing, because |
//! |---|---|
//! | `TIME`, `INFO`, `CLUSTER NODES`, `CLUSTER INFO` | they only report |
//! | `CONFIG GET` | it only reports, and is asked for these names alone: none of them is secret |
//! | `acl_check.lua` | it runs no command; a server would not let it write (`no-writes`) |
//! | `PING`, over another connection, to a server that gave no answer | it reports nothing but what is there |
//! | `GET` of the check values of the store keys | it only reads |
//! | `validate.lua` as a peek, on a key that no token has | it finds nothing; a peek renews nothing either way |
//! | the same behind `without_writing.lua`, if the disk is full | a server would not let it write (`no-writes`) |

use std::time::Instant;

use token_core::spi::{CheckValue, Clock, SystemClock};
use token_core::{KeyVersion, Timestamp};
use token_redis::inspect::{Address, InspectError, Layout, Member, Session, TopologyKind, read_members};

use super::collector::Collector;
use super::info::Info;
use super::observed::{Observed, Unobserved, observed};
use super::permissions::{Inquiry, Permissions};
use super::snapshot::{Facts, Node, Offset};

/// The settings that only `CONFIG GET` reports. Never add a secret one.
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
    /// Asks one server. A server that cannot be asked is an answer, too.
    pub(super) async fn query(&self, address: &Address) -> Node {
        let facts = match tokio::time::timeout(self.deadline, self.ask(address)).await {
            Ok(Ok(facts)) => Ok(facts),
            Ok(Err(error)) => Err(self.why(address, error.to_string()).await),
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
        self.target.identify(address).await.unwrap_or(seemed)
    }

    async fn ask(&self, address: &Address) -> Result<Facts, InspectError> {
        let link = &mut self.target.connect(address).await?;
        let mut facts = Facts::none();
        facts.clock = observed(clock(link).await, "time")?;
        facts.info = observed(link.text(&["INFO"]).await, "info")?.map(|text| Info::read(&text));
        facts.settings = observed(link.fields(&settings()).await, "config|get")?;
        if *self.target.topology() == TopologyKind::Cluster {
            let nodes = observed(link.text(&["CLUSTER", "NODES"]).await, "cluster|nodes")?;
            facts.members = Some(nodes.map(|nodes| read_members(&nodes, address)));
            let info = observed(link.text(&["CLUSTER", "INFO"]).await, "cluster|info")?;
            facts.cluster_state = Some(info.map(|info| state(&info)));
        }
        facts.permissions = self.permissions(link).await?;
        if let Some(key) = self.key_to_validate(&facts) {
            let validated = observed(link.validate(key).await, "evalsha")?;
            facts.validation = Some(validated.map_err(Unobserved::after_server_name));
        }
        if self.keeps_key_checks(&facts) {
            facts.key_checks = Some(self.key_checks(link).await?);
        }
        Ok(facts)
    }

    async fn permissions(&self, link: &mut Session) -> Result<Observed<Permissions>, InspectError> {
        let inquiry = Inquiry::about(self.role, &self.namespace);
        let answer = observed(link.numbers(&inquiry.command()).await, "eval")?;
        Ok(answer.and_then(|answer| {
            inquiry.read(&answer).ok_or_else(|| Unobserved::Refused("gave no answer of ours".into()))
        }))
    }

    async fn key_checks(
        &self,
        link: &mut Session,
    ) -> Result<Observed<Vec<(KeyVersion, CheckValue)>>, InspectError> {
        let known = observed(link.key_checks(&self.namespace).await, "get")?;
        Ok(match link.foreign_key_check(&self.namespace).await {
            Ok(Some(key)) => Err(Unobserved::Refused(format!(
                "holds something else than a check value in the key {key}: delete it, and the next token that is issued \
                 writes its own"
            ))),
            _ => known,
        })
    }

    fn keeps_key_checks(&self, facts: &Facts) -> bool {
        match self.target.topology() {
            TopologyKind::Server => true,
            TopologyKind::Sentinel { .. } => facts.info.as_ref().is_ok_and(Info::is_primary),
            TopologyKind::Cluster => {
                let own = facts.myself().filter(|own| own.is("master"));
                own.is_some_and(|own| serves(&own.slots, Layout::slot_of_key_checks()))
            }
        }
    }

    /// A key on which a validation has to work at this server.
    fn key_to_validate(&self, facts: &Facts) -> Option<String> {
        let layout = Layout::new(&self.namespace);
        match self.target.topology() {
            TopologyKind::Server => layout.unused_key(|_| true),
            TopologyKind::Sentinel { .. } => {
                facts.info.as_ref().ok().filter(|info| info.is_primary())?;
                layout.unused_key(|_| true)
            }
            TopologyKind::Cluster => {
                let slots = &facts.myself().filter(|own| own.is("master"))?.slots;
                layout.unused_key(|slot| serves(slots, slot))
            }
        }
    }
}

fn serves(slots: &[(u16, u16)], slot: u16) -> bool {
    slots.iter().any(|&(first, last)| (first..=last).contains(&slot))
}

fn settings() -> Vec<&'static str> {
    ["CONFIG", "GET"].into_iter().chain(SETTINGS).collect()
}

fn state(cluster_info: &str) -> String {
    Info::read(cluster_info).text("cluster_state").unwrap_or("not told").to_owned()
}

/// The server's clock against ours, half way between question and answer.
async fn clock(link: &mut Session) -> Result<Offset, InspectError> {
    let (ours, asked) = (SystemClock.now(), Instant::now());
    let theirs = link.time().await?;
    let took = i64::try_from(asked.elapsed().as_millis()).unwrap_or(i64::MAX);
    let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let (theirs, ours) = (millis(theirs), millis(ours).saturating_add(took / 2));
    // A whole millisecond for what was cut off.
    Ok(Offset { millis: theirs.saturating_sub(ours), uncertain: took / 2 + 1 })
}

/// Addresses that members of a cluster have, as far as they can be read.
pub(super) fn addresses(members: &[Member]) -> impl Iterator<Item = (&Member, &Address)> {
    let there = members.iter().filter(|member| !member.is("noaddr") && !member.is("handshake"));
    there.filter_map(|member| Some((member, member.address.as_ref()?)))
}
