//! Everything that can be asked, asked of both stores, page by page.

use pledge_core::event::EventSeq;
use pledge_core::ledger::Leg;
use pledge_core::ports::{BalanceStore, ChangesQuery, EventStore, PointsStore, SettlementsQuery};
use pledge_core::types::{BlockNumber, LogIndex, Timestamp};

use crate::pair::{CHAIN, Pair, account, both, programme_id, same, token};

const PAGE: usize = 3;

impl Pair {
    pub(crate) async fn compare(&self) {
        both!(self, chains()).unwrap();
        both!(self, tokens(CHAIN)).unwrap();
        both!(self, headers(CHAIN, BlockNumber::new(u64::MAX), usize::MAX)).unwrap();
        both!(self, events(EventSeq::START, usize::MAX)).unwrap();
        both!(self, programmes(token())).unwrap();
        self.compare_ledger().await;
        self.compare_points().await;
    }

    async fn compare_ledger(&self) {
        let blocks = self.chain.iter().rev().take(4).map(|block| block.time.get());
        let times: Vec<_> = blocks
            .flat_map(|time| [time - 1, time, time + 1, time + 9_000, time - 9_000])
            .map(|time| Timestamp::new(time).unwrap())
            .collect();
        for time in &times {
            both!(self, last_change_block(token(), *time)).unwrap();
        }
        let accounts: Vec<_> = (0..9).map(|number| account(number + 1)).collect();
        both!(self, states(token(), &accounts)).unwrap();
        for account in accounts {
            both!(self, history(token(), account, &times)).unwrap();
            let mut before: Option<(BlockNumber, LogIndex, Leg)> = None;
            loop {
                let query = ChangesQuery { token: token(), account, before, limit: PAGE };
                let page = both!(self, changes(&query)).unwrap().value;
                let Some(last) = page.last() else { break };
                before = Some(last.place());
            }
        }
        let mut after = None;
        loop {
            let page = both!(self, holders(token(), after, PAGE)).unwrap().value;
            let Some((account, state)) = page.last() else {
                break;
            };
            after = Some((state.balance, *account));
        }
    }

    async fn compare_points(&self) {
        let id = programme_id();
        let mut before = None;
        loop {
            let query = SettlementsQuery { programme: id.clone(), before, limit: PAGE };
            let page = both!(self, settlements(&query)).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.window.start);
        }
        let mut after = None;
        loop {
            let page = both!(self, standings(&id, after, PAGE)).unwrap().value;
            let Some(last) = page.last() else { break };
            after = Some((last.raw, last.account));
        }
        let accounts: Vec<_> = (0..9).map(|number| account(number + 1)).collect();
        both!(self, totals(&id, &accounts)).unwrap();
        for account in accounts {
            both!(self, statements(&id, account)).unwrap();
        }
    }
}
