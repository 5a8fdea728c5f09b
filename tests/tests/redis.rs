//! The conformance suite on one Redis server.

fn main() -> std::process::ExitCode {
    token_conformance::run::<token_tests::fixtures::OneServer>()
}
