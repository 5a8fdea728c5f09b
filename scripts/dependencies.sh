#!/usr/bin/env bash
# Checks the dependencies and the packages:
#   licences, sources, duplicates and advisories (cargo deny; advisories need the network),
#   unused dependencies (cargo machete),
#   each feature by itself (cargo hack), with the oldest Rust that Cargo.toml promises if rustup has it,
#   the packages, each built from the archive that would be published, in the order of their dependencies.
# Builds the tools from the registry if they are missing, which takes minutes: a release and a weekly job run this, and
# .ci/run does not.
set -euo pipefail
cd "$(dirname "$0")/.."

tool() { command -v "cargo-$1" >/dev/null || cargo install --locked --quiet "cargo-$1"; }
for each in deny hack machete; do tool "$each"; done

libraries=(token-core token-sqlite token-redis token-doctor token-http token-server token-conformance)
packages=()
for library in "${libraries[@]}"; do packages+=(--package "$library"); done

if [[ ${1:-} == --offline ]]; then
  echo "note: advisories are not checked: they come over the network"
  cargo deny check licenses bans sources
else
  cargo deny check
fi
cargo machete
cargo hack check "${packages[@]}" --each-feature --no-dev-deps --locked
minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if command -v rustup >/dev/null && rustup toolchain list | grep -q "^$minimum"; then
  cargo "+$minimum" check "${packages[@]}" --all-features --locked
else
  echo "note: Rust $minimum is not installed: the oldest supported version is not checked (rustup toolchain install $minimum)"
fi
cargo package "${packages[@]}" --all-features --locked
