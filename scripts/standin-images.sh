#!/usr/bin/env bash
# Builds stand-ins for the images that docker-compose.yml and Dockerfile name, for machines that reach no image
# registry: from Debian packages and this machine's own Rust toolchain. They are for trying out and testing, carry names
# of their own, and replace nothing. Prints the settings that make compose use them:
#
#   eval "$(sudo env PATH="$PATH" HOME="$HOME" scripts/standin-images.sh)"
#   docker compose up
#
# With names behind it (redis, nginx, rust, runtime), only these. Needs root (for debootstrap) and a few minutes. What is
# built already is left alone.
set -euo pipefail

wanted=${*:-redis nginx rust runtime}

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

# A small Debian, made once and copied for each image.
debian() {
  [[ -d $work/debian ]] && return
  echo "fetching Debian $suite" >&2
  debootstrap --variant=minbase "$suite" "$work/debian" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
  slim "$work/debian"
}

# packages DIRECTORY NAME…: a Debian with these packages. No service of theirs may start.
packages() {
  local root=$1; shift
  debian
  cp -a "$work/debian" "$root"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  echo "installing $*" >&2
  chroot "$root" sh -c '
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  ' sh "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
  rm "$root/usr/sbin/policy-rc.d"
  slim "$root"
}

slim() {
  rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/{doc,man,info,locale}/*
}

# image NAME DIRECTORY CHANGE…: an image of what the directory holds.
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
  have "$name" || { debian; image "$name" "$work/debian" 'CMD ["sh"]'; }
  echo "export RUNTIME_IMAGE=$name"
}

rust() {
  local name toolchain
  name=token-store/rust-standin:$(rustc --version | cut -d ' ' -f 2)-$suite
  if ! have "$name"; then
    packages "$work/rust" gcc libc6-dev ca-certificates
    toolchain=$(rustc --print sysroot)
    mkdir -p "$work/rust/usr/local/cargo"
    cp -a "$toolchain/bin" "$toolchain/lib" "$work/rust/usr/local/"
    # This machine may trust more authorities than Debian does, and need them to fetch crates.
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/rust/etc/ssl/certs/ca-certificates.crt"
    image "$name" "$work/rust" 'ENV CARGO_HOME=/usr/local/cargo'
  fi
  # Builds take the network of this machine: one without a registry often has no other way out.
  printf 'export RUST_IMAGE=%s\nexport BUILD_NETWORK=host\n' "$name"
}

redis() {
  local name version
  # The tag tells the version of the package, which is known once it is there.
  name=$(docker image ls --format '{{.Repository}}:{{.Tag}}' token-store/redis-standin | head -n 1)
  if [[ -z $name ]]; then
    packages "$work/redis" redis-server
    version=$(chroot "$work/redis" redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')
    # As in the official image, /data belongs to user 999, so that new volumes there do too.
    install -d -o 999 -g 999 "$work/redis/data"
    name=token-store/redis-standin:$version-debian
    image "$name" "$work/redis" 'WORKDIR /data' 'VOLUME /data' 'CMD ["redis-server"]'
  fi
  echo "export REDIS_IMAGE=$name"
}

nginx() {
  local name=token-store/nginx-standin:$suite
  if ! have "$name"; then
    packages "$work/nginx" nginx-light
    image "$name" "$work/nginx" 'CMD ["nginx", "-g", "daemon off;"]'
  fi
  echo "export NGINX_IMAGE=$name"
}

for one in $wanted; do
  case $one in
    redis | nginx | rust | runtime) "$one" ;;
    *) fail "there is no stand-in called $one; choose from redis, nginx, rust and runtime" ;;
  esac
done
