//! Files and input as editors and shells of all systems write them.

use crate::kit::Cli;

fn utf16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// A line as it may come out of an editor, a browser or a shell.
fn spellings(line: &str) -> Vec<Vec<u8>> {
    vec![
        line.into(),
        format!("{line}\n").into(),
        format!("{line}\r\n").into(),
        format!("{line} \t \n").into(),
        format!("  {line}\n\n").into(),
        format!("\u{feff}{line}\r\n").into(),
        utf16(&format!("{line}\r\n")),
        utf16(line),
    ]
}

#[test]
fn a_token_is_read_in_every_spelling() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    for bytes in spellings(token["token"].as_str().unwrap()) {
        assert_eq!(cli.run_with("validate", &bytes).code, 0, "{bytes:?}");
        let file = cli.file("token", &bytes);
        let ran = cli.run(&format!("validate --token-file {}", file.display()));
        assert_eq!(ran.code, 0, "{bytes:?}: {ran:?}");
    }
}

#[test]
fn tokens_to_revoke_are_read_in_every_spelling() {
    let cli = Cli::new();
    let blank = spellings("x").len();
    for number in 0..blank {
        let tokens = [cli.issue("-u admin -e 1h"), cli.issue("-u admin -e 1h")];
        let lines = tokens.each_ref().map(|token| token["token"].as_str().unwrap()).join(" \r\n");
        let ran = cli.run_with("revoke --stdin", &spellings(&lines)[number]);
        assert_eq!(ran.code, 0, "{number}: {ran:?}");
        assert!(tokens.iter().all(|token| cli.validate(token, "").0 == 1));
    }
}

#[test]
fn a_key_file_is_read_in_every_spelling() {
    let cli = Cli::new();
    let path = cli.home().join("keys");
    assert_eq!(cli.run(&format!("new-key-file {}", path.display())).code, 0);
    let store = format!("--store sqlite:{} --key-file", cli.home().join("t.db").display());
    let token = cli.issue(&format!("-u admin -e 1h {store} {}", path.display()));
    let text = std::fs::read_to_string(&path).unwrap();
    for bytes in spellings(text.trim_end()) {
        let copy = cli.file("copy", &bytes);
        let (code, json) = cli.validate(&token, &format!("{store} {}", copy.display()));
        assert_eq!(code, 0, "{bytes:?}: {json}");
    }
    // The key file of the embedded store is read by the store itself.
    std::fs::copy(cli.file("copy", spellings(text.trim_end()).pop().unwrap()), cli.home().join("t.db.key"))
        .unwrap();
    assert_eq!(cli.validate(&token, store.trim_end_matches(" --key-file")).0, 0);
}

#[test]
fn text_in_utf16_without_its_mark_is_refused_by_its_name() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let bytes: Vec<u8> = token["token"].as_str().unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
    for command in ["validate", "revoke --stdin"] {
        let ran = cli.run_with(command, &bytes);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("UTF-16") && ran.stderr.contains("save it as UTF-8"), "{ran:?}");
    }
    let keys: Vec<u8> = format!("1 {}", "ab".repeat(32)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = cli.file("keys", keys);
    let ran = cli.run(&format!("list -u a --key-file {}", file.display()));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("UTF-16"), "{ran:?}");
}
