#!/bin/sh
# Creates the secrets on volumes: a password for each role, and the store key. Lost secrets are created again, except a store
# key that another volume still has. Each volume contains only the secrets that its reader needs; the servers get hashes of
# the passwords, and never the store key. The ACL file is written again each time, so that a changed role takes effect when
# the nodes restart.
set -eu
umask 077
cd /secrets

redis=999 client=10001

# All other containers read it as their own users.
unreadable=$(find /deploy ! -perm -o=r -o -type d ! -perm -o=x | head -n 1)
if [ "$unreadable" ]; then
  echo "error: the users of containers cannot read .$unreadable: chmod -R a+rX deploy" >&2
  exit 1
fi

# give FILE USER: writes standard input to the file, readable by this user only, completely or not at all.
give() {
  # A file of an interrupted start belongs to the reader, and cannot be written to.
  rm -f "$1.new"
  cat >"$1.new"
  chmod 400 "$1.new"
  chown "$2:$2" "$1.new"
  mv "$1.new" "$1"
}

# The login of a role, for its reader.
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
  # So that a start that is interrupted here leaves no hash of another password.
  rm -f "kept/$role"
  password=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n')
  case $role in
    operator | probe) printf %s "$password" | give "$login" "$redis" ;;
    replica) printf 'masteruser replica\nmasterauth %s\n' "$password" | give "$login" "$redis" ;;
    *) printf 'redis-cluster://%s:%s@redis:6379' "$role" "$password" | give "$login" "$client" ;;
  esac
  # Last, because it marks the rest as complete.
  printf %s "$password" | sha256sum | cut -d ' ' -f 1 | give "kept/$role" 0
done

# If a reader still has the key, the tokens need that one.
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
# No pipe, which would hide a failure: a file without a line for `default` would admit every client.
users >kept/users.acl
give node/users.acl "$redis" <kept/users.acl
# For Redis 7.0, which has no WAITAOF and refuses a file with it. Each node uses the file for its version
# (deploy/server.sh).
sed 's/ +waitaof//' kept/users.acl >kept/users-7.0.acl
give node/users-7.0.acl "$redis" <kept/users-7.0.acl
if [ -e kept/users.before ] && ! cmp -s kept/users.before kept/users.acl; then
  echo 'Passwords or roles have changed. Nodes that run go on with the old ones: docker compose down, then up -d.' >&2
fi
rm -f kept/users.before
