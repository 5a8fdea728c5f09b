//! The conformance suite on a server that Sentinels name.

fn main() -> std::process::ExitCode {
    token_conformance::run::<token_tests::servers::Sentinel>()
}
