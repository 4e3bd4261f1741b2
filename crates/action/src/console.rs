//! The only writer of stdout and stderr: lines for people, commands for GitHub's runner, or JSON for programs.
//!
//! stdout is a protocol to the runner, so whatever comes from a service is made harmless here and secrets are struck
//! out, both by core. What is worth saying is decided in core's `telling`.

mod bars;
mod escape;
pub mod table;

use std::{
    fmt,
    io::{self, IsTerminal as _, Write},
};

use azure_batch_core::{
    failure::Failure,
    harmless::harmless_json,
    redact::{Redactor, is_struck_out},
    telling::Show,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use self::{bars::Bars, table::Table};

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
    bars: Option<Bars>,
    /// Of the terminal that stdout is; absent when it is none.
    width: Option<u16>,
    /// Of the terminal that stderr is; absent when it is none.
    err_width: Option<u16>,
}

/// Whether a group of the runner's log is open; groups do not nest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Open,
    Closed,
}

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
    /// The process's own stdout and stderr; bars are drawn only for people at a terminal.
    #[must_use]
    pub fn of_process(form: Form) -> Self {
        let bars = (form == Form::Plain && io::stderr().is_terminal()).then(Bars::on_stderr);
        let terminal = (form == Form::Plain).then(console::Term::stdout);
        let size = terminal.as_ref().and_then(console::Term::size_checked);
        let err_size = console::Term::stderr().size_checked();
        Self {
            bars,
            err_width: err_size.map(|(_rows, columns)| columns),
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
            bars: None,
            width: None,
            err_width: None,
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
            write_line(&mut self.out, &format!("::add-mask::{}", escape::message(line)));
        }
    }

    /// A line for people; programs that read JSON do not get it.
    pub fn line(&mut self, text: impl fmt::Display) {
        if self.form == Form::Json {
            return;
        }
        let text = self.redactor.safe(&text.to_string());
        self.write_out(&text);
    }

    /// Text that was asked for, such as the help, as it is.
    pub fn asked_for(&mut self, text: impl fmt::Display) {
        let text = text.to_string();
        self.write_out(text.trim_end());
    }

    /// A line on stderr.
    pub fn complain(&mut self, text: impl fmt::Display) {
        let text = self.redactor.safe(&text.to_string());
        let Self { err, bars, .. } = self;
        Bars::suspended(bars.as_ref(), || write_line(err, &text));
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
        let title = self.redactor.safe_line(title);
        self.write_out(&format!("::group::{}", escape::message(&title)));
        self.group = Group::Open;
    }

    /// Closes the open group, if there is one.
    pub fn end_group(&mut self) {
        if self.group == Group::Open {
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

    /// Shows what core's `telling` found worth it.
    pub fn show(&mut self, show: Show) {
        match show {
            Show::Headline(line) | Show::Detail(line) => self.line(line),
            Show::StepBegins(what) => {
                if let Some(bars) = &self.bars {
                    bars.begin_step(&what);
                }
                self.begin_group(&what);
            }
            Show::StepEnds(line) => {
                self.line(line);
                self.end_group();
            }
            Show::Warning { about, text } => {
                self.annotate(Grade::Warning, about.as_deref().unwrap_or("Azure Batch pool"), &text);
            }
            Show::Bar {
                name,
                done,
                total,
                line,
            } => match (&mut self.bars, line) {
                (Some(bars), _) => bars.set(name, done, total),
                (None, Some(line)) => self.line(line),
                (None, None) => {}
            },
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

    /// Takes the bars away, before the last words.
    pub fn remove_bars(&mut self) {
        self.bars = None;
    }

    fn write_out(&mut self, text: &str) {
        let Self { out, bars, .. } = self;
        Bars::suspended(bars.as_ref(), || write_line(out, text));
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

fn write_line(end: &mut impl Write, text: &str) {
    drop(writeln!(end, "{text}").and_then(|()| end.flush()));
}

#[cfg(test)]
mod tests;
