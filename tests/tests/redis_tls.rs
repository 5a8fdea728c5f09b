//! The conformance suite on a Redis server over TLS.

fn main() -> std::process::ExitCode {
    token_tests::runner::run::<token_tests::rig::TlsStandalone>()
}
