//! The README, pasted into a shell from top to bottom: every block works, and prints what the README says.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use token_tests::programs::bash;
use token_tests::servers::{Standalone, free_port};

const README: &str = include_str!("../../README.md");

/// A fenced block: what stands behind the fence, the line of the page, and the text.
struct Block<'a> {
    kind: &'a str,
    line: usize,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(kind), false) => {
                blocks.push(Block { kind, line: number + 1, text: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let text = &mut blocks.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) => {}
        }
    }
    blocks
}

/// What changes from run to run has the same text everywhere.
fn normal(output: &str) -> String {
    let word = |word: &str| {
        let is_id =
            word.len() == 28 && word.bytes().all(|byte| byte.is_ascii_lowercase() | byte.is_ascii_digit());
        let is_time = word.len() == 20 && word.ends_with('Z') && word.contains("T") && word.starts_with("20");
        match word {
            _ if is_id => "ID".to_owned(),
            _ if is_time => "TIME".to_owned(),
            _ if word.starts_with("tok_") => "TOKEN".to_owned(),
            _ => word.to_owned(),
        }
    };
    let line = |line: &str| match line.trim().strip_prefix("issuer ") {
        Some(_) => "issuer NAME".to_owned(),
        None => line.split_whitespace().map(word).collect::<Vec<_>>().join(" "),
    };
    output.lines().map(line).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The script that runs the blocks, each between two lines that say which it is.
fn script(blocks: &[Block<'_>], replaced: &[(&str, String)]) -> String {
    let mut script = "trap 'kill $(jobs -p)' EXIT\n".to_owned();
    for Block { text, line, .. } in blocks.iter().filter(|block| block.kind == "sh") {
        let text = replaced.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
        script += &format!("echo '@@@ {line}'\n{text}echo \"@@@ {line} ends with $?\"\n");
    }
    script
}

#[tokio::test]
async fn every_block_of_the_readme_does_what_it_says() {
    let (server, home, port) = (Standalone::start().await, tempfile::tempdir().unwrap(), free_port());
    let replaced = [
        ("127.0.0.1:6379", format!("127.0.0.1:{}", server.port())),
        ("127.0.0.1:8080", format!("127.0.0.1:{port}")),
        ("cargo run --release -p token-cli --", "token-cli".to_owned()),
    ];
    let blocks = blocks(README);
    let [output, errors] = bash(&script(&blocks, &replaced), home.path()).await;

    let mut compared = 0;
    for (place, block) in blocks.iter().enumerate().filter(|(_, block)| block.kind == "sh") {
        let Block { line, .. } = block;
        let (_, behind) = output
            .split_once(&format!("@@@ {line}\n"))
            .unwrap_or_else(|| panic!("{line}: not run\n{errors}"));
        let (printed, end) = behind
            .split_once(&format!("@@@ {line} ends with "))
            .unwrap_or_else(|| panic!("{line}: {behind}{errors}"));
        match blocks.get(place + 1).filter(|next| next.kind == "text") {
            Some(expected) => {
                assert_eq!(normal(printed), normal(&expected.text), "README.md:{line}\n{errors}");
                compared += 1;
            }
            None => assert!(end.starts_with("0\n"), "README.md:{line}: {printed}{end}{errors}"),
        }
    }
    assert!(compared >= 4, "only {compared} blocks print something that is compared");
    // The log of the sidecar goes there, too; a command that is not understood would as well.
    assert!(!errors.contains("error:") && !errors.contains("not found"), "{errors}");
}

#[test]
fn every_block_says_what_it_is() {
    for Block { kind, line, .. } in blocks(README) {
        let known = ["sh", "sh not-run", "text", "rust", "nginx", "yaml", "toml", "ini"];
        assert!(known.contains(&kind), "README.md:{line} is a block of {kind:?}");
    }
}

#[test]
fn a_prompt_is_no_part_of_what_is_pasted() {
    for Block { text, line, .. } in blocks(README).iter().filter(|block| block.kind.starts_with("sh")) {
        assert!(text.lines().all(|text| !text.starts_with("$ ")), "README.md:{line}");
    }
}
