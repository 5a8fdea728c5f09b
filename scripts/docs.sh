#!/usr/bin/env bash
# Builds the book from docs/ into target/book. A broken link, a missing anchor or a page outside the navigation fails.
# MkDocs is installed from PyPI below target/ the first time. The blocks and links of all pages, README included, are
# tested by: cargo test -p token-tests --test readme
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=scripts/docs-requirements.txt
venv=target/docs

if ! cmp --silent "$requirements" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$venv/installed.txt"
fi
# Not --quiet: it would keep strict mode from seeing warnings.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$venv/bin/mkdocs" build --strict >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
echo 'the book is in target/book/index.html'
