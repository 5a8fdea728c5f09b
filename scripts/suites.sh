# For other scripts: the Debian suite of each server.
# shellcheck shell=bash

# suite_of SERVER. The version of the last two changes from time to time.
suite_of() {
  case $1 in
    redis-7.0) echo bookworm ;;
    valkey-8.0) echo bookworm-backports ;;
    redis-8.0 | valkey-8.1) echo trixie ;;
    valkey-newest) echo sid ;;
    redis-newest) echo experimental ;;
    *)
      echo "error: there is no server $1; choose from redis-7.0, redis-8.0, redis-newest, valkey-8.0, valkey-8.1 and valkey-newest" >&2
      return 1
      ;;
  esac
}

# base_of SUITE: the suite that completes it; itself if it is complete.
base_of() {
  case $1 in
    *-backports) echo "${1%-backports}" ;;
    experimental) echo sid ;;
    *) echo "$1" ;;
  esac
}
