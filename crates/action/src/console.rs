//! The only writer of stdout and stderr: lines for people, commands for GitHub's runner, or JSON for programs.
//!
//! stdout is a protocol to the runner, so whatever comes from a service is made harmless here and secrets are struck
//! out, both by core. What is worth saying is decided in core's `telling`.

mod escape;
mod live;
pub mod table;

use std::{
    fmt,
    io::{self, ErrorKind, Write},
    time::Duration,
};

use azure_batch_core::{
    failure::Failure,
    frame::screen::Screen,
    harmless::harmless_json,
    progress::{Event, Stamp},
    redact::{Redactor, is_struck_out},
    telling::{Show, hung},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use self::table::Table;
use crate::environment::Environment;

/// How stdout is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Plain,
    /// Lines and commands for GitHub's runner.
    Workflow,
    /// One JSON object a line.
    Json,
}

/// How grave an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Good to know.
    Notice,
    /// Worth a look.
    Warning,
    /// The reason why the run failed.
    Error,
}

/// The runner cuts the message of an annotation after so many UTF-16 units (`_maxIssueMessageLength` in actions/runner).
const LONGEST_MESSAGE: usize = 4096;

/// The last line of an annotation that GitHub would cut.
const REST: &str =
    "GitHub shows no more than 4,096 letters here; the whole text is in the log of this step and in the report";

/// GitHub breaks the lines of an annotation itself.
const UNBROKEN: usize = usize::MAX;

/// The width of text where there is no terminal.
const USUAL_WIDTH: usize = 80;

/// Text that is narrower is hard to read, and so is text that is wider.
const NARROWEST: usize = 40;
const WIDEST: usize = 100;

/// Writes to stdout and stderr. A reader that went away has chosen not to hear the rest, so writing never fails.
pub struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    form: Form,
    redactor: Redactor,
    group: Group,
    /// What the frame is named after until it knows better.
    verb: &'static str,
    /// Where a frame can be drawn.
    screen: Option<Screen>,
    /// Of the terminal that stdout is; absent when it is none.
    width: Option<u16>,
    /// Of the terminal that stderr is; absent when it is none.
    err_width: Option<u16>,
    /// Whether it was said that stdout does not take what is written.
    loss: Loss,
    /// The last resize round that brought too few nodes, which GitHub is not told of yet: which it was, and why.
    short_round: Option<(String, String)>,
}

/// Whether a group of the runner's log is open, and which; groups do not nest.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    Open(String),
    Closed,
}

/// Whether it was said that stdout does not take what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Unsaid,
    Said,
}

/// The steps of a roll-out before its first node comes: one group of the runner's log, since most take no time.
const PREPARING: [&str; 4] = ["observe", "plan", "before", "replicas"];

