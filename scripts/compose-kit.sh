# For scripts/compose-steps.sh: a compose project with a unique name that ends with the script, and helpers to query it.
# shellcheck shell=bash disable=SC2016  # scripts in single quotes are expanded where they run: in a container

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
export COMPOSE_PROJECT_NAME=token-store-test-$$
# Any free port.
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

step() { step=$1; printf '%4ds  %s\n' "$SECONDS" "$1" | tee -a "${STEPS:-/dev/null}"; }
fail() { echo "error: $*" >&2; exit 1; }

# quietly COMMAND…: shows the output only if the command fails.
quietly() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; return 1; }; }

# within SECONDS COMMAND…: repeats the command until it succeeds.
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
# run ROLE ARGUMENT…: token-cli as that role, without starting nodes (--no-deps, else a stopped node would be started).
run() { timeout 60 "${compose[@]}" run --rm --no-deps -T "$@" 2>"$scratch/err" || { local code=$?; cat "$scratch/err" >&2; return "$code"; }; }
# script ROLE ARGUMENT…: runs the shell script on standard input in a container in which token-cli has that role.
script() { local role=$1; shift; run --entrypoint "sh /deploy/client.sh sh -s" "$role" "$@"; }
# exits CODE COMMAND…: the command ends with exactly this code.
exits() { local want=$1 code=0; shift; "$@" >"$scratch/log" 2>&1 || code=$?; ((code == want)) || { cat "$scratch/log" >&2; fail "expected exit code $want, got $code: $*"; }; }
refused() { exits 3 "$@"; }
still_revoked() { exits 1 run validator validate <"$scratch/gone"; }

nodes() {
  run --entrypoint sh cluster -c 'REDISCLI_AUTH=$(cat /run/token-store/password) sh /deploy/cli.sh -h "$0" --user operator CLUSTER NODES' "$1"
}
# role_of NODE: the role that it reports.
role_of() { nodes "$1" | awk '/myself/ { sub("myself,", "", $3); print $3 }'; }
is() { [[ $(role_of "$1") == "$2" ]]; }
id_of() { "${compose[@]}" ps -a -q "$1"; }
healthy() { [[ $(docker inspect -f '{{.State.Health.Status}}' "$(id_of "$1")") == healthy ]]; }
# Nodes that have just started report the old state for a moment: wait until the cluster is reported as formed.
formed() { [[ $(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$(id_of cluster)") == 'exited 0' ]]; }
ready() { formed && all_healthy redis-{1..6} serve-{1,2}; }
all_healthy() { local service; for service; do healthy "$service" || { echo "$service is not healthy"; return 1; }; done; }

# ask WHO TOKEN PATH ARGUMENT…: prints the status of nginx' response, and keeps the body. WHO is a user, with the token as
# password, or `bearer`, or `nobody`.
ask() {
  local who=$1 token=$2 path=$3; shift 3
  case $who in
    nobody) ;;
    bearer) echo "header = \"Authorization: Bearer $token\"" ;;
    *) echo "user = \"$who:$token\"" ;;
  esac | curl -sS -K - --max-time 10 -o "$scratch/body" -w '%{http_code}' "$@" "$url$path"
}
# answers STATUS WHO TOKEN PATH ARGUMENT…: the response has this status, and contains the file only with 200.
answers() {
  local status
  rm -f "$scratch/body"
  status=$(ask "${@:2}") || true
  [[ $status == "$1" ]] || fail "expected status $1, got $status: $2 ${*:4}"
  [[ $1 == 200 ]] || ! grep -qs 'a note' "$scratch/body" || fail "the file came with status $1: $2 ${*:4}"
}
# fetches WHO TOKEN: gets exactly the uploaded file.
fetches() { answers 200 "$1" "$2" /files/note && cmp "$scratch/note" "$scratch/body"; }
# Often enough that each node is asked, except in one of five hundred runs.
fetches_often() { for _ in {1..10}; do fetches admin "$1"; done; }
# node_answers STATUS NODE TOKEN: the status of a serve node without nginx.
node_answers() {
  local status
  status=$(docker exec -i "$(id_of "$2")" bash -c '
    read -r token && exec 3<>/dev/tcp/127.0.0.1/8080
    printf "GET /auth HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n" "$token" >&3
    read -r _ status _ <&3 && echo "$status"' <<<"$3")
  [[ $status == "$1" ]] || fail "expected status $1 of $2, got $status"
}

# Enough users that each shard has some: with 24 users, one of three shards has none with a probability of 1 in 5000.
users=$(seq -f 'user%.0f' 24 | tr '\n' ' ')
issue_all() { script issuer "$users" <<<'for user in $1; do token-cli issue -q -u "$user" -e 1h || exit; done'; }
# While a replica is missing, tokens of its shard are issued and not confirmed: exit code 3, and the token is printed.
issue_unconfirmed() {
  script issuer "$users" <<<'for user in $1; do token-cli issue -q -u "$user" -e 1h || [ $? = 3 ] || exit; done'
}
validate_all() {
  # One after the other, because standard input contains all tokens.
  { echo 'set -e; while read -r token; do printf %s "$token" | token-cli validate --json; done <<EOF'; cat "$1"; echo EOF; } |
    script validator >"$scratch/verdicts" || { grep -v '"active":true' "$scratch/verdicts" >&2; return 1; }
  [[ $(grep -c '"active":true' "$scratch/verdicts") == $(wc -l <"$1") ]] || { cat "$scratch/verdicts" >&2; return 1; }
}

# version: the version of the nodes, such as `Redis 7.0.15`.
version() {
  docker exec "$(id_of redis-1)" sh -c '$(command -v redis-server || command -v valkey-server) --version' |
    sed 's/^\([A-Za-z]*\) server v=\([^ ]*\).*/\1 \2/'
}
# ids: the ids of all containers that keep running.
ids() { local service; for service in redis-{1..6} serve-{1,2} webdav; do id_of "$service"; done; }
# secrets COMMAND: runs a shell command in the directory of all secrets, as the user who creates them.
secrets() { run --entrypoint sh secrets -c "cd /secrets && $1"; }
