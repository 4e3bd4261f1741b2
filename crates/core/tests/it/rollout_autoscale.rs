//! Pools whose size a formula decides: made, changed, brought to another version and back, and never resized.
//!
//! The world is that of `rollout`.

use azure_batch_core::{
    error::{ErrorKind, Result},
    ids::NodeCounts,
    rollout::{self, PoolAction, RolloutReport},
    settings::{Adopt, Autoscale, ROLLOUT_DEADLINE, RolloutSettings, Strategy},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{client, entries, failure, foreign_pool, good, image, roll_out, settings, world},
    rollout_in_place::{ask, back, state, working},
    support::{Azure, lines},
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_ONE_POOL, Rivals},
    },
};

const FOUR: &str = "$TargetDedicatedNodes = 4; $TargetLowPriorityNodes = 0;";
const SIX: &str = "$TargetDedicatedNodes = min(6, 10); $TargetLowPriorityNodes = 0;";

/// A roll-out of 1.0.0 to a pool that follows a formula.
pub(crate) fn following(formula: &str) -> RolloutSettings {
    let mut settings = settings("acct1", 0);
    settings.pool.autoscale = Some(Autoscale {
        formula: formula.to_owned(),
        minutes: None,
    });
    settings
}

/// A formula of about so many letters.
fn long(nodes: u32, letters: usize) -> String {
    format!("// {}\n$TargetDedicatedNodes = {nodes};", "why so ".repeat(letters / 7))
}

async fn pool(azure: &Azure) -> Value {
    ask(azure, Method::GET, "/pools/p1", None).await
}

/// A pool of ours on 0.9.0 that follows a formula.
async fn followed(formula: &str) -> Azure {
    let azure = world(|_| {});
    let mut old = following(formula);
    old.pool.version = image("0.9.0").parse().unwrap();
    good(roll_out(&azure, &old).await);
    azure.turn_the_page();
    azure
}

fn in_place(formula: &str) -> RolloutSettings {
    let mut settings = following(formula);
    settings.change.strategy = Strategy::InPlace;
    settings
}

fn steps(report: &RolloutReport) -> Vec<String> {
    report.plan.steps.iter().map(ToString::to_string).collect()
}

