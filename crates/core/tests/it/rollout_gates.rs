//! Gates: a command and an address are asked at each checkpoint, and a roll-out goes on, waits or goes back as they say.
//!
//! The worlds are those of `rollout_in_place` and `rollout_blue_green`. What a real shell does is the Action's to test.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use azure_batch_core::{
    error::{Error, ErrorKind},
    gate::Said,
    rollout::{self, RolloutOutcome, RolloutReport},
    settings::{Canary, GateUrl, Gates, OnBad, ROLLOUT_DEADLINE, RolloutSettings, Share},
    shell::{Ran, Shell},
    transport::{ConnectFault, SendError, Transport},
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, good, settings, world},
    rollout_blue_green::{self, blue_green, room_for},
    rollout_in_place::{self, in_place, requeues, working, working_in},
    rollout_no_way_back,
    support::Azure,
};

const HOUR: Duration = Duration::from_secs(3600);

/// What gates answer, one after the other, the last one for ever; and what they were asked.
#[derive(Clone, Debug)]
struct Outside {
    azure: Azure,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<Value>>>,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    /// An exit code, or a status.
    Code(i32),
    /// It never ends.
    Hangs,
    /// The shell cannot be started, or there is no connection.
    Lost,
}

impl Outside {
    fn new(azure: &Azure, answers: &[Answer]) -> Self {
        Self {
            azure: azure.clone(),
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            asked: Arc::default(),
            bodies: Arc::default(),
        }
    }

