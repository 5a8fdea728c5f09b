#!/bin/sh
# Makes what must be secret, once, on volumes: a password for each role and the store key. Each volume holds what its
# reader needs and no more; the servers get kept, and never the store key. The ACL file is put together anew each
# time, so that a changed role takes effect when the nodes restart.
set -eu
umask 077
cd /secrets

redis=999 client=10001

# give FILE USER: what standard input says, readable by this user alone, there as a whole or not at all.
give() {
  cat >"$1.new"
  chmod 400 "$1.new"
  chown "$2:$2" "$1.new"
  mv "$1.new" "$1"
}

for role in validator issuer admin doctor operator replica probe; do
  [ -e "kept/$role" ] && continue
  password=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n')
  case $role in
    operator) printf %s "$password" | give operator/password "$redis" ;;
    probe) printf %s "$password" | give node/probe.password "$redis" ;;
    replica) printf 'masteruser replica\nmasterauth %s\n' "$password" | give node/replication.conf "$redis" ;;
    *) printf 'redis-cluster://%s:%s@redis:6379' "$role" "$password" | give "$role/url" "$client" ;;
  esac
  # Last, for it says that the rest is there.
  printf %s "$password" | sha256sum | cut -d ' ' -f 1 | give "kept/$role" 0
done

if [ ! -e kept/store.keys ]; then
  rm -f kept/making.keys
  token-cli new-key-file kept/making.keys >&2
  mv kept/making.keys kept/store.keys
fi
for role in validator issuer admin doctor; do
  [ -e "$role/store.keys" ] || give "$role/store.keys" "$client" <kept/store.keys
done

{
  cat /deploy/acl/default.acl
  for role in validator issuer admin doctor operator replica probe; do
    printf '%s #%s\n' "$(cat "/deploy/acl/$role.acl")" "$(cat "kept/$role")"
  done
} | give node/users.acl "$redis"
