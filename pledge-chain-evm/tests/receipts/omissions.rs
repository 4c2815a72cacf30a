//! A thousand omissions, and none of them unnoticed.

use std::collections::BTreeMap;

use fastrand::Rng;
use pledge_chain_evm::LogProof;
use pledge_core::error::ChainErrorKind;
use pledge_testing::hostile_node::{Lie, Switch};
use serde_json::Value;

use crate::stage::{HEAD, Stage, found};
use crate::tamper::KINDS;

const OMISSIONS: usize = 1_000;

/// Chance of a seed, which is printed: `PLEDGE_SEED` replays it.
fn rng() -> Rng {
    let seed = match std::env::var("PLEDGE_SEED") {
        Ok(text) => text.parse().expect("PLEDGE_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("PLEDGE_SEED={seed}");
    Rng::with_seed(seed)
}

/// A block with logs, and a range around it.
fn place(stage: &Stage, rng: &mut Rng) -> (u64, u64, u64) {
    loop {
        let block = rng.u64(1..=HEAD);
        if !stage.truth(block, block).is_empty() {
            let (from, to) = (block.saturating_sub(rng.u64(0..3)), block + rng.u64(0..3));
            return (from.max(1), block, to.min(HEAD));
        }
    }
}

#[tokio::test]
async fn a_thousand_changes_to_receipts_are_noticed() {
    let stage = Stage::new(LogProof::Receipts).await;
    let mut rng = rng();
    let mut truths = BTreeMap::new();
    for block in 1..=HEAD {
        truths.insert(block, stage.receipts(block).await);
    }
    let (mut noticed, mut kinds) = (0, [0; KINDS.len()]);
    while noticed < OMISSIONS {
        let (from, block, to) = place(&stage, &mut rng);
        let kind = rng.usize(..KINDS.len());
        let truth = truths[&block].as_array().unwrap();
        let mut receipts = truth.clone();
        if !KINDS[kind](&mut receipts, &mut rng) || receipts == *truth {
            continue;
        }
        let lie = Switch::of(Lie::Answers(Value::Array(receipts)));
        let lie = stage.node.on(lie.only(&["eth_getBlockReceipts"]).at(block..=block));
        let error = match stage.read(from, to).await {
            Err(error) => error,
            Ok(answer) => panic!(
                "change {kind} of block {block} is not noticed: {:?} in place of {:?}",
                found(&answer),
                stage.truth(from, to)
            ),
        };
        assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
        assert!(error.to_string().contains(&format!("of block {block}")), "{error}");
        stage.node.off(lie);
        noticed += 1;
        kinds[kind] += 1;
    }
    assert!(kinds.iter().all(|count| *count > 0), "some kind was never played: {kinds:?}");
    println!("{noticed} changes to receipts, {noticed} noticed; by kind {kinds:?}");
    let answer = stage.read(1, HEAD).await.unwrap();
    assert_eq!(found(&answer), stage.truth(1, HEAD), "and without a lie it is the truth");
}

#[tokio::test]
async fn a_thousand_blocks_given_as_empty_are_noticed_by_their_blooms() {
    let stage = Stage::new(LogProof::Bloom).await;
    let mut rng = rng();
    for _ in 0..OMISSIONS {
        let (from, block, to) = place(&stage, &mut rng);
        let lie = Switch::of(Lie::NoLogs).only(&["eth_getLogs"]).at(block..=block).times(1);
        stage.node.on(lie);
        let error = stage.read(from, to).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("omits logs of block {block} ")), "{text}");
    }
    println!("{OMISSIONS} blocks given as empty, {OMISSIONS} noticed");
    let answer = stage.read(1, HEAD).await.unwrap();
    assert_eq!(found(&answer), stage.truth(1, HEAD), "and without a lie it is the truth");
}