    async fn answer(&self) -> Option<i32> {
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            match answers.len() {
                1 => answers[0],
                _ => answers.pop_front().unwrap(),
            }
        };
        match answer {
            Answer::Code(code) => Some(code),
            Answer::Hangs => std::future::pending().await,
            Answer::Lost => None,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Shell for Outside {
    async fn run(&self, line: &str, variables: &[(&'static str, String)]) -> io::Result<Ran> {
        assert_eq!(line, "ask.sh");
        let of = |end: &str| {
            variables
                .iter()
                .find(|(name, _)| name.ends_with(end))
                .unwrap()
                .1
                .clone()
        };
        // What the world is when the gate is asked.
        let began = self
            .azure
            .writes()
            .iter()
            .filter(|write| write.ends_with("/enable"))
            .count();
        self.asked.lock().unwrap().push(format!(
            "{} {} of {}: {} of {} nodes in {}, {began} jobs enabled",
            of("CHECKPOINT"),
            of("STEP"),
            of("STEPS"),
            of("GATE_NODES"),
            of("OF_NODES"),
            of("GATE_POOL"),
        ));
        match self.answer().await {
            Some(code) => Ok(Ran {
                exit_code: Some(code),
                output: format!("alarms: 3\n::error::code {code}\n"),
            }),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no shell here")),
        }
    }
}

#[async_trait]
impl Transport for Outside {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError> {
        if request.uri().host() != Some("gates.example") {
            return self.azure.send(request).await;
        }
        assert!(!request.headers().contains_key("authorization"), "no token goes there");
        self.asked
            .lock()
            .unwrap()
            .push(format!("{} {}", request.method(), request.uri().path()));
        self.bodies
            .lock()
            .unwrap()
            .push(serde_json::from_slice(request.body()).unwrap());
        match self.answer().await {
            Some(status) => {
                let status = u16::try_from(status).unwrap();
                Ok(http::Response::builder()
                    .status(status)
                    .body(Bytes::from("alarms: 3"))
                    .unwrap())
            }
            None => Err(SendError::NeverSent {
                to: "gates.example".to_owned(),
                fault: ConnectFault::Transient,
                source: "connection refused".into(),
            }),
        }
    }
}

fn by_command() -> Gates {
    Gates {
        command: Some("ask.sh".to_owned()),
        ..Gates::default()
    }
}

fn by_url() -> Gates {
    Gates {
        url: Some(GateUrl::parse("https://gates.example/hooks/s3cret").unwrap()),
        ..Gates::default()
    }
}

fn gated(mut settings: RolloutSettings, gates: Gates) -> RolloutSettings {
    settings.change.gates = gates;
    settings
}

fn tried(mut settings: RolloutSettings) -> RolloutSettings {
    settings.change.canary = Canary {
        nodes: Some(Share::Nodes(1)),
        ..Canary::default()
    };
    settings
}

async fn run(outside: &Outside, settings: &RolloutSettings) -> RolloutOutcome {
    run_until(outside, settings, &CancellationToken::new(), 2 * ROLLOUT_DEADLINE).await
}

async fn run_until(
    outside: &Outside,
    settings: &RolloutSettings,
    cancel: &CancellationToken,
    limit: Duration,
) -> RolloutOutcome {
    fastrand::seed(7);
    let (transport, shell) = (Arc::new(outside.clone()), Arc::new(outside.clone()));
    let client = outside.azure.client_on(transport, shell, (cancel, limit)).await;
    rollout::run(&client, &checked(settings)).await
}

fn failed(outcome: RolloutOutcome) -> (Error, RolloutReport) {
    (outcome.result.expect_err("must fail"), outcome.report)
}

#[tokio::test(start_paused = true)]
async fn in_place_gates_are_asked_after_the_first_nodes_and_before_the_jobs_run_again() {
    let azure = working().await;
    let outside = Outside::new(&azure, &[Answer::Code(0)]);
    let report = good(run(&outside, &tried(gated(in_place(8), by_command()))).await);
    assert_eq!(
        outside.asked(),
        [
            "canary 1 of 2: 1 of 8 nodes in p1, 0 jobs enabled",
            "jobs 2 of 2: 8 of 8 nodes in p1, 0 jobs enabled"
        ]
    );
    let said: Vec<(Said, u32)> = report.gates.iter().map(|gate| (gate.answer, gate.asked)).collect();
    assert_eq!(said, [(Said::Yes, 1), (Said::Yes, 1)]);
    assert_eq!(
        rollout_in_place::state(&azure).await,
        "8 of 8 on 1.0.0, busy active 0, asleep disabled 0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_no_brings_a_pool_back_that_is_changed_in_place_and_the_report_has_its_last_lines() {
    for answers in [&[Answer::Code(3)][..], &[Answer::Code(0), Answer::Code(1)]] {
        let azure = working().await;
        let outside = Outside::new(&azure, answers);
        let (error, report) = failed(run(&outside, &tried(gated(in_place(8), by_command()))).await);
        let text = error.report();
        assert_eq!(
            (error.kind(), error.kind().exit_code().0),
            (ErrorKind::Returned, 9),
            "{text}"
        );
        assert!(text.contains("the gate command said no (exit code "), "{text}");
        let last = report.gates.last().unwrap();
        assert_eq!(last.answer, Said::No);
        assert!(last.output.starts_with("alarms: 3\n: :error::code"), "{last:?}");
        assert_eq!(outside.asked().len(), answers.len());
        assert_eq!(requeues(&azure).await, 0);
        assert_eq!(
            rollout_in_place::state(&azure).await,
            "5 of 5 on 0.9.0, busy active 0, asleep disabled 0"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn between_the_steps_of_blue_green_gates_are_asked_before_the_former_pool_shrinks() {
    let azure = working_in(room_for(6)).await;
    let outside = Outside::new(&azure, &[Answer::Code(0)]);
    good(run(&outside, &tried(gated(blue_green(5), by_command()))).await);
    assert_eq!(
        outside.asked(),
        [
            "canary 1 of 5: 1 of 5 nodes in p1-1-0-0, 0 jobs enabled",
            "step 2 of 5: 2 of 5 nodes in p1-1-0-0, 0 jobs enabled",
            "step 3 of 5: 3 of 5 nodes in p1-1-0-0, 0 jobs enabled",
            "step 4 of 5: 4 of 5 nodes in p1-1-0-0, 1 jobs enabled",
            "step 5 of 5: 5 of 5 nodes in p1-1-0-0, 1 jobs enabled"
        ]
    );
    assert_eq!(rollout_blue_green::state(&azure).await, rollout_blue_green::MOVED);
}

#[tokio::test(start_paused = true)]
async fn a_no_at_any_step_of_blue_green_brings_the_work_back() {
    for yeses in 0..5 {
        let azure = working_in(room_for(6)).await;
        let mut answers = vec![Answer::Code(0); yeses];
        answers.push(Answer::Code(1));
        let outside = Outside::new(&azure, &answers);
        let (error, _) = failed(run(&outside, &tried(gated(blue_green(5), by_command()))).await);
        assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
        assert_eq!(outside.asked().len(), yeses + 1);
        assert_eq!(requeues(&azure).await, 0);
        assert_eq!(rollout_blue_green::state(&azure).await, rollout_blue_green::FORMER);
    }
}

/// A return would have to make nodes of an image that is gone, and never end.
#[tokio::test(start_paused = true)]
async fn a_no_after_the_former_pool_has_shrunk_leaves_both_pools_where_its_image_is_gone() {
    for (yeses, kept) in [(0, false), (3, true)] {
        let azure = working_in(room_for(6)).await;
        rollout_no_way_back::deleted(&azure, "0.9.0").await;
        let mut answers = vec![Answer::Code(0); yeses];
        answers.push(Answer::Code(1));
        let settings = tried(gated(blue_green(5), by_command()));
        let (error, _) = failed(run(&Outside::new(&azure, &answers), &settings).await);
        let (text, state) = (error.report(), rollout_blue_green::state(&azure).await);
        if !kept {
            assert_eq!(error.kind(), ErrorKind::Returned, "{text}");
            assert_eq!(state, rollout_blue_green::FORMER, "its nodes are still there");
            continue;
        }
        assert_eq!(error.kind(), ErrorKind::Kept, "{text}");
        assert!(
            text.contains("it cannot go back: its former image version is not there any more")
                && text.contains("run it again, without the check that said no"),
            "{text}"
        );
        assert!(
            state.starts_with("p1 2 of 2 on 0.9.0, p1-1-0-0 4 of 4 on 1.0.0"),
            "{state}"
        );
        good(run(&Outside::new(&azure, &[Answer::Code(0)]), &settings).await);
        assert_eq!(rollout_blue_green::state(&azure).await, rollout_blue_green::MOVED);
    }
}

#[tokio::test(start_paused = true)]
async fn not_yet_is_asked_again_every_half_minute_until_its_time_is_over() {
    let azure = working().await;
    let mut answers = vec![Answer::Code(75); 10];
    answers.push(Answer::Code(0));
    let began = Instant::now();
    let report = good(run(&Outside::new(&azure, &answers), &gated(in_place(8), by_command())).await);
    let gate = &report.gates[0];
    assert_eq!((gate.answer, gate.asked, gate.seconds), (Said::Yes, 11, 300));
    assert!(began.elapsed() > Duration::from_secs(300));

    for (answer, why) in [
        (Answer::Code(75), "did not say yes within 1 h (exit code 75)"),
        (Answer::Hangs, "did not say yes within 1 h (it had not ended)"),
    ] {
        let azure = working().await;
        let (error, report) = failed(run(&Outside::new(&azure, &[answer]), &gated(in_place(8), by_command())).await);
        assert_eq!(error.kind(), ErrorKind::Returned);
        assert!(error.report().contains(why), "{}", error.report());
        assert!(report.gates[0].seconds <= HOUR.as_secs() && report.gates[0].seconds > 3500);
        assert_eq!(
            rollout_in_place::state(&azure).await,
            "5 of 5 on 0.9.0, busy active 0, asleep disabled 0"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_gets_where_the_roll_out_stands_and_no_token() {
    let azure = working().await;
    let outside = Outside::new(
        &azure,
        &[Answer::Code(503), Answer::Lost, Answer::Code(425), Answer::Code(204)],
    );
    let report = good(run(&outside, &gated(blue_green(5), by_url())).await);
    assert_eq!(outside.asked(), ["POST /hooks/s3cret"; 4]);
    assert_eq!(
        outside.bodies.lock().unwrap()[3],
        json!({"schema-version": 1, "account": "acct1.eastus2.batch.azure.com", "pool": "p1-1-0-0", "former-pool": "p1",
            "version": crate::rollout::image("1.0.0"), "checkpoint": "step", "step": 1, "steps": 1, "nodes": 5, "of-nodes": 5})
    );
    assert_eq!(
        (report.gates[0].gate.as_str(), report.gates[0].asked),
        ("url gates.example", 4)
    );
    assert!(!format!("{report:?}").contains("s3cret"));

    for no in [302, 403, 500] {
        let azure = working().await;
        let outside = Outside::new(&azure, &[Answer::Code(no)]);
        let (error, _) = failed(run(&outside, &gated(blue_green(5), by_url())).await);
        let text = error.report();
        assert_eq!(error.kind(), ErrorKind::Returned, "{text}");
        assert!(
            text.contains(&format!("the gate at gates.example said no (it answered {no}")),
            "{text}"
        );
        assert_eq!(rollout_blue_green::state(&azure).await, rollout_blue_green::FORMER);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_and_the_deadline_end_a_gate_and_the_same_run_again_asks_it_again() {
    let azure = working().await;
    let hanging = Outside::new(&azure, &[Answer::Hangs]);
    let cancel = CancellationToken::new();
    let settings = gated(in_place(8), by_command());
    let stopping = async {
        while hanging.asked().is_empty() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        cancel.cancel();
        Instant::now()
    };
    let (outcome, asked_to) = tokio::join!(run_until(&hanging, &settings, &cancel, ROLLOUT_DEADLINE), stopping);
    assert_eq!(failed(outcome).0.kind(), ErrorKind::Cancelled);
    assert!(asked_to.elapsed() < Duration::from_secs(2));

    let soon = Duration::from_secs(600);
    let (error, _) = failed(run_until(&hanging, &settings, &CancellationToken::new(), soon).await);
    assert_eq!(error.kind(), ErrorKind::Deadline, "{}", error.report());
    assert_eq!(hanging.asked().len(), 2, "the second run has asked again");

    let yes = Outside::new(&azure, &[Answer::Code(0)]);
    good(run(&yes, &settings).await);
    assert_eq!(yes.asked(), ["jobs 1 of 1: 8 of 8 nodes in p1, 0 jobs enabled"]);
    assert_eq!(
        rollout_in_place::state(&azure).await,
        "8 of 8 on 1.0.0, busy active 0, asleep disabled 0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_cannot_be_run_says_nothing_of_the_image_and_the_same_run_again_goes_on() {
    let settings = gated(blue_green(5), by_command());
    for answer in [Answer::Code(127), Answer::Lost] {
        let azure = working().await;
        let (error, report) = failed(run(&Outside::new(&azure, &[answer]), &settings).await);
        assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
        assert!(
            error.report().contains("the gate command could not be run"),
            "{}",
            error.report()
        );
        assert_eq!(report.gates, []);
        good(run(&Outside::new(&azure, &[Answer::Code(0)]), &settings).await);
        assert_eq!(rollout_blue_green::state(&azure).await, rollout_blue_green::MOVED);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_pool_grows_only_after_the_yes_to_its_first_nodes() {
    let azure = world(|_| {});
    let asked = tried(gated(settings("acct1", 8), by_command()));
    let no = Outside::new(&azure, &[Answer::Code(1)]);
    let (error, _) = failed(run(&no, &asked).await);
    assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
    let yes = Outside::new(&azure, &[Answer::Code(0)]);
    let report = good(run(&yes, &asked).await);
    assert_eq!((no.asked(), yes.asked()), (yes.asked(), no.asked()));
    assert_eq!(yes.asked().len(), 1);
    assert_eq!(report.ready, Some(8));
}

#[tokio::test(start_paused = true)]
async fn what_a_gate_refused_can_be_kept() {
    let azure = working().await;
    let mut settings = gated(blue_green(5), by_command());
    settings.change.on_failure = OnBad::Keep;
    let (error, _) = failed(run(&Outside::new(&azure, &[Answer::Code(1)]), &settings).await);
    assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
    assert!(
        rollout_blue_green::state(&azure)
            .await
            .contains("p1-1-0-0 5 of 5 on 1.0.0")
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_the_gates_and_when_they_are_asked() {
    let azure = working().await;
    let both = Gates {
        url: by_url().url,
        ..by_command()
    };
    let plan = async |settings: RolloutSettings| {
        let client = client(&azure, ROLLOUT_DEADLINE).await;
        let plan = rollout::plan(&client, &checked(&tried(gated(settings, both.clone()))))
            .await
            .unwrap();
        let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
        assert!(!lines.concat().contains("s3cret"));
        lines
            .into_iter()
            .filter(|line| line.starts_with("ask "))
            .collect::<Vec<_>>()
    };
    let gates = "ask command and url gates.example";
    let end = "for 60 minutes at most; after a no all goes back";
    assert_eq!(
        plan(in_place(8)).await,
        [
            format!("{gates} after the first nodes of pool p1, {end}"),
            format!("{gates} before the jobs of pool p1 run again, {end}")
        ]
    );
    assert_eq!(
        plan(blue_green(5)).await,
        [
            format!("{gates} after the first nodes of pool p1-1-0-0, {end}"),
            format!("{gates} after each step of pool p1-1-0-0, {end}")
        ]
    );
}
