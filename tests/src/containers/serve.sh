# Runs in a container, with ports as arguments: starts a Redis server at each port, and forms a cluster of several servers,
# with a replica for each primary.
#
# Exits when no client holds the lifeline, a connection of this name to the first server: then the process that started the
# container has ended.
set -u
# The log disappears with the container: wait, so that the test can read it first.
fail() { echo "error: $1" >&2; sleep 5; exit 1; }
server=$(command -v redis-server || command -v valkey-server) || fail 'the image has no redis-server'
cli=$(command -v redis-cli || command -v valkey-cli) || fail 'the image has no redis-cli'
work=$(mktemp -d)

cluster=
if [ $# -gt 1 ]; then
  # No automatic migration of replicas, as in the other clusters of the tests.
  cluster='--cluster-enabled yes --cluster-announce-ip 127.0.0.1 --cluster-node-timeout 2000
    --cluster-allow-replica-migration no'
fi

nodes=
for port; do
  nodes="$nodes 127.0.0.1:$port"
  mkdir "$work/$port"
  # Only a loopback port of the host is mapped here. No persistence, and no delay before a replica is synchronised.
  # shellcheck disable=SC2086  # options are words
  "$server" --port "$port" --dir "$work/$port" --bind 0.0.0.0 --protected-mode no --save '' --appendonly no \
    --repl-diskless-sync-delay 0 $cluster &
done

for port; do
  until [ "$("$cli" -p "$port" PING 2>/dev/null)" = PONG ]; do sleep 0.05; done
done
if [ -n "$cluster" ]; then
  # shellcheck disable=SC2086  # so are nodes
  "$cli" --cluster create $nodes --cluster-replicas 1 --cluster-yes </dev/null || fail 'the nodes did not join'
fi

held() { "$cli" -p "$1" CLIENT LIST | grep -q ' name=lifeline '; }
left=600
until held "$1"; do
  left=$((left - 1))
  [ "$left" -gt 0 ] || exit 1
  sleep 0.1
done
echo 'the lifeline is held'
while held "$1"; do sleep 0.5; done
