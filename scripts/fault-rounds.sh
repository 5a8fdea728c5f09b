#!/usr/bin/env bash
# Runs the fault program at full length, about 50 minutes: every round causes a fault on real servers under load, and judges
# its history. The histories stay in target/histories. Another number of rounds: scripts/fault-rounds.sh 5.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-50}
fewer=$(((rounds + 4) / 5))

cargo build --release --locked --package token-tests --bin fault-rounds
program() { target/release/fault-rounds "$@" || failed=1; }
failed=0

for topology in cluster sentinel; do
  program --topology $topology --fault kill --rounds "$rounds"
  program --topology $topology --fault laggard --rounds "$fewer"
  program --topology $topology --fault cut-off --rounds "$fewer"
  program --topology $topology --fault hang --rounds "$fewer"
  # Expected losses: without confirmation by replicas, revocations are lost.
  program --topology $topology --fault laggard --confirm local --rounds "$fewer"
  program --topology $topology --fault cut-off --confirm local --rounds "$fewer"
done
program --fault reshard --rounds "$fewer"
program --fault grow --rounds "$fewer"
program --fault flush-scripts --rounds "$fewer"
exit $failed
