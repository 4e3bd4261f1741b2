//! What a look at pools says when this identity may not read everything: what is only good to know is a line, and no
//! failure of a nightly job.

use azure_batch_core::{
    options::pool::ACCOUNT,
    settings::{self, ROLLOUT_DEADLINE, Values},
    status,
};
use serde_json::json;

use crate::{
    estate::{by_id, pool},
    rollout::{client, image, world},
    support::{APPLICATION, GROUP},
};

#[tokio::test(start_paused = true)]
async fn a_reader_of_account_and_gallery_sees_enough_and_what_needs_more_is_a_line() {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let gallery = format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1");
    let reader = |scope: &str| json!({"principal": APPLICATION, "scope": scope, "actions": ["*/read"]});
    let azure = world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image("1.0.0")), 1)]);
        seed["roleAssignments"] = json!([reader(&account), reader(&gallery)]);
    });
    let asked = settings::status(&Values::default().with(ACCOUNT, account)).unwrap();
    let report = status::run(&client(&azure, ROLLOUT_DEADLINE).await, &asked.settings).await;
    let report = report.unwrap_or_else(|error| panic!("{}", error.report()));
    assert!(report.unseen.is_empty(), "{:?}", report.unseen);
    let said: Vec<String> = report.notes.iter().map(ToString::to_string).collect();
    let lacks = "this identity lacks Microsoft.Batch/locations/virtualMachineSkus/read";
    assert_eq!(said, [format!("not known: when VM sizes in eastus2 end ({lacks})")]);
}