/// How many replicas the version has in the account's region.
fn replicas(azure: &Azure) -> u64 {
    let all = azure.resources();
    let versions = all["compute"]["galleries/images/versions"].as_array().unwrap();
    let version = versions
        .iter()
        .find(|it| it["id"].as_str().unwrap().ends_with("/1.0.0"));
    let regions = &version.unwrap()["properties"]["publishingProfile"]["targetRegions"];
    let here = regions.as_array().unwrap().iter().find(|it| it["name"] == "East US 2");
    here.unwrap()["regionalReplicaCount"].as_u64().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_version_gets_the_replicas_that_the_greatest_size_of_a_formula_needs() {
    let azure = world(|_| {});
    good(roll_out(&azure, &following(FOUR)).await);
    assert_eq!(replicas(&azure), 4, "four nodes need no more");
    let azure = world(|_| {});
    let mut most = following(FOUR);
    most.policy.most_nodes = Some(1500);
    good(roll_out(&azure, &most).await);
    assert_eq!(replicas(&azure), 6, "1500 nodes need 5, and one more");
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_made_with_its_formula_and_a_second_run_writes_nothing() {
    let azure = world(|_| {});
    let mut settings = following(FOUR);
    settings.pool.autoscale.as_mut().unwrap().minutes = Some(30);
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!(
        (report.action, report.needed, report.ready),
        (PoolAction::Created, 4, Some(4))
    );
    assert_eq!(azure.writes(), ["POST /pools"]);
    let created = &entries(&azure, &Method::POST, "/pools")[0].request;
    assert_eq!(
        (&created["autoScaleFormula"], &created["autoScaleEvaluationInterval"]),
        (&json!(FOUR), &json!("PT30M"))
    );
    assert_eq!(
        created.get("targetDedicatedNodes").or(created.get("resizeTimeout")),
        None
    );
    azure.turn_the_page();
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!(report.action, PoolAction::Unchanged);
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_the_formula_asks_for_is_said_wherever_a_size_would_be() {
    let azure = followed(FOUR).await;
    let mut settings = following(FOUR);
    settings.change.strategy = Strategy::Auto;
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let report = good(rollout::run(&client, &checked(&settings)).await);
    assert_eq!(report.formula_asks, Some(NodeCounts { dedicated: 4, spot: 0 }));
    assert_eq!((report.targets.dedicated, report.needed, report.ready), (4, 4, Some(4)));
    let told = lines(&mut events).join("\n");
    for said in [
        "pool p1 in acct1 → def1 1.0.0, as many nodes as its formula asks for",
        "the formula of pool p1 asks for 4 nodes now",
    ] {
        assert!(told.contains(said), "{said} is not in\n{told}");
    }
    let chosen = &steps(&report)[0];
    assert!(
        chosen.contains("4 would be away until their tasks have ended and 4 new ones (autoscale) have started"),
        "{chosen}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_formula_is_evaluated_first_and_then_enabled() {
    let azure = world(|_| {});
    good(roll_out(&azure, &following(FOUR)).await);
    azure.turn_the_page();
    let report = good(roll_out(&azure, &following(SIX)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Autoscaled, Some(6)));
    assert_eq!(
        azure.writes(),
        ["POST /pools/p1/evaluateautoscale", "POST /pools/p1/enableautoscale"]
    );
    assert_eq!(
        steps(&report),
        [
            "let the autoscale formula decide the size of pool p1; now it comes to $TargetDedicatedNodes=6, $TargetLowPriorityNodes=0",
            "wait until the nodes that the formula asks for in pool p1 are ready"
        ]
    );
    let enabled = &entries(&azure, &Method::POST, "/enableautoscale")[0].request;
    assert_eq!(
        enabled["autoScaleEvaluationInterval"], "PT15M",
        "without it Batch would wait for the next evaluation"
    );
}

#[tokio::test(start_paused = true)]
async fn a_formula_that_batch_does_not_take_is_shown_whole_and_nothing_is_written() {
    let azure = world(|_| {});
    good(roll_out(&azure, &following(FOUR)).await);
    azure.turn_the_page();
    for (formula, said) in [
        ("$TargetDedicatedNodes = 4 +", "AutoScalingFormulaSyntaxError"),
        ("$TargetDedicatedNodes = 4 / 0;", "division by zero"),
    ] {
        let error = failure(&azure, &following(formula)).await;
        assert!(error.report().contains(said), "{}", error.report());
        assert!(
            matches!(error.kind(), ErrorKind::BadInput | ErrorKind::Rejected),
            "{error:?}"
        );
    }
    let evaluated = "POST /pools/p1/evaluateautoscale";
    assert_eq!(azure.writes(), [evaluated; 2]);
    assert_eq!(pool(&azure).await["autoScaleFormula"], FOUR);
}

#[tokio::test(start_paused = true)]
async fn a_new_pool_whose_formula_fails_when_it_is_evaluated_is_no_success() {
    let azure = world(|_| {});
    let error = failure(&azure, &following("$TargetDedicatedNodes = 4 / 0;")).await;
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.report().contains("division by zero"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_a_fixed_size_is_given_the_formula_without_an_evaluation_that_batch_would_refuse() {
    let azure = world(|_| {});
    good(roll_out(&azure, &settings("acct1", 5)).await);
    azure.turn_the_page();
    let report = good(roll_out(&azure, &following(FOUR)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Autoscaled, Some(4)));
    assert_eq!(azure.writes(), ["POST /pools/p1/enableautoscale"]);
    azure.turn_the_page();
    let error = failure(&azure, &settings("acct1", 5)).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.report().contains("follows an autoscale formula"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_the_quota_keeps_away_from_a_formula_are_a_failure_with_the_reason() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "quota", "deliver": 1, "code": "AccountCoreQuotaReached", "target": "acct1/p1"}));
    let error = failure(&azure, &following(FOUR)).await;
    assert_eq!(error.kind(), ErrorKind::Quota);
    let report = error.report();
    assert!(report.contains("1 node there, 4 asked for by its formula"), "{report}");
    assert_eq!(azure.writes(), ["POST /pools"], "such a pool is never resized");
}

#[tokio::test(start_paused = true)]
async fn in_place_the_formula_is_remembered_taken_away_and_given_back() {
    let azure = followed(SIX).await;
    let report = good(roll_out(&azure, &in_place(SIX)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(6)));
    assert_eq!(
        azure.writes(),
        [
            "PATCH /pools/p1",
            "POST /pools/p1/disableautoscale",
            "POST /pools/p1/resize",
            "PATCH /pools/p1",
            "POST /pools/p1/enableautoscale",
            "PATCH /pools/p1",
        ]
    );
    assert!(
        steps(&report)
            .iter()
            .any(|step| step.starts_with("take the autoscale formula from pool p1")),
        "{:?}",
        steps(&report)
    );
    let changed = pool(&azure).await;
    assert_eq!(
        (&changed["autoScaleFormula"], &changed["currentDedicatedNodes"]),
        (&json!(SIX), &json!(6))
    );

    // By hand, and at any time, the pool gets its former image and formula.
    azure.turn_the_page();
    let former = rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await;
    assert_eq!(good(former).action, PoolAction::Returned);
    let returned = pool(&azure).await;
    assert_eq!(returned["autoScaleFormula"], SIX);
    assert!(returned.to_string().contains("versions/0.9.0"), "{returned}");
}

#[tokio::test(start_paused = true)]
async fn a_formula_of_the_greatest_length_is_remembered_and_given_back() {
    let (old, new) = (long(4, 8100), long(6, 8100));
    let azure = followed(&old).await;
    let report = good(roll_out(&azure, &in_place(&new)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(6)));
    assert_eq!(pool(&azure).await["autoScaleFormula"], new);

    azure.turn_the_page();
    let former = rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await;
    assert_eq!(good(former).action, PoolAction::Returned);
    let returned = pool(&azure).await;
    assert_eq!(returned["autoScaleFormula"], old);
    assert!(returned.to_string().contains("versions/0.9.0"), "{returned}");
}

#[tokio::test(start_paused = true)]
async fn metadata_that_batch_finds_too_long_end_the_change_before_anything_else_is_done() {
    let formula = long(4, 3000);
    let azure = followed(&formula).await;
    azure.fault(
        json!({"kind": "status", "status": 400, "code": "MetadataTooLarge", "method": "PATCH",
        "path": "/pools/p1", "occurrence": "every"}),
    );
    let error = failure(&azure, &in_place(&formula)).await;
    let (report, letters) = (error.report(), formula.len());
    for said in [
        format!("its longest part is an autoscale formula of {letters} letters"),
        "az batch pool autoscale disable".to_owned(),
    ] {
        assert!(report.contains(&said), "{said} is not in\n{report}");
    }
    assert_eq!(azure.writes(), ["PATCH /pools/p1"]);
    assert_eq!(pool(&azure).await["autoScaleFormula"], formula);
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_brings_the_former_formula_back() {
    let azure = followed(FOUR).await;
    azure.fault(json!({"kind": "unusableNodes", "count": 6, "code": "DiskFull", "target": "acct1/p1"}));
    let error = failure(&azure, &in_place(SIX)).await;
    assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
    let returned = pool(&azure).await;
    assert_eq!(
        (&returned["autoScaleFormula"], &returned["currentDedicatedNodes"]),
        (&json!(FOUR), &json!(4))
    );
}

#[tokio::test(start_paused = true)]
async fn a_canary_of_a_pool_that_follows_a_formula_runs_before_the_formula_does() {
    let azure = working().await;
    let mut settings = in_place(SIX);
    settings.change.canary.command = Some("true".to_owned());
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!(
        (report.action, report.canary.len(), report.ready),
        (PoolAction::Replaced, 1, Some(6))
    );
    assert!(
        state(&azure).await.starts_with("6 of 6 on 1.0.0, busy active 0"),
        "{}",
        state(&azure).await
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_node_of_a_new_pool_tries_the_image_before_the_formula_decides() {
    let azure = world(|_| {});
    let mut settings = following(FOUR);
    settings.change.canary.command = Some("true".to_owned());
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!(
        (report.action, report.canary.len(), report.ready),
        (PoolAction::Created, 1, Some(4))
    );
    let created = &entries(&azure, &Method::POST, "/pools")[0].request;
    assert_eq!(created["targetDedicatedNodes"], 1);
    assert_eq!(pool(&azure).await["autoScaleFormula"], FOUR);
    assert!(
        steps(&report)
            .iter()
            .any(|step| step.starts_with("let the autoscale formula decide"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_strangers_pool_is_given_no_formula() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 2)]));
    let error = failure(&azure, &following(FOUR)).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(azure.writes(), [""; 0]);
}

#[test]
fn every_request_of_a_change_in_place_with_a_formula_meets_what_it_must_outlive() {
    let sweep = Sweep {
        one_of: 1,
        troubles: OUTLIVED,
        world: with_formula,
        flow: change_with_formula,
        settle: crate::rollout_in_place_sweep::settle,
    };
    let cases = sweep.run();
    assert!(cases > 80, "only {cases} cases");
    write_count("change in place with a formula", cases);
}

#[test]
fn whatever_a_rival_does_to_a_pool_with_a_formula_is_not_undone() {
    let rivals = Rivals {
        who: OF_ONE_POOL,
        one_of: 3,
        world: async || with_formula(),
        flow: change_with_formula,
    };
    let taken = rivals.run();
    assert!(taken > 15, "only {taken} writes of rivals were taken");
    write_count("change in place with a formula with rivals", taken);
}

/// A pool of others that follows a formula, which is too long for one item of metadata.
fn with_formula() -> Azure {
    world(|seed| {
        let mut pool = foreign_pool("0.9.0", 0);
        let fields = pool.as_object_mut().unwrap();
        fields.remove("targetDedicatedNodes");
        fields.remove("targetLowPriorityNodes");
        fields.insert("enableAutoScale".to_owned(), json!(true));
        fields.insert("autoScaleFormula".to_owned(), json!(long(2, 3000)));
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    })
}

async fn change_with_formula(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    let mut settings = in_place("$TargetDedicatedNodes = 3");
    settings.policy.adopt = Adopt::Yes;
    rollout::run(&client, &checked(&settings)).await.result
}
