#!/usr/bin/env bash
# The steps of scripts/test-compose.sh on one image: REDIS_IMAGE, or else the one in docker-compose.yml. Writes their names to
# the file STEPS, if that is set.
# shellcheck disable=SC2016  # scripts in single quotes are expanded where they run: in a container
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/compose-kit.sh

step 'docker compose up'
up
within 90 ready

step "the nodes are $(version)"
step 'docker compose run --rm cli user token -u admin -e 24h'
# With all dependencies, as users type it.
timeout 300 "${compose[@]}" run --rm cli user token -u admin -e 24h >"$scratch/issued" 2>"$scratch/err" </dev/null ||
  { cat "$scratch/err" >&2; exit 1; }
grep -oE 'tok_[0-9A-Za-z]{52}' "$scratch/issued" | head -n 1 >"$scratch/first"
[[ -s $scratch/first ]] || fail 'no token was shown'
validate_all "$scratch/first"

step 'a second up replaces nothing'
ids >"$scratch/ids"
up
ids | cmp - "$scratch/ids"

step 'the token that TOKEN=$(docker compose run …) gets in a terminal is the token alone'
command script -qec "TOKEN=\$(${compose[*]} run --rm -T cli user token -q -u admin -e 1h 2>/dev/null); printf %s \"\$TOKEN\" >'$scratch/typed'" \
  /dev/null >"$scratch/log" </dev/null
[[ $(wc -c <"$scratch/typed") == 56 ]] || { od -c "$scratch/typed" >&2; fail 'it is not 56 characters'; }

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

step 'issuer and admin may wait for the disk, on servers with WAITAOF'
for role in issuer cli; do
  code=0
  run "$role" issue -q -u disk -e 1h --confirm disk >"$scratch/log" 2>"$scratch/said" || code=$?
  case $(version) in
    'Redis 7.0.'*) want=3 why='it has no WAITAOF' ;;
    'Redis 7.4.'* | 'Valkey '[!7]*) want=3 why='its version is not known to answer WAITAOF' ;;
    *) want=0 why= ;;
  esac
  [[ $code == "$want" ]] && grep -q "$why" "$scratch/said" || { cat "$scratch/said" >&2; fail "--confirm disk by $role ended with $code"; }
  user=${role/cli/admin}
  run "$role" doctor >"$scratch/log" || (($? == 1))
  grep -q "user $user may do what role $user needs" "$scratch/log" || { cat "$scratch/log" >&2; fail "doctor on $user"; }
done

step 'docker inspect shows no password'
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

step 'the folder refuses all other requests'
answers 401 nobody '' /files/note -D "$scratch/head"
grep -qi '^www-authenticate: Basic ' "$scratch/head" || fail 'the response has no challenge'
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

step 'a serve node is stopped, hangs, and comes back'
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
step "redis-4 took over: all old tokens are valid again $((SECONDS - killed)) s after the kill"
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

step 'lost secrets are created again, and the store key is found'
quietly "${compose[@]}" down --timeout 10
secrets 'rm -f admin/url node/probe.password node/replication.conf operator/password kept/issuer kept/store.keys issuer/store.keys'
up
within 90 ready
validate_all "$scratch/tokens"
fetches admin "$(run cli issue -q -u admin -e 1h)"
"${compose[@]}" logs secrets >"$scratch/log"
grep -q 'docker compose down, then up -d' "$scratch/log" || fail 'no message says that passwords have changed'

step 'a checkout that containers cannot read is refused by name'
cp -r deploy "$scratch/deploy"
chmod 700 "$scratch/deploy"
exits 1 docker run --rm --network none --user 0:0 --tmpfs /secrets -v "$scratch/deploy:/deploy:ro" --entrypoint sh \
  "$(docker inspect -f '{{.Config.Image}}' "$(id_of secrets)")" /deploy/secrets.sh
grep -q 'chmod -R a+rX deploy' "$scratch/log" || fail 'no message says what to do'

step 'down --volumes and up again: no old token is left'
quietly "${compose[@]}" down --volumes --timeout 10
up
within 90 ready
answers 401 admin "$token" /files/
answers 200 admin "$(run cli issue -q -u admin -e 1h)" /files/

step passed
