//! What a run makes of the answers it gets: trouble that passes, refusals, lost answers, and its own end.
//!
//! One request or one write at a time; whole flows are in `publish` and `rollout`.

use crate::reads_well::MustFail as _;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use azure_batch_core::{
    client::Client,
    clock::SystemClock,
    compute::{snapshot, snapshot::SnapshotKind, vm},
    connect::connect,
    error::{Error, ErrorKind, Result},
    ids::resource::{SnapshotId, VmId},
    ids::{CloudChoice, KnownCloud},
    operation::drive,
    options::sign_in,
    progress::{Event, Progress},
    request::Request,
    run::Run,
    settings::{self, Values},
    transport::{SendError, Transport},
};
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::{Azure, GROUP, login};

const SNAPSHOTS: &str = "*/snapshots/*";

/// Answers what a machine's identity service does while it is updated, then the token, then everything.
#[derive(Debug)]
struct Imds {
    statuses: Mutex<Vec<u16>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Imds {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError> {
        let path = request.uri().path().to_owned();
        self.asked.lock().unwrap().push(path.clone());
        let is_token = path.starts_with("/metadata/identity/");
        let status = if is_token {
            self.statuses.lock().unwrap().pop().unwrap_or(200)
        } else {
            200
        };
        let body = match status {
            200 if is_token => {
                json!({"access_token": "t", "expires_on": "4000000000", "token_type": "Bearer", "resource": "r"})
            }
            200 => json!({"name": "vm-build"}),
            _ => json!({"error": "updating", "error_description": "the service is being updated"}),
        };
        let response = http::Response::builder().status(status);
        Ok(response.body(Bytes::from(body.to_string())).unwrap())
    }
}

fn snapshot_id() -> SnapshotId {
    format!("{GROUP}/providers/Microsoft.Compute/snapshots/s1")
        .parse()
        .unwrap()
}

fn read_vm() -> Request {
    vm::get(
        &format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-build")
            .parse()
            .unwrap(),
    )
}

async fn client(azure: &Azure) -> Client {
    azure.client(&CancellationToken::new()).await.0
}

/// Creates a snapshot of the example's OS disk.
async fn make_snapshot(client: &Client) -> Result<Value> {
    let vm = client.send(&read_vm()).await?.value();
    let disk = vm["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let id = snapshot_id();
    let location = "eastus2".parse().unwrap();
    let create = snapshot::create(&id, &disk, &location, SnapshotKind::Full, &Map::new());
    drive::put(client, &create, &snapshot::get(&id)).await
}

async fn delete_snapshot(client: &Client) -> Result<()> {
    let id = snapshot_id();
    drive::delete(client, &snapshot::delete(&id), &snapshot::get(&id)).await
}

fn count(azure: &Azure, method: &str, part: &str) -> usize {
    let is_it = |entry: &&azure_emulator::journal::Entry| entry.method == method && entry.path.contains(part);
    azure.journal().iter().filter(is_it).count()
}

/// How often the scripted faults took effect.
fn hits(azure: &Azure) -> u64 {
    azure.emulator(|emulator, _| emulator.faults().iter().map(|fault| fault.hits).sum())
}

fn put_fault(azure: &Azure, mut effect: Value, times: u64) {
    effect["method"] = json!("PUT");
    effect["path"] = json!(SNAPSHOTS);
    effect["occurrence"] = json!({"first": times});
    azure.fault(effect);
}

#[tokio::test(start_paused = true)]
async fn a_write_rides_out_trouble_as_long_as_a_read_does() {
    let azure = Azure::example();
    put_fault(
        &azure,
        json!({"kind": "status", "status": 500, "code": "InternalServerError"}),
        7,
    );
    let began = Instant::now();
    make_snapshot(&client(&azure).await).await.unwrap();
    assert_eq!((hits(&azure), count(&azure, "PUT", "/snapshots/")), (7, 8));
    assert!(began.elapsed() > Duration::from_secs(90), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_given_up_keeps_the_service_s_last_words() {
    let azure = Azure::example();
    put_fault(
        &azure,
        json!({"kind": "status", "status": 500, "code": "InternalServerError", "message": "Encountered internal server error."}),
        100,
    );
    let error = make_snapshot(&client(&azure).await).await.must_fail();
    let report = error.report();
    assert_eq!((error.kind(), hits(&azure)), (ErrorKind::Azure, 8), "{report}");
    for part in [
        "create snapshot s1",
        "tried 8 times",
        "InternalServerError: Encountered internal server error",
        "request id",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_writer_is_waited_for_as_long_as_the_service_asks() {
    for (code, retry_after) in [
        ("AnotherOperationInProgress", 10),
        ("RetryableError", 900),
        ("Conflict", 1),
    ] {
        let azure = Azure::example();
        let busy = json!({"kind": "status", "status": 409, "code": code, "retryAfter": retry_after});
        put_fault(&azure, busy, 2);
        let began = Instant::now();
        make_snapshot(&client(&azure).await)
            .await
            .unwrap_or_else(|error| panic!("{code}: {}", error.report()));
        assert_eq!(hits(&azure), 2, "{code}");
        assert!(
            began.elapsed() >= Duration::from_secs(2 * retry_after),
            "{code}: {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_without_a_body_decides_nothing() {
    for body in ["", "{}", "<html>proxy</html>"] {
        let azure = Azure::example();
        put_fault(&azure, json!({"kind": "wrongBody", "body": body, "status": 202}), 1);
        let made = make_snapshot(&client(&azure).await).await.unwrap();
        assert_eq!(made["properties"]["provisioningState"], "Succeeded", "{body:?}");
        assert_eq!((hits(&azure), count(&azure, "PUT", "/snapshots/")), (1, 1), "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_without_json_is_repeated_and_never_taken_for_what_is_there() {
    for body in ["", "{}", "<html>proxy</html>", "[]"] {
        let azure = Azure::example();
        azure.fault(json!({"kind": "wrongBody", "body": body, "method": "GET", "path": "*/virtualMachines/vm-build", "occurrence": {"first": 2}}));
        let read = client(&azure).await.send(&read_vm()).await.unwrap().value();
        assert_eq!((hits(&azure), &read["name"]), (2, &json!("vm-build")), "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_ends_a_deletion_at_once_and_is_named() {
    let azure = Azure::example();
    let client = client(&azure).await;
    make_snapshot(&client).await.unwrap();
    azure.fault(json!({"kind": "status", "status": 409, "code": "ScopeLocked", "message": "The scope 's1' cannot perform delete operation because following scope(s) are locked: 'keep'.",
        "method": "DELETE", "path": SNAPSHOTS, "occurrence": "every"}));
    let began = Instant::now();
    let error = delete_snapshot(&client).await.must_fail();
    assert_eq!(
        (error.kind(), error.kind().exit_code().0, hits(&azure)),
        (ErrorKind::Locked, 7, 1)
    );
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(error.report().contains("locked: 'keep'"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_named_and_is_no_missing_right() {
    let azure = Azure::example();
    put_fault(
        &azure,
        json!({"kind": "status", "status": 403, "code": "RequestDisallowedByPolicy", "message": "Resource 's1' was disallowed by policy.",
        "additionalInfo": [{"type": "PolicyViolation", "info": {"policyAssignmentDisplayName": "Only Europe", "policyDefinitionDisplayName": "Allowed locations"}}]}),
        1,
    );
    let error = make_snapshot(&client(&azure).await).await.must_fail();
    assert_eq!((error.kind(), hits(&azure)), (ErrorKind::Policy, 1));
    assert!(
        error.report().contains("policy assignment: Only Europe"),
        "{}",
        error.report()
    );
    assert!(error.hint().unwrap().contains("owner of the policy"));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_property_is_bad_input_before_the_first_write_and_a_stop_in_the_middle_after_it() {
    let azure = Azure::example();
    let wrong = json!({"kind": "status", "status": 400, "code": "InvalidParameter"});
    put_fault(&azure, wrong.clone(), 1);
    let client = client(&azure).await;
    let before = make_snapshot(&client).await.must_fail();
    make_snapshot(&client).await.unwrap();
    put_fault(&azure, wrong, 1);
    let after = make_snapshot(&client).await.must_fail();
    assert_eq!(hits(&azure), 2);
    assert_eq!(
        (before.kind(), after.kind()),
        (ErrorKind::BadInput, ErrorKind::Rejected)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_once_is_replaced() {
    let azure = Azure::example();
    let client = client(&azure).await;
    client.send(&read_vm()).await.unwrap();
    azure.fault(json!({"kind": "tokenRefused", "path": "*/virtualMachines/*"}));
    client.send(&read_vm()).await.unwrap();
    assert_eq!((hits(&azure), count(&azure, "POST", "/oauth2/")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_again_is_a_sign_in_that_failed() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "tokenRefused", "path": "*/virtualMachines/*", "occurrence": "every"}));
    let error = client(&azure).await.send(&read_vm()).await.must_fail();
    assert_eq!(
        (error.kind(), hits(&azure)),
        (ErrorKind::SignIn, 2),
        "{}",
        error.report()
    );
}

#[tokio::test(start_paused = true)]
async fn an_action_that_was_accepted_is_not_sent_again_when_its_record_is_gone() {
    let azure = Azure::example();

    azure.fault(json!({"kind": "status", "status": 404, "code": "NotFound", "method": "GET", "path": "*/operations/*", "occurrence": "every"}));
    let client = client(&azure).await;
    let id: VmId = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-build")
        .parse()
        .unwrap();
    let is_done = || async {
        let body = client.send(&vm::get(&id)).await?.value();
        Ok(vm::Vm::new(body).power_state() == "deallocated")
    };
    drive::act(&client, &vm::deallocate(&id), is_done).await.unwrap();
    assert_eq!((hits(&azure), count(&azure, "POST", "/deallocate")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_leads_to_itself_is_an_error() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "endlessList", "path": "*/snapshots", "occurrence": "every"}));
    let client = client(&azure).await;
    let group = GROUP.parse().unwrap();
    let error = client.list(&snapshot::list(&group)).await.must_fail();
    assert!(error.report().contains("does not end"), "{}", error.report());
    assert!((1..=2).contains(&hits(&azure)), "{} pages were read", hits(&azure));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_request_that_hangs() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "hang", "path": "*/virtualMachines/*"}));
    let limit = Duration::from_secs(5);
    let (client, _events) = azure.client_with_limit(&CancellationToken::new(), limit).await;
    let began = Instant::now();
    let error = client.send(&read_vm()).await.must_fail();
    assert_eq!((error.kind(), hits(&azure)), (ErrorKind::Deadline, 1));
    assert_eq!(began.elapsed().as_secs(), 5, "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_a_request_that_hangs_and_cleaning_up_signs_in_all_the_same() {
    // A token that lives so short is renewed for every request.
    let azure = Azure::with_token_life(&azure_emulator::seed::Seed::example(), 180);
    let cancel = CancellationToken::new();
    let run = Run::new(
        Arc::new(SystemClock),
        Duration::from_secs(600),
        cancel.clone(),
        Progress::silent(),
    );
    let cloud = CloudChoice::Known(KnownCloud::Public);
    let client = connect(&login(), &cloud, Arc::new(azure.clone()), run).await.unwrap();
    client.send(&read_vm()).await.unwrap();
    azure.fault(json!({"kind": "hang", "path": "*/virtualMachines/*"}));
    let stop = async {
        tokio::task::yield_now().await;
        cancel.cancel();
    };
    let (error, ()) = tokio::join!(async { client.send(&read_vm()).await.must_fail() }, stop);
    assert_eq!((error.kind(), hits(&azure)), (ErrorKind::Cancelled, 1));
    let before = count(&azure, "POST", "/oauth2/");
    client
        .for_cleanup(Duration::from_secs(60))
        .send(&read_vm())
        .await
        .unwrap();
    assert_eq!(count(&azure, "POST", "/oauth2/"), before + 1, "it signed in again");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_can_be_found_by_its_id() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "resetBeforeEffect", "path": "*/virtualMachines/*", "occurrence": "every"}));
    let error = client(&azure).await.send(&read_vm()).await.must_fail();
    assert_eq!((error.kind(), hits(&azure)), (ErrorKind::UnknownEffect, 8));
    assert!(error.report().contains("(client request id "), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_used_up_its_retries_says_so_of_an_answered_503_too() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "status", "status": 503, "code": "ServerBusy", "path": "*/virtualMachines/*", "occurrence": "every"}));
    let client = client(&azure).await;
    let mut reads = 0;
    loop {
        reads += 1;
        assert!(reads < 20, "the retries never end");
        let error = client.send(&read_vm()).await.must_fail();
        assert!(error.has_code("ServerBusy"), "{}", error.report());
        if error.hint().unwrap().contains("has used up its retries") {
            return;
        }
    }
}

async fn ask_as_machine(statuses: Vec<u16>) -> (Result<(), Error>, usize) {
    let imds = Arc::new(Imds {
        statuses: Mutex::new(statuses),
        asked: Mutex::default(),
    });
    let login = settings::connection(&Values::default()).unwrap().login;
    let run = Run::new(
        Arc::new(SystemClock),
        Duration::from_secs(600),
        CancellationToken::new(),
        Progress::silent(),
    );
    let cloud = CloudChoice::Known(KnownCloud::Public);
    let client = connect(&login, &cloud, Arc::clone(&imds) as Arc<dyn Transport>, run)
        .await
        .unwrap();
    let read = client.send(&read_vm()).await.map(drop);
    let asked = imds.asked.lock().unwrap().len();
    (read, asked)
}

#[tokio::test(start_paused = true)]
async fn the_machine_s_identity_service_is_asked_again_while_it_is_updated() {
    let (read, asked) = ask_as_machine(vec![503, 410, 404]).await;
    read.unwrap();
    assert_eq!(asked, 5, "three refusals, the token, the machine");
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_an_identity_has_not_signed_in() {
    let (read, asked) = ask_as_machine(vec![400]).await;
    let error = read.must_fail();
    assert_eq!((error.kind(), asked), (ErrorKind::SignIn, 1), "{}", error.report());
    assert!(!error.has_status(400), "the machine's refusal is not the service's");
    let said = "to sign in as this machine, assign a managed identity to it";
    assert!(error.report().contains(said), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_serves_until_it_expires() {
    let azure = Azure::with_token_life(&azure_emulator::seed::Seed::example(), 180);
    let run = Run::new(
        Arc::new(SystemClock),
        Duration::from_secs(600),
        CancellationToken::new(),
        Progress::silent(),
    );
    let cloud = CloudChoice::Known(KnownCloud::Public);
    let client = connect(&login(), &cloud, Arc::new(azure.clone()), run).await.unwrap();
    client.send(&read_vm()).await.unwrap();
    azure.fault(
        json!({"kind": "status", "status": 400, "code": "invalid_grant", "path": "*/oauth2/*", "occurrence": "every"}),
    );
    client.send(&read_vm()).await.unwrap();
    assert_eq!(hits(&azure), 1, "a renewal was tried");
}

#[tokio::test(start_paused = true)]
async fn the_request_token_of_a_ci_job_goes_over_https_only() {
    let values = Values::default()
        .with(sign_in::TENANT_ID, crate::support::TENANT)
        .with(sign_in::CLIENT_ID, crate::support::APPLICATION)
        .with(sign_in::OIDC_REQUEST_URL, "http://tokens.example/t?a=b")
        .with(sign_in::OIDC_REQUEST_TOKEN, SecretString::from("t0ken"));
    let login = settings::connection(&values).unwrap().login;
    let azure = Azure::example();
    let run = Run::new(
        Arc::new(SystemClock),
        Duration::from_secs(600),
        CancellationToken::new(),
        Progress::silent(),
    );
    let cloud = CloudChoice::Known(KnownCloud::Public);
    let refused = connect(&login, &cloud, Arc::new(azure.clone()), run).await;
    let error = refused.must_fail();
    assert_eq!((error.kind(), azure.journal().len()), (ErrorKind::BadInput, 0));
    assert!(
        error.report().contains("a secret travels over HTTPS only"),
        "{}",
        error.report()
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_is_reported_with_the_answer_for_programs() {
    let azure = Azure::example();
    azure.fault(
        json!({"kind": "status", "status": 503, "code": "ServerBusy", "method": "GET", "path": "*/virtualMachines/*"}),
    );
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    client.send(&read_vm()).await.unwrap();
    let answer = std::iter::from_fn(|| events.try_recv().ok()).find_map(|event| match event {
        Event::Retrying { answer, .. } => answer,
        _ => None,
    });
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.code.as_str()), (503, "ServerBusy"));
}
