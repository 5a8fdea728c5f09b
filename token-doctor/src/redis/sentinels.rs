//! What Sentinels report of the primary, its replicas and each other.

use std::collections::HashMap;

use crate::{Check, Finding};

use super::collector::Collector;
use super::observed::{Unobserved, observed};
use token_redis::inspect::{Address, InspectError};

/// Sentinels that have a majority when one of them is lost.
const ENOUGH: usize = 3;

/// All sentinels that the URL names.
pub(super) struct Sentinels {
    pub(super) asked: Vec<Sentinel>,
}

/// A Sentinel, and its answer, or why there is none.
pub(super) struct Sentinel {
    pub(super) name: String,
    pub(super) is_local: bool,
    pub(super) view: Result<View, String>,
}

/// What a Sentinel reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) primary: Address,
    pub(super) replicas: Vec<Address>,
    /// How many sentinels there are, itself included.
    pub(super) sentinels: usize,
    /// Whether enough of them reach each other to agree on another primary; if not, why.
    pub(super) quorum: Result<(), String>,
}

const SENTINEL: Check = Check {
    name: "sentinel",
    wanted: "every sentinel that the URL names answers and knows the service",
    why: "without sentinels nobody finds the primary, and nobody replaces one that is lost",
};

const PRIMARY: Check = Check {
    name: "sentinel-primary",
    wanted: "all sentinels name the same primary",
    why: "two primaries at the same time: what is issued or revoked at one of them is lost in the end",
};

const QUORUM: Check = Check {
    name: "sentinel-quorum",
    wanted: "at least three sentinels, enough of which reach each other to agree",
    why: "a lost primary is replaced only while most sentinels agree; with fewer than three, the loss of one ends that",
};

/// Asks one sentinel.
pub(super) async fn query(collector: &Collector, address: &Address, service: &str) -> Sentinel {
    let view = match tokio::time::timeout(collector.deadline, ask(collector, address, service)).await {
        Ok(Ok(view)) => view,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            Err(format!("did not answer within {:?}; is it running and reachable?", collector.deadline))
        }
    };
    Sentinel { name: address.to_string(), is_local: address.is_local(), view }
}

async fn ask(
    collector: &Collector,
    address: &Address,
    service: &str,
) -> Result<Result<View, String>, InspectError> {
    let mut link = collector.target.connect_to_sentinel(address).await?;
    let primary = link.fields(&["SENTINEL", "MASTER", service]).await;
    let primary = match observed(primary, "sentinel|master")? {
        Ok(primary) => primary,
        Err(Unobserved::Refused(_)) => {
            return Ok(Err(format!("does not know the service \"{service}\", or is no sentinel")));
        }
        Err(unobserved) => return Ok(Err(unobserved.to_string())),
    };
    let replicas = link.list_of_fields(&["SENTINEL", "REPLICAS", service]).await?;
    let quorum = observed(link.text(&["SENTINEL", "CKQUORUM", service]).await, "sentinel|ckquorum")?;
    Ok(address_of(&primary).ok_or_else(|| "names a primary whose address cannot be read".to_owned()).map(
        |address| View {
            primary: address,
            replicas: replicas.iter().filter_map(address_of).collect(),
            sentinels: 1 + primary.get("num-other-sentinels").and_then(|n| n.parse().ok()).unwrap_or(0),
            quorum: quorum
                .map(|_| ())
                .map_err(|_| "too few sentinels reach each other to replace a primary".into()),
        },
    ))
}

fn address_of(server: &HashMap<String, String>) -> Option<Address> {
    Some(Address::Tcp(server.get("ip")?.clone(), server.get("port")?.parse().ok()?))
}

impl Sentinels {
    /// The servers that sentinels name, each once: primaries first.
    pub(super) fn servers(&self) -> Vec<Address> {
        let views = || self.asked.iter().filter_map(|sentinel| sentinel.view.as_ref().ok());
        let all = views().map(|view| &view.primary).chain(views().flat_map(|view| &view.replicas));
        let mut servers: Vec<Address> = Vec::new();
        for server in all {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        servers
    }

    /// What is to say about the sentinels.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.asked.iter().flat_map(about).collect();
        let mut primaries: Vec<String> = Vec::new();
        for view in self.asked.iter().filter_map(|sentinel| sentinel.view.as_ref().ok()) {
            let primary = view.primary.to_string();
            if !primaries.contains(&primary) {
                primaries.push(primary);
            }
        }
        findings.push(match primaries.as_slice() {
            [] => PRIMARY.failure("nobody names a primary"),
            [primary] => PRIMARY.ok(primary.clone()),
            _ => PRIMARY.failure(format!("they name {}", primaries.join(" and "))),
        });
        findings
    }
}

fn about(sentinel: &Sentinel) -> Vec<Finding> {
    let findings = match &sentinel.view {
        Err(why) => vec![SENTINEL.failure(why.clone())],
        Ok(view) => vec![SENTINEL.ok("answers"), quorum(view)],
    };
    findings.into_iter().map(|finding| finding.at(format!("sentinel {}", sentinel.name))).collect()
}

fn quorum(view: &View) -> Finding {
    match (&view.quorum, view.sentinels) {
        (Err(why), _) => QUORUM.failure(why.clone()),
        (Ok(()), count) if count < ENOUGH => QUORUM.warning(format!("only {count} of them")),
        (Ok(()), count) => QUORUM.ok(format!("{count} sentinels can agree")),
    }
}

#[cfg(test)]
mod tests {
    use crate::FindingStatus;

    use super::*;

    fn view(port: u16, sentinels: usize, quorum: Result<(), String>) -> View {
        View { primary: Address::Tcp("h".into(), port), replicas: vec![], sentinels, quorum }
    }

    fn findings(views: Vec<Result<View, String>>) -> Vec<(&'static str, FindingStatus)> {
        let asked =
            views.into_iter().map(|view| Sentinel { name: "s".into(), is_local: true, view }).collect();
        Sentinels { asked }.findings().into_iter().map(|finding| (finding.check, finding.status)).collect()
    }

    #[test]
    fn three_sentinels_that_agree_are_well() {
        let all = findings(vec![Ok(view(1, 3, Ok(()))), Ok(view(1, 3, Ok(())))]);
        assert!(all.iter().all(|(_, status)| *status == FindingStatus::Ok), "{all:?}");
    }

    #[test]
    fn two_sentinels_are_too_few_and_none_that_agree_is_worse() {
        assert!(
            findings(vec![Ok(view(1, 2, Ok(())))]).contains(&("sentinel-quorum", FindingStatus::Warning))
        );
        let split = findings(vec![Ok(view(1, 3, Err("lost".into())))]);
        assert!(split.contains(&("sentinel-quorum", FindingStatus::Failure)));
    }

    #[test]
    fn sentinels_that_name_different_primaries_are_a_failure() {
        let all = findings(vec![Ok(view(1, 3, Ok(()))), Ok(view(2, 3, Ok(())))]);
        assert!(all.contains(&("sentinel-primary", FindingStatus::Failure)));
    }

    #[test]
    fn a_sentinel_that_does_not_answer_is_a_failure() {
        assert!(findings(vec![Err("is gone".into())]).contains(&("sentinel", FindingStatus::Failure)));
    }
}
