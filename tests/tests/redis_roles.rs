//! The conformance suite on a Redis server, as the role `admin` of `deploy/acl/`.

fn main() -> std::process::ExitCode {
    token_tests::runner::run::<token_tests::rig::StandaloneRoles>()
}
