//! Examining the tokens in a database: whether each can be read, and ends when it should.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use token_core::spi::{Clock, Place, Record, RecordError, SystemClock};
use token_core::{Check, Finding, Grant, KeyFit, KeyRing, KeyVersion, Timestamp, TokenId};

use crate::error::Failure;
use crate::examine::open;
use crate::key_checks;
use crate::rows;

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

/// How far a token may be ahead: corrections of a clock that are usual.
const SLACK: Duration = Duration::from_secs(60);

/// How many tokens a finding names.
const NAMED: usize = 3;

/// Examines the tokens in the database at `path`, which is not changed. Nothing is found without a database that opens.
///
/// It blocks while it reads all tokens.
#[must_use]
pub fn examine_tokens(path: &Path, keys: &KeyRing) -> Vec<Finding> {
    let node = path.display().to_string();
    let findings = match open(path) {
        Ok(db) => match look(&db, keys, SystemClock.now()) {
            Ok(seen) => vec![seen.key_versions(), seen.records(), seen.lifetimes()],
            Err(failure) => vec![RECORDS.failure(failure.explain("read", "database", path).to_string())],
        },
        Err(_) => Vec::new(),
    };
    findings.into_iter().map(|finding| finding.at(&node)).collect()
}

struct Seen {
    fit: KeyFit,
    all: usize,
    unreadable: Vec<TokenId>,
    /// The key versions of records that the key file lacks.
    lacking: BTreeSet<KeyVersion>,
    too_late: Vec<TokenId>,
}

fn look(db: &Connection, keys: &KeyRing, now: Timestamp) -> Result<Seen, Failure> {
    let fit = keys.fit(&key_checks::known(db)?);
    let (unreadable, too_late) = (Vec::new(), Vec::new());
    let mut seen = Seen { fit, all: 0, unreadable, lacking: BTreeSet::new(), too_late };
    rows::each(db, now, |id, live| {
        seen.all += 1;
        match Record::decode(Place::of(id), &live.record, keys)
            .map(|record| record.into_grant(id, live.expires_at))
        {
            Err(why) => {
                seen.unreadable.push(id);
                seen.lacking.extend(match why {
                    RecordError::KeyVersion(version) => Some(version),
                    _ => None,
                });
            }
            Ok(grant) if ends_too_late(&grant, now) => seen.too_late.push(id),
            Ok(_) => {}
        }
    })?;
    Ok(seen)
}

fn ends_too_late(grant: &Grant, now: Timestamp) -> bool {
    let latest = now.after(SLACK);
    let window = grant.deadlines.window().map(|window| latest.after(window.as_duration()));
    grant.issued_at > latest
        || window.is_some_and(|end| grant.expires_at > end)
        || grant.deadlines.cap().is_some_and(|cap| grant.expires_at > cap)
}

impl Seen {
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
