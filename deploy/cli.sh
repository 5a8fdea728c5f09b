#!/bin/sh
# Runs the command line client of the image, of Redis or Valkey.
set -eu
client=$(command -v redis-cli || command -v valkey-cli) || { echo 'error: the image has no redis-cli' >&2; exit 1; }
exec "$client" "$@"
