//! The completion scripts in the shells that they are for.

use std::process::Command;

use crate::kit::Cli;

/// What is typed, and what the shell must offer.
const OFFERS: [(&str, &[&str]); 15] = [
    ("token-cli ", &["issue", "validate", "new-key-file", "completions"]),
    ("token-cli user ", &["token"]),
    ("token-cli user token --", &["--expire", "--auto", "--scope", "--confirm"]),
    ("token-cli admin user token --", &["--expire", "--auto", "--scope", "--confirm"]),
    ("token-cli new-key-file --", &["--store", "--namespace"]),
    ("token-cli revoke --", &["--stdin", "--why"]),
    ("token-cli issue --confirm ", &["local", "replicated", "disk"]),
    ("token-cli doctor --role ", &["validator", "issuer", "admin"]),
    ("token-cli serve --log-format ", &["json", "text"]),
    ("token-cli issue --confirm=", &["local", "replicated", "disk"]),
    ("token-cli issue --confirm=l", &["local"]),
    ("token-cli doctor --role=v", &["validator"]),
    ("token-cli list --output ", &["text", "json"]),
    ("token-cli serve --accept token-a", &["token-as-user-name"]),
    ("token-cli completions ", &["zsh", "fish", "elvish"]),
];

fn offers_in(shell: &str) {
    let cli = Cli::new();
    let script = cli.file(".script", cli.run(&format!("completions {shell}")).stdout);
    for (line, words) in OFFERS {
        let output = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hand/complete.py"))
            .args([shell, script.to_str().unwrap(), line])
            .args(words)
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm"), ("LANG", "C.UTF-8"), ("PS1", "$ ")])
            .env("HOME", cli.home())
            .current_dir(cli.home())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{shell}, {line:?} must offer {words:?} (scripts/test.sh installs it): {said}"
        );
    }
}

#[test]
fn bash_offers_what_can_follow() {
    offers_in("bash");
}

#[test]
fn zsh_offers_what_can_follow() {
    offers_in("zsh");
}

/// What fish would offer, it says by itself.
#[test]
fn fish_offers_what_can_follow() {
    let cli = Cli::new();
    let script = cli.file(".script", cli.run("completions fish").stdout);
    for (line, words) in OFFERS {
        let output = Command::new("fish")
            .args(["--no-config", "-c", &format!("source {}; complete -C '{line}'", script.display())])
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm")])
            .env("HOME", cli.home())
            .current_dir(cli.home())
            .output()
            .unwrap();
        let offered = String::from_utf8_lossy(&output.stdout);
        let offered: Vec<_> = offered.lines().filter_map(|line| line.split('\t').next()).collect();
        assert!(
            words.iter().all(|word| offered.iter().any(|offer| offer.rsplit('=').next() == Some(word))),
            "{line:?} must offer {words:?}: {offered:?}"
        );
    }
}

#[test]
fn hidden_flags_are_not_offered() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = cli.run(&format!("completions {shell}")).stdout;
        assert!(script.contains("confirm-timeout"), "{shell}");
        for hidden in ["broker", "registry", "transport"] {
            assert!(!script.contains(hidden), "{shell} offers {hidden}");
        }
    }
}
