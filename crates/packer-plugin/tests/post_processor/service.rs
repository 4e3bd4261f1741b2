//! The service by itself, through its own client: operations that are left, joined, cancelled.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use azure_batch_core::{
    clock::{Clock, SystemClock},
    error::ErrorKind,
};
use jiff::Timestamp;
use packer_plugin_azure_batch::{
    imaging::v1::{self, event::Kind, imaging_client::ImagingClient, imaging_server::Imaging as _},
    service::{ImagingService, failure::Failed, in_process},
};
use tonic::{Code, Status, transport::Channel};

use crate::publisher::{End, SNAPSHOT, Scripted, VERSION};

/// A clock that stands until it is set forward.
#[derive(Debug, Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

async fn client(end: End) -> (ImagingClient<Channel>, Scripted) {
    client_at(end, Arc::new(SystemClock)).await
}

async fn client_at(end: End, clock: Arc<dyn Clock>) -> (ImagingClient<Channel>, Scripted) {
    let publisher = Scripted::new(end);
    let service = ImagingService::new(Arc::new(publisher.clone()), clock);
    (in_process(service).await.unwrap(), publisher)
}

fn image() -> v1::Image {
    let text = |text: &str| Some(text.to_owned());
    v1::Image {
        subscription_id: text("11111111-1111-1111-1111-111111111111"),
        source: Some(v1::Source {
            vm: text("vm1"),
            resource_group: text("rg"),
            ..v1::Source::default()
        }),
        shared_image_gallery_destination: Some(v1::Destination {
            resource_group: text("rg-images"),
            gallery_name: text("gal1"),
            image_name: text("ubuntu"),
            ..v1::Destination::default()
        }),
        ..v1::Image::default()
    }
}

fn request(id: &str) -> v1::PublishRequest {
    v1::PublishRequest {
        operation_id: id.to_owned(),
        image: Some(image()),
        ..v1::PublishRequest::default()
    }
}

fn named(id: &str) -> v1::GetOperationRequest {
    v1::GetOperationRequest {
        operation_id: id.to_owned(),
    }
}

