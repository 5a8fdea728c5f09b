//! One round of every fault, and the judgement of its history. `fault-rounds` runs any number of rounds: see CONTRIBUTING.md.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "the numbers are for people to read")]

use token_core::ConfirmationLevel::{self, Local, Replicated};
use token_tests::faults::{Fault, Judgement, Plan, run};
use tokio::sync::Mutex;

/// One round at a time: two at once would test the speed of this machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn judged(sentinel: bool, fault: Fault, level: ConfirmationLevel) -> Judgement {
    let _turn = ONE_AT_A_TIME.lock().await;
    let histories = tempfile::tempdir().unwrap();
    let plan = Plan { sentinel, fault, level, rounds: 1, seed: 7, histories: histories.path().into() };
    let mut judgement = Judgement::default();
    run(&plan, |history| judgement = Judgement::of_file(history).unwrap()).await;
    eprintln!("{judgement}");
    // On a busy machine calls may end late: the numbers show it.
    judgement
}

/// Asserts that every promise is kept, that there were calls to judge, and that the fault happened.
async fn keeps_its_promises(sentinel: bool, fault: Fault) {
    let judgement = judged(sentinel, fault, Replicated).await;
    assert!(judgement.violations.is_empty(), "{:#?}", judgement.violations);
    assert!(judgement.validations >= 1_000 && judgement.confirmed >= 10, "{judgement}");
    assert!(judgement.outage.is_some(), "the history has no fault, or no end of it: {judgement}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_of_a_cluster() {
    keeps_its_promises(false, Fault::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_of_sentinels() {
    keeps_its_promises(true, Fault::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laggard_that_is_promoted_in_a_cluster() {
    keeps_its_promises(false, Fault::Laggard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laggard_that_is_promoted_by_sentinels() {
    keeps_its_promises(true, Fault::Laggard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_of_a_cluster_that_is_cut_off_with_its_clients() {
    keeps_its_promises(false, Fault::CutOff).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_of_sentinels_that_is_cut_off_with_its_clients() {
    keeps_its_promises(true, Fault::CutOff).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_primary_of_a_cluster() {
    keeps_its_promises(false, Fault::Hang).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_primary_of_sentinels() {
    keeps_its_promises(true, Fault::Hang).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_move_while_a_replica_takes_over() {
    keeps_its_promises(false, Fault::Reshard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_and_leaves() {
    keeps_its_promises(false, Fault::Grow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_are_lost_again_and_again() {
    keeps_its_promises(false, Fault::FlushScripts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locally_confirmed_revocations_are_lost_to_a_lagging_replica() {
    let judgement = judged(false, Fault::Laggard, Local).await;
    assert!(judgement.lost > 0, "{judgement}");
}

/// The test can fail: a change that only the primary acknowledged is lost with it, and the judge detects that.
#[tokio::test(flavor = "multi_thread")]
async fn locally_confirmed_revocations_are_lost_on_a_cut_off_primary() {
    let judgement = judged(true, Fault::CutOff, Local).await;
    assert!(judgement.lost > 0, "{judgement}");
}
