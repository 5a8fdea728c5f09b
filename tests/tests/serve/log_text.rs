//! The log for people: no colours without a terminal, and nothing that a client sends looks like another field or line.

use token_tests::programs::Cli;
use token_tests::servers::Standalone;

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
async fn a_command_logs_without_colours_to_what_is_no_terminal() {
    let cli = Cli::embedded().with_log("debug,trace");
    let ran = cli.run("issue -u admin -a 10m", "").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("made a new token database"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
}
