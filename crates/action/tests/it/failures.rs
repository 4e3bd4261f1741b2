//! Every failure in every form in which this program shows one: terminal, annotation, summary, report.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use azure_batch_core::{
    failure::Failure,
    options::Door,
    specimens::{self, Lines, blemishes},
};
use azure_batch_pool::{
    cli,
    console::{Console, Form},
    report::{Ending, Report, summary},
};

/// What was written.
#[derive(Clone, Debug, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A failure as a console of that form shows it.
fn shown(form: Form, failure: &Failure) -> String {
    let paper = Paper::default();
    let mut console = Console::new(form, Box::new(paper.clone()), Box::new(paper.clone()));
    console.fail("Pool p1: it failed", failure);
    let text = paper
        .text()
        .replace("%0A", "\n")
        .replace("%3A", ":")
        .replace("%2C", ",");
    text.replace("%25", "%")
}

#[test]
fn every_failure_reads_well_on_a_terminal_in_an_annotation_in_the_summary_and_as_json() {
    let ending = Ending {
        at: "2026-01-05T09:00:00Z".parse().unwrap(),
        seconds: 7,
    };
    let mut wrong = Vec::new();
    for specimen in specimens::all() {
        let mut check = |reader: &str, text: &str, door, lines| {
            let found = blemishes(text, &Failure::of(&specimen.error, door), door, lines);
            wrong.extend(found.iter().map(|what| format!("{}, {reader}: {what}", specimen.name)));
        };
        let flag = Failure::of(&specimen.error, Door::Flag);
        check("terminal", &shown(Form::Plain, &flag), Door::Flag, Lines::Ours);
        let input = Failure::of(&specimen.error, Door::Input);
        check(
            "annotation",
            &shown(Form::Workflow, &input),
            Door::Input,
            Lines::Readers,
        );
        let report = Report::of_error(&specimen.error, ending, Door::Input);
        let page = summary::markdown(&report, None);
        check("summary", &page, Door::Input, Lines::Readers);
        let json = serde_json::to_value(&report).unwrap();
        let told = &json["failure"];
        if told["happened"] != input.happened.as_str() || told["next"].as_array().is_none_or(Vec::is_empty) {
            wrong.push(format!("{}, JSON: {json}", specimen.name));
        }
    }
    wrong.sort_unstable();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_of_ours_in_a_failure_is_one_that_this_program_takes() {
    let mut typed = 0;
    for specimen in specimens::all() {
        for step in Failure::of(&specimen.error, Door::Flag).next {
            let command = step.command.join(" ").replace('\\', " ");
            if command.starts_with(env!("CARGO_PKG_NAME")) {
                let parsed = cli::command().try_get_matches_from(command.split_whitespace());
                assert!(parsed.is_ok(), "{}: {command}: {}", specimen.name, parsed.unwrap_err());
                typed += 1;
            }
        }
    }
    assert!(typed > 0, "no failure prints a command of ours");
}
