#!/bin/sh
# Runs the server of the image, Redis or Valkey, with our settings.
set -eu
server=$(command -v redis-server || command -v valkey-server) || { echo 'error: the image has no redis-server' >&2; exit 1; }
# Redis 7.0 refuses users with the right to WAITAOF, which it does not have (deploy/secrets.sh).
case $("$server" --version) in
  *' v=7.0.'*) users=users-7.0.acl ;;
  *) users=users.acl ;;
esac
exec "$server" /deploy/redis.conf --aclfile "/run/token-store/$users" "$@"
