//! What goes wrong and is tried again: logged when it begins, changes and is over, and told to whoever
//! asks meanwhile. A store that is away, or full, cannot keep a chain's status, so this is kept here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Which chain's, unless it is everybody's, and which work.
type Place = (Option<String>, &'static str);

/// Everything that has incident in this process now.
#[derive(Debug, Clone, Default)]
pub struct Incidents(Arc<Mutex<BTreeMap<Place, String>>>);

/// Work that has incident, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Troubled {
    /// Which chain's, unless it is everybody's.
    pub chain: Option<String>,
    /// What is tried again.
    pub work: &'static str,
    /// Why it failed last.
    pub reason: String,
}

impl Incidents {
    /// Work on a chain, without incident yet.
    pub(crate) fn of_chain(&self, chain: &str, work: &'static str) -> Incident {
        Incident { incidents: self.clone(), place: (Some(chain.to_owned()), work) }
    }

    /// Work for all chains.
    pub(crate) fn of_all(&self, work: &'static str) -> Incident {
        Incident { incidents: self.clone(), place: (None, work) }
    }

    /// Whatever has incident, by chain.
    pub fn list(&self) -> Vec<Troubled> {
        let troubled = |((chain, work), reason): (&Place, &String)| Troubled {
            chain: chain.clone(),
            work,
            reason: reason.clone(),
        };
        self.known().iter().map(troubled).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Place, String>> {
        self.0.lock().expect("no holder panics")
    }
}

/// The incident of one piece of work. Once nobody works on it here, it is no incident of ours.
#[derive(Debug)]
pub(crate) struct Incident {
    incidents: Incidents,
    place: Place,
}

impl Incident {
    pub(crate) fn says(&mut self, reason: &str) {
        let (chain, work) = &self.place;
        let last = self.incidents.known().insert(self.place.clone(), reason.to_owned());
        if last.as_deref() != Some(reason) {
            tracing::warn!(chain, "{work}: {reason}");
        }
    }

    /// Whether something was said that is not over.
    pub(crate) fn is_on(&self) -> bool {
        self.incidents.known().contains_key(&self.place)
    }

    pub(crate) fn over(&mut self) {
        let (chain, work) = &self.place;
        if self.incidents.known().remove(&self.place).is_some() {
            tracing::info!(chain, "{work} goes on");
        }
    }
}

impl Drop for Incident {
    fn drop(&mut self) {
        self.incidents.known().remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_listed_until_it_is_over_or_nobody_works_on_it() {
        let incidents = Incidents::default();
        let mut indexing = incidents.of_chain("one", "indexing");
        let mut telling = incidents.of_all("telling");
        assert_eq!(incidents.list(), []);
        indexing.says("away");
        indexing.says("full");
        telling.says("deaf");
        let reasons: Vec<_> =
            incidents.list().into_iter().map(|one| (one.work, one.reason)).collect();
        assert_eq!(reasons, [("telling", "deaf".to_owned()), ("indexing", "full".to_owned())]);
        assert!(indexing.is_on());
        indexing.over();
        assert!(!indexing.is_on());
        drop(telling);
        assert_eq!(incidents.list(), []);
    }
}
