#!/bin/sh
# A node is healthy if its cluster serves requests.
set -eu
REDISCLI_AUTH=$(cat /run/token-store/probe.password)
export REDISCLI_AUTH
sh /deploy/cli.sh --user probe CLUSTER INFO | grep -q '^cluster_state:ok'
