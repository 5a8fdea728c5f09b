//! The conformance suite on a Redis Cluster of three primaries with a replica each.

fn main() -> std::process::ExitCode {
    token_conformance::run::<token_tests::fixtures::OneCluster>()
}
