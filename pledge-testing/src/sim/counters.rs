//! What a run met: a fault that never occurred proves nothing.

use std::fmt;

macro_rules! counters {
    ($($name:ident: $text:literal, $kind:ident;)+) => {
        /// How often each thing happened.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $(#[doc = $text] pub $name: u64,)+
        }

        impl Counters {
            /// Adds the counters of other runs.
            pub fn add(&mut self, other: &Self) {
                $(counters!(@$kind self.$name, other.$name);)+
            }

            /// Every counter with its text.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$(($text, self.$name),)+]
            }

            /// The texts of those that are zero. Over some hundreds of seeds there are none.
            pub fn never(&self) -> Vec<&'static str> {
                let never = [$(($text, self.$name == 0 && stringify!($kind) != "rare"),)+];
                never.into_iter().filter(|(_, is_never)| *is_never).map(|(text, _)| text).collect()
            }
        }
    };
    // Not reached by every few hundred seeds.
    (@rare $own:expr, $other:expr) => { $own += $other };
    (@sum $own:expr, $other:expr) => { $own += $other };
    (@max $own:expr, $other:expr) => { $own = $own.max($other) };
}

counters! {
    seeds: "seeds", sum;
    ticks: "ticks", sum;
    steps: "steps finished", sum;
    crash_points: "crash points visited", sum;
    crashes: "crashes", sum;
    lost_writes: "writes that failed", sum;
    unknown_writes: "writes that happened and were answered as failed", sum;
    failed_reads: "reads that failed", sum;
    conflicts: "conflicts", sum;
    forgotten_pending: "pending blocks forgotten or stale", sum;
    failed_calls: "calls of the node that failed", sum;
    breaches: "answers of the node against its contract", sum;
    short_ranges: "ranges answered in part", sum;
    lagging_heads: "heads that lagged", sum;
    false_heads: "heads and final blocks that were invented", sum;
    false_times: "headers with a false time", sum;
    cuts: "calls over a way that was cut", sum;
    views: "nodes that stood still while others went on", sum;
    old_blocks: "answers with the blocks of another branch below the node's own", sum;
    torn_answers: "answers of a machine on another branch than the others behind its address", sum;
    clock_jumps: "clocks that jumped", sum;
    standstills: "polls after a minute without a move", sum;
    blocks: "blocks mined", sum;
    edges: "edges of windows found", sum;
    netted: "rows that carry the balance at their block's end", sum;
    unreadable: "logs that cannot be read", sum;
    logs: "logs of contracts kept", sum;
    supplies: "supplies compared", sum;
    taken_back_meanwhile: "cursors ahead taken back before what they confirm was added", sum;
    forks: "forks of the chain", sum;
    deepest_fork: "deepest fork", max;
    short_forks: "forks to a branch that is not longer", sum;
    undone_faults: "blocks in which a token overdraws that were replaced", sum;
    retimed: "forks that changed nothing but times", sum;
    rebirths: "old branches that came back", sum;
    moves_inside: "moves of the chain inside a step", sum;
    finality_moves: "finalized tags moved", sum;
    rewinds: "rewinds of the ledger", sum;
    deepest_rewind: "deepest rewind", max;
    batches: "batches settled", sum;
    failed_batches: "batches that failed", sum;
    reset_batches: "failed batches reset", sum;
    taken_back: "statements taken back", sum;
    stopped: "settlements stopped by a deadline", sum;
    delivered: "events delivered", sum;
    repeats: "events delivered again", sum;
    refused_tellings: "events not taken", sum;
    answers: "questions answered", sum;
    rates: "rates changed", sum;
    late_tokens: "tokens added late", sum;
    late_programmes: "programmes added late", sum;
    pauses: "pauses", sum;
    paused_tokens: "tokens paused", sum;
    shared_chains: "chains shared by leases", sum;
    halted_tokens: "tokens that end halted", sum;
    halted_chains: "chains that end halted beyond retention", sum;
    set_aside: "polls with nothing to do but what is set aside", rare;
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all().iter().try_for_each(|(text, count)| writeln!(f, "{count:>14}  {text}"))
    }
}
