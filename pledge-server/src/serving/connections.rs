//! The open connections: how many there may be, and which has to go for a new one.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio_util::sync::CancellationToken;

use super::proxies::Proxies;

/// The connections of one server. A clone is another handle to the same.
///
/// A connection is busy from the end of a request until its answer is passed on, each of which has a
/// limit in time. The others wait for a request or take their time to send one: where there is no room,
/// the one that waits longest is evicted. So connections that send nothing keep nobody out.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connections_max: usize,
    per_address_max: usize,
    /// The connections of a proxy are of all its clients: they are not counted as one's.
    proxies: Proxies,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// The newest number given; numbers ascend with time.
    newest: u64,
    open: HashMap<u64, Open>,
    /// Connections that wait, by when they began to.
    waiting: BTreeMap<u64, u64>,
    by_network: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Open {
    network: IpAddr,
    /// Since when it waits; `None` while it is busy.
    waits_since: Option<u64>,
    evicted: CancellationToken,
}

/// The place of one open connection, free again once dropped.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Connections,
    id: u64,
    evicted: CancellationToken,
}

/// A request under way; its connection waits again once this is dropped.
#[derive(Debug)]
pub(super) struct Busy {
    connections: Connections,
    id: u64,
}

impl Connections {
    pub(super) fn new(connections_max: usize, per_address_max: usize, proxies: Proxies) -> Self {
        let table = Mutex::default();
        Self(Arc::new(Shared { connections_max, per_address_max, proxies, table }))
    }

    /// A seat for a connection from this address; `None` while all that it could take are busy.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Seat> {
        let network = network_of(address);
        let is_bounded = !self.0.proxies.trusted().contains(address);
        let mut table = self.lock();
        // The network's own bound first: one network at its bound must not evict others.
        if is_bounded
            && table.by_network.get(&network).is_some_and(|open| *open >= self.0.per_address_max)
            && !table.evict(|open| open.network == network)
        {
            return None;
        }
        if table.open.len() >= self.0.connections_max && !table.evict(|_| true) {
            return None;
        }
        let evicted = CancellationToken::new();
        let id = table.add(network, evicted.clone());
        drop(table);
        Some(Seat { connections: self.clone(), id, evicted })
    }

    /// Evicts the connection that waits longest, if any waits.
    pub(super) fn evict_one(&self) {
        self.lock().evict(|_| true);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().expect("no holder panics")
    }
}

impl Table {
    fn next(&mut self) -> u64 {
        self.newest += 1;
        self.newest
    }

    fn add(&mut self, network: IpAddr, evicted: CancellationToken) -> u64 {
        let id = self.next();
        self.open.insert(id, Open { network, waits_since: Some(id), evicted });
        self.waiting.insert(id, id);
        *self.by_network.entry(network).or_default() += 1;
        id
    }

    /// Evicts the connection that waits longest of those that are meant; whether there is one.
    fn evict(&mut self, is_meant: impl Fn(&Open) -> bool) -> bool {
        let mut longest = self.waiting.values();
        let Some(id) = longest.find(|id| self.open.get(id).is_some_and(&is_meant)).copied() else {
            return false;
        };
        if let Some(open) = self.remove(id) {
            open.evicted.cancel();
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if let Some(since) = open.waits_since {
            self.waiting.remove(&since);
        }
        if let Some(count) = self.by_network.get_mut(&open.network) {
            *count -= 1;
            if *count == 0 {
                self.by_network.remove(&open.network);
            }
        }
        Some(open)
    }

    fn set_busy(&mut self, id: u64, is_busy: bool) {
        let since = (!is_busy).then(|| self.next());
        let Some(open) = self.open.get_mut(&id) else { return };
        if let Some(since) = std::mem::replace(&mut open.waits_since, since) {
            self.waiting.remove(&since);
        }
        self.waiting.extend(since.map(|since| (since, id)));
    }
}

impl Seat {
    /// Marks the connection as busy. One that was evicted meanwhile stays so.
    pub(super) fn begin(&self) -> Busy {
        self.connections.lock().set_busy(self.id, true);
        Busy { connections: self.connections.clone(), id: self.id }
    }

