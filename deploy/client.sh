#!/bin/sh
# Runs a command with the store's URL in its environment: not in its arguments, and not in what `docker inspect` shows.
set -eu
TOKEN_STORE=$(cat /run/token-store/url)
export TOKEN_STORE
exec "$@"
