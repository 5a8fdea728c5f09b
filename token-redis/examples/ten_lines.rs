//! Issues a token and validates it, with the Redis server or cluster of the argument:
//! `cargo run -p token-redis --example ten_lines -- redis://127.0.0.1:6379`

use std::sync::Arc;
use token_core::{Access, IssueRequest, KeyRing, Lifetime, Prefix, Requirement, TokenService, Verdict};
use token_redis::{Options, RedisStore};

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into());
    let store = RedisStore::connect(&url, Arc::new(KeyRing::public()), Options::default()).await?;
    let tokens = TokenService::new(store, Prefix::default());

    let request = IssueRequest::new("admin".parse()?, Access::Full, Lifetime::sliding("10m".parse()?));
    let issued = tokens.issue(&request).await?;
    match tokens.validate(issued.token.expose_secret(), &Requirement::any()).await? {
        Verdict::Active(grant) => {
            println!("{} speaks for {} until {}", grant.id, grant.subject, grant.expires_at)
        }
        Verdict::Inactive(reason) => println!("refused: {reason}"),
    }
    Ok(())
}
