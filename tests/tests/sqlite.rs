//! The conformance suite on the embedded store.

fn main() -> std::process::ExitCode {
    token_tests::runner::run::<token_tests::rig::Sqlite>()
}
