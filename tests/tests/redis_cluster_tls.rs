//! The conformance suite on a Redis Cluster over TLS.

fn main() -> std::process::ExitCode {
    token_tests::runner::run::<token_tests::rig::TlsCluster>()
}
