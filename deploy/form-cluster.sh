#!/bin/sh
# Forms a cluster of six nodes: redis-1 to redis-3 are primaries, redis-4 to redis-6 replicas.
#
# Runs at every start, and only does the missing steps. Nodes know each other by address, and addresses change when
# containers are recreated, so all nodes are introduced again each time. The roles of existing nodes are not changed.
set -eu

REDISCLI_AUTH=$(cat /run/token-store/password)
export REDISCLI_AUTH
deadline=$(($(date +%s) + ${FORM_SECONDS:-60}))
all='1 2 3 4 5 6'

on() { node=$1; shift; timeout 5 sh /deploy/cli.sh -h "redis-$node" --user operator "$@" 2>&1 | tr -d '\r'; }

# within WHAT COMMAND…: repeats the command until it succeeds, or the time is up.
within() {
  what=$1; shift
  until "$@"; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      echo "error: $what did not happen in time; redis-1 says:" >&2
      on 1 CLUSTER INFO >&2
      on 1 CLUSTER NODES >&2
      exit 1
    fi
    sleep 0.3
  done
}

# Not PING, which a replica without its primary refuses.
answers() { on "$1" CLUSTER MYID | grep -qxE '[0-9a-f]{40}'; }
address() { getent hosts "redis-$1" | awk '{ print $1; exit }'; }
has() { on "$1" CLUSTER INFO | grep -q "^$2"; }
myself() { on "$1" CLUSTER NODES | grep myself; }
empty_primary() { myself "$1" | awk '{ exit !($3 ~ /master/ && NF == 8) }'; }
# A replica is ready if it is linked to its primary and has all data, so that it can take over; a primary is always ready.
# A replica that learns a new address of its primary by gossip keeps trying the old one: it needs CLUSTER REPLICATE again.
linked() {
  role=$(on "$1" ROLE)
  echo "$role" | grep -qx -e master -e connected && return
  primary=$(myself "$1" | awk '{ print $4 }')
  current=$(echo "$roster" | awk -v id="$primary" '$2 == id { print $3 }')
  if ! echo "$role" | grep -qxF "$current"; then
    echo "redis-$1 tries its primary at an old address" >&2
    on "$1" CLUSTER REPLICATE "$primary" >/dev/null
  fi
  return 1
}
replicates() { on "$1" CLUSTER REPLICATE "$2" | grep -q '^OK'; }
# introduced NODE: it is linked to all others at their current addresses. Nodes that are not linked are introduced (CLUSTER
# MEET). This is done for each pair, because a node that finds another node at an old address only forgets that address.
introduced() {
  known=$(on "$1" CLUSTER NODES)
  strangers=0
  while read -r other id address; do
    [ "$other" = "$1" ] && continue
    echo "$known" | grep "^$id $address:6379@" | grep -v -e fail -e handshake | grep -q ' connected' && continue
    strangers=1
    on "$1" CLUSTER MEET "$address" 6379 >/dev/null
  done <<EOF
$roster
EOF
  [ "$strangers" = 0 ] || { sleep 1; return 1; }
}

for node in $all; do within "an answer of redis-$node" answers "$node"; done

roster=$(for node in $all; do echo "$node $(on "$node" CLUSTER MYID) $(address "$node")"; done)
for node in $all; do within "that redis-$node is linked to all others" introduced "$node"; done

if ! has 1 cluster_slots_assigned:16384; then
  echo 'giving out the slots' >&2
  # A node that already has its slots, from an interrupted start, answers that they are busy.
  on 1 CLUSTER ADDSLOTSRANGE 0 5460 >&2
  on 2 CLUSTER ADDSLOTSRANGE 5461 10922 >&2
  on 3 CLUSTER ADDSLOTSRANGE 10923 16383 >&2
fi
for node in $all; do
  within "that redis-$node knows all slots" has "$node" cluster_slots_assigned:16384
done

for node in 4 5 6; do
  if empty_primary "$node"; then
    primary=$(on $((node - 3)) CLUSTER MYID)
    within "that redis-$node replicates redis-$((node - 3))" replicates "$node" "$primary"
  fi
done

for node in $all; do within "that the cluster is ready on redis-$node" has "$node" cluster_state:ok; done
for node in $all; do within "that redis-$node has all data" linked "$node"; done
on 1 CLUSTER NODES
