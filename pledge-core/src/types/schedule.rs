//! A value that changes at known instants.

use serde::{Deserialize, Serialize};

use super::{OutOfRange, Timestamp};

/// A step function of block time: `initial` until the first step, then each step's value from its
/// instant on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "Unchecked<V>",
    bound(deserialize = "V: Copy + PartialEq + Deserialize<'de>", serialize = "V: Serialize")
)]
pub struct Schedule<V> {
    initial: V,
    steps: Vec<Step<V>>,
}

/// A schedule as it is read from outside.
#[derive(Deserialize)]
struct Unchecked<V> {
    initial: V,
    steps: Vec<Step<V>>,
}

impl<V: Copy + PartialEq> TryFrom<Unchecked<V>> for Schedule<V> {
    type Error = OutOfRange;

    fn try_from(unchecked: Unchecked<V>) -> Result<Self, OutOfRange> {
        Self::new(unchecked.initial, unchecked.steps)
    }
}

/// From `from` on, the value is `value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<V> {
    /// First instant of the new value.
    pub from: Timestamp,
    /// The new value.
    pub value: V,
}

/// One interval `[from, to)` on which the value is constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<V> {
    /// First instant of the interval.
    pub from: Timestamp,
    /// First instant after the interval.
    pub to: Timestamp,
    /// The value on the interval.
    pub value: V,
}

impl<V: Copy + PartialEq> Schedule<V> {
    /// A step is an instant at which each answer about an account reads its state. A step a day is
    /// eleven years.
    pub const STEPS_MAX: usize = 4_096;

    /// One value at all times.
    pub const fn constant(value: V) -> Self {
        Self { initial: value, steps: Vec::new() }
    }

    /// `initial`, then the steps, at most [`STEPS_MAX`](Self::STEPS_MAX), which must be in strictly
    /// ascending time.
    pub fn new(initial: V, steps: Vec<Step<V>>) -> Result<Self, OutOfRange> {
        if steps.len() > Self::STEPS_MAX {
            let bound = "at most 4096: another programme takes more";
            return Err(OutOfRange::new("number of schedule steps", steps.len(), bound));
        }
        if let Some(pair) = steps.windows(2).find(|pair| pair[0].from >= pair[1].from) {
            let bound = "later than the step before it";
            return Err(OutOfRange::new("schedule step", pair[1].from, bound));
        }
        Ok(Self { initial, steps })
    }

    /// Every step, in ascending time.
    pub fn steps(&self) -> &[Step<V>] {
        &self.steps
    }

    /// The value at an instant.
    pub fn at(&self, time: Timestamp) -> V {
        self.from(time).0
    }

    /// The first step after an instant; `None` if there is none.
    pub fn next_step(&self, time: Timestamp) -> Option<Timestamp> {
        self.from(time).1.first().map(|step| step.from)
    }

    /// The value at an instant, and the steps after it.
    #[inline]
    pub fn from(&self, time: Timestamp) -> (V, &[Step<V>]) {
        self.split(self.steps.partition_point(|step| step.from <= time))
    }

    /// The value just before an instant, and the steps from it on.
    #[inline]
    pub fn before(&self, time: Timestamp) -> (V, &[Step<V>]) {
        self.split(self.steps.partition_point(|step| step.from < time))
    }

    #[inline]
    fn split(&self, passed: usize) -> (V, &[Step<V>]) {
        let (behind, ahead) = self.steps.split_at(passed);
        (behind.last().map_or(self.initial, |step| step.value), ahead)
    }

    /// The intervals of `[from, to)` between steps, in order, none of them empty.
    pub fn pieces(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Piece<V>> {
        let first = self.steps.partition_point(|step| step.from <= from);
        let inner = self.steps[first..].iter().map(|step| step.from).take_while(move |at| *at < to);
        let mut start = from;
        inner
            .chain(std::iter::once(to))
            .map(move |end| {
                let piece = Piece { from: start, to: end, value: self.at(start) };
                start = end;
                piece
            })
            .filter(|piece| piece.from < piece.to)
    }

    /// The first instant at which the two give other values; `None` if there is none.
    pub fn first_difference(&self, other: &Self) -> Option<Timestamp> {
        let edges = self.steps.iter().chain(&other.steps).map(|step| step.from);
        let edges = std::iter::once(Timestamp::ZERO).chain(edges);
        edges.filter(|edge| self.at(*edge) != other.at(*edge)).min()
    }

    /// Whether both give the same value at every instant before `time`.
    pub fn agrees_before(&self, other: &Self, time: Timestamp) -> bool {
        self.first_difference(other).is_none_or(|first| first >= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(count: usize) -> Vec<Step<usize>> {
        let instant = |value| Timestamp::new(value as u64).unwrap();
        (1..=count).map(|value| Step { from: instant(value), value }).collect()
    }

    #[test]
    fn a_schedule_with_more_steps_than_an_answer_may_read_is_refused() {
        assert!(Schedule::new(0, steps(Schedule::<usize>::STEPS_MAX)).is_ok());
        let refused = Schedule::new(0, steps(Schedule::<usize>::STEPS_MAX + 1)).unwrap_err();
        assert!(refused.to_string().contains("4097") && refused.to_string().contains("4096"));
    }
}
