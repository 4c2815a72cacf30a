//! Batches, computed from what the stores answer.

use pledge_core::points::{BatchSpan, Rules, plan_target, settle};
use pledge_core::ports::{
    AccountHistory, BatchFailure, HistoriesPlace, HistoriesQuery, SettlementBatch,
};
use pledge_core::types::{Account, ShardId, Window};

use super::{Twins, both, programme_id, same, token};

impl Twins {
    pub(super) async fn settle(&mut self, limit: usize, fails: bool) {
        let shard = usize::from(self.next_shard);
        self.next_shard = (self.next_shard + 1) % 2;
        let state =
            self.reference.points.programmes(token()).await.expect("a valid step").remove(0);
        let ledger = self.ledger().await;
        let (Some(cursor), Some(start)) = (ledger.cursor, ledger.start_time) else {
            return;
        };
        let progress = &state.shards[shard];
        let window = state.programme.window;
        let (from, to, after) = match &progress.run {
            Some(run) if run.scanned => return,
            Some(run) => (run.from, Some(run.to), run.through),
            None => {
                let from = progress.settled.unwrap_or_else(|| window.floor(start));
                (from, plan_target(window, from, cursor.time, 3), None)
            }
        };
        let Some(to) = to else { return };
        let over = Window { start: from, end: to };
        let histories = self.histories(progress.shard, (after, None), over, limit).await;
        let full = histories.len() == limit;
        let through = histories.last().map(|last| last.account).filter(|_| full);
        self.finish_batch(progress.shard, BatchSpan { after, through }, over, fails).await;
    }

    pub(super) async fn retry(&mut self, fails: bool) {
        let state =
            self.reference.points.programmes(token()).await.expect("a valid step").remove(0);
        let failed = state.shards.iter().find_map(|shard| {
            let failure = shard.run.as_ref()?.failures.first()?;
            Some((shard.shard, failure.clone()))
        });
        if let Some((shard, failure)) = failed {
            self.finish_batch(
                shard,
                failure.span,
                Window { start: failure.from, end: failure.to },
                fails,
            )
            .await;
        }
    }

    async fn histories(
        &self,
        shard: ShardId,
        (after, through): (Option<Account>, Option<Account>),
        over: Window,
        limit: usize,
    ) -> Vec<AccountHistory> {
        let (low, high) = self.programme.shards.bounds(shard);
        let Window { start: from, end: to } = over;
        let query = HistoriesQuery {
            token: token(),
            first: after.map_or(low, Account::address),
            last: through.map_or(high, Account::address),
            after: None,
            limit: limit.saturating_add(1),
            changes_max: usize::MAX,
            from,
            to,
        };
        self.compare_pages(&query).await;
        let page = both!(self, balances.histories(&query)).expect("a valid step").value;
        let mut histories = page.histories;
        histories.retain(|history| Some(history.account) != after);
        histories.truncate(limit);
        histories
    }

    /// The same histories in pages of a few changes.
    async fn compare_pages(&self, query: &HistoriesQuery) {
        for changes_max in 1..4 {
            let mut next = Some(HistoriesQuery { changes_max, limit: 2, ..*query });
            while let Some(query) = next {
                let page = both!(self, balances.histories(&query)).expect("a valid step").value;
                next = page.next.map(|HistoriesPlace { first, after }| HistoriesQuery {
                    first,
                    after,
                    ..query
                });
            }
            both!(self, balances.change_time(token(), query.from, changes_max))
                .expect("a valid step");
        }
    }

    async fn finish_batch(&mut self, shard: ShardId, span: BatchSpan, over: Window, fails: bool) {
        let (programme, epoch) = (programme_id(), self.epoch().await);
        let Window { start: from, end: to } = over;
        if fails {
            let (attempts, reason) = (0, format!("attempt after {from}"));
            let failure =
                BatchFailure { programme, epoch, shard, from, to, span, attempts, reason };
            both!(self, points.record_failure(&failure)).expect("a valid step");
            return;
        }
        let bounds = (span.after, span.through);
        let histories = self.histories(shard, bounds, over, usize::MAX).await;
        let state = both!(self, points.programmes(token())).expect("a valid step").remove(0);
        let accounts: Vec<_> = histories.iter().map(|history| history.account).collect();
        let entries = both!(self, points.entries(&programme, &accounts)).expect("a valid step");
        let rules = Rules::of(&state, entries).expect("a valid step");
        let settled =
            settle(&self.programme, epoch, over, &rules, &histories).expect("a valid step");
        let batch = SettlementBatch {
            programme,
            epoch,
            rates: self.programme.rates.clone(),
            version: state.version,
            shard,
            from,
            to,
            span,
            earned: settled.earned,
            statements: settled.statements,
            windows: settled.windows,
        };
        both!(self, points.commit_batch(&batch)).expect("a valid step");
        self.last_batch = Some(batch);
    }
}
