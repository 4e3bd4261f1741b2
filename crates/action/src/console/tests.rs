//! What the console writes, form by form, against text that means harm.

use std::sync::{Arc, Mutex};

use super::*;

/// Remembers what was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn written(form: Form, write: impl FnOnce(&mut Console)) -> (String, String) {
    let (out, err) = (Paper::default(), Paper::default());
    write(&mut Console::new(form, Box::new(out.clone()), Box::new(err.clone())));
    (out.text(), err.text())
}

#[test]
fn a_group_is_closed_before_the_next_one_opens() {
    let (out, _) = written(Form::Workflow, |console| {
        console.begin_group("look at the pool");
        console.line("it is there");
        console.begin_group("resize");
        console.end_group();
        console.end_group();
    });
    assert_eq!(
        out,
        "::group::look at the pool\nit is there\n::endgroup::\n::group::resize\n::endgroup::\n"
    );
}

#[test]
fn an_annotation_is_one_command_whatever_its_text() {
    let (out, _) = written(Form::Workflow, |console| {
        console.annotate(Grade::Error, "Pool a: quota, limit", "no cores\n::add-mask::x\r50 %");
    });
    assert_eq!(
        out,
        "::error title=Pool a%3A quota%2C limit::no cores%0A: :add-mask::x%0A50 %25\n"
    );
}

#[test]
fn an_annotation_that_github_would_cut_has_its_whole_text_in_the_log() {
    let text = (0..90)
        .map(|n| format!("{n}: {}\n", "x".repeat(60)))
        .collect::<String>();
    let (out, _) = written(Form::Workflow, |console| {
        console.annotate(Grade::Error, "Pool a", &text);
    });
    let (log, annotation) = out.split_once("::error title=Pool a::").unwrap();
    assert_eq!(log.trim_end(), text.trim_end());
    let message = annotation.trim_end().replace("%0A", "\n");
    assert!(message.len() <= LONGEST_MESSAGE && message.ends_with(REST), "{message}");
    let kept: Vec<&str> = message.lines().collect();
    assert!(
        kept.len() > 50
            && kept[..kept.len() - 1]
                .iter()
                .all(|line| text.contains(&format!("{line}\n")))
    );
}

#[test]
fn a_step_is_a_group_and_a_bar_is_a_line_for_readers_without_bars() {
    let bar = |line: Option<&str>| Show::Bar {
        name: "nodes ready".to_owned(),
        done: 1,
        total: 2,
        line: line.map(str::to_owned),
    };
    let (out, _) = written(Form::Workflow, |console| {
        console.show(Show::StepBegins("waiting for the nodes".to_owned()));
        console.show(bar(Some("1 of 2 nodes ready")));
        console.show(bar(None));
        console.show(Show::StepEnds("nodes: done in 4 s".to_owned()));
        let about = Some("check quota".to_owned());
        let text = "5 cores are left".to_owned();
        console.show(Show::Warning { about, text });
    });
    assert_eq!(
        out,
        "::group::waiting for the nodes\n1 of 2 nodes ready\nnodes: done in 4 s\n::endgroup::\n\
         ::warning title=check quota::5 cores are left\n"
    );
}

#[test]
fn outside_github_annotations_go_to_stderr_and_groups_are_lines() {
    let (out, err) = written(Form::Plain, |console| {
        console.begin_group("resize");
        console.annotate(Grade::Warning, "deployment", "GitHub said no");
    });
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("resize\n", "warning: deployment: GitHub said no\n")
    );
}

#[test]
fn json_has_objects_only_on_stdout() {
    let (out, err) = written(Form::Json, |console| {
        console.line("for people");
        console.object(&serde_json::json!({"event": "note", "text": "##[x]"}));
        console.complain("for people");
    });
    assert_eq!(out, "{\"event\":\"note\",\"text\":\"##\\u005bx]\"}\n");
    assert_eq!(err, "for people\n");
}

#[test]
fn secrets_are_masked_first_and_struck_out_of_everything() {
    let secret = SecretString::from("hunter22%");
    for form in [Form::Plain, Form::Workflow, Form::Json] {
        let (out, err) = written(form, |console| {
            console.redact(&secret);
            console.mask(&secret);
            console.line("the service says hunter22%");
            console.begin_group("hunter22%");
            console.annotate(Grade::Notice, "hunter22%", "hunter22%");
            console.object(&serde_json::json!({"text": "hunter22%"}));
            console.complain("hunter22%");
        });
        let rest = match form {
            Form::Workflow => out.strip_prefix("::add-mask::hunter22%25\n").unwrap(),
            Form::Plain | Form::Json => &out,
        };
        assert!(
            !rest.contains("hunter22") && !err.contains("hunter22"),
            "{form:?}: {rest}{err}"
        );
    }
}
