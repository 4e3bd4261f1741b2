//! What no recording of the Go SDK can show: order, early cancel, a lost Packer, odd calls.

use std::time::Duration;

use packer_plugin_azure_batch::packer::broker::BrokerError;
use packer_plugin_azure_batch::packer::broker::BrokerId;
use packer_plugin_azure_batch::packer::caller::{CallError, Caller};
use packer_plugin_azure_batch::packer::codec::{as_text, field};
use rmpv::Value;
use tokio::time::{Instant, timeout};

use crate::fake_packer::FakePacker;

fn error_text(result: &Value) -> Option<&str> {
    field(field(result, "Err")?, "Message").and_then(as_text)
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_before_post_process_is_remembered() {
    let packer = FakePacker::start("block").await;
    packer.cancel().await;
    let result = packer.post_process().await.unwrap();
    assert_eq!(error_text(&result), Some("context canceled"));
    assert_eq!(packer.said().last().unwrap(), "cleaned up");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_right_behind_post_process_stops_it() {
    let packer = FakePacker::start("block-artifact").await;
    let result = packer.post_process();
    packer.cancel().await;
    let result = result.await.unwrap();
    assert_eq!(error_text(&result), None);
    assert_eq!(field(&result, "StreamId"), Some(&Value::from(1)));
}

#[tokio::test(start_paused = true)]
async fn other_calls_are_answered_while_post_process_runs() {
    let packer = FakePacker::start("block").await;
    let result = packer.post_process();
    packer.wait_until_said(1).await;
    let spec = packer.main.call("PostProcessor.ConfigSpec", Value::Nil);
    assert!(field(&spec.await.unwrap(), "ConfigSpec").is_some());
    packer.cancel().await;
    packer.cancel().await;
    assert_eq!(error_text(&result.await.unwrap()), Some("context canceled"));
}

#[tokio::test(start_paused = true)]
async fn lines_said_at_once_are_shown_one_after_the_other() {
    let packer = FakePacker::start("concurrent").await;
    let result = packer.post_process().await.unwrap();
    assert_eq!(error_text(&result), None);
    let expected: Vec<String> = (0..8).map(|number| format!("concurrent {number} Null")).collect();
    assert_eq!(packer.said(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_marks_of_a_crash_never_reach_packer() {
    let packer = FakePacker::start("say-panic,panic").await;
    let result = packer.post_process().await.unwrap();
    let error = error_text(&result).unwrap();
    assert!(error.contains("panic : on purpose"), "{error}");
    assert_eq!(packer.said(), ["start task said: panic : runtime error"]);
}

#[tokio::test(start_paused = true)]
async fn progress_moves_in_steps_that_packer_can_allocate() {
    let packer = FakePacker::start("progress").await;
    packer.post_process().await.unwrap();
    let journal = packer.journal.lock().unwrap();
    let steps: Vec<u64> = journal
        .iter()
        .filter(|(method, _)| method == "Uibar.1.Add")
        .map(|(_, amount)| amount.as_u64().unwrap())
        .collect();
    let mib = 1024 * 1024;
    assert_eq!(steps, [32 * mib, 32 * mib, 6 * mib]);
    assert_eq!(journal.last().unwrap().0, "Uibar.1.Close");
}

#[tokio::test(start_paused = true)]
async fn a_long_text_arrives_whole_through_small_windows() {
    let packer = FakePacker::start("big").await;
    packer.post_process().await.unwrap();
    assert_eq!(packer.said(), ["0123456789abcde ".repeat(40_000)]);
}

#[tokio::test(start_paused = true)]
async fn a_handed_on_input_keeps_packers_own_error_text() {
    let packer = FakePacker::start("same-artifact").await;
    let result = packer.post_process().await.unwrap();
    let id = field(&result, "StreamId").unwrap().as_u64().unwrap();
    let id = BrokerId(u32::try_from(id).unwrap());
    let artifact = Caller::start(packer.broker.dial(id).await.unwrap());
    assert_eq!(artifact.call("Artifact.Id", Value::Nil).await, Ok(Value::from("Null")));
    assert_eq!(
        artifact.call("Artifact.Destroy", Value::Nil).await,
        Err(CallError::Refused {
            method: "Artifact.Destroy".to_owned(),
            text: "not today".to_owned(),
        })
    );
    assert_eq!(
        artifact.call("Artifact.Burn", Value::Nil).await,
        Err(CallError::Refused {
            method: "Artifact.Burn".to_owned(),
            text: "rpc: can't find method Artifact.Burn".to_owned(),
        })
    );
}

#[tokio::test(start_paused = true)]
async fn an_argument_of_the_wrong_kind_is_answered_and_the_stream_goes_on() {
    let packer = FakePacker::start("no-artifact").await;
    for (method, argument) in [
        ("PostProcessor.PostProcess", Value::from("one")),
        ("PostProcessor.PostProcess", Value::from(-1)),
        ("PostProcessor.Nothing", Value::Nil),
        ("Builder.Run", Value::Nil),
    ] {
        let answer = packer.main.call(method, argument).await;
        assert!(matches!(answer, Err(CallError::Refused { .. })), "{method}");
    }
    let result = packer.post_process().await.unwrap();
    assert_eq!(field(&result, "StreamId"), Some(&Value::from(0)));
}

#[tokio::test(start_paused = true)]
async fn dialling_an_id_that_nothing_is_served_under_ends_at_once() {
    let packer = FakePacker::start("no-artifact").await;
    let started = Instant::now();
    let refused = packer.broker.dial(BrokerId(77)).await;
    assert!(matches!(refused, Err(BrokerError::Unanswered { .. })));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_artifact_that_nobody_asks_for_is_let_go_after_a_minute() {
    let packer = FakePacker::start("plain").await;
    let result = packer.post_process().await.unwrap();
    assert_eq!(field(&result, "StreamId"), Some(&Value::from(1)));
    tokio::time::advance(Duration::from_secs(61)).await;
    let refused = packer.broker.dial(BrokerId(1)).await;
    assert!(matches!(refused, Err(BrokerError::Unanswered { .. })));
}

#[tokio::test(start_paused = true)]
async fn post_process_fails_when_packer_does_not_serve_its_side() {
    let packer = FakePacker::start("no-artifact").await;
    // It was not announced: the fake closes the stream, as Packer does after five seconds.
    let answer = packer.main.call("PostProcessor.PostProcess", Value::from(99));
    let minute = Duration::from_secs(60);
    let result = timeout(minute, answer).await.unwrap().unwrap();
    let error = error_text(&result).unwrap();
    assert!(
        error.starts_with("packer did not answer on connection 99 of this build"),
        "{error}"
    );
    let silent = BrokerError::Silent { id: BrokerId(99) }.to_string();
    assert_eq!(
        silent,
        "packer did not answer on connection 99 of this build within 30 s"
    );
}

#[tokio::test(start_paused = true)]
async fn work_stops_and_the_plugin_ends_when_packer_is_gone() {
    let packer = FakePacker::start("block").await;
    let mut result = packer.post_process();
    let second = Duration::from_secs(1);
    assert!(timeout(second, &mut result).await.is_err(), "it waits");
    packer.vanish();
    let started = Instant::now();
    packer.plugin.await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO, "the work heard of it");
    assert!(result.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_idle_plugin_ends_when_packer_is_gone() {
    let packer = FakePacker::start("no-artifact").await;
    packer.vanish();
    packer.plugin.await.unwrap();
}
