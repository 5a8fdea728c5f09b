#!/usr/bin/env bash
# Runs schemathesis with the arguments given, in a virtual environment that is made under target/ the first time.
# Needs python3 with its module venv (scripts/test.sh installs it) and PyPI. Fails if something cannot be installed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
requirements=$root/tests/tests/sidecar/requirements.txt
venv=$root/target/schemathesis

mkdir -p "$root/target"
exec 9>"$venv.lock"
flock 9
# The marker of the installation is written last, so that an interrupted installation is repeated.
if ! cmp --silent "$requirements" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$venv/installed.txt"
fi
exec 9>&-

exec "$venv/bin/st" "$@"