    /// Cancelled once the connection has to go.
    pub(super) const fn evicted(&self) -> &CancellationToken {
        &self.evicted
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.lock().remove(self.id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.connections.lock().set_busy(self.id, false);
    }
}

/// Whose connections and requests are counted together: an IPv4 address, or the 64 bits of an IPv6 address that a
/// provider gives to one customer.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Networks;

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn connections(connections_max: usize, per_address_max: usize) -> Connections {
        Connections::new(connections_max, per_address_max, Proxies::default())
    }

    fn is_evicted(seat: &Seat) -> bool {
        seat.evicted().is_cancelled()
    }

    #[test]
    fn the_connection_that_waits_longest_goes_for_a_new_one() {
        let connections = connections(2, 2);
        let (first, second) =
            (connections.admit(ip(1)).unwrap(), connections.admit(ip(2)).unwrap());
        // It has waited less since its request than the second since it came.
        drop(first.begin());
        let _third = connections.admit(ip(3)).unwrap();
        assert!(!is_evicted(&first) && is_evicted(&second));
    }

    #[test]
    fn a_busy_connection_stays_and_the_new_one_is_refused() {
        let connections = connections(1, 1);
        let seat = connections.admit(ip(1)).unwrap();
        let busy = seat.begin();
        assert!(connections.admit(ip(2)).is_none());
        drop(busy);
        assert!(connections.admit(ip(2)).is_some());
        assert!(is_evicted(&seat));
    }

    #[test]
    fn an_address_at_its_bound_evicts_its_own() {
        let connections = connections(10, 2);
        let other = connections.admit(ip(1)).unwrap();
        let own = [connections.admit(ip(2)).unwrap(), connections.admit(ip(2)).unwrap()];
        let _more = connections.admit(ip(2)).unwrap();
        assert!(!is_evicted(&other) && is_evicted(&own[0]) && !is_evicted(&own[1]));
    }

    #[test]
    fn an_address_whose_connections_are_busy_is_refused_and_others_are_not() {
        let connections = connections(10, 1);
        let seat = connections.admit(ip(1)).unwrap();
        let _busy = seat.begin();
        assert!(connections.admit(ip(1)).is_none());
        assert!(connections.admit(ip(2)).is_some());
    }

    #[test]
    fn a_trusted_proxy_may_have_the_connections_of_all_its_clients() {
        let proxies = Proxies::new(Networks::of(&["10.0.0.1"]));
        let connections = Connections::new(2, 1, proxies);
        let seats = [(); 2].map(|()| connections.admit(ip(1)).unwrap());
        let _busy = seats.each_ref().map(Seat::begin);
        assert!(connections.admit(ip(1)).is_none(), "there are no more for anyone");
    }

    #[test]
    fn a_place_is_free_again_once_its_connection_ends() {
        let connections = connections(1, 1);
        for _ in 0..3 {
            let seat = connections.admit(ip(1)).unwrap();
            drop(seat.begin());
        }
        let table = connections.lock();
        assert!(table.open.is_empty() && table.waiting.is_empty() && table.by_network.is_empty());
    }

    #[test]
    fn a_connection_that_was_evicted_leaves_nothing_when_it_ends() {
        let connections = connections(1, 1);
        let first = connections.admit(ip(1)).unwrap();
        let second = connections.admit(ip(1)).unwrap();
        drop(first.begin());
        drop(first);
        assert!(connections.lock().open.contains_key(&second.id));
        drop(second);
        let table = connections.lock();
        assert!(table.open.is_empty() && table.waiting.is_empty() && table.by_network.is_empty());
    }

    #[test]
    fn addresses_of_one_customer_count_together() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), ip(1));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
