#!/bin/sh
# Runs the server of the image, Redis or Valkey, with our settings.
set -eu
server=$(command -v redis-server || command -v valkey-server) || { echo 'error: the image has no redis-server' >&2; exit 1; }
exec "$server" /deploy/redis.conf "$@"
