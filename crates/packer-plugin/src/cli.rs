//! The command line for people and CI systems: the verbs about images that Packer never asks for.
//!
//! stdout holds the result and nothing else; what happens meanwhile is on stderr. Nothing here is touched when Packer
//! starts the plugin, so `describe` and `start` stay as fast as without it.

mod answer;
mod arguments;
mod gc;
mod list;
mod promote;
mod prune;
mod publish;
mod scale;
mod settings;
mod terminal;
mod wait;
mod work;
mod written;

use std::{io::Write, process::ExitCode};

use azure_batch_core::harmless::harmless_json;

use self::{
    answer::Answer,
    arguments::{Invocation, Output},
    terminal::Terminal,
};
use crate::environment::Lookup;

/// The exit code of a plan that changes something; nothing was written.
pub const CHANGES: u8 = 10;

/// The exit code of a command line that cannot be used, as of every wrong input.
const WRONG_USAGE: u8 = 2;

/// What a verb works with.
struct Desk<'a> {
    verb: &'a str,
    terminal: Terminal,
    lookup: &'a Lookup,
}

/// The command line as clap knows it, for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    arguments::command()
}

/// Whether the first argument is meant for this command line.
#[must_use]
pub fn is_for_people(verb: &str) -> bool {
    arguments::VERBS.contains(&verb) || ["help", "--help", "-h", "--version", "-V"].contains(&verb)
}

/// Does what the arguments after the program's name ask for.
pub fn run(arguments: &[String], stdout: &mut dyn Write, lookup: &Lookup) -> ExitCode {
    let parsed = match arguments::parse(arguments) {
        Ok(parsed) => parsed,
        Err(answer) => return usage(&answer, stdout),
    };
    let mut desk = Desk {
        verb: arguments.first().map_or("", String::as_str),
        terminal: Terminal::of_process(),
        lookup,
    };
    let answer = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let answer = runtime.block_on(carry_out(parsed.invocation, &mut desk));
            // A lookup of a name may still be running; it is not waited for.
            runtime.shutdown_background();
            answer
        }
        Err(cause) => Answer::of_start(&cause),
    };
    write(answer, parsed.output, &mut desk.terminal, stdout)
}

async fn carry_out(invocation: Invocation, desk: &mut Desk<'_>) -> Answer {
    let done = match invocation {
        Invocation::Plan(given) => Box::pin(publish::plan(desk, given)).await,
        Invocation::Wait(given) => wait::run(desk, &given).await,
        Invocation::List(given) => list::run(desk, &given).await,
        Invocation::Prune(given, act) => Box::pin(prune::run(desk, &given, act)).await,
        Invocation::Scale(given, act) => Box::pin(scale::run(desk, &given, act)).await,
        Invocation::Gc(given, act) => gc::run(desk, &given, act).await,
        Invocation::Promote(given, act) => promote::promote(desk, &given, act).await,
        Invocation::Demote(given, act) => promote::demote(desk, &given, act).await,
        Invocation::Publish(given, force) => Box::pin(publish::publish(desk, given, force)).await,
    };
    done.unwrap_or_else(|failure| failure)
}

/// Writes the answer; programs get a failure on stdout too, people on stderr alone.
fn write(answer: Answer, output: Output, terminal: &mut Terminal, stdout: &mut dyn Write) -> ExitCode {
    let redactor = terminal.redactor();
    let safe = |text: &str| redactor.safe(text);
    let text = match output {
        Output::Json => Some(harmless_json(&redactor.clean(&answer.json()))),
        Output::People => answer.result(terminal::of_result(), safe),
    };
    if let Some(complaint) = answer.complaint(terminal.width(), safe) {
        terminal.say(&complaint);
    }
    let written = text.map_or(Ok(()), |text| writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
    match written {
        // A reader that went away has chosen not to hear the rest.
        Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => {
            terminal.say(&format!("error: cannot write the result to stdout: {cause}"));
            ExitCode::from(answer.exit_code().max(1))
        }
        _ => ExitCode::from(answer.exit_code()),
    }
}

/// Help and version are what was asked for; everything else is a complaint.
fn usage(answer: &clap::Error, stdout: &mut dyn Write) -> ExitCode {
    let text = answer.render().to_string();
    if answer.use_stderr() {
        Terminal::of_process().say(text.trim_end());
        return ExitCode::from(WRONG_USAGE);
    }
    drop(writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()));
    ExitCode::SUCCESS
}
