//! Benchmarks of this workspace and of other libraries, on the same machine in the same run. `README.md` explains the results.
#![expect(clippy::print_stdout, reason = "results are printed to standard output")]

mod arena;
mod args;
mod auth;
mod bulk;
mod contest;
mod contestants;
mod door;
mod embedded;
mod growth;
mod latency;
mod machine;
mod memory;
mod micro;
mod nodes;
mod outcome;
mod peers;
mod report;
mod results;
mod revocation;
mod spread;
mod usage;
mod validate;

use clap::Parser;

use crate::args::{Cli, EmbeddedArgs, Part, ValidateArgs};
use crate::outcome::Outcome;
use crate::results::Docs;
use crate::revocation::RevocationArgs;

fn main() -> Outcome<()> {
    let cli = Cli::parse();
    // As in a service: a worker for each core, which all subjects share.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(cli))
}

async fn run(cli: Cli) -> Outcome<()> {
    let docs = Docs::at(&cli.docs);
    match cli.part {
        Part::All => all(&docs).await,
        Part::Validate(arguments) => validate::run(&arguments, &docs).await,
        Part::Embedded(arguments) => embedded::run(&arguments, &docs).await,
        Part::Latency => latency::run(&docs).await,
        Part::Auth => auth::run(&docs).await,
        Part::Memory => memory::run(&docs).await,
        Part::Growth => growth::run(&docs).await,
        Part::Nodes => nodes::run(&docs).await,
        Part::Revocation(arguments) => revocation::run(&arguments, &docs).await,
        Part::Micro => micro::run(&docs).await,
        Part::Node { store, callers } => nodes::serve(&store, callers).await,
        Part::Door { redis, port } => door::run(&redis, port).await,
        Part::Report => report::write(&docs),
    }
}

async fn all(docs: &Docs) -> Outcome<()> {
    micro::run(docs).await?;
    validate::run(&ValidateArgs::default(), docs).await?;
    embedded::run(&EmbeddedArgs::default(), docs).await?;
    latency::run(docs).await?;
    auth::run(docs).await?;
    nodes::run(docs).await?;
    revocation::run(&RevocationArgs::default(), docs).await?;
    growth::run(docs).await?;
    memory::run(docs).await?;
    report::write(docs)
}
