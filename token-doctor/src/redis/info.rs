//! What `INFO` says.

use std::collections::HashMap;

/// The answer to `INFO`: names and values. Nothing in it is trusted to be there, or to be what it should be.
#[derive(Debug, Default)]
pub(super) struct Info(HashMap<String, String>);

/// A replica as its primary sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Follower {
    pub(super) address: String,
    pub(super) state: String,
    /// How far it is in the primary's history, in bytes.
    pub(super) offset: u64,
    /// Seconds since it last confirmed anything.
    pub(super) lag: u64,
}

impl Info {
    pub(super) fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.trim_end().to_owned())).collect())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.text(name) == Some(value)
    }

    pub(super) fn is_primary(&self) -> bool {
        self.is("role", "master")
    }

    pub(super) fn is_replica(&self) -> bool {
        self.is("role", "slave")
    }

    /// The replicas that are connected to this primary.
    pub(super) fn followers(&self) -> Vec<Follower> {
        let lines = (0..).map_while(|n| self.text(&format!("slave{n}")));
        lines.filter_map(read_follower).collect()
    }
}

/// `ip=127.0.0.1,port=7003,state=online,offset=12,lag=1`, in any order and with more.
fn read_follower(line: &str) -> Option<Follower> {
    let fields: HashMap<&str, &str> = line.split(',').filter_map(|field| field.split_once('=')).collect();
    Some(Follower {
        address: format!("{}:{}", fields.get("ip")?, fields.get("port")?),
        state: (*fields.get("state")?).to_owned(),
        offset: fields.get("offset")?.parse().ok()?,
        // Of one that does not confirm yet, older servers say -1.
        lag: fields.get("lag").and_then(|lag| lag.parse().ok()).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_info_of_a_primary_lists_each_replica() {
        let info = Info::read(
            "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
             slave0:ip=127.0.0.1,port=7003,state=online,offset=42,lag=1\r\n\
             slave1:ip=::1,port=7004,state=wait_bgsave,offset=0,lag=0,io-thread=0\r\n",
        );
        assert!(info.is_primary() && !info.is_replica());
        let follower = |address: &str, state: &str, offset, lag| Follower {
            address: address.into(),
            state: state.into(),
            offset,
            lag,
        };
        assert_eq!(
            info.followers(),
            [follower("127.0.0.1:7003", "online", 42, 1), follower("::1:7004", "wait_bgsave", 0, 0)]
        );
    }

    #[test]
    fn what_is_missing_or_no_number_is_none() {
        let info = Info::read("maxmemory:much\nslave0:nonsense\n");
        assert_eq!((info.number("maxmemory"), info.text("role"), info.followers().len()), (None, None, 0));
    }
}
