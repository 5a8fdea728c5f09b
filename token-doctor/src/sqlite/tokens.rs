//! Examines whether each token in a database can be read and expires in time.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use token_core::spi::{Clock, Place, Record, RecordError, SystemClock};
use token_core::{Grant, KeyFit, KeyRing, KeyVersion, StoreError, Timestamp, TokenId};
use token_sqlite::inspect::Inspection;

use crate::{Check, Finding};

const RECORDS: Check = Check {
    name: "records",
    wanted: "the key file opens the record of every token",
    why: "a token whose record does not open is refused: its key is not in the key file, or the record was changed",
};

const KEY_VERSIONS: Check = Check {
    name: "key-versions",
    wanted: "the key file has the keys that issued the tokens in the database",
    why: "with the key file of another database, no token of this one is recognised",
};

const LIFETIMES: Check = Check {
    name: "lifetimes",
    wanted: "no token was issued later than now, or ends later than its lifetime allows",
    why: "such a token was issued or used while the clock of this machine was ahead, and stays valid too long: revoke it \
          and issue another. If the clock is behind now, set it right",
};

/// How far ahead the times of a token may be: the size of usual clock corrections.
const SLACK: Duration = Duration::from_secs(60);

/// How many tokens a finding lists.
const NAMED: usize = 3;

/// Examines the tokens in the database at `path`, without changing it. There are no findings if the database does not open.
///
/// It blocks while it reads all tokens.
#[must_use]
pub fn examine_tokens(path: &Path, keys: &KeyRing) -> Vec<Finding> {
    let node = path.display().to_string();
    let findings = match Inspection::open(path) {
        Ok(database) => match look(&database, keys, SystemClock.now()) {
            Ok(examined) => vec![examined.key_versions(), examined.records(), examined.lifetimes()],
            Err(error) => vec![RECORDS.failure(error.to_string())],
        },
        Err(_) => Vec::new(),
    };
    findings.into_iter().map(|finding| finding.at(&node)).collect()
}

struct Examined {
    fit: KeyFit,
    all: usize,
    unreadable: Vec<TokenId>,
    /// The key versions of records that the key file lacks.
    lacking: BTreeSet<KeyVersion>,
    too_late: Vec<TokenId>,
}

fn look(database: &Inspection, keys: &KeyRing, now: Timestamp) -> Result<Examined, StoreError> {
    let fit = keys.fit(&database.key_checks()?);
    let (unreadable, too_late) = (Vec::new(), Vec::new());
    let mut examined = Examined { fit, all: 0, unreadable, lacking: BTreeSet::new(), too_late };
    database.each_token(now, |id, record, expires_at| {
        examined.all += 1;
        match Record::decode(Place::of(id), record, keys).map(|record| record.into_grant(id, expires_at)) {
            Err(why) => {
                examined.unreadable.push(id);
                examined.lacking.extend(match why {
                    RecordError::KeyVersion(version) => Some(version),
                    _ => None,
                });
            }
            Ok(grant) if ends_too_late(&grant, now) => examined.too_late.push(id),
            Ok(_) => {}
        }
    })?;
    Ok(examined)
}

fn ends_too_late(grant: &Grant, now: Timestamp) -> bool {
    let latest = now.after(SLACK);
    let window = grant.deadlines.window().map(|window| latest.after(window.as_duration()));
    grant.issued_at > latest
        || window.is_some_and(|end| grant.expires_at > end)
        || grant.deadlines.cap().is_some_and(|cap| grant.expires_at > cap)
}

impl Examined {
    fn key_versions(&self) -> Finding {
        let lacking = self.lacking.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (&self.fit, self.fit.trouble()) {
            (fit, Some(trouble)) if fit.is_of_another() => KEY_VERSIONS.failure(trouble),
            (_, Some(trouble)) => KEY_VERSIONS.warning(trouble),
            (_, None) if !lacking.is_empty() => KEY_VERSIONS.warning(format!(
                "the key file lacks key version {lacking}, which live tokens have, and they are refused: add that key to it"
            )),
            (_, None) => KEY_VERSIONS.ok("as in the database"),
        }
    }

    fn records(&self) -> Finding {
        match self.unreadable.len() {
            0 => RECORDS.ok(format!("{} can be read", self.all)),
            count => RECORDS.failure(format!(
                "{count} of {} cannot be read: {}",
                self.all,
                named(&self.unreadable)
            )),
        }
    }

    fn lifetimes(&self) -> Finding {
        match self.too_late.len() {
            0 => LIFETIMES.ok("as they should be"),
            count => {
                LIFETIMES.failure(format!("{count} of {} end too late: {}", self.all, named(&self.too_late)))
            }
        }
    }
}

fn named(ids: &[TokenId]) -> String {
    let named = ids.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if ids.len() > NAMED { format!("{named}, …") } else { named }
}
