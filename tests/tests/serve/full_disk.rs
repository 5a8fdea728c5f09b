//! An embedded store on a full disk.

use std::fs;

use token_tests::programs::bash;
use token_tests::servers::free_port;

/// Runs on a separate small disk, in a mount namespace that ends with the script. Prints a line for each observation.
const SCRIPT: &str = r#"
set -eu
mkdir store
mount -t tmpfs -o size=1m none store
export TOKEN_STORE=sqlite:$PWD/store/tokens.db
token=$(token-cli issue -q -u ada -e 1h)
token-cli serve --listen 127.0.0.1:PORT 2>log &
sidecar=$!
status() { curl -s -o "$1" -w '%{http_code}' -H @- "http://127.0.0.1:PORT$2" <<<"Authorization: Bearer $token"; }
# until STATUS: of /readyz, within half a minute.
until_ready_is() {
  for _ in {1..300}; do
    [[ $(status body /readyz) == "$1" ]] && return
    sleep 0.1
  done
  return 1
}
until_ready_is 200 && echo 'ready'
dd if=/dev/zero of=store/fill bs=1k 2>/dev/null || true
until_ready_is 503 && echo 'not ready while the disk is full'
echo "a hard token is answered with $(status body /auth)"
token-cli doctor | grep -q '^failure  room' && echo 'doctor reports the missing room'
rm store/fill
until_ready_is 200 && echo 'ready again'
kill $sidecar
wait $sidecar || true
grep -o 'no space left[^"]*\|disk is full[^"]*' log | head -n 1
"#;

#[tokio::test]
async fn an_embedded_store_on_a_full_disk_is_not_ready() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port().to_string();
    fs::write(home.path().join("steps"), SCRIPT.replace("PORT", &port)).unwrap();
    // Mounting needs root.
    let script = r#"
        as_root=$([[ $(id -u) == 0 ]] || echo sudo -n env "PATH=$PATH" "HOME=$HOME")
        $as_root unshare --mount --pid --fork --kill-child --mount-proc bash steps
    "#;
    let [said, errors] = bash(script, home.path()).await;
    let lines: Vec<_> = said.lines().collect();
    let expected = [
        "ready",
        "not ready while the disk is full",
        "a hard token is answered with 200",
        "doctor reports the missing room",
        "ready again",
    ];
    assert_eq!(lines.get(..5), Some(&expected[..]), "{said}{errors}");
    assert_eq!(lines.len(), 6, "the log names the cause: {said}{errors}");
}
