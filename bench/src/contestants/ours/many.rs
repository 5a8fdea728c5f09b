//! `validate_many`: a caller that validates several tokens at once.

use token_core::{KeyRing, Verdict};

use super::Ours;
use crate::arena::{Arena, issue, sliding};
use crate::contest::{Contestant, Entry};
use crate::contestants::pick;
use crate::outcome::{Outcome, failure};

/// How many tokens a caller validates: the maximum of one call.
const MANY: usize = 64;

pub(super) async fn enter(arena: &Arena) -> Outcome<Entry> {
    let tokens = arena.store(KeyRing::public()).await?;
    let texts = issue(&tokens, sliding()?, arena.tokens).await?;
    let about = "as `ours/sliding`, by `validate_many`, for 64 tokens at a time; each token counts";
    let ours = Ours { tokens, texts, requirement: token_core::Requirement::any() };
    Ok(Entry::new("ours/validate-many", about, Many(ours)))
}

struct Many(Ours<token_redis::RedisStore>);

impl Contestant for Many {
    const EACH: u64 = MANY as u64;

    async fn validate(&self, number: usize) -> Outcome<()> {
        let Ours { tokens, texts, requirement } = &self.0;
        let uses: Outcome<Vec<_>> = (0..MANY)
            .map(|place| Ok((&**pick(texts, number * MANY + place)?, requirement.clone())))
            .collect();
        for verdict in tokens.validate_many(uses?).await {
            if let Verdict::Inactive(reason) = verdict? {
                return Err(failure(reason.to_string()));
            }
        }
        Ok(())
    }
}
