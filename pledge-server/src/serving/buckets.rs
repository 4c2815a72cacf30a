//! What is kept of each client for its rate, in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;

use super::gcra::{Due, judge};
use crate::config::RateConfig;
use crate::rates::Verdict;

/// The clients of one generation. Of two of them, about 5 MB.
const CLIENTS_MAX: usize = 32_768;

/// The clients that asked of late. The young generation becomes the old one when it is full, and the
/// old one is forgotten: who asks all the time stays, and one that is forgotten begins with a burst.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    young: HashMap<IpAddr, Due>,
    old: HashMap<IpAddr, Due>,
}

impl Buckets {
    /// Takes one request of a client.
    pub(super) fn take(&mut self, client: IpAddr, now: u64, rate: RateConfig) -> Verdict {
        let kept = self.young.get(&client).or_else(|| self.old.get(&client));
        let (verdict, due) = judge(kept.copied().unwrap_or(0), now, rate);
        if self.young.len() >= CLIENTS_MAX && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, due);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::num::NonZeroU32;

    use super::*;

    const RATE: RateConfig = RateConfig { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN };

    fn client(number: usize) -> IpAddr {
        Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()
    }

    #[test]
    fn clients_are_counted_apart() {
        let mut buckets = Buckets::default();
        assert!(buckets.take(client(1), 0, RATE).is_allowed);
        assert!(!buckets.take(client(1), 0, RATE).is_allowed);
        assert!(buckets.take(client(2), 0, RATE).is_allowed);
    }

    #[test]
    fn memory_is_bounded_and_who_asks_all_the_time_is_not_forgotten() {
        let mut buckets = Buckets::default();
        let busy = client(0);
        assert!(buckets.take(busy, 0, RATE).is_allowed);
        for number in 1..5 * CLIENTS_MAX {
            buckets.take(client(number), 0, RATE);
            if number % 1_000 == 0 {
                assert!(!buckets.take(busy, 0, RATE).is_allowed, "{number}");
            }
        }
        assert!(buckets.young.len() <= CLIENTS_MAX && buckets.old.len() <= CLIENTS_MAX);
    }
}
