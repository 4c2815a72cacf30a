//! The task that reads states: each once for all who follow it, and a bounded number at once.

use std::time::SystemTime;

use pledge_core::query::{
    self, NamedAccount, PageQuery, ProgrammeChoice, QueryError, SettlementFilter,
};
use pledge_core::types::{Account, ChainId, TokenId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::cut::Cut;
use super::hub::Hub;
use super::meter::Counts;
use super::texts::Texts;
use super::touched::StateKey;
use crate::accounts::AccountAnswer;
use crate::page::Page;
use crate::views::{ChainView, SettlementView};

/// The settlements of a snapshot: the newest.
const SETTLEMENTS: usize = 100;

/// Reads the states that are due, for ever. Several of these share the work.
pub(super) async fn states(hub: &Hub) {
    loop {
        let due = {
            let mut table = hub.table();
            table.begin_read().map(|key| (key, table.has_due()))
        };
        let Some((key, has_more)) = due else {
            hub.0.due.notified().await;
            continue;
        };
        if has_more {
            hub.0.due.notify_one();
        }
        match read(hub, key).await {
            Ok(texts) => publish(hub, key, texts),
            Err(error) => {
                Counts::add(&hub.0.counts.failed_reads, 1);
                tracing::debug!("a state cannot be read, trying again: {error}");
                hub.table().postpone(key);
            }
        }
    }
}

fn publish(hub: &Hub, key: StateKey, texts: Texts) {
    Counts::add(&hub.0.counts.states, 1);
    let mut table = hub.table();
    let full = table.publish(key, texts);
    hub.cut_all(&mut table, full, Cut::Slow);
}

async fn read(hub: &Hub, key: StateKey) -> Result<Texts, QueryError> {
    let _turn = hub.0.parts.turns.take().await?;
    match key {
        StateKey::Chain(chain) => chain_texts(hub, chain).await,
        StateKey::Settlements => settlements_texts(hub).await,
        StateKey::Account(token, account) => account_texts(hub, token, account).await,
    }
}

async fn chain_texts(hub: &Hub, chain: ChainId) -> Result<Texts, QueryError> {
    let view = query::ChainView::read(&hub.0.parts.queries, chain).await?;
    // Ages are for a reader who gets the answer at once; a state waits, and has the times themselves.
    let without_ages = |view: ChainView| ChainView {
        head_age_seconds: None,
        last_confirmed_age_seconds: None,
        ..view
    };
    let now = SystemTime::UNIX_EPOCH;
    let full = json(&without_ages(ChainView::of(view.clone(), now)));
    let public = json(&without_ages(ChainView::public(view, now)));
    Ok(Texts::of_state(StateKey::Chain(chain), &full, Some(&public)))
}

async fn settlements_texts(hub: &Hub) -> Result<Texts, QueryError> {
    let page = PageQuery { after: None, limit: SETTLEMENTS };
    let all = SettlementFilter::default();
    let page = query::SettlementView::list(&hub.0.parts.queries, &all, &page).await?;
    let full = json(&Page::show(page.clone(), SettlementView::of));
    let public = json(&Page::show(page, SettlementView::public));
    Ok(Texts::of_state(StateKey::Settlements, &full, Some(&public)))
}

async fn account_texts(hub: &Hub, token: TokenId, account: Account) -> Result<Texts, QueryError> {
    let main = ProgrammeChoice::of(None);
    let read = NamedAccount::read(&hub.0.parts.queries, token, account, main, None).await;
    let state = match read {
        Ok(read) => json(&AccountAnswer::of(read)),
        // There is nothing to show yet, or not any more; that is a state too.
        Err(QueryError::NotStarted(_) | QueryError::UnknownToken(_)) => json(&()),
        Err(error) => return Err(error),
    };
    Ok(Texts::of_state(StateKey::Account(token, account), &state, None))
}

fn json(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("answers are plain data")
}
