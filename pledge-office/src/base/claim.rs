//! A claim, and what follows from it (pure).

use std::fmt;
use std::time::Duration;

use pledge_core::sharing::InstanceId;
use pledge_core::types::OutOfRange;

use super::{ChannelName, StoreTime};

/// What is claimed: a domain's word, then what it is about, such as `prices:PLGR` or `outbox:ops`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimName(String);

impl ClaimName {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 96;

    /// A name: 1 to 96 characters of `A-Z`, `a-z`, `0-9` and `-_.:/`.
    pub fn new(name: impl Into<String>) -> Result<Self, OutOfRange> {
        let name = name.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        if (1..=Self::BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
            Ok(Self(name))
        } else {
            Err(OutOfRange::new("claim", name, "1 to 96 characters of A-Z, a-z, 0-9 and -_.:/"))
        }
    }

    /// That of sending to a channel.
    pub fn of_channel(channel: &ChannelName) -> Self {
        Self::new(format!("outbox:{channel}")).expect("a channel's name is short and plain")
    }

    /// The name, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a taking. Each taking of any claim of a store has a greater one than all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(u64);

impl Fence {
    /// Wraps a number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, 1 or more for a taking.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The right of an instance to write the results of a work, until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed.
    pub name: ClaimName,
    /// The instance that took it.
    pub instance: InstanceId,
    /// The first instant at which it is over, by the database's clock.
    pub until: StoreTime,
    /// The number of its taking.
    pub fence: Fence,
}

impl Claim {
    /// The longest time for which a claim is taken or renewed. As long does work stand still, at most,
    /// after its instance has died or the database's clock was set back.
    pub const LASTS_MAX: Duration = Duration::from_secs(600);

    /// When a claim ends that begins or is renewed `now`. An error for no time, and for more than
    /// [`Claim::LASTS_MAX`].
    pub fn end(now: StoreTime, lasts: Duration) -> Result<StoreTime, OutOfRange> {
        let expected = "1 millisecond to 10 minutes";
        let is_allowed = lasts.as_millis() > 0 && lasts <= Self::LASTS_MAX;
        let end = is_allowed.then(|| now.checked_add(lasts)).flatten();
        let millis = lasts.as_millis();
        end.ok_or_else(|| OutOfRange::new("length of a claim in milliseconds", millis, expected))
    }

    /// Whether an instance may take what `known` claims, if anything does.
    ///
    /// It may where the claim is over, and where it is the instance's own: the answer of a taking may
    /// have been lost. It may too where the claim would last longer than any is taken for: the clock
    /// was set back since.
    pub fn may_take(known: Option<&Self>, instance: InstanceId, now: StoreTime) -> bool {
        let Some(known) = known else { return true };
        let latest = now.checked_add(Self::LASTS_MAX).unwrap_or(StoreTime::MAX);
        known.instance == instance || !known.is_held(now) || known.until > latest
    }

    /// Whether the claim lasts, if no other was taken since.
    pub fn is_held(&self, now: StoreTime) -> bool {
        self.until > now
    }

    /// Why the holder of this claim may not write, where the store has `known` under its name; `None` if
    /// it may. What the holder itself knows of the end decides nothing.
    pub fn refusal(&self, known: Option<&Self>, now: StoreTime) -> Option<String> {
        let Self { name, instance, fence, .. } = self;
        let is_this = |known: &&Self| known.fence == *fence && known.instance == *instance;
        let Some(known) = known.filter(is_this) else {
            return Some(format!("claim {name} was taken or released since taking {fence}"));
        };
        let until = known.until;
        (!known.is_held(now)).then(|| format!("claim {name} of taking {fence} ended at {until}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const MINE: InstanceId = InstanceId::new(1);
    const OTHER: InstanceId = InstanceId::new(2);

    fn at(millis: u64) -> StoreTime {
        StoreTime::new(millis).unwrap()
    }

    fn claim(fence: u64, until: u64) -> Claim {
        let name = ClaimName::new("prices:PLGR").unwrap();
        Claim { name, instance: MINE, until: at(until), fence: Fence::new(fence) }
    }

    #[test]
    fn a_claim_is_taken_where_it_is_over_or_ones_own_or_of_a_clock_set_back() {
        let now = 100 * MINUTE;
        for (until, of_others) in [
            (now + 1, false),
            (now + 10 * MINUTE, false),
            (now, true),
            (now - 1, true),
            (0, true),
            (now + 10 * MINUTE + 1, true),
        ] {
            let known = claim(7, until);
            assert_eq!(Claim::may_take(Some(&known), OTHER, at(now)), of_others, "{until}");
            assert!(Claim::may_take(Some(&known), MINE, at(now)), "{until}");
        }
        assert!(Claim::may_take(None, OTHER, at(now)));
    }

    #[test]
    fn a_write_is_refused_once_the_claim_is_over_or_another_was_taken() {
        let mine = claim(7, 5 * MINUTE);
        for (known, now, allowed) in [
            (Some(claim(7, 5 * MINUTE)), 5 * MINUTE - 1, true),
            (Some(claim(7, 5 * MINUTE)), 5 * MINUTE, false),
            (Some(claim(7, 9 * MINUTE)), 5 * MINUTE, true),
            (Some(claim(7, 4 * MINUTE)), 4 * MINUTE, false),
            (Some(claim(8, 9 * MINUTE)), MINUTE, false),
            (Some(claim(6, 9 * MINUTE)), MINUTE, false),
            (Some(Claim { instance: OTHER, ..claim(7, 9 * MINUTE) }), MINUTE, false),
            (None, MINUTE, false),
        ] {
            let refusal = mine.refusal(known.as_ref(), at(now));
            assert_eq!(refusal.is_none(), allowed, "{known:?} at {now}: {refusal:?}");
        }
    }

    #[test]
    fn a_claim_lasts_for_some_time_and_not_for_ever() {
        let end = |lasts| Claim::end(at(5), lasts).ok();
        assert_eq!(end(Duration::from_millis(1)), Some(at(6)));
        assert_eq!(end(Claim::LASTS_MAX), Some(at(5 + 10 * MINUTE)));
        for lasts in [Duration::ZERO, Duration::from_micros(999), Duration::MAX] {
            assert_eq!(end(lasts), None, "{lasts:?}");
        }
        assert_eq!(end(Claim::LASTS_MAX + Duration::from_nanos(1)), None);
        assert!(Claim::end(StoreTime::MAX, Duration::from_millis(1)).is_err());
    }

    #[test]
    fn the_claim_of_the_longest_channel_has_a_name() {
        let channel = ChannelName::new(&"c".repeat(32)).unwrap();
        assert_eq!(ClaimName::of_channel(&channel).as_str(), format!("outbox:{channel}"));
        for name in ["", "prices PLGR", "prices:é", &"n".repeat(97)] {
            assert!(ClaimName::new(name).is_err(), "{name}");
        }
    }
}
