//! Whatever happens, this store and the one in memory answer the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compare;
mod pair;

use pledge_storage_sqlite::SqliteStore;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::pair::{Op, Pair};

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let block = (0_u64..5_000, vec((0_u8..8, 0_u8..8, 0_u64..1_000), 0..5));
    let op = prop_oneof![
        6 => vec(block, 1..5).prop_map(Op::Commit),
        1 => Just(Op::CommitAgain),
        2 => (0_u64..9).prop_map(Op::Rewind),
        9 => (1_usize..4, prop::bool::weighted(0.2))
            .prop_map(|(limit, fails)| Op::Settle { limit, fails }),
        3 => any::<bool>().prop_map(|fails| Op::Retry { fails }),
        1 => Just(Op::SettleAgain),
        1 => (0_u64..9_000, 0_u128..9).prop_map(|(after, rate)| Op::Schedule { after, rate }),
        1 => Just(Op::ResetFailures),
        1 => any::<bool>().prop_map(Op::Halt),
    ];
    vec(op, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_gives_the_same_answers_as_in_memory(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("pledge.db");
            let store = SqliteStore::open(file.to_str().unwrap()).await.unwrap();
            let mut pair = Pair::new(store).await;
            for op in &ops {
                pair.apply(op).await;
                if matches!(op, Op::Rewind(_)) {
                    pair.compare().await;
                }
            }
            pair.compare().await;
            pair.sqlite.close().await;
        });
    }
}
