//! The conformance suite on a Redis server over TLS.

fn main() -> std::process::ExitCode {
    token_conformance::run::<token_tests::fixtures::TlsStandalone>()
}
