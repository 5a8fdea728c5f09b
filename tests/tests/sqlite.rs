//! The conformance suite on the embedded store.

fn main() -> std::process::ExitCode {
    token_conformance::run::<token_tests::fixtures::Sqlite>()
}
