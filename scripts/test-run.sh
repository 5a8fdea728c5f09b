# For scripts/test.sh: runs tests on a server, summarises the results, and checks that no process is left.
# shellcheck shell=bash

logs=target/test-logs
rm -rf "$logs"
mkdir -p "$logs"
columns=()
failed=no
containers_before=$(docker ps -aq 2>/dev/null || true)

# on SERVER WAY [ARGUMENT…]: runs tests on this server, in containers or as processes.
on() {
  local server=$1 way=$2 column; shift 2
  column=$server
  [[ $way == containers && $# -gt 0 ]] && column=$server-containers
  [[ " ${columns[*]} " == *" $column "* ]] || columns+=("$column")
  echo "== $server, $way"
  TOKEN_TEST_SERVER=$server TOKEN_TEST_SERVERS=$way \
    in_a_session "$logs/$column" cargo test --workspace --all-features --locked --no-fail-fast "$@" || failed=yes
}

# in_a_session LOG COMMAND…: runs it in a new session; no process of the session may outlive it.
in_a_session() {
  local log=$1 code=0; shift
  # shellcheck disable=SC2016  # expanded by the shell that it is for
  setsid bash -c 'echo $$ >"$0"; exec "$@"' "$logs/session" "$@" > >(tee -a "$log") 2>&1 &
  wait $! || code=$?
  nothing_is_left "$(<"$logs/session")" || code=1
  return "$code"
}

# Ctrl-C does not reach another session by itself.
trap 'kill -KILL $(members "$(cat "$logs/session" 2>/dev/null)") 2>/dev/null; exit 130' INT TERM

# members SESSION: its processes, without zombies.
members() {
  [[ $1 ]] || return 0
  local stat rest fields
  for stat in /proc/[0-9]*/stat; do
    { rest=$(<"$stat"); } 2>/dev/null || continue
    read -ra fields <<<"${rest##*) }"
    [[ ${fields[3]:-} == "$1" && ${fields[0]} != Z ]] && basename "${stat%/stat}"
  done
  return 0
}

nothing_is_left() {
  local left
  for _ in {1..50}; do
    left=$(members "$1")
    [[ $left ]] || return 0
    sleep 0.1
  done
  echo 'error: the tests left these processes behind:' >&2
  for process in $left; do echo "  $process $(tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline")" >&2; done
  # shellcheck disable=SC2086  # process ids are words
  kill -KILL $left 2>/dev/null || true
  return 1
}

# image_of SERVER: makes the tests use an image of this server: the official one, or a stand-in if no registry answers.
image_of() {
  local image settings
  case $1 in
    *-newest) image= ;;
    redis-*) image=redis:${1#redis-} ;;
    valkey-*) image=valkey/valkey:${1#valkey-} ;;
  esac
  if [[ $image ]] && { docker image inspect "$image" >/dev/null 2>&1 || timeout 300 docker pull -q "$image"; }; then
    export REDIS_IMAGE=$image
    return
  fi
  echo "no registry has an image for $1 here: a stand-in takes its place"
  command -v debootstrap >/dev/null || install debootstrap
  settings=$(as_root scripts/standin-images.sh "$1")
  eval "$settings"
}

# Prints how many tests passed on which server, and returns the result of the tests.
conclude() {
  echo
  awk -f scripts/summary.awk $(printf "$logs/%s " "${columns[@]}")
  if [[ $(docker ps -aq 2>/dev/null || true) != "$containers_before" ]]; then
    echo 'error: the tests left containers behind:' >&2
    docker ps -a >&2
    failed=yes
  fi
  [[ $failed == no ]] || { echo 'error: not all tests passed' >&2; exit 1; }
}
