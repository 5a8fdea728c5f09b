#!/bin/sh
# Runs a command with the store URL in its environment, so that neither its arguments nor `docker inspect` show the URL.
set -eu
TOKEN_STORE=$(cat /run/token-store/url)
export TOKEN_STORE
exec "$@"
