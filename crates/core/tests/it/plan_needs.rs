//! What a roll-out needs, as lines of its plan: what is missing ends no plan, and nothing is written.

use azure_batch_core::{
    error::ErrorKind,
    plan::{About, FactState},
    rollout::{self, RolloutStep},
    settings::{ROLLOUT_DEADLINE, RolloutSettings},
};
use serde_json::json;

use crate::{
    given::checked,
    reads_well::MustFail as _,
    rollout::{client, failure, good, roll_out, settings, world},
    rollout_blue_green::{blue_green, room_for},
    rollout_in_place::working_in,
    support::{APPLICATION, Azure, GROUP},
};

async fn planned(azure: &Azure, settings: &RolloutSettings) -> azure_batch_core::plan::Plan<RolloutStep> {
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let planned = rollout::plan(&client, &checked(settings)).await;
    planned.unwrap_or_else(|error| panic!("{}", error.report()))
}

fn lines(plan: &azure_batch_core::plan::Plan<RolloutStep>) -> String {
    let lines: Vec<String> = plan.facts.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_is_there_and_what_is_missing_and_fails_for_neither() {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let role = |scope: &str, actions: &[&str]| json!({"principal": APPLICATION, "scope": scope, "actions": actions});
    let azure = world(|seed| {
        seed["batchAccounts"][0]["quotas"] = json!({"dedicatedCores": 10});
        seed["versions"][0]["publishingProfile"]["endOfLifeDate"] = json!("2027-05-01T00:00:00Z");
        let subscription = GROUP.split("/resourceGroups").next().unwrap();
        seed["roleAssignments"] = json!([
            role(&account, &["*/read"]),
            role(
                subscription,
                &["*/read", "Microsoft.Compute/disks/beginGetAccess/action"]
            ),
        ]);
    });
    let plan = planned(&azure, &settings("acct1", 5)).await;
    let said = lines(&plan);
    for line in [
        "rights, missing: Microsoft.Batch/batchAccounts/pools/write to create and resize pools, on ",
        "registration: Microsoft.Batch is registered in subscription 00000000-0000-0000-0000-0000000005b5",
        "quota, too little: dedicated cores of the account: 10",
        "nodes: 5 nodes of Standard_D4s_v5, 120 node-hours a day",
        "dates: image version 1.0.0 of def1 ends on 2027-05-01",
        "dates: Batch supports node agent batch.node.ubuntu 22.04 until ",
    ] {
        assert!(said.contains(line), "{line:?} is not in\n{said}");
    }
    assert_eq!(
        plan.stopped_by(),
        Some(ErrorKind::NoRights),
        "the roll-out ends with it"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_plan_knows_with_what_the_roll_out_would_be_refused() {
    let full = world(|seed| seed["batchAccounts"][0]["quotas"] = json!({"dedicatedCores": 10}));
    let plan = planned(&full, &settings("acct1", 5)).await;
    assert_eq!(plan.stopped_by(), Some(ErrorKind::Quota), "{}", lines(&plan));
    assert_eq!(failure(&full, &settings("acct1", 5)).await.kind(), ErrorKind::Quota);

    let azure = world(|_| ());
    let mut asked = settings("acct1", 5);
    asked.pool.node_agent_sku = Some("batch.node.windows amd64".parse().unwrap());
    let plan = planned(&azure, &asked).await;
    assert_eq!(plan.stopped_by(), Some(ErrorKind::BadInput), "{}", lines(&plan));
    assert_eq!(failure(&azure, &asked).await.kind(), ErrorKind::BadInput);

    let mut asked = settings("acct1", 5);
    asked.pool.vm_size = Some("Standard_D4s_v55".parse().unwrap());
    let error = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&asked))
        .await
        .must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{}", error.report());
    assert!(
        error.report().contains("does not offer the VM size Standard_D4s_v55"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_move_to_a_second_pool_says_what_it_needs_of_the_quotas_and_whether_it_goes_in_steps() {
    for (nodes, steps) in [(10, ""), (6, " and grows as the former one shrinks")] {
        let azure = working_in(room_for(nodes)).await;
        let said = lines(&planned(&azure, &blue_green(5)).await);
        let line = format!(
            "quota: dedicated cores of the account: {}, 20 are used now, the former pool's with them; the second pool \
             needs 20{steps}\n",
            4 * nodes
        );
        assert!(said.contains(&line), "{line:?} is not in\n{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_all_is_there_every_line_is_good_and_a_plan_without_changes_has_none() {
    let azure = world(|_| ());
    let plan = planned(&azure, &settings("acct1", 5)).await;
    let bad: Vec<String> = plan
        .facts
        .iter()
        .filter(|fact| fact.state != FactState::Good)
        .map(ToString::to_string)
        .collect();
    assert_eq!((bad, plan.stopped_by()), (Vec::new(), None));
    for about in [
        About::Rights,
        About::Registration,
        About::Quota,
        About::Nodes,
        About::Dates,
    ] {
        assert!(
            plan.facts.iter().any(|fact| fact.about == about),
            "{about:?}:\n{}",
            lines(&plan)
        );
    }
    drop(good(roll_out(&azure, &settings("acct1", 5)).await));
    let again = planned(&azure, &settings("acct1", 5)).await;
    assert_eq!((again.is_done(), lines(&again)), (true, String::new()));
}
