//! Verification of a ledger that changes meanwhile.

use pledge_storage_memory::MemoryStore;
use pledge_testing::world::operator;

use super::*;
use crate::output::Output;
use crate::progress::Progress;
use crate::test_chain::{TestChain, account, token};

async fn run(
    test: &TestChain,
    stores: &Stores,
    state: TokenState,
) -> (anyhow::Result<()>, Verdict) {
    let mut progress = Progress::new(Output::Json).work("test");
    let queries = stores.uncached_queries();
    let reading = TokenReading::of(&queries, state);
    let mut verification = Verification::new(&test.chain, reading);
    let pass = verification.run(&mut progress).await;
    (pass, verification.report.verdict)
}

#[tokio::test]
async fn a_ledger_that_grows_within_the_second_of_its_cursor_is_verified_at_the_cursor() {
    let stores = Stores::of(MemoryStore::new());
    let mut test = TestChain::open(&stores).await;
    test.mine(600, Some((account(1), 10))).await;
    let begun = token(&stores).await;
    test.mine(600, Some((account(1), 5))).await;
    test.mine(600, Some((account(2), 5))).await;
    let (pass, verdict) = run(&test, &stores, begun).await;
    pass.unwrap();
    assert_eq!(verdict, Verdict::Ok);
}

#[tokio::test]
async fn a_ledger_that_was_rewound_is_reported_as_such() {
    let stores = Stores::of(MemoryStore::new());
    let mut test = TestChain::open(&stores).await;
    test.mine(600, Some((account(1), 10))).await;
    let begun = token(&stores).await;
    test.chain.fork_at(0);
    test.mine(700, Some((account(1), 10))).await;
    let (pass, _) = run(&test, &stores, begun).await;
    assert!(matches!(pass.unwrap_err().downcast_ref(), Some(Moved::Rewound)));
}

#[tokio::test]
async fn a_halt_under_a_pause_fails_the_verification_and_a_pause_alone_does_not() {
    let stores = Stores::of(MemoryStore::new());
    let mut test = TestChain::open(&stores).await;
    test.mine(600, Some((account(1), 10))).await;
    let followed = token(&stores).await;
    let (id, base) = (followed.spec.id, followed.cursor.map(|cursor| cursor.id()));
    stores.balances.pause_token(id, &operator()).await.unwrap();
    let (pass, verdict) = run(&test, &stores, token(&stores).await).await;
    pass.unwrap();
    assert_eq!(verdict, Verdict::Ok);
    stores.balances.halt_token(id, base, "overdrawn").await.unwrap();
    let (pass, verdict) = run(&test, &stores, token(&stores).await).await;
    pass.unwrap();
    assert_eq!(verdict, Verdict::Halted);
}

#[tokio::test]
async fn a_verification_reports_what_part_of_all_addresses_it_has_checked() {
    let stores = Stores::of(MemoryStore::new());
    let mut test = TestChain::open(&stores).await;
    test.mine(600, Some((account(1), 10))).await;
    let state = token(&stores).await;
    let queries = stores.uncached_queries();
    let reading = TokenReading::of(&queries, state);
    let mut verification = Verification::new(&test.chain, reading);
    verification.report.accounts = 7;
    let half = verification.step(Some(Address::repeat_byte(0x80)));
    assert_eq!((half.done, half.total), (0x8080, 0x1_0000));
    assert_eq!(half.text, "7 accounts checked, 50%");
    assert_eq!(verification.step(None).text, "7 accounts checked, 100%");
}
