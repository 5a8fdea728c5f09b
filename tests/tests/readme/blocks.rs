//! Each page is one shell session with its own store.

use futures_util::StreamExt;
use futures_util::stream;
use token_tests::programs::bash;
use token_tests::servers::{Standalone, free_port};

use crate::pages::{Block, Page, pages};

/// How many sessions run at the same time.
const AT_ONCE: usize = 4;

/// The kinds of blocks. `sh` blocks are run, all others are only shown.
const KINDS: [&str; 14] = [
    "sh",
    "sh not-run",
    "text",
    "rust",
    "nginx",
    "yaml",
    "toml",
    "ini",
    "json",
    "lua",
    "caddy",
    "apache",
    "haproxy",
    "protobuf",
];

#[tokio::test]
async fn every_shell_block_prints_what_its_page_says() {
    // Build the command first: this blocks the thread, and sessions must not wait for it.
    bash("token-cli version", tempfile::tempdir().unwrap().path()).await;
    let pages = pages();
    let runnable = pages.iter().filter(|page| page.blocks().iter().any(|block| block.kind == "sh"));
    let trouble: Vec<String> =
        stream::iter(runnable.map(run)).buffer_unordered(AT_ONCE).flat_map(stream::iter).collect().await;
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
}

#[test]
fn every_block_has_a_known_kind() {
    for page in pages() {
        for Block { kind, line, .. } in page.blocks() {
            assert!(KINDS.contains(&kind), "{}:{line} is a block of {kind:?}", page.name);
        }
    }
}

/// How many blocks are never run, because they need something that a test lacks, such as another machine or a deployment.
const NOT_RUN: usize = 13;

#[test]
fn no_more_blocks_are_left_unrun_than_must_be() {
    let is_not_run = |block: &Block<'_>| block.kind == "sh not-run";
    let not_run: Vec<String> = pages()
        .iter()
        .flat_map(|page| {
            let blocks = page.blocks().into_iter().filter(is_not_run);
            blocks.map(|block| format!("{}:{}", page.name, block.line)).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        not_run.len(),
        NOT_RUN,
        "nothing runs a block that is marked \"sh not-run\", so nobody notices when it stops working. Mark a new block \
         \"sh\", so that this program runs it. If a test cannot run it, raise NOT_RUN and say why in the commit; with fewer \
         of them, lower it. They are {not_run:?}"
    );
}

#[test]
fn a_prompt_is_not_part_of_a_shell_block() {
    for page in pages() {
        for Block { text, line, .. } in page.blocks().iter().filter(|block| block.kind.starts_with("sh")) {
            assert!(text.lines().all(|text| !text.starts_with("$ ")), "{}:{line}", page.name);
        }
    }
}

#[test]
fn the_readme_and_the_book_compare_output() {
    let compared = |page: &Page| {
        let blocks = page.blocks();
        blocks.windows(2).filter(|pair| pair[0].kind == "sh" && pair[1].kind == "text").count()
    };
    assert!(pages().iter().map(compared).sum::<usize>() >= 12);
}

/// Runs the blocks of a page, and returns the errors.
async fn run(page: &Page) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let mut replaced = vec![
        ("127.0.0.1:8080", format!("127.0.0.1:{}", free_port())),
        ("127.0.0.1:8081", format!("127.0.0.1:{}", free_port())),
        ("cargo run --release -p token-cli --", "token-cli".to_owned()),
    ];
    let server = match page.text.contains("127.0.0.1:6379") {
        true => Some(Standalone::start().await),
        false => None,
    };
    replaced.extend(server.iter().map(|server| ("127.0.0.1:6379", format!("127.0.0.1:{}", server.port()))));

    let blocks = page.blocks();
    let [output, errors] = bash(&script(&blocks, &replaced), home.path()).await;
    let mut trouble: Vec<String> = (0..blocks.len())
        .filter(|&place| blocks[place].kind == "sh")
        .filter_map(|place| wrong(&blocks[place..], &output))
        .map(|wrong| format!("{}:{wrong}\nstandard error:\n{errors}", page.name))
        .collect();
    // Standard error also contains the log of the sidecar, and errors of the shell.
    if errors.contains("Usage: token-cli") || errors.contains("not found") {
        trouble.push(format!("{}: {errors}", page.name));
    }
    trouble
}

/// The script that runs the blocks, each between two lines that identify it.
fn script(blocks: &[Block<'_>], replaced: &[(&str, String)]) -> String {
    let mut script = "trap 'kill $(jobs -p)' EXIT\n".to_owned();
    for Block { text, line, .. } in blocks.iter().filter(|block| block.kind == "sh") {
        let text = replaced.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
        script += &format!("echo '@@@ {line}'\n{text}echo \"@@@ {line} ends with $?\"\n");
    }
    script
}

/// The error of the first of these blocks: it fails, or its output differs from the next block.
fn wrong(blocks: &[Block<'_>], output: &str) -> Option<String> {
    let line = blocks[0].line;
    let Some((_, after)) = output.split_once(&format!("@@@ {line}\n")) else {
        return Some(format!("{line}: not run"));
    };
    let Some((printed, end)) = after.split_once(&format!("@@@ {line} ends with ")) else {
        return Some(format!("{line}: did not end: {after}"));
    };
    match blocks.get(1).filter(|next| next.kind == "text") {
        Some(expected) => {
            let (printed, expected) = (normal(printed), normal(&expected.text));
            (printed != expected).then(|| format!("{line}: printed\n{printed}\nand not\n{expected}\n"))
        }
        None => (!end.starts_with("0\n")).then(|| format!("{line}: failed: {printed}{end}")),
    }
}

/// Replaces values that change from run to run with a fixed text.
fn normal(output: &str) -> String {
    let line = |line: &str| match line.trim().strip_prefix("issuer ") {
        Some(_) => "issuer NAME".to_owned(),
        None => line.split_whitespace().map(word).collect::<Vec<_>>().join(" "),
    };
    output.lines().map(line).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Normalises a word; within quotes, as in JSON, each part separately.
fn word(word: &str) -> String {
    word.split('"').map(part).collect::<Vec<_>>().join("\"")
}

fn part(part: &str) -> String {
    let is_id = part.len() == 28 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_time = part.len() >= 20 && part.ends_with('Z') && part.contains('T') && part.starts_with("20");
    match part {
        _ if is_id => "ID".to_owned(),
        _ if is_time => "TIME".to_owned(),
        _ if part.starts_with("tok_") => "TOKEN".to_owned(),
        _ => part.to_owned(),
    }
}
