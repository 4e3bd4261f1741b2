//! stderr for people: what happens meanwhile, above a frame on a terminal.
//!
//! What is worth a line, and what the frame shows, is decided in core's `telling` and `frame`; what is safe to show, by
//! its `redact`. The result is not written here.

use std::{
    fmt,
    io::{self, Write as _},
    time::Duration,
};

use azure_batch_core::{
    frame::screen::{Colours, Screen, Window},
    progress::{Event, Stamp},
    redact::Redactor,
    telling::{Show, hung},
};
use secrecy::SecretString;

/// What a terminal that does not say its size is taken for.
const USUAL: Window = Window { columns: 80, rows: 24 };

/// The width of text where there is no terminal.
const USUAL_WIDTH: usize = 80;

/// Text that is narrower is hard to read, and so is text that is wider.
const NARROWEST: usize = 40;
const WIDEST: usize = 100;

/// Where lines and the frame go.
#[derive(Default)]
pub(super) struct Terminal {
    screen: Option<Screen>,
    redactor: Redactor,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// This process's stderr.
    pub(super) fn of_process() -> Self {
        Self::default()
    }

    /// Strikes these out of everything from now on.
    pub(super) fn hide(&mut self, secrets: Vec<&SecretString>) {
        for secret in secrets {
            self.redactor.add(secret);
        }
    }

    /// What makes texts safe to show.
    pub(super) const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// How many letters a line of text holds.
    pub(super) fn width(&self) -> usize {
        let size = console::Term::stderr().size_checked();
        size.map_or(USUAL_WIDTH, |(_rows, columns)| {
            usize::from(columns).clamp(NARROWEST, WIDEST)
        })
    }

    /// From now on there is a frame, where one can be drawn, of a verb that may take so long; `term` is the variable `TERM`.
    pub(super) fn begin(&mut self, verb: &str, limit: Duration, term: Option<&str>) {
        self.screen = on_stderr(term);
        if let Some(screen) = &mut self.screen {
            screen.begin(verb, limit);
        }
    }

    /// Writes a line.
    pub(super) fn say(&mut self, text: &str) {
        let text = self.redactor.safe(text);
        self.write(&text);
    }

    fn write(&mut self, text: &str) {
        let erased = self.screen.as_mut().map(Screen::erase).unwrap_or_default();
        write(&format!("{erased}{text}\n"));
        self.draw();
    }

    /// Shows what core's `telling` found worth it, `at` after the start. What the frame shows all the time is no line.
    pub(super) fn show(&mut self, show: Show, at: Duration) {
        let is_framed = self.screen.is_some();
        match show {
            Show::StepBegins { .. } | Show::StepEnds(_) | Show::Meanwhile(_) if is_framed => {}
            Show::Headline(line) | Show::StepBegins { what: line, .. } => self.tell(at, "", &line),
            Show::Detail(line) | Show::StepEnds(line) | Show::Meanwhile(line) => self.tell(at, "  ", &line),
            Show::Round { about, text } => {
                self.show(
                    Show::Warning {
                        about: Some(about),
                        text,
                    },
                    at,
                );
            }
            Show::Warning { about, text } => {
                let about = about.map(|about| format!("{about}: ")).unwrap_or_default();
                self.tell(at, "", &format!("warning: {about}{text}"));
            }
        }
    }

    /// Shows in the frame what happened.
    pub(super) fn note(&mut self, event: &Event, at: Duration) {
        if let Some(screen) = &mut self.screen {
            screen.note(event, at);
            self.draw();
        }
    }

    /// Shows in the frame that time has passed.
    pub(super) fn pass(&mut self, at: Duration) {
        if let Some(screen) = &mut self.screen {
            screen.pass(at);
            self.draw();
        }
    }

    /// Shows in the frame that the work was asked to stop.
    pub(super) fn stop(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.stop();
            self.draw();
        }
    }

    /// Takes the frame away, before the last words.
    pub(super) fn end_frame(&mut self) {
        if let Some(mut screen) = self.screen.take() {
            write(&screen.end(&|text| self.redactor.safe_line(text)));
        }
    }

    /// A line with its time, unless there is a frame, which has the time.
    fn tell(&mut self, at: Duration, indent: &str, text: &str) {
        let before = match &self.screen {
            Some(_) => indent.to_owned(),
            None => format!("{} {indent}", Stamp(at)),
        };
        // Before it is broken: a secret with spaces in it is found only in one piece.
        let text = self.redactor.safe(text);
        self.write(&hung(&before, &text, columns()));
    }

    fn draw(&mut self) {
        if let Some(screen) = &mut self.screen {
            write(&screen.draw(&|text| self.redactor.safe_line(text)));
        }
    }
}

/// The width of the terminal that stderr is.
fn columns() -> Option<usize> {
    let size = console::Term::stderr().size_checked();
    size.map(|(_rows, columns)| columns.into())
}

/// The width of the terminal that the result goes to; nothing where it goes to a program or a file, whose lines stay whole.
pub(super) fn of_result() -> Option<usize> {
    let stdout = console::Term::stdout();
    let size = stdout.size_checked().filter(|_| stdout.features().is_attended());
    size.map(|(_rows, columns)| usize::from(columns).max(NARROWEST))
}

/// When stderr is gone, there is no other place to report it.
fn write(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// stderr, when it is a terminal that can move its cursor.
fn on_stderr(term: Option<&str>) -> Option<Screen> {
    let stderr = console::Term::stderr();
    let features = stderr.features();
    let colours = Colours::on_terminal(features.colors_supported(), term).filter(|_| features.is_attended())?;
    let size = move || {
        stderr.size_checked().map_or(USUAL, |(rows, columns)| Window {
            columns: columns.into(),
            rows: rows.into(),
        })
    };
    Some(Screen::new(colours, Box::new(size)))
}
