//! The addresses that it listens on: names, ports, socket files, and sockets passed by systemd.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use token_tests::programs::{Cli, Daemon, Running, bash, program};
use token_tests::servers::{Standalone, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};

use crate::until;

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

async fn answers<C: AsyncReadExt + AsyncWriteExt + Unpin>(connection: std::io::Result<C>) -> bool {
    let Ok(mut connection) = connection else { return false };
    let mut answer = String::new();
    connection.write_all(HEALTH).await.is_ok()
        && connection.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

pub(crate) async fn answers_at(address: &str, port: u16) -> bool {
    answers(TcpStream::connect((address, port)).await).await
}

async fn unix(path: &Path) -> bool {
    answers(UnixStream::connect(path).await).await
}

fn serve<'a>(cli: &'a Cli, listen: &str) -> Running<'a> {
    cli.start(&format!("serve {listen}"))
}

async fn end(running: Running<'_>) {
    running.signal(token_tests::programs::Signal::TERM);
    let ran = running.until_it_ends().await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[tokio::test]
async fn localhost_and_a_port_alone_listen_on_both_loopbacks() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    for form in ["localhost:PORT", "PORT", ":PORT"] {
        let port = free_port();
        let running = serve(&cli, &format!("--listen {}", form.replace("PORT", &port.to_string())));
        until(async || answers_at("127.0.0.1", port).await && answers_at("::1", port).await).await;
        end(running).await;
    }
}

#[tokio::test]
async fn serve_listens_at_every_address_given() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let (one, other) = (free_port(), free_port());
    let running = serve(&cli, &format!("--listen [::1]:{one} --listen 127.0.0.1:{other}"));
    until(async || answers_at("::1", one).await && answers_at("127.0.0.1", other).await).await;
    assert!(!answers_at("127.0.0.1", one).await && !answers_at("::1", other).await);
    end(running).await;
}

#[tokio::test]
async fn a_bad_address_is_refused_with_the_right_form() {
    let cli = Cli::new("redis://127.0.0.1:1");
    for (address, taught) in [
        ("http://localhost:8080", "localhost:8080"),
        ("localhost", "localhost:8080"),
        ("::1", "[::1]:8080"),
        ("localhost:99999", "65535"),
        ("/run/token.sock", "unix:/run/token.sock"),
        ("unix:/tmp/x?mode=9", "0660"),
    ] {
        for flag in ["--listen", "--grpc"] {
            let ran = cli.run(&format!("serve {flag} {address}"), "").await;
            assert_eq!(ran.code, 2, "{address}");
            assert!(ran.stderr.contains(taught), "{address}: {}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn a_socket_file_has_its_mode_and_goes_with_the_process() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let path = cli.home().join("token.sock");
    let running = serve(&cli, &format!("--listen unix:{}?mode=0640", path.display()));
    until(async || unix(&path).await).await;
    let file = fs::metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o640);
    end(running).await;
    assert!(!path.exists());
}

/// Prints the owner, group and mode of the file, and the error for an unknown owner.
const OWNED: &str = r#"
export TOKEN_STORE=sqlite:$PWD/tokens.db
token-cli issue -q -u ada -e 1h >/dev/null
token-cli serve --listen "unix:$PWD/token.sock?mode=0620&owner=nobody&group=12345" 2>log &
sidecar=$!
for _ in {1..300}; do [[ -S token.sock ]] && break; sleep 0.1; done
stat -c '%U %g %a' token.sock
kill $sidecar
wait $sidecar
[[ -e token.sock ]] && echo 'it is still there'
token-cli serve --listen "unix:$PWD/token.sock?owner=no-such-user" 2>log || echo $?
grep -o 'this machine has no user "no-such-user"' log
[[ -e token.sock ]] || echo 'no file is left'
"#;

#[tokio::test]
async fn a_socket_file_has_the_owner_and_group_that_are_named() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("steps"), OWNED).unwrap();
    // Changing the owner of a file needs root.
    let script = r#"
        as_root=$([[ $(id -u) == 0 ]] || echo sudo -n env "PATH=$PATH" "HOME=$HOME")
        $as_root unshare --pid --fork --kill-child --mount-proc bash steps
    "#;
    let [said, errors] = bash(script, home.path()).await;
    let expected = ["nobody 12345 620", "2", "this machine has no user \"no-such-user\"", "no file is left"];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{errors}");
}

#[tokio::test]
async fn a_dead_socket_file_is_replaced_and_a_live_one_is_not() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let path = cli.home().join("token.sock");
    drop(UnixListener::bind(&path).unwrap());
    let listen = format!("--listen unix:{}", path.display());
    let running = serve(&cli, &listen);
    until(async || unix(&path).await).await;
    let second = cli.run(&format!("serve {listen}"), "").await;
    assert_eq!(second.code, 2);
    assert!(second.stderr.contains("another process listens there"), "{}", second.stderr);
    assert!(unix(&path).await, "the first sidecar still answers");
    end(running).await;
    fs::write(&path, "not a socket").unwrap();
    let third = cli.run(&format!("serve {listen}"), "").await;
    assert_eq!(third.code, 2);
    assert!(third.stderr.contains("no socket"), "{}", third.stderr);
    assert_eq!(fs::read(&path).unwrap(), b"not a socket");
}

