//! A terminal on which every line of a bar ends with a line break.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

const CLEAR_TO_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\r\x1b[J";

/// Draws lines that a terminal does not join when it is resized.
///
/// `indicatif` fills each line with spaces up to the terminal's width, and leaves the break to the terminal. One that
/// reflows its text takes all of them for one long line and breaks that where the new width ends. Here a line ends with a
/// line break, and after a change of the width its rows are counted again before they are cleared.
#[derive(Debug)]
pub(super) struct BrokenLines<T> {
    terminal: T,
    drawn: Mutex<Drawn>,
}

/// What the last redraw left on the terminal.
#[derive(Debug, Default)]
struct Drawn {
    /// The width of each line, in columns.
    lines: Vec<usize>,
    /// Whether the text of a line was written, so that what fills it follows.
    is_filled_next: bool,
}

impl Drawn {
    /// The rows that the lines take at a width.
    fn rows(&self, width: usize) -> usize {
        self.lines.iter().map(|columns| columns.div_ceil(width).max(1)).sum()
    }
}

impl<T: TermLike> BrokenLines<T> {
    /// Draws on this terminal.
    pub(super) fn new(terminal: T) -> Self {
        Self { terminal, drawn: Mutex::default() }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: TermLike> TermLike for BrokenLines<T> {
    fn width(&self) -> u16 {
        self.terminal.width()
    }

    fn height(&self) -> u16 {
        self.terminal.height()
    }

    /// Begins a redraw: clears what was drawn and goes to its first row.
    ///
    /// The rows asked for were counted at the width of the last redraw. A terminal that was made narrower has more,
    /// and those would stay below the new lines.
    fn move_cursor_up(&self, _rows: usize) -> io::Result<()> {
        let drawn = std::mem::take(&mut *self.drawn());
        let rows = drawn.rows(usize::from(self.width()).max(1));
        match rows.checked_sub(1) {
            Some(above) => {
                self.terminal.move_cursor_up(above)?;
                self.terminal.write_str(CLEAR_BELOW)
            }
            None => Ok(()),
        }
    }

    /// Does nothing: the lines that a redraw goes through to clear them are cleared.
    fn move_cursor_down(&self, _rows: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.terminal.write_line(text)
    }

    /// Writes the text of a line, or in place of the spaces that follow it: clears the rest.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut drawn = self.drawn();
        drawn.is_filled_next = !drawn.is_filled_next;
        if !drawn.is_filled_next {
            return self.terminal.write_str(CLEAR_TO_LINE_END);
        }
        // The break is written before the next line, not after this one: the cursor must stay on
        // the last row, from which the next redraw moves up.
        if !drawn.lines.is_empty() {
            self.terminal.write_line("")?;
        }
        drawn.lines.push(console::measure_text_width(text));
        self.terminal.write_str(text)
    }

    /// Does nothing, as [`move_cursor_down`](TermLike::move_cursor_down).
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, Ordering};

    use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

    use super::*;

    /// Keeps what is written to it.
    #[derive(Debug, Clone)]
    struct Recorder {
        width: Arc<AtomicU16>,
        written: Arc<Mutex<String>>,
    }

    impl Recorder {
        fn add(&self, text: &str) -> io::Result<()> {
            self.written.lock().unwrap().push_str(text);
            Ok(())
        }

        fn take(&self) -> String {
            std::mem::take(&mut *self.written.lock().unwrap())
        }
    }

    impl TermLike for Recorder {
        fn width(&self) -> u16 {
            self.width.load(Ordering::Relaxed)
        }

        fn move_cursor_up(&self, rows: usize) -> io::Result<()> {
            self.add(&format!("<up {rows}>"))
        }

        fn move_cursor_down(&self, rows: usize) -> io::Result<()> {
            self.add(&format!("<down {rows}>"))
        }

        fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
            self.add(&format!("<right {columns}>"))
        }

        fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
            self.add(&format!("<left {columns}>"))
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.add(&format!("{text}\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.add(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            self.add("<clear>")
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A terminal of 40 columns, and a board of two lines on it.
    fn board() -> (Recorder, ProgressBar) {
        let terminal = Recorder { width: Arc::new(AtomicU16::new(40)), written: Arc::default() };
        let target = ProgressDrawTarget::term_like(Box::new(BrokenLines::new(terminal.clone())));
        let bars = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{msg}").unwrap();
        let bar = bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_message("first line of the board\nlast");
        (terminal, bar)
    }

    #[test]
    fn lines_end_with_breaks_and_are_not_filled_with_spaces() {
        let (terminal, _bar) = board();
        let drawn = terminal.take();
        assert!(drawn.ends_with("first line of the board\x1b[K\nlast\x1b[K"), "{drawn:?}");
    }

    #[test]
    fn a_redraw_begins_at_the_first_line() {
        let (terminal, bar) = board();
        terminal.take();
        bar.set_message("next\nlast");
        assert_eq!(terminal.take(), "<up 1>\r\x1b[Jnext\x1b[K\nlast\x1b[K");
    }

    #[test]
    fn rows_that_a_narrower_terminal_makes_of_the_lines_are_cleared() {
        let (terminal, bar) = board();
        terminal.take();
        terminal.width.store(10, Ordering::Relaxed);
        bar.set_message("next\nlast");
        assert_eq!(terminal.take(), "<up 3>\r\x1b[Jnext\x1b[K\nlast\x1b[K");
    }
}
