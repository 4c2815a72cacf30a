//! What operators do, and what they resume from.

use pledge_core::error::StoreErrorKind;
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::{AuditQuery, ChainReport};

use super::ops::Acted;
use super::{CHAIN, Twins, both, same, token};
use crate::world::{operator, operator_because};

impl Twins {
    /// What an operator does; a halted chain is not paused.
    pub(super) async fn act(&self, act: Acted, reason: u8) {
        let by = match reason {
            0 => operator(),
            _ => operator_because(&format!("reason {reason}")),
        };
        let of_token = self.ledger().await;
        let base = of_token.cursor.map(|cursor| cursor.id());
        let found =
            self.reference.balances.chain(CHAIN).await.expect("read").expect("known").status;
        let done = match act {
            Acted::PauseChain => both!(self, balances.pause_chain(CHAIN, &by)),
            Acted::ResumeChain => both!(self, balances.resume_chain(CHAIN, &found, &by)),
            Acted::PauseToken => both!(self, balances.pause_token(token(), &by)),
            Acted::ResumeToken => {
                both!(self, balances.resume_token(token(), base, &of_token.status, &by))
            }
        };
        let is_refusable = matches!(act, Acted::PauseChain);
        assert!(done.is_ok() || is_refusable && done == Err(StoreErrorKind::Conflict), "{act:?}");
    }

    /// As an indexer reports it.
    pub(super) async fn halt_chain(&self) {
        let status = ChainStatus::Halted("a test".to_owned());
        let (head, processed) = (Some(self.tip().number), None);
        let report = ChainReport { chain: CHAIN, status, head, head_time: None, processed };
        both!(self, balances.report_chain(&report)).expect("a valid step");
    }

    /// Every record, in pages, and those of each kind.
    pub(super) async fn compare_acts(&self) {
        let mut below = None;
        loop {
            let query = AuditQuery { below, ..AuditQuery::newest(3) };
            let page = both!(self, audit.audit(&query)).expect("a valid question");
            let Some(last) = page.last() else { break };
            below = Some(last.number);
            let (actor, action) = (Some(last.by.actor.clone()), Some(last.act.action.clone()));
            let object = Some(last.act.object.clone());
            let above = last.number;
            let alike = AuditQuery { actor, action, object, ..AuditQuery::newest(usize::MAX) };
            assert!(both!(self, audit.audit(&alike)).expect("a valid question").contains(last));
            let newer = AuditQuery { above, ..AuditQuery::newest(usize::MAX) };
            both!(self, audit.audit(&newer)).expect("a valid question");
        }
    }
}
