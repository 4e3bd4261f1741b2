//! What a terminal is sent so that the frame stands below the lines, is drawn again, and leaves nothing behind. Pure.
//!
//! Both programs write these texts to stderr as they are, and ask the terminal for its size; nothing else is theirs.

pub use super::row::Colours;

use std::{fmt, time::Duration};

use super::Frame;
use crate::progress::Event;

/// Clears the row of the cursor and all below it.
const CLEAR: &str = "\r\u{1b}[J";

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Letters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

/// A terminal on which there may be a frame.
pub struct Screen {
    size: Box<dyn Fn() -> Window + Send>,
    colours: Colours,
    frame: Option<Frame>,
    /// The widths of the rows that stand on the terminal.
    drawn: Vec<usize>,
    at: Duration,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen")
            .field("frame", &self.frame)
            .finish_non_exhaustive()
    }
}

impl Colours {
    /// Whether a frame can be drawn on a terminal, and with or without colours: not where the cursor cannot be moved.
    /// `takes_colours` is what the terminal and the user say; `term` is the variable `TERM`.
    #[must_use]
    pub fn on_terminal(takes_colours: bool, term: Option<&str>) -> Option<Self> {
        match (takes_colours, term) {
            (true, _) => Some(Self::On),
            (false, Some(term)) if !term.is_empty() && term != "dumb" => Some(Self::Off),
            (false, _) => None,
        }
    }
}

impl Screen {
    /// A terminal without a frame; `size` asks it for its size.
    #[must_use]
    pub fn new(colours: Colours, size: Box<dyn Fn() -> Window + Send>) -> Self {
        Self {
            size,
            colours,
            frame: None,
            drawn: Vec::new(),
            at: Duration::ZERO,
        }
    }

    /// From now on there is a frame, of a run of that name that may take so long.
    pub fn begin(&mut self, name: &str, limit: Duration) {
        self.frame = Some(Frame::new(name, limit));
    }

    /// Whether there is a frame.
    #[must_use]
    pub const fn has_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// Takes notice of what happened `at` after the start.
    pub fn note(&mut self, event: &Event, at: Duration) {
        self.at = at;
        if let Some(frame) = &mut self.frame {
            frame.note(event, at);
        }
    }

    /// Time has passed.
    pub const fn pass(&mut self, at: Duration) {
        self.at = at;
    }

    /// The run was asked to stop.
    pub const fn stop(&mut self) {
        if let Some(frame) = &mut self.frame {
            frame.stop();
        }
    }

    /// What takes the frame away, so that lines can be written in its place.
    #[must_use]
    pub fn erase(&mut self) -> String {
        if self.drawn.is_empty() {
            return String::new();
        }
        // A terminal that became narrower has broken the rows.
        let columns = (self.size)().columns.max(1);
        let rows: usize = self.drawn.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        self.drawn.clear();
        // What a person typed meanwhile stands below the frame, and goes too.
        format!("\r\u{1b}[{rows}A\u{1b}[J")
    }

    /// What draws the frame as it is now, in place of what was drawn; `clean` makes a text safe to show.
    #[must_use]
    pub fn draw(&mut self, clean: &dyn Fn(&str) -> String) -> String {
        let mut text = self.erase();
        let Some(frame) = &self.frame else { return text };
        if text.is_empty() {
            // What a person typed while no frame stood there would push its first row to the right.
            text.push_str(CLEAR);
        }
        let window = (self.size)();
        let mut rows = frame.rows(self.at, window.columns);
        let room = window.rows.saturating_sub(1);
        // The lower rows say what happens now.
        rows.drain(..rows.len().saturating_sub(room));
        for row in rows {
            let row = row.map(clean).cut(window.columns.saturating_sub(1));
            self.drawn.push(row.width());
            text.push_str(&row.text(self.colours));
            text.push('\n');
        }
        text
    }

    /// What takes the frame away for good; the steps that are done stay.
    #[must_use]
    pub fn end(&mut self, clean: &dyn Fn(&str) -> String) -> String {
        let mut text = self.erase();
        let Some(frame) = self.frame.take() else { return text };
        for row in frame.last_rows((self.size)().columns) {
            text.push_str(&row.map(clean).text(self.colours));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn plain(text: &str) -> String {
        text.to_owned()
    }

    /// A screen with a step under way, and its size, which may change.
    fn screen() -> (Screen, Arc<Mutex<Window>>) {
        let size = Arc::new(Mutex::new(Window { columns: 80, rows: 24 }));
        let asked = Arc::clone(&size);
        let mut screen = Screen::new(Colours::Off, Box::new(move || *asked.lock().unwrap()));
        screen.begin("rollout", Duration::from_secs(14_400));
        let step = Event::StepStarted {
            step: "nodes",
            what: "waiting for the nodes".to_owned(),
            place: None,
        };
        screen.note(&step, Duration::ZERO);
        (screen, size)
    }

    #[test]
    fn a_frame_is_drawn_in_its_own_place() {
        let (mut screen, _) = screen();
        assert_eq!(screen.erase(), "", "nothing is there yet");
        let first = screen.draw(&plain);
        assert!(first.starts_with(CLEAR), "what was typed meanwhile goes: {first}");
        assert_eq!(first.matches('\n').count(), 2, "{first}");
        assert!(screen.draw(&plain).starts_with("\r\u{1b}[2A\u{1b}[J"));
        assert_eq!(screen.erase(), "\r\u{1b}[2A\u{1b}[J");
        assert_eq!(screen.erase(), "", "it is gone");
    }

    #[test]
    fn a_terminal_that_became_narrower_has_broken_the_rows() {
        let (mut screen, size) = screen();
        drop(screen.draw(&plain));
        size.lock().unwrap().columns = 40;
        assert_eq!(screen.erase(), "\r\u{1b}[4A\u{1b}[J", "two rows of 79 letters");
    }

    #[test]
    fn a_low_terminal_keeps_what_happens_now() {
        let (mut screen, size) = screen();
        size.lock().unwrap().rows = 2;
        let text = screen.draw(&plain);
        assert!(
            text.contains("waiting for the nodes") && text.matches('\n').count() == 1,
            "{text}"
        );
    }

    #[test]
    fn no_secret_gets_into_the_frame() {
        let (mut screen, _) = screen();
        let goal = Event::Goal {
            text: "pool hunter22".to_owned(),
        };
        screen.note(&goal, Duration::ZERO);
        let text = screen.draw(&|text| text.replace("hunter22", "***"));
        assert!(text.contains("pool ***") && !text.contains("hunter22"), "{text}");
    }

    #[test]
    fn a_frame_needs_a_terminal_that_can_move_its_cursor() {
        assert_eq!(Colours::on_terminal(true, Some("xterm")), Some(Colours::On));
        assert_eq!(
            Colours::on_terminal(false, Some("xterm")),
            Some(Colours::Off),
            "NO_COLOR"
        );
        assert_eq!(Colours::on_terminal(false, Some("dumb")), None);
        assert_eq!(Colours::on_terminal(false, None), None);
    }
}
