//! How far programmes are settled.

use std::collections::BTreeMap;
use std::fmt;

use pledge_core::ledger::TokenState;
use pledge_core::ports::ProgrammeState;
use pledge_core::types::{ChainId, Timestamp, TokenId};
use pledge_http::Followed;
use prometheus_client::encoding::DescriptorEncoder;

use super::family::gauges;
use super::names::ChainNames;

/// The figures of every programme.
pub(super) struct Points(Vec<(Labels, Figures)>);

type Labels = [(&'static str, String); 3];

/// The figures of one programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Figures {
    /// Closed windows that the shard furthest behind has not settled.
    windows_behind: u64,
    /// Shards that have one or more.
    shards_behind: u64,
    /// Failed batches that wait for another attempt or for an operator.
    batches_waiting: u64,
    /// End of the newest window that is settled in every shard.
    settled: Option<Timestamp>,
}

impl Figures {
    /// The figures of a programme, as last read, against what its token has confirmed by now.
    fn of(state: &ProgrammeState, token: &TokenState) -> Self {
        let window = state.programme.window;
        let behind = |settled: Option<Timestamp>| {
            let from = settled.or(token.start_time.map(|start| window.floor(start)));
            let (Some(from), Some(cursor)) = (from, token.cursor) else { return 0 };
            window.floor(cursor.time).get().saturating_sub(from.get()) / window.get()
        };
        let of_shards: Vec<u64> = state.shards.iter().map(|shard| behind(shard.settled)).collect();
        let runs = state.shards.iter().filter_map(|shard| shard.run.as_ref());
        Self {
            windows_behind: of_shards.iter().copied().max().unwrap_or_default(),
            shards_behind: of_shards.iter().filter(|windows| **windows > 0).count() as u64,
            batches_waiting: runs.map(|run| run.failures.len() as u64).sum(),
            settled: state.settled(),
        }
    }
}

impl Points {
    /// Those of tokens that are followed.
    pub(super) fn of(
        programmes: &BTreeMap<TokenId, Vec<ProgrammeState>>,
        followed: &BTreeMap<ChainId, Followed>,
        names: &ChainNames,
    ) -> Self {
        let tokens = followed.values().flat_map(|followed| &followed.tokens);
        let figures = tokens.flat_map(|token| {
            let id = token.spec.id;
            let chain = names.of(id.chain);
            let states = programmes.get(&id).into_iter().flatten();
            states.map(move |state| {
                let programme = state.programme.id.name().to_owned();
                let token_label = ("token", id.address.to_string());
                let labels = [("chain", chain.clone()), token_label, ("programme", programme)];
                (labels, Figures::of(state, token))
            })
        });
        Self(figures.collect())
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let of_each = |figure: fn(&Figures) -> u64| {
            self.0.iter().map(move |(labels, figures)| (labels.clone(), figure(figures)))
        };
        let help = "Closed windows that the shard furthest behind has not settled";
        let behind = of_each(|figures| figures.windows_behind);
        gauges(encoder, ("pledge_points_windows_behind", help), behind)?;
        let help = "Shards with a closed window that is not settled";
        let shards = of_each(|figures| figures.shards_behind);
        gauges(encoder, ("pledge_points_shards_behind", help), shards)?;
        let help = "Failed batches that wait for another attempt or for an operator";
        let waiting = of_each(|figures| figures.batches_waiting);
        gauges(encoder, ("pledge_points_batches_waiting", help), waiting)?;
        let settled = self
            .0
            .iter()
            .filter_map(|(labels, figures)| Some((labels.clone(), figures.settled?.get())));
        let help = "End of the newest window that is settled in every shard, in unix seconds";
        gauges(encoder, ("pledge_points_settled_timestamp_seconds", help), settled)
    }
}

#[cfg(test)]
mod tests {
    use pledge_storage_memory::MemoryStore;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::stores::Stores;
    use crate::tasks::settle_chain;
    use crate::test_chain::{TOKEN, TestChain, account};

    async fn figures(stores: &Stores) -> Figures {
        let token = stores.balances.token(TOKEN).await.unwrap().unwrap();
        let programmes = stores.points.programmes(TOKEN).await.unwrap();
        Figures::of(&programmes[0], &token)
    }

    #[tokio::test]
    async fn closed_windows_count_as_behind_until_every_shard_has_settled_them() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        let shards = stores.points.programmes(TOKEN).await.unwrap()[0].shards.len() as u64;
        test.mine(60, Some((account(1), 10))).await;
        test.mine(3 * 3_600 + 5, None).await;
        test.mine(3 * 3_600 + 6, None).await;
        let behind = figures(&stores).await;
        assert_eq!((behind.windows_behind, behind.shards_behind), (3, shards));
        assert_eq!(behind.settled, None);
        let stop = CancellationToken::new();
        settle_chain(&stores, TOKEN.chain, &stop, |_| {}).await.unwrap();
        let settled = figures(&stores).await;
        assert_eq!((settled.windows_behind, settled.shards_behind), (0, 0));
        assert_eq!(settled.batches_waiting, 0);
    }
}
