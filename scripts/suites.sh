# For other scripts: which suite of Debian a server comes from.
# shellcheck shell=bash

# suite_of SERVER. Of the last two, the suites have another version now and then.
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

# base_of SUITE: the suite without which it is incomplete; itself if it is complete.
base_of() {
  case $1 in
    *-backports) echo "${1%-backports}" ;;
    experimental) echo sid ;;
    *) echo "$1" ;;
  esac
}
