//! Incidents: work that failed and is tried again. Each is logged when it starts, changes and ends,
//! and listed in between. They are kept in memory, since an unreachable or full store cannot record
//! a chain's status.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The chain, if the work is about one, and the work.
type Place = (Option<String>, &'static str);

/// The open incidents of this process.
#[derive(Debug, Clone, Default)]
pub struct Incidents(Arc<Mutex<BTreeMap<Place, String>>>);

/// Work that failed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIncident {
    /// The chain, if the work is about one.
    pub chain: Option<String>,
    /// The work that is tried again.
    pub work: &'static str,
    /// The reason of the last failure.
    pub reason: String,
}

impl Incidents {
    /// The incident of work on a chain, not open yet.
    pub(crate) fn of_chain(&self, chain: &str, work: &'static str) -> Incident {
        Incident { incidents: self.clone(), place: (Some(chain.to_owned()), work) }
    }

    /// The incident of work for all chains, not open yet.
    pub(crate) fn of_all(&self, work: &'static str) -> Incident {
        Incident { incidents: self.clone(), place: (None, work) }
    }

    /// The open incidents, by chain.
    pub fn list(&self) -> Vec<OpenIncident> {
        let troubled = |((chain, work), reason): (&Place, &String)| OpenIncident {
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

/// The incident of one piece of work. Dropping it closes it: the work is no longer done here.
#[derive(Debug)]
pub(crate) struct Incident {
    incidents: Incidents,
    place: Place,
}

impl Incident {
    pub(crate) fn report(&mut self, reason: &str) {
        let (chain, work) = &self.place;
        let last = self.incidents.known().insert(self.place.clone(), reason.to_owned());
        if last.as_deref() != Some(reason) {
            tracing::warn!(chain, "{work}: {reason}");
        }
    }

    /// Whether the incident is open.
    pub(crate) fn is_on(&self) -> bool {
        self.incidents.known().contains_key(&self.place)
    }

    pub(crate) fn close(&mut self) {
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
    fn an_incident_is_listed_until_it_is_over_or_nobody_works_on_it() {
        let incidents = Incidents::default();
        let mut indexing = incidents.of_chain("one", "indexing");
        let mut delivering = incidents.of_all("delivering");
        assert_eq!(incidents.list(), []);
        indexing.report("away");
        indexing.report("full");
        delivering.report("down");
        let reasons: Vec<_> =
            incidents.list().into_iter().map(|one| (one.work, one.reason)).collect();
        assert_eq!(reasons, [("delivering", "down".to_owned()), ("indexing", "full".to_owned())]);
        assert!(indexing.is_on());
        indexing.close();
        assert!(!indexing.is_on());
        drop(delivering);
        assert_eq!(incidents.list(), []);
    }
}
