//! A few lines on a terminal that are redrawn in place.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{LINE_INTERVAL, Progress, Shown};

const REDRAW_INTERVAL: Duration = Duration::from_millis(250);
/// The first line is empty: it is the one that stays when a terminal's echo of Ctrl-C moves the
/// others.
const LINES: &str = "\n{msg}";

/// The current state of long work: a board on a terminal, a log line now and then elsewhere.
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

    /// Writes a line that stays: above the bars on a terminal, in the log elsewhere.
    pub fn leaves(&self, line: impl FnOnce() -> String) {
        match self.shown {
            Shown::Bars => self.bars.suspend(|| eprintln!("{}", line())),
            Shown::Lines => tracing::info!("{}", line()),
            Shown::Nothing => {}
        }
    }
}

impl Board {
    /// How often to update the board.
    pub fn interval(&self) -> Duration {
        match self.shown.shown {
            Shown::Bars => REDRAW_INTERVAL,
            Shown::Lines | Shown::Nothing => LINE_INTERVAL,
        }
    }

    /// Shows the current state: `text` has any number of lines, `line` is one.
    pub fn show(&self, text: impl FnOnce() -> String, line: impl FnOnce() -> String) {
        match self.shown.shown {
            Shown::Bars => self.bar.set_message(text()),
            Shown::Lines => tracing::info!("{}", line()),
            Shown::Nothing => {}
        }
    }

    /// Removes the board and leaves one last line.
    pub fn ends(self, line: impl FnOnce() -> String) {
        self.bar.finish_and_clear();
        self.shown.leaves(line);
    }
}
