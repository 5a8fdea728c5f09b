#!/usr/bin/env bash
# shellcheck disable=SC2016  # scripts in single quotes are expanded where they run: in a container
# Tests docker-compose.yml as a whole: brings it up under a name of its own, issues by each role, puts and gets files with
# serve nodes stopped and hung, kills a primary, stops the store, and takes everything down and up again. Takes about
# four minutes once the images are there, needs curl, and cleans up after itself.
# Images: those of docker-compose.yml, or what REDIS_IMAGE, CLI_IMAGE and others say (see scripts/standin-images.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
export COMPOSE_PROJECT_NAME=token-store-test-$$
# Any port that is free.
export WEBDAV_PORT=0
scratch=$(mktemp -d)
step=setup

finish() {
  local code=$?
  if ((code)); then
    echo "FAILED: $step" >&2
    "${compose[@]}" ps >&2 || true
    "${compose[@]}" logs --tail 15 >&2 || true
  fi
  "${compose[@]}" down --volumes --remove-orphans --timeout 2 >"$scratch/down" 2>&1 || cat "$scratch/down" >&2
  rm -rf "$scratch"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { step=$1; printf '%4ds  %s\n' "$SECONDS" "$1"; }
fail() { echo "error: $*" >&2; exit 1; }

# quietly COMMAND…: what it says is shown when it fails.
quietly() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; return 1; }; }

# within SECONDS COMMAND…: until it succeeds.
within() {
  local deadline=$((SECONDS + $1)); shift
  until "$@" >"$scratch/within" 2>&1; do
    ((SECONDS < deadline)) || { cat "$scratch/within" >&2; fail "not in time: $*"; }
    sleep 0.5
  done
}

up() {
  quietly timeout 1800 "${compose[@]}" up -d
  url=http://$("${compose[@]}" port webdav 8080)
}
# run ROLE ARGUMENT…: token-cli by that role, with the nodes as they are (without --no-deps, a dead one would be revived).
run() { timeout 60 "${compose[@]}" run --rm --no-deps -T "$@" 2>"$scratch/err" || { local code=$?; cat "$scratch/err" >&2; return "$code"; }; }
# script ROLE ARGUMENT…: the shell script on standard input, where token-cli has that role.
script() { local role=$1; shift; run --entrypoint "sh /deploy/client.sh sh -s" "$role" "$@"; }
# exits CODE COMMAND…: with this code and no other.
exits() { local want=$1 code=0; shift; "$@" >"$scratch/log" 2>&1 || code=$?; ((code == want)) || { cat "$scratch/log" >&2; fail "expected exit code $want, got $code: $*"; }; }
refused() { exits 3 "$@"; }
still_revoked() { exits 1 run validator validate <"$scratch/gone"; }

