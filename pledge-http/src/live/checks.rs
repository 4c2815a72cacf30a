//! The tasks that look after readers: whether they are there, and whether they still may read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pledge_office::access::{
    ApiKeyId, Authenticator, Caller, Identity, RightsOf, SessionId, Unauthenticated,
};

use pledge_office::base::StoreTime;

use super::cut::Cut;
use super::hub::Hub;
use super::reader::Reader;

/// The unit of signs of life.
const SECOND: Duration = Duration::from_secs(1);
/// Callers that are checked at once.
const CHECKED_AT_ONCE: usize = 8;
/// Rounds in which a caller could not be checked, after which its readers are cut.
const UNCHECKED_MAX: u32 = 6;

/// Counts seconds for all readers, for ever.
pub(super) async fn beats(hub: &Hub) {
    let mut seconds = tokio::time::interval(SECOND);
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for second in 0_u64.. {
        seconds.tick().await;
        let mut table = hub.table();
        let dead = table.readers.values().filter(|reader| reader.beat(second)).cloned().collect();
        hub.cut_all(&mut table, dead, Cut::Unresponsive);
    }
}

/// By whose right readers read, and until when: one check is for all of them.
type Right = (Holder, Option<StoreTime>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Session(SessionId),
    Key(ApiKeyId),
}

fn right_of(caller: &Caller) -> Option<Right> {
    let holder = match caller.identity {
        Identity::Anonymous => return None,
        Identity::User { session, .. } => Holder::Session(session),
        Identity::ApiKey { key, .. } => Holder::Key(key),
    };
    Some((holder, caller.until))
}

/// Checks again and again whether the readers still may read, for ever.
pub(super) async fn callers(hub: &Hub) {
    let Some(authenticator) = &hub.0.parts.authenticator else { return };
    let mut unchecked = BTreeMap::new();
    loop {
        tokio::time::sleep(hub.0.parts.limits.check_every).await;
        unchecked = check(hub, authenticator, &unchecked, |_| true).await;
    }
}

/// Checks the readers whose rights may have changed, as soon as there is a hint, for ever.
pub(super) async fn changed(hub: &Hub) {
    let Some(authenticator) = &hub.0.parts.authenticator else { return };
    loop {
        let changed = hub.0.changed.next().await;
        let is_meant = |caller: &Caller| changed.iter().any(|of| of.include(caller));
        let failed = check(hub, authenticator, &BTreeMap::new(), is_meant).await;
        if !failed.is_empty() {
            tokio::time::sleep(hub.0.parts.limits.look_every).await;
            changed.into_iter().for_each(|of| hub.0.changed.add(of));
        }
    }
}

/// Lets other instances know whose rights may have changed, for ever.
pub(super) async fn publish(hub: &Hub) {
    let Some(hints) = &hub.0.parts.hints else { return };
    loop {
        let changed: BTreeSet<RightsOf> = hub.0.unpublished.next().await;
        for of in changed {
            hints.publish_rights(of).await;
        }
    }
}

/// One round over the readers that are meant. Returns in how many rounds in a row each right could not be checked.
async fn check(
    hub: &Hub,
    authenticator: &Arc<dyn Authenticator>,
    unchecked: &BTreeMap<Right, u32>,
    is_meant: impl Fn(&Caller) -> bool,
) -> BTreeMap<Right, u32> {
    let mut readers = BTreeMap::<Right, Vec<Arc<Reader>>>::new();
    for reader in hub.table().readers.values().filter(|reader| is_meant(&reader.caller)) {
        if let Some(right) = right_of(&reader.caller) {
            readers.entry(right).or_default().push(Arc::clone(reader));
        }
    }
    // Some at once: with many sessions a round would outlast its interval, and no more, since the store has
    // others to serve.
    let readers: Vec<_> = readers.into_iter().collect();
    let mut failed = BTreeMap::new();
    for group in readers.chunks(CHECKED_AT_ONCE) {
        let callers = group.iter().filter_map(|(_, readers)| readers.first());
        let checks = callers.map(|reader| authenticator.check_again(&reader.caller));
        let checked = futures::future::join_all(checks).await;
        for ((right, readers), checked) in group.iter().zip(checked) {
            let rounds = unchecked.get(right).copied().unwrap_or_default() + 1;
            if matches!(checked, Err(Unauthenticated::Store(_))) {
                failed.insert(*right, rounds);
            }
            for reader in readers {
                if let Some(cut) = verdict(&reader.caller, &checked, rounds) {
                    hub.cut(reader, cut);
                }
            }
        }
    }
    failed
}

/// Whether a reader has to go, after its caller was checked, or could not be in a number of rounds.
fn verdict(before: &Caller, checked: &Result<Caller, Unauthenticated>, rounds: u32) -> Option<Cut> {
    match checked {
        Ok(now) if now.grants == before.grants => None,
        Ok(_) => Some(Cut::RightsChanged),
        Err(Unauthenticated::Refused) => Some(Cut::SessionEnded),
        Err(Unauthenticated::Store(_)) => (rounds >= UNCHECKED_MAX).then_some(Cut::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::error::{StoreError, StoreErrorKind};
    use pledge_office::access::{Grant, Role, Scope};

    use super::*;

    #[test]
    fn a_reader_goes_when_its_right_has_ended_or_changed_or_is_unknown_for_long() {
        let [role, ..] = Role::built_in();
        let granted = Caller {
            grants: vec![Grant { role, scope: Scope::Everywhere }],
            ..Caller::anonymous()
        };
        let before = Caller::anonymous();
        let away = || StoreError::new(StoreErrorKind::Unavailable, "check", "away");
        for (checked, rounds, expected) in [
            (Ok(before.clone()), 1, None),
            (Ok(granted), 1, Some(Cut::RightsChanged)),
            (Err(Unauthenticated::Refused), 1, Some(Cut::SessionEnded)),
            (Err(Unauthenticated::Store(away())), 5, None),
            (Err(Unauthenticated::Store(away())), 6, Some(Cut::Unavailable)),
        ] {
            assert_eq!(verdict(&before, &checked, rounds), expected, "{checked:?} {rounds}");
        }
    }
}
