//! The progress of long work: a bar on a terminal, a log line now and then elsewhere.

mod board;
mod terminal;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pledge_core::indexer;
use pledge_http::views::Age;

pub use board::Board;

use self::terminal::BrokenLines;
use crate::nodes::Nodes;
use crate::output::Output;
use crate::views::ago;

const LINE_INTERVAL: Duration = Duration::from_secs(5);
const REDRAWS_PER_SECOND: u8 = 20;
const BAR: &str = "{prefix:>16} {bar:30} {msg}";

/// Where progress is shown.
#[derive(Debug, Clone)]
pub struct Progress {
    bars: MultiProgress,
    shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Bars,
    Lines,
    Nothing,
}

impl Progress {
    /// Bars if standard error is a terminal, else log lines; nothing with JSON output.
    pub fn new(output: Output) -> Self {
        let shown = match output {
            Output::Json => Shown::Nothing,
            Output::Text if io::stderr().is_terminal() => Shown::Bars,
            Output::Text => Shown::Lines,
        };
        let target = match shown {
            Shown::Bars => {
                let terminal = BrokenLines::new(Term::buffered_stderr());
                ProgressDrawTarget::term_like_with_hz(Box::new(terminal), REDRAWS_PER_SECOND)
            }
            Shown::Lines | Shown::Nothing => ProgressDrawTarget::hidden(),
        };
        Self { bars: MultiProgress::with_draw_target(target), shown }
    }

    /// The bars, for other writers to the same terminal.
    pub const fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// The progress of one chain's indexer.
    pub fn chain(&self, name: &str) -> ChainProgress {
        let work = self.work(name);
        ChainProgress { work, nodes: None, first: None, asked: None, events: 0 }
    }

    /// The progress of other work. Nothing is shown before its first step.
    pub fn work(&self, name: &str) -> WorkProgress {
        WorkProgress { shown: self.clone(), name: name.to_owned(), run: None }
    }

    fn bar(&self, name: &str) -> ProgressBar {
        let style = ProgressStyle::with_template(BAR).expect("the template is constant");
        let bar = ProgressBar::new(0).with_style(style);
        self.bars.add(bar.with_prefix(name.to_owned()))
    }
}

/// How far some work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The part of `total` that is done; the time left follows from it.
    pub done: u64,
    /// The whole work, in the unit of `done`.
    pub total: u64,
    /// The text shown to the user.
    pub text: String,
    /// The count from which the pace is computed.
    pub counted: u64,
    /// The unit of `counted`.
    pub unit: &'static str,
}

impl Step {
    /// The text with the pace and the time left at that pace.
    fn message(&self, elapsed: Duration) -> String {
        let Self { done, total, text, counted, unit } = self;
        let elapsed_ms = elapsed.as_millis().max(1);
        let per_second = u128::from(*counted) * 1_000 / elapsed_ms;
        let left = u128::from(total.saturating_sub(*done)) * elapsed_ms;
        let left = left.checked_div(u128::from(*done)).map_or_else(String::new, |left_ms| {
            let seconds = u64::try_from(left_ms / 1_000).unwrap_or(u64::MAX);
            format!(", {} left", humantime::format_duration(Duration::from_secs(seconds)))
        });
        format!("{text}, {per_second} {unit}/s{left}")
    }
}

/// Some work, from its first step until it is over.
#[derive(Debug)]
pub struct WorkProgress {
    shown: Progress,
    name: String,
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    bar: ProgressBar,
    started: Instant,
    line_at: Instant,
}

impl WorkProgress {
    /// Starts the work; its pace is computed from here.
    pub fn begin(&mut self) {
        let Self { shown, name, run } = self;
        run.get_or_insert_with(|| {
            let now = Instant::now();
            Run { bar: shown.bar(name), started: now, line_at: now }
        });
    }

