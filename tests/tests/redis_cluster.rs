//! The conformance suite on a Redis Cluster of three primaries with a replica each.

fn main() -> std::process::ExitCode {
    token_tests::runner::run::<token_tests::rig::OneCluster>()
}