impl Grade {
    const fn command(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Console {
    /// The process's own stdout and stderr; a frame is drawn only for people at a terminal.
    #[must_use]
    pub fn of_process(form: Form, environment: &dyn Environment) -> Self {
        let term = environment.variable("TERM");
        let terminal = (form == Form::Plain).then(console::Term::stdout);
        let size = terminal.as_ref().and_then(console::Term::size_checked);
        let err_size = console::Term::stderr().size_checked();
        Self {
            err_width: err_size.map(|(_rows, columns)| columns),
            screen: terminal.and_then(|_| live::on_stderr(term.as_deref())),
            width: size.map(|(_rows, columns)| columns),
            ..Self::new(form, Box::new(io::stdout()), Box::new(io::stderr()))
        }
    }

    /// Writes to the given ends.
    #[must_use]
    pub fn new(form: Form, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            err,
            form,
            redactor: Redactor::default(),
            group: Group::Closed,
            verb: "",
            screen: None,
            width: None,
            err_width: None,
            loss: Loss::Unsaid,
            short_round: None,
        }
    }

    /// How this console writes.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// What strikes out the secrets, for files that are written elsewhere.
    #[must_use]
    pub const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Strikes the secret out of everything from now on. To be called before anything is written.
    pub fn redact(&mut self, secret: &SecretString) {
        self.redactor.add(secret);
    }

    /// Asks the runner to strike the secret out of what others write, line by line as it does.
    pub fn mask(&mut self, secret: &SecretString) {
        if self.form != Form::Workflow {
            return;
        }
        // The one write that is not struck out itself: the runner swallows it.
        let lines = secret.expose_secret().lines();
        for line in lines.filter(|line| is_struck_out(line)) {
            drop(write_line(
                &mut self.out,
                &format!("::add-mask::{}", escape::message(line)),
            ));
        }
    }

    /// A line for people; programs that read JSON do not get it.
    pub fn line(&mut self, text: impl fmt::Display) {
        if self.form == Form::Json {
            return;
        }
        // Before it is broken: a secret with spaces in it is found only in one piece.
        let text = self.redactor.safe(&text.to_string());
        match self.form {
            Form::Plain => self.write_out(&hung("", &text, self.width.map(usize::from))),
            Form::Workflow | Form::Json => self.write_out(&text),
        }
    }

    /// Text that was asked for, such as the help, as it is.
    pub fn asked_for(&mut self, text: impl fmt::Display) {
        let text = text.to_string();
        self.write_out(text.trim_end());
    }

    /// A line on stderr.
    pub fn complain(&mut self, text: impl fmt::Display) {
        let text = self.redactor.safe(&text.to_string());
        self.write_err(&text);
    }

    fn write_err(&mut self, text: &str) {
        self.erase_frame();
        // When stderr is gone, there is no other place to say it.
        drop(write_line(&mut self.err, text));
        self.draw_frame();
    }

    /// A table for people; programs that read JSON do not get it.
    pub fn table(&mut self, table: &Table) {
        if self.form == Form::Json || table.is_empty() {
            return;
        }
        let text = table.text(self.width, |cell| self.redactor.safe_line(cell));
        self.write_out(&text);
    }

    /// Opens a group in the runner's log, and closes the one before.
    pub fn begin_group(&mut self, title: &str) {
        if self.form != Form::Workflow {
            return self.line(title);
        }
        self.end_group();
        self.group = Group::Open(title.to_owned());
        let title = self.redactor.safe_line(title);
        self.write_out(&format!("::group::{}", escape::message(&title)));
    }

    /// Closes the open group, if there is one.
    pub fn end_group(&mut self) {
        if self.group != Group::Closed {
            self.write_out("::endgroup::");
            self.group = Group::Closed;
        }
    }

    /// An annotation on the run's page; a line of stderr elsewhere.
    pub fn annotate(&mut self, grade: Grade, title: &str, text: &str) {
        if self.form != Form::Workflow {
            return self.complain(format_args!("{}: {title}: {text}", grade.command()));
        }
        let title = self.redactor.safe_line(title);
        let mut text = self.redactor.safe(text);
        if utf16_length(&text) > LONGEST_MESSAGE {
            self.write_out(&text);
            text = shortened(&text);
        }
        let command = grade.command();
        self.write_out(&format!(
            "::{command} title={}::{}",
            escape::property(&title),
            escape::message(&text)
        ));
    }

    /// Why the run failed: an annotation with a title on the run's page, and a text with the exit code elsewhere.
    pub fn fail(&mut self, title: &str, failure: &Failure) {
        // Before lines are broken: a secret with spaces in it is found only in one piece.
        let failure = failure.clone().map(|text| self.redactor.safe(text));
        if self.form == Form::Workflow {
            return self.annotate(Grade::Error, title, &failure.rest(UNBROKEN));
        }
        let width = self.err_width.map_or(USUAL_WIDTH, usize::from);
        self.complain(failure.complaint(width.clamp(NARROWEST, WIDEST)));
    }

    /// Shows what core's `telling` found worth it, `at` after the start of the run. What the frame shows all the time
    /// is no line on the same terminal.
    pub fn show(&mut self, show: Show, at: Duration) {
        let is_framed = self.is_framed();
        match show {
            Show::Headline(line) => self.tell(at, "", &line),
            Show::StepBegins { step, what } if self.form == Form::Workflow => self.begin_step(&step, &what),
            Show::StepBegins { .. } | Show::StepEnds(_) | Show::Meanwhile(_) if is_framed => {}
            Show::StepBegins { what, .. } => self.tell(at, "", &what),
            Show::Detail(line) | Show::StepEnds(line) | Show::Meanwhile(line) => self.tell(at, "  ", &line),
            Show::Warning { about, text } => self.warn(at, about.as_deref(), &text),
            Show::Round { about, text } if self.form == Form::Workflow => {
                self.line(format_args!("{about}: {text}"));
                self.short_round = Some((about, text));
            }
            Show::Round { about, text } => self.warn(at, Some(&about), &text),
        }
    }

    /// What the program was asked to do.
    pub const fn name_frames(&mut self, verb: &'static str) {
        self.verb = verb;
    }

    /// Begins a frame for a run that may take so long, where one can be drawn.
    pub fn begin_frame(&mut self, limit: Duration) {
        if let Some(screen) = &mut self.screen {
            screen.begin(self.verb, limit);
        }
    }

    /// Shows in the frame what happened.
    pub fn note(&mut self, event: &Event, at: Duration) {
        if let Some(screen) = &mut self.screen {
            screen.note(event, at);
            self.draw_frame();
        }
    }

    /// Shows in the frame that time has passed.
    pub fn pass(&mut self, at: Duration) {
        if let Some(screen) = &mut self.screen {
            screen.pass(at);
            self.draw_frame();
        }
    }

    /// Shows in the frame that the run was asked to stop.
    pub fn stop(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.stop();
            self.draw_frame();
        }
    }

