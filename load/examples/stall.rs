//! A server that answers in a millisecond, but stalls once for half a second: the results of both loops.
//! `cargo run --release -p token-load --example stall`

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use token_load::{Closed, Measured, Monitor, Open, closed, open};
use tokio::time::{Instant, sleep, sleep_until};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let time = Duration::from_secs(3);
    let plan = Open::new(NonZeroU32::new(1_000).ok_or("a rate")?, time);
    show("open", &open(&plan, &Monitor::default(), server()).await);
    let plan = Closed::new(NonZeroUsize::new(4).ok_or("callers")?, time);
    show("closed", &closed(&plan, &Monitor::default(), server()).await);
    Ok(())
}

/// Answers within a millisecond, except from the first to one and a half seconds of its life.
fn server() -> impl Fn(u64) -> std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>> {
    let stall = Instant::now() + Duration::from_secs(1);
    let over = stall + Duration::from_millis(500);
    move |_| {
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            if (stall..over).contains(&Instant::now()) {
                sleep_until(over).await;
            }
            Ok(())
        })
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn show(name: &str, measured: &Measured) {
    let latency = &measured.latency;
    let (p50, p99, max) = (latency.quantile(0.5), latency.quantile(0.99), latency.max());
    println!("{name:>6}: {:.0}/s, p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}", measured.per_second());
}
