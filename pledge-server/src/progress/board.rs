//! A few lines that stay on a terminal and are written anew in place.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{LINE_INTERVAL, Progress, Shown};

const REDRAW_INTERVAL: Duration = Duration::from_millis(250);
/// The first line is all that stays when a terminal's echo of Ctrl-C moves the others: it is empty.
const LINES: &str = "\n{msg}";

/// How something that goes on stands now: a board on a terminal, a log line now and then elsewhere.
#[derive(Debug)]
pub struct Board {
    shown: Progress,
    bar: ProgressBar,
}

impl Progress {
    /// An empty board.
    pub fn board(&self) -> Board {
        let style = ProgressStyle::with_template(LINES).expect("the template is constant");
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
        Board { shown: self.clone(), bar }
    }

    /// Whether boards are shown: on a terminal.
    pub fn has_board(&self) -> bool {
        self.shown == Shown::Bars
    }

    /// Leaves a line that stays: above the bars on a terminal, in the log elsewhere.
    pub fn leaves(&self, line: impl FnOnce() -> String) {
        match self.shown {
            Shown::Bars => self.bars.suspend(|| eprintln!("{}", line())),
            Shown::Lines => tracing::info!("{}", line()),
            Shown::Nothing => {}
        }
    }
}

impl Board {
    /// How often it wants to be told.
    pub fn interval(&self) -> Duration {
        match self.shown.shown {
            Shown::Bars => REDRAW_INTERVAL,
            Shown::Lines | Shown::Nothing => LINE_INTERVAL,
        }
    }

    /// Says how it stands now: `text` has any number of lines, `line` is one.
    pub fn says(&self, text: impl FnOnce() -> String, line: impl FnOnce() -> String) {
        match self.shown.shown {
            Shown::Bars => self.bar.set_message(text()),
            Shown::Lines => tracing::info!("{}", line()),
            Shown::Nothing => {}
        }
    }

    /// Leaves nothing but a last line.
    pub fn ends(self, line: impl FnOnce() -> String) {
        self.bar.finish_and_clear();
        self.shown.leaves(line);
    }
}