    /// A JSON object as one line, for programs; people do not get it.
    pub fn object(&mut self, value: &impl Serialize) {
        if self.form != Form::Json {
            return;
        }
        // The values are our own types with text keys, which always serialise.
        if let Ok(text) = serde_json::to_string(value) {
            let text = harmless_json(&self.redactor.clean(&text));
            self.write_out(&text);
        }
    }

    /// One annotation for all resize rounds that brought too few nodes, on the page of a run that went well in the end.
    pub fn annotate_rounds(&mut self, pool: Option<&str>) {
        if let Some((about, text)) = self.short_round.take() {
            let title = pool.map_or_else(|| about.clone(), |pool| format!("{pool}: {about}"));
            self.annotate(Grade::Warning, &title, &text);
        }
    }

    /// What is good to know, on the run's page alone: the log has a line of it.
    pub fn remark(&mut self, title: &str, text: &str) {
        if self.form == Form::Workflow {
            self.annotate(Grade::Notice, title, text);
        }
    }

    /// Takes the frame away, before the last words.
    pub fn end_frame(&mut self) {
        let redactor = &self.redactor;
        let ended = self
            .screen
            .as_mut()
            .map(|screen| screen.end(&|text| redactor.safe_line(text)));
        self.write_frame(ended);
    }

    /// Whether lines stand above a frame, on one terminal.
    fn is_framed(&self) -> bool {
        self.width.is_some() && self.screen.as_ref().is_some_and(Screen::has_frame)
    }

    /// A line of the run. Where there is neither a frame nor GitHub's own times, it has its time.
    fn tell(&mut self, at: Duration, indent: &str, text: &str) {
        if self.form != Form::Plain {
            return self.line(text);
        }
        let before = match self.is_framed() {
            true => indent.to_owned(),
            false => format!("{} {indent}", Stamp(at)),
        };
        let text = self.redactor.safe(text);
        self.write_out(&hung(&before, &text, self.width.map(usize::from)));
    }

    fn warn(&mut self, at: Duration, about: Option<&str>, text: &str) {
        if self.form != Form::Plain {
            return self.annotate(Grade::Warning, about.unwrap_or("Azure Batch pool"), text);
        }
        let about = about.map(|about| format!("{about}: ")).unwrap_or_default();
        let text = format!("warning: {about}{text}");
        let before = match self.is_framed() {
            true => String::new(),
            false => format!("{} ", Stamp(at)),
        };
        let text = self.redactor.safe(&text);
        self.write_err(&hung(&before, &text, self.err_width.map(usize::from)));
    }

    /// Steps that belong together are one group; their titles are lines of it.
    fn begin_step(&mut self, step: &str, what: &str) {
        let title = if PREPARING.contains(&step) { "preparing" } else { what };
        if !matches!(&self.group, Group::Open(open) if open == title) {
            self.begin_group(title);
        }
        if title != what {
            self.line(what);
        }
    }

    fn write_out(&mut self, text: &str) {
        self.erase_frame();
        let written = write_line(&mut self.out, text);
        self.draw_frame();
        match written {
            // A reader that went away has chosen not to hear the rest. A full disk has not.
            Err(cause) if cause.kind() != ErrorKind::BrokenPipe && self.loss == Loss::Unsaid => {
                self.loss = Loss::Said;
                self.complain(format_args!("error: stdout does not take what is written: {cause}"));
            }
            _ => {}
        }
    }

    fn erase_frame(&mut self) {
        let erased = self.screen.as_mut().map(Screen::erase);
        self.write_frame(erased);
    }

    fn draw_frame(&mut self) {
        let redactor = &self.redactor;
        let drawn = self
            .screen
            .as_mut()
            .map(|screen| screen.draw(&|text| redactor.safe_line(text)));
        self.write_frame(drawn);
    }

    fn write_frame(&mut self, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            drop(self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush()));
        }
    }
}

/// It may hold secrets to strike out, so only its form is shown.
impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Console({:?})", self.form)
    }
}

fn utf16_length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The whole lines of a text that fit into an annotation, and where the rest is. The text has been written to the log.
fn shortened(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        if utf16_length(&kept) + utf16_length(line) + utf16_length(REST) >= LONGEST_MESSAGE {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept.push_str(REST);
    kept
}

fn write_line(end: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(end, "{text}").and_then(|()| end.flush())
}

#[cfg(test)]
mod tests;
