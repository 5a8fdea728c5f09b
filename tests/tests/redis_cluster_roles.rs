//! The conformance suite on a Redis Cluster, as the role `admin` of `deploy/acl/`.

fn main() -> std::process::ExitCode {
    token_conformance::run::<token_tests::fixtures::ClusterRoles>()
}
