//! Verbs that write nothing: plan, doctor and judge. Each of their requests meets what it must outlive, and nothing is
//! written by any of the runs.
//!
//! A wait and a look at all pools are swept in `verbs_sweep`.

use azure_batch_core::{
    doctor,
    error::Result,
    judgement,
    options::pool::{ACCOUNT, IMAGE_VERSION},
    rollout,
    settings::{self, Values},
};

use crate::{
    given::checked,
    judgement::{of_green, two_pools, work},
    publish_sweep::write_count,
    rollout::{image, world},
    rollout_in_place::{in_place, working},
    support::{Azure, GROUP},
    sweep::Ends,
    verbs_sweep::{sweep, sweep_one_of},
};

fn written(azure: &Azure) -> String {
    azure.writes().join(", ")
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_plan_meets_what_it_must_outlive_and_nothing_is_written() {
    let settings = checked(&in_place(5));
    let plan = async |azure: &Azure, ends: &Ends| -> Result<()> {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        rollout::plan(&client, &settings).await.map(drop)
    };
    let quiet = async || {
        let azure = working().await;
        azure.turn_the_page();
        azure
    };
    let cases = sweep(quiet, plan, written).await;
    assert!(cases > 10, "only {cases} cases");
    write_count("plan of a roll-out", cases);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_doctor_meets_what_it_must_outlive_and_nothing_is_written() {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default()
        .with(ACCOUNT, account)
        .with(IMAGE_VERSION, image("1.0.0"));
    let asked = settings::doctor(&values).unwrap();
    let examine = async |azure: &Azure, ends: &Ends| -> Result<()> {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        doctor::run(&client, &asked.settings).await.map(drop)
    };
    let cases = sweep(async || world(|_| ()), examine, written).await;
    assert!(cases > 7, "only {cases} cases");
    write_count("doctor", cases);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_judgement_meets_what_it_must_outlive_and_nothing_is_written() {
    let asked = settings::judgement(&of_green()).unwrap();
    let judge = async |azure: &Azure, ends: &Ends| -> Result<()> {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        judgement::run(&client, &asked.settings).await.map(drop)
    };
    let working = async || {
        let azure = two_pools(0.5).await;
        work(&azure, "render-1", "blue", 60, "true").await;
        work(&azure, "render-2", "green", 60, "true").await;
        azure.turn_the_page();
        azure
    };
    let cases = sweep_one_of(3, working, judge, written).await;
    assert!(cases > 6, "only {cases} cases");
    write_count("judgement", cases);
}
