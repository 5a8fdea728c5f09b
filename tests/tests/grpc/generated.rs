//! The code generated from the published protos is checked in, so that only this test needs the generators.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use tempfile::TempDir;

/// Fields that may be or contain a secret, and that `Debug` must not show.
const SECRET: [&str; 6] = [
    ".envoy.service.auth.v3.AttributeContext.HttpRequest",
    ".envoy.config.core.v3.HeaderValue",
    ".token.v1.IssueResponse",
    ".token.v1.ValidateRequest",
    ".token.v1.RevokeRequest",
    ".token.v1.RevokeRequest.what",
];

/// `PROTOS=overwrite cargo test -p token-tests --test grpc generated` regenerates it.
#[test]
fn the_generated_code_is_that_of_the_protos() {
    let crate_of_protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../token-server");
    let generated = generate(&crate_of_protos.join("proto"));
    let checked_in = crate_of_protos.join("src/grpc/generated");
    if std::env::var_os("PROTOS").is_some_and(|value| value == "overwrite") {
        for (name, bytes) in &generated {
            fs::write(checked_in.join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in &generated {
        let same = fs::read(checked_in.join(name)).is_ok_and(|found| found == *bytes);
        assert!(same, "{name} is not that of the protos: run this test with PROTOS=overwrite");
    }
    assert_eq!(fs::read_dir(checked_in).unwrap().count(), generated.len(), "files of nothing");
}

/// Files by name: the code of each package, and the descriptors for reflection.
fn generate(protos: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = ["token/v1/tokens.proto", "envoy/service/auth/v3/external_auth.proto"];
    let mut compiler = protox::Compiler::new([protos]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(files).unwrap();
    let directory = TempDir::new().unwrap();
    tonic_prost_build::configure()
        .build_transport(false)
        .skip_debug(SECRET)
        .emit_rerun_if_changed(false)
        .out_dir(&directory)
        .compile_fds(compiler.file_descriptor_set())
        .unwrap();
    let written = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let mut generated: BTreeMap<String, Vec<u8>> =
        written.map(|path: PathBuf| (name(&path), fs::read(&path).unwrap())).collect();
    compiler.include_source_info(false);
    generated.insert("descriptors.bin".into(), compiler.file_descriptor_set().encode_to_vec());
    generated
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
