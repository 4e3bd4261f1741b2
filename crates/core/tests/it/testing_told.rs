//! What a person reads of a version's test in a template: the lines of a good one, and why another was not passed.

use azure_batch_core::{failure::Failure, options::Door, publish};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::run,
    reads_well::MustFail as _,
    support::{Azure, lines},
    testing::tested,
};

const COLUMNS: usize = 100;

async fn told(fault: Option<Value>, command: &str) -> String {
    let azure = Azure::example();
    if let Some(fault) = fault {
        azure.fault(fault);
    }
    let error = run(&azure, &tested(command)).await.must_fail();
    Failure::of(&error, Door::Template).complaint(COLUMNS)
}

#[tokio::test(start_paused = true)]
async fn a_test_that_is_not_passed_says_what_happened_what_stays_and_what_to_do() {
    let endings = [
        ("a bad command", None, "exit 3"),
        (
            "a bad node",
            Some(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"})),
            "true",
        ),
        (
            "no quota",
            Some(json!({"kind": "allocationFailed", "code": "AccountCoreQuotaReached", "occurrence": "every"})),
            "true",
        ),
        (
            "no capacity",
            Some(json!({"kind": "allocationFailed", "code": "AllocationFailed", "occurrence": "every"})),
            "true",
        ),
    ];
    let mut all = String::new();
    for (name, fault, command) in endings {
        let told = told(fault, command).await;
        all.push_str(&format!("── {name}\n{told}\n"));
    }
    insta::assert_snapshot!(all);
}

#[tokio::test(start_paused = true)]
async fn a_test_that_is_passed_says_what_it_does_and_what_the_command_wrote() {
    fastrand::seed(7);
    let azure = Azure::example();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&tested("echo ok")))
        .await
        .result
        .unwrap();
    let all = lines(&mut events);
    let of_test: Vec<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|line| line.contains("test"))
        .collect();
    insta::assert_snapshot!(of_test.join("\n"));
}
