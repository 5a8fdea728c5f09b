#!/usr/bin/env bash
# Builds stand-ins for the images that docker-compose.yml and Dockerfile name, for machines that reach no image
# registry: from Debian packages and this machine's Rust toolchain. They are for trials and tests, have their own names, and
# replace nothing. Prints the settings that make compose use them:
#
#   eval "$(sudo env PATH="$PATH" HOME="$HOME" scripts/standin-images.sh)"
#   docker compose up
#
# With names as arguments, builds only these: nginx, rust, runtime, and any server of scripts/servers.sh (redis-7.0,
# valkey-8.1, …; the default is redis-7.0). Needs root (for debootstrap) and a few minutes. Existing images are not built
# again.
set -euo pipefail
source "$(dirname "$0")/suites.sh"

wanted=${*:-redis-7.0 nginx rust runtime}

suite=bookworm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "error: $*" >&2; exit 1; }
((EUID == 0)) || fail "debootstrap needs root: run this as root, see its first lines"
tools=(debootstrap docker)
if [[ $wanted == *rust* ]]; then tools+=(rustc); fi
for tool in "${tools[@]}"; do
  command -v "$tool" >/dev/null || fail "$tool is missing (on Debian: apt-get install debootstrap docker.io, and rustup)"
done

# debian SUITE: a small Debian, created once and copied for each image.
debian() {
  [[ -d $work/$1 ]] && return
  echo "fetching Debian $1" >&2
  debootstrap --variant=minbase "$1" "$work/$1" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
  slim "$work/$1"
}

# packages SUITE DIRECTORY NAME…: a Debian with these packages, whose services must not start.
packages() {
  local suite=$1 base root=$2; shift 2
  base=$(base_of "$suite")
  debian "$base"
  cp -a "$work/$base" "$root"
  if [[ $suite != "$base" ]]; then sed "s/ $base / $suite /" "$root/etc/apt/sources.list" >"$root/etc/apt/sources.list.d/$suite.list"; fi
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  echo "installing $*" >&2
  # Some packages read /proc when they are configured. The mount ends with the namespace.
  unshare --mount --pid --fork --mount-proc="$root/proc" chroot "$root" sh -c '
    # A mirror may be behind with sid, whose lists are valid for a week.
    apt-get update -qq -o Acquire::Check-Valid-Until=false && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -t "$0" "$@"
  ' "$suite" "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
  rm "$root/usr/sbin/policy-rc.d"
  slim "$root"
}

slim() {
  rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/{doc,man,info,locale}/*
}

# image NAME DIRECTORY CHANGE…: an image of the directory.
image() {
  local name=$1 root=$2 change changes=(); shift 2
  for change; do changes+=(--change "$change"); done
  tar -C "$root" --numeric-owner -c . |
    docker import "${changes[@]}" --message "stand-in from Debian packages" - "$name" >/dev/null
  echo "built $name" >&2
}

have() { docker image inspect "$1" >/dev/null 2>&1; }

runtime() {
  local name=token-store/debian-standin:$suite
  have "$name" || { debian "$suite"; image "$name" "$work/$suite" 'CMD ["sh"]'; }
  echo "export RUNTIME_IMAGE=$name"
}

rust() {
  local name toolchain
  name=token-store/rust-standin:$(rustc --version | cut -d ' ' -f 2)-$suite
  if ! have "$name"; then
    packages "$suite" "$work/rust" gcc libc6-dev ca-certificates
    toolchain=$(rustc --print sysroot)
    mkdir -p "$work/rust/usr/local/cargo"
    cp -a "$toolchain/bin" "$toolchain/lib" "$work/rust/usr/local/"
    # This machine may trust more authorities than Debian does, and need them to fetch crates.
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/rust/etc/ssl/certs/ca-certificates.crt"
    image "$name" "$work/rust" 'ENV CARGO_HOME=/usr/local/cargo'
  fi
  # Builds use the network of this machine: a machine without a registry often has no other connection.
  printf 'export RUST_IMAGE=%s\nexport BUILD_NETWORK=host\n' "$name"
}

# server NAME: Redis or Valkey from its suite. The tag contains the version, which is known after the installation.
server() {
  local make=${1%%-*} suite name root=$work/$1 version
  suite=$(suite_of "$1")
  name=$(docker image ls --format '{{.Repository}}:{{.Tag}}' "token-store/$make-standin" | grep -- "-$suite\$" | head -n 1) || true
  if [[ -z $name ]]; then
    packages "$suite" "$root" "$make-server" "$make-tools"
    version=$(chroot "$root" "$make-server" --version | sed 's/.* v=\([^ ]*\).*/\1/')
    # As in the official images, /data belongs to user 999, and so do new volumes there.
    install -d -o 999 -g 999 "$root/data"
    name=token-store/$make-standin:$version-$suite
    image "$name" "$root" 'WORKDIR /data' 'VOLUME /data' "CMD [\"$make-server\"]"
  fi
  echo "export REDIS_IMAGE=$name"
}

nginx() {
  local name=token-store/nginx-dav-standin:$suite
  if ! have "$name"; then
    packages "$suite" "$work/nginx" nginx-light libnginx-mod-http-dav-ext libnginx-mod-http-headers-more-filter
    image "$name" "$work/nginx" 'CMD ["nginx", "-g", "daemon off;"]'
  fi
  echo "export NGINX_IMAGE=$name"
}

for one in $wanted; do
  case $one in
    nginx | rust | runtime) "$one" ;;
    redis-* | valkey-*) server "$one" ;;
    *) fail "there is no stand-in called $one; choose from nginx, rust, runtime and the servers of scripts/servers.sh" ;;
  esac
done
