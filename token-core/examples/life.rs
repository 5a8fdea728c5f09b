//! The life of a token in the memory store, with a clock that the example advances: `cargo run -p token-core --example life`

use std::sync::Arc;
use std::time::Duration;

use token_core::spi::{ManualClock, MemoryStore};
use token_core::{
    Access, IssueRequest, KeyRing, Lifetime, Prefix, Requirement, Timestamp, TokenService, Verdict,
};

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let store = MemoryStore::with_clock(Arc::new(KeyRing::public()), clock.clone());
    let tokens = TokenService::new(store, Prefix::default());

    let lifetime = Lifetime::capped("10m".parse()?, "25m".parse()?)?;
    let request = IssueRequest::new("admin".parse()?, Access::Full, lifetime);
    let issued = tokens.issue(&request).await?;

    // Each use within the window renews the token, until its hard expiry.
    for _ in 0..4 {
        clock.advance(Duration::from_secs(8 * 60));
        match tokens.validate(issued.token.expose_secret(), &Requirement::any()).await? {
            Verdict::Active(grant) => println!("active until {}", grant.expires_at),
            Verdict::Inactive(reason) => println!("inactive: {reason}"),
        }
    }
    Ok(())
}