#[tokio::test]
async fn grpc_listens_on_a_socket_file() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let path = cli.home().join("grpc.sock");
    let running = serve(&cli, &format!("--listen 127.0.0.1:{} --grpc unix:{}", free_port(), path.display()));
    until(async || {
        let Ok(mut connection) = UnixStream::connect(&path).await else { return false };
        connection.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        // A SETTINGS frame.
        let mut head = [0; 9];
        connection.read_exact(&mut head).await.is_ok() && head[3] == 4
    })
    .await;
    end(running).await;
}

#[tokio::test]
async fn systemd_passes_its_sockets_on() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let grpc = free_port();
    let arguments = |http| {
        let mut arguments = vec![format!("--listen=127.0.0.1:{http}"), format!("--listen=127.0.0.1:{grpc}")];
        arguments.extend(["--fdname=http:grpc".into(), format!("--setenv=HOME={}", cli.home().display())]);
        arguments.push(cli.binary().display().to_string());
        arguments.extend(
            ["serve", "--store", &redis.url(), "--listen", "systemd", "--grpc", "systemd:grpc"]
                .map(str::to_owned),
        );
        arguments
    };
    // The first connection starts the sidecar.
    let sidecar = Daemon::start(&program("systemd-socket-activate", "systemd"), arguments).await;
    until(async || answers_at("127.0.0.1", sidecar.port()).await).await;
    let mut connection = TcpStream::connect(("127.0.0.1", grpc)).await.unwrap();
    connection.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    connection.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "gRPC is answered at the socket of that name");
}

#[tokio::test]
async fn without_a_passed_socket_it_says_how_to_get_one() {
    let redis = Standalone::start().await;
    let ran = Cli::new(&redis.url()).run("serve --listen systemd", "").await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains(".socket unit"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_address_that_is_taken_or_absent_is_a_usage_error() {
    let store = Standalone::start().await;
    let cli = Cli::new(&store.url());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (address, sentence) in [
        (address.as_str(), "another program listens there"),
        ("192.0.2.1:8080", "does not have that address"),
    ] {
        for flags in [format!("--listen {address}"), format!("--listen 127.0.0.1:0 --grpc {address}")] {
            let ran = cli.run(&format!("serve {flags}"), "").await;
            assert_eq!(ran.code, 2, "{flags}: {}", ran.stderr);
            assert!(ran.stderr.contains(sentence), "{flags}: {}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn a_socket_file_that_cannot_be_made_is_a_usage_error() {
    let store = Standalone::start().await;
    let cli = Cli::new(&store.url());
    let home = cli.home().display().to_string();
    fs::write(cli.home().join("file"), "").unwrap();
    for (path, sentence) in [
        (format!("{home}/{}", "a".repeat(120)), "too long"),
        (format!("{home}/missing/token.sock"), "no such folder"),
        (format!("{home}/file/token.sock"), "no such folder"),
    ] {
        let ran = cli.run(&format!("serve --listen unix:{path}"), "").await;
        assert_eq!(ran.code, 2, "{path}: {}", ran.stderr);
        assert!(ran.stderr.contains(sentence), "{path}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn an_address_that_is_there_twice_is_named() {
    let cli = Cli::new("redis://127.0.0.1:1")
        .with_variable("TOKEN_LISTEN", "127.0.0.1:7723;localhost:1;127.0.0.1:7723");
    let ran = cli.run("serve", "").await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("the address 127.0.0.1:7723 is there twice"), "{}", ran.stderr);
    let cli = Cli::new("redis://127.0.0.1:1");
    let ran = cli.run("serve --listen unix:/tmp/t.sock --grpc unix:/tmp/t.sock?mode=0660", "").await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("is there twice"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_address_that_another_one_includes_is_named() {
    let cli = Cli::new("redis://127.0.0.1:1");
    for flags in ["--listen :7723 --listen 127.0.0.1:7723", "--listen localhost:7723 --grpc 127.0.0.1:7723"] {
        let ran = cli.run(&format!("serve {flags}"), "").await;
        assert_eq!(ran.code, 2, "{flags}: {}", ran.stderr);
        assert!(ran.stderr.contains("127.0.0.1:7723 is there twice in --listen"), "{flags}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_named() {
    let store = Standalone::start().await;
    let cli = Cli::new(&store.url());
    let ran = cli.run("serve --listen [fe80::1%99]:7723", "").await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("this machine has no interface 99"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_address_serve_cannot_listen_on_is_refused_by_its_spelling() {
    let cli = Cli::new("redis://127.0.0.1:1");
    for (address, taught) in [
        ("[fe80::1]:7723", "[fe80::1%2]:7723"),
        ("fd://3", "systemd"),
        ("UNIX:/x", "unix:/x"),
        ("::1:7723", "[::1]:7723"),
    ] {
        let ran = cli.run(&format!("serve --listen {address}"), "").await;
        assert_eq!(ran.code, 2, "{address}: {}", ran.stderr);
        assert!(ran.stderr.contains(taught), "{address}: {}", ran.stderr);
    }
}
