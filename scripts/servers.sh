#!/usr/bin/env bash
# Unpacks servers from Debian packages below target/servers/, to run the tests on another server than the installed one:
#
#   scripts/servers.sh valkey-8.1
#   TOKEN_TEST_SERVER=valkey-8.1 cargo test -p token-tests --test redis
#
# The packages are unpacked there together with the libraries that they need; nothing is installed. Needs apt and the
# keyring of Debian (debian-archive-keyring) and no root. An existing server is not changed.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/suites.sh

fail() { echo "error: $*" >&2; exit 1; }

# download SUITE FOLDER PACKAGE…: downloads these packages and their dependencies into FOLDER/cache/archives.
download() {
  local suite=$1 folder=$2 mirror one; shift 2
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  [[ $mirror ]] || fail "apt knows no mirror of Debian: run apt-get update as root"
  mkdir -p "$folder"/{state/lists/partial,cache/archives/partial,none}
  : >"$folder/status"
  for one in "$(base_of "$suite")" "$suite"; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $one main"
  done | sort -u >"$folder/sources.list"
  # As if nothing was installed, so that all libraries are included. A mirror may be behind with sid, whose lists are valid for
  # a week.
  local apt=(apt-get -qq -o "Dir::Etc::SourceList=$folder/sources.list" -o "Dir::Etc::SourceParts=$folder/none"
    -o "Dir::Etc::Preferences=$folder/none/preferences" -o "Dir::Etc::PreferencesParts=$folder/none"
    -o "Dir::State=$folder/state" -o "Dir::State::status=$folder/status" -o "Dir::Cache=$folder/cache"
    -o Acquire::Check-Valid-Until=false -o APT::Install-Recommends=false -o Acquire::Languages=none -o Acquire::Retries=3 -o "APT::Sandbox::User=$(id -un)")
  "${apt[@]}" update
  "${apt[@]}" install --yes --download-only --target-release "$suite" "$@"
}

# wrap BIN PROGRAM: writes a script that runs the program with the unpacked dynamic linker and libraries.
wrap() {
  cat >"$1/$2" <<SCRIPT
#!/bin/bash
shopt -s nullglob
root=\${0%/*}/../root
linker=("\$root"/{usr/lib,lib}/*/ld-linux-*.so.*)
place=\${linker[0]%/*}
exec "\${linker[0]}" --argv0 $2 --library-path "\$root/usr/lib/\${place##*/}:\$root/lib/\${place##*/}" "\$root/usr/bin/$2" "\$@"
SCRIPT
  chmod 755 "$1/$2"
}

for name in "$@"; do
  make=${name%%-*}
  suite=$(suite_of "$name")
  home=$PWD/target/servers/$name
  [[ -x $home/bin/$make-server ]] && continue
  echo "getting $name from Debian's suite $suite" >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  download "$suite" "$work" "$make-server" "$make-tools" >&2
  rm -rf "$home"
  mkdir -p "$home/root" "$home/bin"
  for package in "$work"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$home/root"; done
  wrap "$home/bin" "$make-cli"
  # Last, because it marks the rest as complete.
  wrap "$home/bin" "$make-server"
  rm -rf "$work"
  "$home/bin/$make-server" --version >&2
done
