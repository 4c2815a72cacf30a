//! Statement rows, a page at a time.

use pledge_core::ports::{
    Seen, Statement, StatementKind, StatementPlace, StatementRows, StatementsQuery,
};
use pledge_core::types::Account;

use crate::connection::Connection;
use crate::fault::Fault;
use crate::programmes::{require, shards_of};
use crate::query::{Query, query};
use crate::registry::seen;

const OF_ACCOUNT: &str = "SELECT * FROM user_points_change WHERE programme = ? AND account = ?";

pub(crate) async fn statements(
    db: &mut dyn Connection,
    page: &StatementsQuery,
) -> Result<Seen<StatementRows>, Fault> {
    let (token, row) = require(db, &page.programme).await?;
    let shard = row.programme.shards.shard_of(page.account);
    let shards = shards_of(db, &row).await?;
    let settled = shards[usize::from(shard.get())].settled_of(page.account);
    let of_account = OfAccount { programme: row.key, account: page.account };
    let before = match page.after {
        Some(place) => of_account.last_up_to(db, place).await?,
        None => None,
    };
    let rows = of_account.after(db, page.after, page.limit).await?;
    Ok(seen(&token.state, StatementRows { settled, before, rows }))
}

/// The rows of an account in a programme.
///
/// Those that earn and those that take back are apart in the key. In the order of their places, which
/// goes by epoch, the two are merged.
#[derive(Debug, Clone, Copy)]
struct OfAccount {
    programme: u64,
    account: Account,
}

impl OfAccount {
    /// The rows after a place, in order.
    async fn after(
        self,
        db: &mut dyn Connection,
        place: Option<StatementPlace>,
        rows_max: usize,
    ) -> Result<Vec<Statement>, Fault> {
        const ORDER: &str = "ORDER BY epoch, window_start LIMIT ?";
        // The index orders by kind first, the list by epoch. So ranges of both kinds are read and
        // merged, each up to the limit, for all rows may come from one.
        let ranges = match place {
            None => vec![self.query("reversed = 0", ORDER), self.query("reversed = 1", ORDER)],
            Some(StatementPlace { epoch, kind: StatementKind::Earned, window_start }) => vec![
                self.query("reversed = 0 AND epoch = ? AND window_start > ?", ORDER)
                    .bind(epoch)
                    .bind(window_start),
                self.query("reversed = 0 AND epoch > ?", ORDER).bind(epoch),
                self.query("reversed = 1 AND epoch >= ?", ORDER).bind(epoch),
            ],
            Some(StatementPlace { epoch, kind: StatementKind::Reversed, .. }) => vec![
                self.query("reversed = 0 AND epoch > ?", ORDER).bind(epoch),
                self.query("reversed = 1 AND epoch > ?", ORDER).bind(epoch),
            ],
        };
        let mut rows: Vec<Statement> = Vec::new();
        for range in ranges {
            rows.extend(range.limit(rows_max).all(db).await?);
        }
        rows.sort_by_key(Statement::place);
        rows.truncate(rows_max);
        Ok(rows)
    }

    /// The last row at or before a place.
    async fn last_up_to(
        self,
        db: &mut dyn Connection,
        StatementPlace { epoch, kind, window_start }: StatementPlace,
    ) -> Result<Option<Statement>, Fault> {
        const ORDER: &str = "ORDER BY epoch DESC, window_start DESC LIMIT 1";
        let earned = match kind {
            StatementKind::Earned => self
                .query("reversed = 0 AND epoch = ? AND window_start <= ?", ORDER)
                .bind(epoch)
                .bind(window_start),
            StatementKind::Reversed => self.query("reversed = 0 AND epoch = ?", ORDER).bind(epoch),
        };
        let taken_back = match kind {
            StatementKind::Earned => self.query("reversed = 1 AND epoch < ?", ORDER),
            StatementKind::Reversed => self.query("reversed = 1 AND epoch <= ?", ORDER),
        };
        let earlier = self.query("reversed = 0 AND epoch < ?", ORDER);
        let mut rows: Vec<Statement> = Vec::new();
        for range in [earned, taken_back.bind(epoch), earlier.bind(epoch)] {
            rows.extend(range.one(db).await?);
        }
        Ok(rows.into_iter().max_by_key(Statement::place))
    }

    fn query(self, range: &str, order: &str) -> Query {
        query(format!("{OF_ACCOUNT} AND {range} {order}")).bind(self.programme).bind(self.account)
    }
}
