#!/usr/bin/env bash
# Tests all of docker-compose.yml: starts it under a unique name, issues with each role, uploads and downloads files with
# serve nodes stopped and hung, kills a primary, stops the store, takes everything down and up again, and deletes secrets.
# Does so with each given server image, and prints at the end what was run on which server:
#
#   scripts/test-compose.sh redis:7.2.11-bookworm valkey/valkey:8.1
#
# Without arguments it uses the image REDIS_IMAGE, or else the one in docker-compose.yml. If no registry can be reached:
#
#   eval "$(sudo env PATH="$PATH" HOME="$HOME" scripts/standin-images.sh nginx rust runtime)"
#   redis=$(sudo scripts/standin-images.sh redis-7.0) valkey=$(sudo scripts/standin-images.sh valkey-newest)
#   scripts/test-compose.sh "${redis#*=}" "${valkey#*=}"
#
# Takes about six minutes for each image, without downloads. Needs curl and script, and removes everything that it starts. All
# runs share one image of token-cli: CLI_IMAGE, or one that is built from this folder.
set -euo pipefail
cd "$(dirname "$0")/.."

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
images=("$@")
(($#)) || images=("${REDIS_IMAGE:-}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Without this, an image of an earlier state would be tested.
if [[ ! ${CLI_IMAGE:-} ]]; then
  echo 'building the image of token-cli'
  "${compose[@]}" build secrets >"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log" >&2; exit 1; }
fi

failed=no
for image in "${images[@]}"; do
  echo "== ${image:-the image of docker-compose.yml}"
  STEPS=$scratch/steps REDIS_IMAGE=$image scripts/compose-steps.sh || failed=yes
  {
    echo
    echo "${image:-the image of docker-compose.yml}: $(tail -n 1 "$scratch/steps" | grep -q 'passed$' && echo passed || echo FAILED at the last step)"
    cat "$scratch/steps"
  } >>"$scratch/summary"
  rm "$scratch/steps"
done
cat "$scratch/summary"
[[ $failed == no ]]
