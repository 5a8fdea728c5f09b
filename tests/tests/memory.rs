//! The conformance suite on the store in memory, which is its specification.

fn main() -> std::process::ExitCode {
    token_tests::runner::run::<token_tests::rig::Memory>()
}
