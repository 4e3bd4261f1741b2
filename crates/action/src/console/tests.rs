//! What the console writes, form by form, against text that means harm.

use std::sync::{Arc, Mutex};

use azure_batch_core::frame::screen::{Colours, Window};

use super::*;

/// Remembers what was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

/// An end that takes nothing.
struct Lost(ErrorKind);

impl Write for Lost {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

/// A roll-out as `telling` gives it.
fn roll_out() -> Vec<Show> {
    let begins = |step: &str, what: &str| Show::StepBegins {
        step: step.to_owned(),
        what: what.to_owned(),
    };
    vec![
        Show::Headline("pool p in acct1 → ubuntu 1.0.0, 2 nodes".to_owned()),
        begins("observe", "looking at account and image version"),
        begins("plan", "looking at the pool"),
        Show::Detail("two\nlines".to_owned()),
        begins("nodes", "waiting for the nodes"),
        Show::Meanwhile("1 of 2 nodes ready".to_owned()),
        Show::StepEnds("done in 4 s".to_owned()),
        Show::Warning {
            about: Some("check quota".to_owned()),
            text: "5 cores are left".to_owned(),
        },
    ]
}

const AT: Duration = Duration::from_secs(1624);

fn show_all(console: &mut Console) {
    roll_out().into_iter().for_each(|show| console.show(show, AT));
}

#[test]
fn steps_that_prepare_are_one_group_and_others_have_their_own() {
    let (out, _) = written(Form::Workflow, show_all);
    insta::assert_snapshot!(out, @"
    pool p in acct1 → ubuntu 1.0.0, 2 nodes
    ::group::preparing
    looking at account and image version
    looking at the pool
    two
    lines
    ::endgroup::
    ::group::waiting for the nodes
    1 of 2 nodes ready
    done in 4 s
    ::warning title=check quota::5 cores are left
    ");
}

#[test]
fn without_a_terminal_every_line_has_its_time() {
    let (out, err) = written(Form::Plain, show_all);
    insta::assert_snapshot!(out, @"
    [ 27:04] pool p in acct1 → ubuntu 1.0.0, 2 nodes
    [ 27:04] looking at account and image version
    [ 27:04] looking at the pool
    [ 27:04]   two
               lines
    [ 27:04] waiting for the nodes
    [ 27:04]   1 of 2 nodes ready
    [ 27:04]   done in 4 s
    ");
    assert_eq!(err, "[ 27:04] warning: check quota: 5 cores are left\n");
}

#[test]
fn above_a_frame_stands_only_what_matters_afterwards() {
    let (out, err) = (Paper::default(), Paper::default());
    let mut console = Console::new(Form::Plain, Box::new(out.clone()), Box::new(err.clone()));
    let size = || Window { columns: 80, rows: 24 };
    console.screen = Some(Screen::new(Colours::Off, Box::new(size)));
    console.width = Some(80);
    console.name_frames("rollout");
    console.begin_frame(Duration::from_secs(14_400));
    show_all(&mut console);
    console.end_frame();
    insta::assert_snapshot!(out.text(), @"
    pool p in acct1 → ubuntu 1.0.0, 2 nodes
      two
      lines
    ");
    let shown = err.text();
    assert!(shown.contains("rollout"), "the frame: {shown}");
    assert!(shown.ends_with("\u{1b}[1A\u{1b}[J"), "nothing is left: {shown}");
}

#[test]
fn a_line_on_a_terminal_is_broken_at_words_after_secrets_are_struck_out() {
    let (out, err) = (Paper::default(), Paper::default());
    let mut console = Console::new(Form::Plain, Box::new(out.clone()), Box::new(err.clone()));
    console.width = Some(40);
    console.err_width = Some(40);
    console.redact(&SecretString::from("hunter two and three".to_owned()));
    let text = "the pool says that hunter two and three is its word, and more than a line holds".to_owned();
    console.show(Show::Detail(text.clone()), Duration::ZERO);
    console.show(Show::Warning { about: None, text }, Duration::ZERO);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        lines(&out.text()),
        [
            "[  0:00]   the pool says that *** is its",
            "           word, and more than a line",
            "           holds",
        ]
    );
    assert_eq!(
        lines(&err.text()),
        [
            "[  0:00] warning: the pool says that ***",
            "         is its word, and more than a",
            "         line holds",
        ]
    );
}

#[test]
fn a_stdout_that_takes_nothing_is_said_once_and_a_reader_that_left_is_not() {
    for (kind, said) in [(ErrorKind::StorageFull, 1), (ErrorKind::BrokenPipe, 0)] {
        let err = Paper::default();
        let mut console = Console::new(Form::Json, Box::new(Lost(kind)), Box::new(err.clone()));
        console.object(&1);
        console.object(&2);
        assert_eq!(err.text().lines().count(), said, "{}", err.text());
    }
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

fn short_rounds(console: &mut Console) {
    for round in [1, 2] {
        console.show(
            Show::Round {
                about: format!("round {round} brought 412 of 700 nodes"),
                text: "AllocationTimedOut".to_owned(),
            },
            AT,
        );
    }
}

#[test]
fn many_short_rounds_are_lines_and_one_annotation_says_pool_round_and_counts() {
    let (out, _) = written(Form::Workflow, |console| {
        short_rounds(console);
        console.annotate_rounds(Some("render"));
        console.annotate_rounds(Some("render"));
    });
    insta::assert_snapshot!(out, @"
    round 1 brought 412 of 700 nodes: AllocationTimedOut
    round 2 brought 412 of 700 nodes: AllocationTimedOut
    ::warning title=render%3A round 2 brought 412 of 700 nodes::AllocationTimedOut
    ");
    let (_, err) = written(Form::Plain, short_rounds);
    assert_eq!(err.matches("warning: round").count(), 2, "{err}");
}

#[test]
fn a_remark_is_an_annotation_on_the_runs_page_and_nothing_elsewhere() {
    let remark = |console: &mut Console| console.remark("render: settings changed", "startTask");
    let (out, _) = written(Form::Workflow, remark);
    assert_eq!(out, "::notice title=render%3A settings changed::startTask\n");
    for form in [Form::Plain, Form::Json] {
        assert_eq!(written(form, remark), (String::new(), String::new()));
    }
}
