#!/bin/sh
# Makes what must be secret, once, on volumes: a password for each role and the store key. What has been lost is made anew,
# but for a store key that another volume still has. Each volume holds what its reader needs and no more; the servers get
# hashes of passwords, and never the store key. The ACL file is put together anew each
# time, so that a changed role takes effect when the nodes restart.
set -eu
umask 077
cd /secrets

redis=999 client=10001

# All other containers read it as users of their own.
unreadable=$(find /deploy ! -perm -o=r -o -type d ! -perm -o=x | head -n 1)
if [ "$unreadable" ]; then
  echo "error: the users of containers cannot read .$unreadable: chmod -R a+rX deploy" >&2
  exit 1
fi

# give FILE USER: what standard input says, readable by this user alone, there as a whole or not at all.
give() {
  # One that a start left which was broken off belongs to the reader, and cannot be written to.
  rm -f "$1.new"
  cat >"$1.new"
  chmod 400 "$1.new"
  chown "$2:$2" "$1.new"
  mv "$1.new" "$1"
}

# What a role logs in with, as its reader gets it.
login_of() {
  case $1 in
    operator) echo operator/password ;;
    probe) echo node/probe.password ;;
    replica) echo node/replication.conf ;;
    *) echo "$1/url" ;;
  esac
}

for role in validator issuer admin doctor operator replica probe; do
  login=$(login_of "$role")
  [ -e "kept/$role" ] && [ -e "$login" ] && continue
  # So that a start which is broken off here leaves no hash of another password.
  rm -f "kept/$role"
  password=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n')
  case $role in
    operator | probe) printf %s "$password" | give "$login" "$redis" ;;
    replica) printf 'masteruser replica\nmasterauth %s\n' "$password" | give "$login" "$redis" ;;
    *) printf 'redis-cluster://%s:%s@redis:6379' "$role" "$password" | give "$login" "$client" ;;
  esac
  # Last, for it says that the rest is there.
  printf %s "$password" | sha256sum | cut -d ' ' -f 1 | give "kept/$role" 0
done

# The key that a reader still has is the one that the tokens need.
for role in validator issuer admin doctor; do
  [ -e kept/store.keys ] || [ ! -e "$role/store.keys" ] || give kept/store.keys 0 <"$role/store.keys"
done
if [ ! -e kept/store.keys ]; then
  rm -f kept/making.keys
  token-cli new-key-file kept/making.keys >&2
  mv kept/making.keys kept/store.keys
fi
for role in validator issuer admin doctor; do
  give "$role/store.keys" "$client" <kept/store.keys
done

users() {
  cat /deploy/acl/default.acl
  for role in validator issuer admin doctor operator replica probe; do
    line=$(cat "/deploy/acl/$role.acl")
    hash=$(cat "kept/$role")
    printf '%s #%s\n' "$line" "$hash"
  done
}
[ ! -e kept/users.acl ] || cp kept/users.acl kept/users.before
# No pipe, which would hide a failure: a file without a line for `default` would let everybody in.
users >kept/users.acl
give node/users.acl "$redis" <kept/users.acl
# For Redis 7.0, which does not know WAITAOF and refuses a file with it. Each node takes the one for its version
# (deploy/server.sh).
sed 's/ +waitaof//' kept/users.acl >kept/users-7.0.acl
give node/users-7.0.acl "$redis" <kept/users-7.0.acl
if [ -e kept/users.before ] && ! cmp -s kept/users.before kept/users.acl; then
  echo 'Passwords or roles have changed. Nodes that run go on with the old ones: docker compose down, then up -d.' >&2
fi
rm -f kept/users.before
