//! `embedded`: operations per second of the embedded store. It needs no server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use token_core::{KeyRing, Lifetime, Prefix, Requirement, Revocation, RevokeOutcome, TokenService};
use token_sqlite::SqliteStore;

use crate::arena::{EACH, hard, issue, request, sliding};
use crate::args::EmbeddedArgs;
use crate::contest::{Contestant, Entry, Row, Rules, hold};
use crate::contestants::ours::Ours;
use crate::outcome::{Outcome, failure};
use crate::results::Docs;

/// How many tokens of each kind there are.
const TOKENS: usize = 10_000;

/// The results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Embedded {
    pub(crate) tokens: usize,
    pub(crate) rounds: usize,
    pub(crate) lap_ms: u64,
    pub(crate) rows: Vec<Row>,
}

/// Measures, prints and saves the results. Results with special options are not used for the document.
pub(crate) async fn run(arguments: &EmbeddedArgs, docs: &Docs) -> Outcome<()> {
    let rules = Rules {
        callers: vec![1, 16, 64],
        rounds: arguments.rounds.unwrap_or(7),
        lap: Duration::from_millis(arguments.lap_ms.unwrap_or(500)),
    };
    let folder = match &arguments.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let tokens = arguments.tokens.unwrap_or(TOKENS);
    let rows = hold(&rules, &enter(folder.path(), tokens).await?, None).await?;
    for row in &rows {
        println!(
            "{:<18}{:>4} callers{:>10.0}/s ±{:.0} %",
            row.name,
            row.callers,
            row.per_second.median,
            row.per_second.share() * 100.0
        );
    }
    if arguments.is_special() {
        return Ok(());
    }
    let lap_ms = u64::try_from(rules.lap.as_millis())?;
    docs.keep("embedded", Embedded { tokens, rounds: rules.rounds, lap_ms, rows })
}

/// The subjects, each with its own file.
async fn enter(folder: &Path, tokens: usize) -> Outcome<Vec<Entry>> {
    let open = |name: &str| -> Outcome<_> {
        let store = SqliteStore::open(&folder.join(name), Arc::new(KeyRing::public()))?;
        Ok(TokenService::new(store, Prefix::default()))
    };
    let mut entries = Vec::new();
    for (name, lifetime) in [("hard", hard()?), ("sliding", sliding()?)] {
        let store = open(name)?;
        let texts = issue(&store, lifetime, tokens).await?;
        entries.push(Entry::new(name, "", Ours { tokens: store, texts, requirement: Requirement::any() }));
    }
    entries.push(Entry::new(
        "issue and revoke",
        "",
        Changes { tokens: open("changes")?, lifetime: sliding()? },
    ));
    Ok(entries)
}

/// Issues a token and revokes it.
struct Changes {
    tokens: TokenService<SqliteStore>,
    lifetime: Lifetime,
}

impl Contestant for Changes {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let issued = self.tokens.issue(&request(number / EACH, self.lifetime)?).await?;
        let revoked = self.tokens.revoke(issued.grant.id, &Revocation::default()).await?.outcome;
        match revoked {
            RevokeOutcome::Revoked => Ok(()),
            other => Err(failure(format!("a new token is {}", other.code()))),
        }
    }
}
