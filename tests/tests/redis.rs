//! The conformance suite on one Redis server.

fn main() -> std::process::ExitCode {
    token_tests::runner::run::<token_tests::rig::OneServer>()
}