    /// Shows a step.
    pub fn moved(&mut self, step: &Step) {
        self.begin();
        let Some(run) = &mut self.run else {
            return;
        };
        if self.shown.shown == Shown::Bars {
            run.bar.set_length(step.total);
            run.bar.set_position(step.done);
            run.bar.set_message(step.message(run.started.elapsed()));
        } else if self.shown.shown == Shown::Lines && run.line_at.elapsed() >= LINE_INTERVAL {
            run.line_at = Instant::now();
            tracing::info!("{}: {}", self.name, step.message(run.started.elapsed()));
        }
    }

    /// Ends the work, for now.
    pub fn over(&mut self) {
        if let Some(run) = self.run.take() {
            run.bar.finish_and_clear();
        }
    }
}

impl Drop for WorkProgress {
    fn drop(&mut self) {
        self.over();
    }
}

/// How far one chain's ledger is on its way to the newest confirmed block.
#[derive(Debug)]
pub struct ChainProgress {
    work: WorkProgress,
    /// The nodes whose calls are counted.
    nodes: Option<Arc<dyn Nodes>>,
    /// The block at which it began.
    first: Option<u64>,
    /// The blocks done and the calls sent when its first slice was committed.
    asked: Option<(u64, u64)>,
    /// Transfers and logs kept.
    events: u64,
}

impl ChainProgress {
    /// Also shows the calls left, estimated from the calls sent to these nodes so far.
    pub fn count_calls(&mut self, nodes: &Arc<dyn Nodes>) {
        (self.nodes, self.asked) = (Some(nodes.clone()), None);
    }

    /// Shows a committed slice.
    pub fn advanced(&mut self, slice: &indexer::Progress) {
        let first = *self.first.get_or_insert(slice.from.get());
        self.events += slice.transfers + slice.logs;
        let done = slice.to.get().saturating_sub(first) + 1;
        let total = done + slice.target.get().saturating_sub(slice.to.get());
        let calls = self.nodes.as_ref().map_or(0, |nodes| nodes.calls_sent());
        let (done_then, calls_then) = *self.asked.get_or_insert((done, calls));
        let left = calls_left(done.saturating_sub(done_then), calls - calls_then, total - done);
        self.work.moved(&Step {
            done,
            total,
            text: format!(
                "block {} ({}) of {}, {done}/{total} blocks{left}",
                slice.to,
                ago(Age::of(slice.time, SystemTime::now())),
                slice.target
            ),
            counted: self.events,
            unit: "events",
        });
    }

    /// Ends the progress: the newest confirmed block was reached.
    pub fn reached(&mut self) {
        (self.first, self.asked, self.events) = (None, None, 0);
        self.work.over();
    }
}

/// The calls that the remaining blocks need, at the rate of the blocks done.
fn calls_left(blocks: u64, calls: u64, blocks_left: u64) -> String {
    let left = (u128::from(calls) * u128::from(blocks_left)).checked_div(blocks.into());
    left.filter(|left| *left > 0).map_or_else(String::new, |left| format!(", {left} calls left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(done: u64) -> Step {
        Step { done, total: 8, text: format!("{done}/8 shards"), counted: 30, unit: "accounts" }
    }

    #[test]
    fn a_step_shows_the_pace_and_the_time_left() {
        let message = step(2).message(Duration::from_secs(10));
        assert_eq!(message, "2/8 shards, 3 accounts/s, 30s left");
    }

    #[test]
    fn the_time_left_is_unknown_before_anything_is_done() {
        let message = step(0).message(Duration::from_secs(10));
        assert_eq!(message, "0/8 shards, 3 accounts/s");
    }

    #[test]
    fn calls_left_follow_from_those_sent_and_are_unknown_at_first() {
        assert_eq!(calls_left(2_000, 224, 13_000_000), ", 1456000 calls left");
        assert_eq!(calls_left(0, 0, 13_000_000), "");
        assert_eq!(calls_left(2_000, 0, 13_000_000), "", "a source without nodes is asked nothing");
    }
}