nodes() {
  run --entrypoint sh cluster -c 'REDISCLI_AUTH=$(cat /run/token-store/password) sh /deploy/cli.sh -h "$0" --user operator CLUSTER NODES' "$1"
}
# role_of NODE: what it is by its own account.
role_of() { nodes "$1" | awk '/myself/ { sub("myself,", "", $3); print $3 }'; }
is() { [[ $(role_of "$1") == "$2" ]]; }
id_of() { "${compose[@]}" ps -a -q "$1"; }
healthy() { [[ $(docker inspect -f '{{.State.Health.Status}}' "$(id_of "$1")") == healthy ]]; }
# Nodes that have just started believe for a moment that all is as it was: the cluster is there once it is said to be.
formed() { [[ $(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$(id_of cluster)") == 'exited 0' ]]; }
ready() { formed && all_healthy redis-{1..6} serve-{1,2}; }
all_healthy() { local service; for service; do healthy "$service" || { echo "$service is not healthy"; return 1; }; done; }

# ask WHO TOKEN PATH ARGUMENT…: prints the status that nginx answers, and keeps the body. WHO is a user, with the token as
# password, or `bearer`, or `nobody`.
ask() {
  local who=$1 token=$2 path=$3; shift 3
  case $who in
    nobody) ;;
    bearer) echo "header = \"Authorization: Bearer $token\"" ;;
    *) echo "user = \"$who:$token\"" ;;
  esac | curl -sS -K - --max-time 10 -o "$scratch/body" -w '%{http_code}' "$@" "$url$path"
}
# answers STATUS WHO TOKEN PATH ARGUMENT…: with this status, and with the file for no other than 200.
answers() {
  local status
  rm -f "$scratch/body"
  status=$(ask "${@:2}") || true
  [[ $status == "$1" ]] || fail "expected status $1, got $status: $2 ${*:4}"
  [[ $1 == 200 ]] || ! grep -qs 'a note' "$scratch/body" || fail "the file came with status $1: $2 ${*:4}"
}
# fetches WHO TOKEN: the very file that was put.
fetches() { answers 200 "$1" "$2" /files/note && cmp "$scratch/note" "$scratch/body"; }
# Often enough that each node is asked, but for one time in five hundred.
fetches_often() { for _ in {1..10}; do fetches admin "$1"; done; }
# node_answers STATUS NODE TOKEN: asked by itself, without nginx.
node_answers() {
  local status
  status=$(docker exec -i "$(id_of "$2")" bash -c '
    read -r token && exec 3<>/dev/tcp/127.0.0.1/8080
    printf "GET /auth HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n" "$token" >&3
    read -r _ status _ <&3 && echo "$status"' <<<"$3")
  [[ $status == "$1" ]] || fail "expected status $1 of $2, got $status"
}

# Users enough that each shard has some: 24 of them miss one of three with a chance of 1 in 5000.
users=$(seq -f 'user%.0f' 24 | tr '\n' ' ')
issue_all() { script issuer "$users" <<<'for user in $1; do token-cli issue -q -u "$user" -e 1h || exit; done'; }
# While a replica is missing, tokens of its shard are issued and not confirmed: exit code 3, and the token all the same.
issue_unconfirmed() {
  script issuer "$users" <<<'for user in $1; do token-cli issue -q -u "$user" -e 1h || [ $? = 3 ] || exit; done'
}
validate_all() {
  # One after the other, so that standard input can hold all tokens.
  { echo 'set -e; while read -r token; do printf %s "$token" | token-cli validate --json; done <<EOF'; cat "$1"; echo EOF; } |
    script validator >"$scratch/verdicts" || { grep -v '"active":true' "$scratch/verdicts" >&2; return 1; }
  [[ $(grep -c '"active":true' "$scratch/verdicts") == $(wc -l <"$1") ]] || { cat "$scratch/verdicts" >&2; return 1; }
}

step 'docker compose up'
up
within 90 ready

step 'docker compose run --rm cli user token -u admin -e 24h'
# With all it depends on, as it is typed.
timeout 300 "${compose[@]}" run --rm cli user token -u admin -e 24h >"$scratch/issued" 2>"$scratch/err" </dev/null ||
  { cat "$scratch/err" >&2; exit 1; }
grep -oE 'tok_[0-9A-Za-z]{52}' "$scratch/issued" | head -n 1 >"$scratch/first"
[[ -s $scratch/first ]] || fail 'no token was shown'
validate_all "$scratch/first"

step 'each role does its job and no other'
issue_all >"$scratch/tokens"
[[ $(wc -l <"$scratch/tokens") == 24 ]] || fail 'not all tokens were issued'
validate_all "$scratch/tokens"
id=$(run issuer list -u user1 --json | grep -oE '"id": ?"[^"]+' | head -n 1 | cut -d '"' -f 4)
run issuer show "$id" >/dev/null
refused run validator issue -u user1 -e 1h
refused run validator list -u user1
refused run validator revoke "$id"
refused run issuer prune
refused run issuer revoke --user user1
run doctor >/dev/null
refused run doctor list -u user1
run cli issue -q -u gone -e 1h >"$scratch/gone"
run cli revoke --user gone >/dev/null
run cli prune >/dev/null

step 'no password is in what docker tells of containers'
for container in $("${compose[@]}" ps -q); do
  docker inspect "$container" | grep -qE '[0-9a-f]{64}@|masterauth' && fail 'docker inspect shows a password'
done

step 'the folder: put, fetched, moved and deleted with a token, as bearer or as the password of its user'
echo 'a note' >"$scratch/note"
token=$(run cli issue -q -u admin -e 1h)
answers 201 admin "$token" /files/note -T "$scratch/note" -H 'X-Token-User: root'
fetches admin "$token"
fetches bearer "$token"
answers 200 bearer "$token" /files/
grep -q 'href="note"' "$scratch/body" || fail 'the listing has no note'
answers 207 bearer "$token" /files -X PROPFIND -H 'Depth: 1'
grep -q '<D:href>/files/note</D:href>' "$scratch/body" || fail 'PROPFIND does not find the note'
answers 201 bearer "$token" /files/locked -X LOCK
answers 423 bearer "$token" /files/locked -T "$scratch/note"
head -c 2000000 /dev/zero >"$scratch/large"
answers 201 bearer "$token" /files/large -T "$scratch/large"
answers 201 bearer "$token" /files/new -X MKCOL
answers 204 bearer "$token" /files/note -X COPY -H 'Destination: /files/new/copy'
answers 204 bearer "$token" /files/new/copy -X MOVE -H 'Destination: /files/new/moved'
answers 200 bearer "$token" /files/new/moved
answers 204 bearer "$token" /files/new/ -X DELETE
answers 404 bearer "$token" /files/new/moved

step 'and by nobody else'
answers 401 nobody '' /files/note -D "$scratch/head"
grep -qi '^www-authenticate: Basic ' "$scratch/head" || fail 'nobody is asked for a password'
answers 401 root "$token" /files/note
answers 401 bearer "${token%?}" /files/note
answers 401 nobody '' /files/note -T "$scratch/first"
folder=node:6f9619ff-8b86-d011-b42d-00cf4fc964ff
reader=$(run cli issue -q -u reader -e 1h -s "$folder:r")
fetches reader "$reader"
answers 403 reader "$reader" /files/note -T "$scratch/first"
answers 403 bearer "$(run cli issue -q -u reader -e 1h -s "${folder/6/5}:rw")" /files/note
answers 404 bearer "$token" /auth
answers 404 bearer "$token" /metrics
fetches admin "$token"
"${compose[@]}" logs webdav >"$scratch/log"
grep -q '201 "PUT /files/note" user=admin ' "$scratch/log" || fail 'the log does not say who put the note'
grep -qE 'tok_[0-9A-Za-z]{52}' "$scratch/log" && fail 'the log has a token'

step 'a serve node is stopped, is hung, and comes back'
for node in serve-1 serve-2; do
  quietly "${compose[@]}" stop --timeout 10 "$node"
  fetches_often "$token"
  docker start "$(id_of "$node")" >/dev/null
  within 30 healthy "$node"
  docker pause "$(id_of "$node")" >/dev/null
  fetches_often "$token"
  docker unpause "$(id_of "$node")" >/dev/null
done

step 'revoked over HTTP: the next request is refused, by both nodes'
answers 201 admin "$token" /v1/tokens --json '{"user": "guest", "expire": "1h"}'
guest=$(grep -oE 'tok_[0-9A-Za-z]{52}' "$scratch/body")
id=$(grep -oE '"id": ?"[^"]+' "$scratch/body" | cut -d '"' -f 4)
fetches guest "$guest"
for node in serve-1 serve-2; do node_answers 200 "$node" "$guest"; done
answers 200 admin "$token" "/v1/tokens/$id" -X DELETE
for node in serve-1 serve-2; do node_answers 401 "$node" "$guest"; done
answers 401 guest "$guest" /files/note

step 'a primary is killed'
is redis-1 master || fail 'redis-1 is no primary'
docker kill --signal KILL "$(id_of redis-1)" >/dev/null
killed=$SECONDS
within 30 is redis-4 master
within 30 validate_all "$scratch/tokens"
step "redis-4 took over: all old tokens count again $((SECONDS - killed)) s after the kill"
issue_unconfirmed >"$scratch/more"
grep -q 'not confirmed by a replica' "$scratch/err" || fail 'a shard without a replica confirms its tokens'
validate_all "$scratch/more"
still_revoked

step 'the killed node comes back as a replica'
up
within 60 is redis-1 slave
within 60 ready
validate_all "$scratch/more"

step 'without the store: a server error, and never the file'
fetches_often "$token"
quietly "${compose[@]}" stop --timeout 10 redis-{1..6}
for who in admin bearer root; do
  answers 500 "$who" "$token" /files/note
  answers 500 "$who" "$token" /files/note -T "$scratch/first"
  for node in serve-1 serve-2; do node_answers 503 "$node" "$token"; done
done
quietly "${compose[@]}" stop --timeout 10 serve-1 serve-2
answers 500 admin "$token" /files/note

step 'down and up again: tokens, passwords, cluster and files are still there'
quietly "${compose[@]}" down --timeout 10
up
within 90 ready
validate_all "$scratch/tokens"
still_revoked
fetches_often "$token"

step passed
