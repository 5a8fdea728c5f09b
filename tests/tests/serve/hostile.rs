//! 50 000 malformed or hostile requests: no panic, no server error, no growth, and no call to the store.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::task::JoinSet;

use crate::wire::{request, send};

const REQUESTS: u64 = 50_000;
const CALLERS: u64 = 16;

/// One of many kinds of bad requests. The sidecar can recognise all of them without asking the store.
fn hostile(rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut random = vec![0_u8; 40];
    rng.fill_bytes(&mut random);
    let text: String = random.iter().map(|byte| char::from(b'0' + byte % 10)).collect();
    let header = |value: &[u8]| [b"authorization: ".as_slice(), value].concat();
    let paths =
        ["/auth", "/auth/a/b", "/introspect", "/revoke", "/readyz/..", "/nowhere", "/auth?scope=all", "/%zz"];
    let path = paths[rng.next_u32() as usize % paths.len()];
    match rng.next_u32() % 12 {
        0 => request(&format!("GET {path}"), &header(&[b"Bearer ".as_slice(), &random].concat())),
        1 => request(&format!("GET {path}"), &header(format!("Bearer tok_0{text}").as_bytes())),
        2 => request(&format!("GET {path}"), &header(format!("Basic {text}").as_bytes())),
        3 => request(&format!("GET {path}"), &header(b"Basic ////////")),
        4 => request(&format!("GET {path}"), b"authorization: Bearer a\r\nauthorization: Basic YTpi"),
        5 => request(&format!("GET {path}"), &header(&[b'x'; 20_000])),
        6 => request(&format!("GET {path}"), &[b"x: y\r\n".repeat(300), b"z: z".to_vec()].concat()),
        7 => request(&format!("GET {path}\r\nx: injected"), b"a: b"),
        8 => request(
            &format!("POST {path}"),
            b"content-type: application/x-www-form-urlencoded\r\ncontent-length: -1",
        ),
        9 => request(
            &format!("POST {path}"),
            format!("content-length: 5\r\ncontent-type: text/{text}").as_bytes(),
        ),
        10 => request(&format!("GET {path}?access_token={text}"), b"a: b"),
        _ => random,
    }
}

fn resident(sidecar: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sidecar.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn commands(redis: &Standalone) -> u64 {
    let stats: String = redis.command(&["INFO", "stats"]).await;
    let line = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap();
    line.parse().unwrap()
}

async fn assault(sidecar: &Arc<Daemon>, seed: u64, requests: u64) {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let sidecar = sidecar.clone();
        callers.spawn(async move {
            let mut rng = ChaCha20Rng::seed_from_u64(seed * CALLERS + caller);
            for _ in 0..requests / CALLERS {
                let bytes = hostile(&mut rng);
                let status = send(&sidecar, &bytes).await;
                let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
                assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?} to {shown}");
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_are_refused_and_cost_the_store_nothing() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    // With a token in the store, the sidecar compares its keys once.
    cli.issue("admin", "-e 1h").await;
    let sidecar = Arc::new(cli.serve(&[]).await);
    // Its memory for a running state is allocated by then.
    assault(&sidecar, 0, REQUESTS / 5).await;
    let (before, asked) = (resident(&sidecar), commands(&redis).await);
    assault(&sidecar, 1, REQUESTS).await;
    // The earlier query of the statistics is one connection with a few commands.
    let (grown, asked) = (resident(&sidecar).saturating_sub(before), commands(&redis).await - asked);
    assert!(asked < 10, "{asked} commands");
    assert!(grown < 4096, "it grew by {grown} KiB");
    assert!(!sidecar.said().contains("panicked"), "{}", sidecar.said());
    let token = cli.issue("admin", "-a 10m").await;
    let live = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    assert_eq!(send(&sidecar, &live).await, Some(200), "it still works");
}
