//! Long work shows how far it is: a bar on a terminal, a log line now and then elsewhere.

mod board;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pledge_core::indexer;

pub use board::Board;

use crate::output::Output;

const LINE_INTERVAL: Duration = Duration::from_secs(5);
const BAR: &str = "{prefix:>16} {bar:30} {pos}/{len} blocks, {msg}";
const SPINNER: &str = "{prefix:>16} {spinner} {msg}";

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
    /// Bars if standard error is a terminal, else lines; nothing beside a result in JSON.
    pub fn new(output: Output) -> Self {
        let shown = match output {
            Output::Json => Shown::Nothing,
            Output::Text if io::stderr().is_terminal() => Shown::Bars,
            Output::Text => Shown::Lines,
        };
        let target = match shown {
            Shown::Bars => ProgressDrawTarget::stderr(),
            Shown::Lines | Shown::Nothing => ProgressDrawTarget::hidden(),
        };
        Self { bars: MultiProgress::with_draw_target(target), shown }
    }

    /// The bars, for whoever writes to the same terminal.
    pub const fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// The progress of one chain's indexer.
    pub fn chain(&self, name: &str) -> ChainProgress {
        ChainProgress { shown: self.clone(), name: name.to_owned(), run: None }
    }

    /// The progress of work whose end is not known.
    pub fn work(&self, name: &str) -> WorkProgress {
        let style = ProgressStyle::with_template(SPINNER).expect("the template is constant");
        let bar = ProgressBar::new_spinner().with_style(style);
        let bar = self.bars.add(bar.with_prefix(name.to_owned()));
        WorkProgress {
            lines: self.shown == Shown::Lines,
            name: name.to_owned(),
            bar,
            line_at: Instant::now(),
        }
    }
}

/// How far one chain's ledger is on its way to the newest confirmed block.
#[derive(Debug)]
pub struct ChainProgress {
    shown: Progress,
    name: String,
    run: Option<Run>,
}

/// From a first slice to the newest confirmed block.
#[derive(Debug)]
struct Run {
    bar: ProgressBar,
    first: u64,
    started: Instant,
    transfers: u64,
    line_at: Instant,
}

impl ChainProgress {
    /// A slice was committed.
    pub fn advanced(&mut self, slice: &indexer::Progress) {
        let shown = &self.shown;
        let name = &self.name;
        let run = self.run.get_or_insert_with(|| Run::begin(shown, name, slice.from.get()));
        run.transfers += slice.transfers;
        let done = slice.to.get().saturating_sub(run.first) + 1;
        let left = slice.target.get().saturating_sub(slice.to.get());
        let message = run.message(done, left);
        run.bar.set_length(done + left);
        run.bar.set_position(done);
        if shown.shown == Shown::Lines && run.line_at.elapsed() >= LINE_INTERVAL {
            run.line_at = Instant::now();
            let (block, target) = (slice.to, slice.target);
            tracing::info!(chain = name, %block, %target, "indexing: {message}");
        }
        run.bar.set_message(message);
    }

    /// The newest confirmed block was reached.
    pub fn reached(&mut self) {
        if let Some(run) = self.run.take() {
            run.bar.finish_and_clear();
        }
    }
}

impl Run {
    fn begin(shown: &Progress, name: &str, first: u64) -> Self {
        let style = ProgressStyle::with_template(BAR).expect("the template is constant");
        let bar = ProgressBar::new(0).with_style(style);
        let now = Instant::now();
        Self {
            bar: shown.bars.add(bar.with_prefix(name.to_owned())),
            first,
            started: now,
            transfers: 0,
            line_at: now,
        }
    }

    /// Transfers a second, and the time left at the pace so far.
    fn message(&self, done: u64, left: u64) -> String {
        let elapsed_ms = self.started.elapsed().as_millis().max(1);
        let per_second = u128::from(self.transfers) * 1_000 / elapsed_ms;
        let left_s = u128::from(left) * elapsed_ms / u128::from(done.max(1)) / 1_000;
        let left = Duration::from_secs(u64::try_from(left_s).unwrap_or(u64::MAX));
        format!("{per_second} events/s, {} left", humantime::format_duration(left))
    }
}

/// Work that counts what it has done.
#[derive(Debug)]
pub struct WorkProgress {
    lines: bool,
    name: String,
    bar: ProgressBar,
    line_at: Instant,
}

impl WorkProgress {
    /// Says what is done so far.
    pub fn says(&mut self, message: impl FnOnce() -> String) {
        self.bar.tick();
        if self.lines && self.line_at.elapsed() >= LINE_INTERVAL {
            self.line_at = Instant::now();
            tracing::info!("{}: {}", self.name, message());
        } else if !self.bar.is_hidden() {
            self.bar.set_message(message());
        }
    }
}

impl Drop for WorkProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
