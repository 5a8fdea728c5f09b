//! The life of a token in a file: `cargo run -p token-sqlite --example embedded`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use token_core::{Access, IssueRequest, Lifetime, Prefix, Requirement, Revocation, TokenService, Verdict};
use token_sqlite::{SqliteStore, keyfile};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (database, key_file) = (folder.path().join("tokens.db"), folder.path().join("tokens.key"));
    let store = keyfile::open_with_keys(&database, &key_file, SqliteStore::open)?;
    let tokens = TokenService::new(store, Prefix::default());

    // Each use renews the token for ten minutes; it expires after a day at the latest.
    let lifetime = Lifetime::capped("10m".parse()?, "24h".parse()?)?;
    let request = IssueRequest::new("admin".parse()?, Access::Full, lifetime);
    let issued = tokens.issue(&request).await?;
    println!("issued {}, which dies at {}", issued.grant.id, issued.grant.expires_at);

    let text = issued.token.expose_secret();
    match tokens.validate(text, &Requirement::any()).await? {
        Verdict::Active(grant) => println!("active, for {}, until {}", grant.subject, grant.expires_at),
        Verdict::Inactive(reason) => println!("inactive: {reason}"),
    }

    let revocation = Revocation { by: Some("admin".parse()?), why: Some("end of the example".parse()?) };
    println!("{:?}", tokens.revoke(issued.grant.id, &revocation).await?);
    match tokens.validate(text, &Requirement::any()).await? {
        Verdict::Active(grant) => println!("active until {}", grant.expires_at),
        Verdict::Inactive(reason) => println!("inactive: {reason}"),
    }
    Ok(())
}
