#!/usr/bin/env bash
# Checks the sources: formatting, lints, documentation, fuzz targets, spelling.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked --quiet
RUSTFLAGS="--cfg fuzzing" cargo check --manifest-path fuzz/Cargo.toml --locked --quiet

# Installs the spelling checker from PyPI below target/, in a fixed version.
typos=target/typos/bin/typos
if [[ $("$typos" --version 2>/dev/null) != "typos-cli 1.52.0" ]]; then
  python3 -m venv target/typos
  target/typos/bin/python -m pip install --quiet --disable-pip-version-check typos==1.52.0
fi
"$typos" --format brief