/// All events of a stream, and how it ended.
async fn follow(client: &mut ImagingClient<Channel>, request: v1::PublishRequest) -> (Vec<v1::Event>, Option<Status>) {
    let mut events = Vec::new();
    let mut stream = client.publish(request).await.unwrap().into_inner();
    loop {
        match stream.message().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(status) => return (events, Some(status)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_numbered_and_the_last_one_is_the_result() {
    let (mut client, _) = client(End::Success).await;
    let (events, failed) = follow(&mut client, request("op-1")).await;
    assert!(failed.is_none());
    let numbers: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    let Some(Kind::Published(published)) = &events.last().unwrap().kind else {
        panic!("{events:#?}");
    };
    assert_eq!(published.image_version_id, VERSION);
    assert_eq!(published.run_id, "op-1", "the operation's id, when no run is named");
    assert!(
        events
            .iter()
            .all(|event| !event.text.is_empty() && event.time.is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_known_is_joined_where_the_client_left_off() {
    let (mut client, publisher) = client(End::Success).await;
    follow(&mut client, request("op-1")).await;
    let again = v1::PublishRequest {
        image: None,
        after_sequence: 6,
        ..request("op-1")
    };
    let (events, _) = follow(&mut client, again).await;
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [7, 8]);
    assert_eq!(publisher.jobs.lock().unwrap().len(), 1, "nothing was started twice");
}

#[tokio::test(start_paused = true)]
async fn the_same_request_starts_a_failed_operation_again_and_events_go_on_counting() {
    let (mut client, publisher) = client(End::Failure(ErrorKind::Azure)).await;
    let (events, failed) = follow(&mut client, request("op-1")).await;
    assert_eq!(failed.unwrap().code(), Code::Internal);
    let seen = events.last().unwrap().sequence;
    let again = v1::PublishRequest {
        after_sequence: seen,
        ..request("op-1")
    };
    let (events, _) = follow(&mut client, again).await;
    assert_eq!(
        events.first().unwrap().sequence,
        seen + 1,
        "nothing is missed or sent twice"
    );
    assert_eq!(publisher.jobs.lock().unwrap().len(), 2);
    let join = v1::PublishRequest {
        image: None,
        ..request("op-1")
    };
    let (_, failed) = follow(&mut client, join).await;
    assert!(failed.is_some(), "a request that only joins starts nothing");
    assert_eq!(publisher.jobs.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_what_was_done_and_what_is_left_as_a_result_does() {
    let (mut client, _) = client(End::Failure(ErrorKind::Azure)).await;
    let (_, failed) = follow(&mut client, request("op-1")).await;
    let failure = Failed::read(&failed.unwrap()).failure;
    let steps: Vec<(&str, u64)> = failure
        .steps
        .iter()
        .map(|time| (time.step.as_str(), time.seconds))
        .collect();
    assert_eq!(steps, [("snapshots", 7)]);
    let kept: Vec<(&str, &str)> = failure
        .kept
        .iter()
        .map(|kept| (kept.id.as_str(), kept.why.as_str()))
        .collect();
    assert_eq!(kept, [(SNAPSHOT, "keep names it")]);
    assert_eq!(failure.run_id, "op-1");
    let operation = client.get_operation(named("op-1")).await.unwrap().into_inner();
    assert_eq!(operation.failure.unwrap(), *failure, "also for those who ask later");
}

#[tokio::test(start_paused = true)]
async fn operations_that_ended_are_forgotten_after_a_day_or_a_hundred_others() {
    let clock = Arc::new(Hand::default());
    let (mut client, _) = client_at(End::Success, clock.clone()).await;
    follow(&mut client, request("first")).await;
    clock.0.fetch_add(24 * 3600 - 1, Ordering::Relaxed);
    assert!(client.get_operation(named("first")).await.is_ok());
    clock.0.fetch_add(1, Ordering::Relaxed);
    let status = client.get_operation(named("first")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    for number in 0..102 {
        follow(&mut client, request(&format!("op-{number}"))).await;
        clock.0.fetch_add(1, Ordering::Relaxed);
    }
    for (number, is_known) in [(0, false), (1, false), (2, true), (101, true)] {
        let found = client.get_operation(named(&format!("op-{number}"))).await;
        assert_eq!(found.is_ok(), is_known, "op-{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_not_kept_once_the_operation_has_started() {
    let publisher = Scripted::new(End::Cancel);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let service = Arc::new(ImagingService::new(Arc::new(publisher), clock));
    let connection = v1::Connection {
        tenant_id: Some("contoso.example".to_owned()),
        client_id: Some("00000000-0000-0000-0000-00000000c11e".to_owned()),
        client_secret: Some("hunter2".to_owned()),
        ..v1::Connection::default()
    };
    let mut other = connection.clone();
    other.client_secret = Some("hunter3".to_owned());
    for connection in [connection, other] {
        assert!(!format!("{connection:?}").contains("hunter"));
        let request = v1::PublishRequest {
            connection: Some(connection),
            ..request("op-1")
        };
        let joined = service.publish(tonic::Request::new(request)).await;
        assert!(joined.is_ok(), "a new secret joins as well");
    }
    assert!(!format!("{service:?}").contains("hunter"), "{service:?}");
}

#[tokio::test(start_paused = true)]
async fn other_settings_under_a_known_name_are_refused() {
    let (mut client, _) = client(End::Success).await;
    follow(&mut client, request("op-1")).await;
    let mut other = request("op-1");
    other.image.as_mut().unwrap().deadline = Some("1h".to_owned());
    let status = client.publish(other).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_does_not_stop_the_operation_but_a_cancel_does() {
    let (mut client, _) = client(End::Cancel).await;
    let stream = client.publish(request("op-1")).await.unwrap();
    drop(stream);
    let operation = client.get_operation(named("op-1")).await.unwrap().into_inner();
    assert_eq!(operation.state(), v1::OperationState::Running);
    let cancel = v1::CancelRequest {
        operation_id: "op-1".to_owned(),
    };
    client.cancel(cancel).await.unwrap();
    let join = v1::PublishRequest {
        image: None,
        ..request("op-1")
    };
    let (events, failed) = follow(&mut client, join).await;
    assert_eq!(
        events.last().unwrap().text,
        "removed /subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/snapshots/s1",
        "what it still did is reported"
    );
    assert_eq!(failed.unwrap().code(), Code::Cancelled);
    let operation = client.get_operation(named("op-1")).await.unwrap().into_inner();
    assert_eq!(operation.state(), v1::OperationState::Failed);
    assert_eq!(operation.failure.unwrap().exit_code, 130);
}

#[tokio::test(start_paused = true)]
async fn a_failure_carries_kind_exit_code_and_hint() {
    let kinds = [
        (ErrorKind::BadInput, Code::InvalidArgument, 2, v1::FailureKind::BadInput),
        (
            ErrorKind::NoRights,
            Code::PermissionDenied,
            3,
            v1::FailureKind::NoRights,
        ),
        (ErrorKind::Quota, Code::ResourceExhausted, 4, v1::FailureKind::Quota),
        (
            ErrorKind::PartlyReached,
            Code::Aborted,
            5,
            v1::FailureKind::PartlyReached,
        ),
        (
            ErrorKind::Deadline,
            Code::DeadlineExceeded,
            6,
            v1::FailureKind::Deadline,
        ),
        (
            ErrorKind::Refused,
            Code::FailedPrecondition,
            7,
            v1::FailureKind::Refused,
        ),
        (ErrorKind::Azure, Code::Internal, 8, v1::FailureKind::Azure),
        (ErrorKind::NeverSent, Code::Unavailable, 8, v1::FailureKind::NeverSent),
        (
            ErrorKind::UnknownEffect,
            Code::Unknown,
            8,
            v1::FailureKind::UnknownEffect,
        ),
    ];
    for (kind, code, exit_code, word) in kinds {
        let (mut client, _) = client(End::Failure(kind)).await;
        let (_, failed) = follow(&mut client, request("op-1")).await;
        let failed = Failed::read(&failed.unwrap());
        assert_eq!((failed.code, failed.failure.exit_code), (code, exit_code));
        assert_eq!(failed.failure.kind(), word);
        assert_eq!(failed.failure.hint, "Ask it again.");
        assert_eq!(failed.failure.next[0].text, "Ask it again.");
    }
}

#[tokio::test(start_paused = true)]
async fn bad_settings_are_refused_with_all_faults_for_programs_too() {
    let (mut client, publisher) = client(End::Success).await;
    let mut bad = request("op-1");
    let image = bad.image.as_mut().unwrap();
    (image.deadline, image.on_failure) = (Some("soon".to_owned()), Some("cry".to_owned()));
    let failed = Failed::read(&client.publish(bad).await.unwrap_err());
    let names: Vec<&str> = failed
        .failure
        .faults
        .iter()
        .map(|fault| fault.setting.as_str())
        .collect();
    assert_eq!(names, ["image.on_failure", "image.deadline"]);
    assert!(publisher.jobs.lock().unwrap().is_empty());
    let status = client.publish(request("not an id")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_never_was_is_not_found() {
    let (mut client, _) = client(End::Success).await;
    let status = client.get_operation(named("op-9")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let join = v1::PublishRequest {
        image: None,
        ..request("op-9")
    };
    assert_eq!(client.publish(join).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_would_change() {
    let (mut client, _) = client(End::Success).await;
    let request = v1::PlanRequest {
        image: Some(image()),
        ..v1::PlanRequest::default()
    };
    let plan = client.plan(request).await.unwrap().into_inner();
    assert_eq!(plan.image_version_id, VERSION);
    assert_eq!(plan.changes, ["create snapshot s1"]);
}
