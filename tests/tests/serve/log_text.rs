//! The text log: no colours without a terminal, and no client input that looks like another field or line.

use token_tests::programs::{Cli, bash};
use token_tests::servers::{Standalone, free_port};

use crate::wire::{request, send};

#[tokio::test]
async fn no_client_forges_a_field_a_line_or_a_colour() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&["--log-format", "text"]).await;
    let agents: [&[u8]; 6] = [
        b"x status=200 reason=none",
        b"x\" status=200 token_id=\"y",
        b"\xe2\x80\xaex\xe2\x80\x8b",
        b"x\\\" y",
        b"\xc2\x9b31mred",
        b"",
    ];
    for agent in agents {
        let headers = [b"user-agent: ", agent].concat();
        assert_eq!(send(&sidecar, &request("GET /auth", &headers)).await, Some(401));
    }
    let said = sidecar.all_it_said().await;
    let lines: Vec<_> = said.lines().filter(|line| line.contains(" access: ")).collect();
    assert_eq!(lines.len(), agents.len(), "{said}");
    for line in &lines {
        let reason = " status=401 micros=";
        assert!(
            line.contains(" INFO access: answered method=GET route=/auth") && line.contains(reason),
            "{line}"
        );
        assert!(line.contains(" client=127.0.0.1 reason=no_credentials"), "{line}");
    }
    assert!(lines[0].ends_with(" user_agent=\"x status=200 reason=none\""), "{said}");
    assert!(lines[1].ends_with(r#" user_agent="x\" status=200 token_id=\"y""#), "{said}");
    assert!(lines[2].ends_with(r#" user_agent="\u{202e}x\u{200b}""#), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains('\u{9b}'), "{said}");
}

#[tokio::test]
async fn a_command_logs_without_colours_if_there_is_no_terminal() {
    let cli = Cli::embedded().with_log("debug,trace");
    let ran = cli.run("issue -u admin -a 10m", "").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("made a new token database"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
}

/// Serves on a terminal in a separate session, and ends with the terminal, so that no process remains.
const ON_A_TERMINAL: &str = r#"
export TOKEN_STORE=sqlite:$PWD/tokens.db
token-cli issue -q -u ada -e 1h >/dev/null
cat >serve <<'END'
echo $$ >pid
exec token-cli serve --listen 127.0.0.1:PORT --log-format $FORMAT
END
shown() {
  rm -f pid shown
  env TERM=xterm "$@" script -qfec 'exec setpriv --pdeathsig KILL sh serve' shown </dev/null >/dev/null &
  for _ in {1..300}; do grep -qs 'listening' shown && break; sleep 0.1; done
  kill $(cat pid)
  wait
  echo "== $*"
  grep -m1 listening shown
}
shown FORMAT=text
shown FORMAT=text NO_COLOR=1
shown FORMAT=text TERM=dumb
shown FORMAT=json
"#;

#[tokio::test]
async fn the_log_has_colours_only_on_a_terminal_that_wants_them() {
    let home = tempfile::tempdir().unwrap();
    let [said, errors] = bash(&ON_A_TERMINAL.replace("PORT", &free_port().to_string()), home.path()).await;
    let shown: Vec<_> = said.split("== FORMAT=").skip(1).collect();
    assert_eq!(shown.len(), 4, "{said}{errors}");
    for (shown, coloured) in shown.iter().zip([true, false, false, false]) {
        assert!(shown.contains("INFO") && shown.contains("listening"), "{said}{errors}");
        assert_eq!(shown.contains("\u{1b}[32m"), coloured, "{said}");
        assert_eq!(shown.contains('\u{1b}'), coloured, "{said}");
    }
}
