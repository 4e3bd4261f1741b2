//! Pools on managed images move to the version that was made of the image. New pools on such images cannot be made any
//! more, so the seed has them.

use std::time::Duration;

use azure_batch_core::{
    client::Client,
    error::{Error, ErrorKind},
    migration::{self, Done, Fate, Migration, Move},
    options::{
        Door,
        fleet::YES,
        pool::{ACCOUNT, CANARY_COMMAND, IMAGE_DEFINITION, IMAGE_VERSION, POOL_ID, STRATEGY},
    },
    plan::Plan,
    rollout::{self, PoolAction, RolloutOutcome, RolloutStep},
    settings::{self, Adopt, Asked, MigrationSettings, ROLLOUT_DEADLINE, StartTask, Values},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    estate::{by_id, definition, pool},
    given::checked,
    reads_well::MustFail as _,
    rollout::{client, good, image, roll_out, settings as rolling_out, world},
    rollout_in_place::{ask, back},
    support::{Azure, GROUP},
};

pub(crate) fn managed_image(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Compute/images/{name}")
}

/// A version that was made of that image.
pub(crate) fn made_of(seed: &mut Value, version: usize, name: &str) {
    seed["versions"][version]["properties"] = json!({"storageProfile": {"source": {"id": managed_image(name)}}});
}

/// A world in which pool p1 with five nodes is on managed image i1, and 1.0.0 was made of that.
pub(crate) fn on_managed_image(change: impl FnOnce(&mut Value)) -> Azure {
    world(|seed| {
        seed["images"] = json!([{"name": "i1", "resourceGroup": "rg-images", "location": "eastus2"}]);
        made_of(seed, 0, "i1");
        seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&managed_image("i1")), 5)]);
        change(seed);
    })
}

pub(crate) fn values() -> Values {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    Values::default()
        .with(ACCOUNT, account)
        .with(POOL_ID, "p1")
        .with(YES, true)
}

/// The same in place, to a version that is named.
pub(crate) fn named_in_place() -> Values {
    in_place().with(IMAGE_VERSION, image("1.0.0"))
}

/// Moves the pool, and adds the checks that were skipped to what was said.
pub(crate) async fn moved(client: &Client, values: &Values, said: &mut Vec<String>) -> Result<(), Error> {
    let Migration::Moves(moves) = migration::resolve(client, &asked(values).settings).await? else {
        panic!("it has to move")
    };
    let outcome = migration::run(client, &moves).await;
    said.extend(outcome.report.skipped_checks);
    outcome.result
}

fn in_place() -> Values {
    values().with(STRATEGY, "in-place")
}

fn asked(values: &Values) -> Asked<MigrationSettings> {
    settings::migration(values).unwrap()
}

async fn resolved(azure: &Azure, values: &Values) -> Migration {
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let resolved = migration::resolve(&client, &asked(values).settings).await;
    resolved.unwrap_or_else(|error| panic!("{}", error.report()))
}

async fn moving(azure: &Azure, values: &Values) -> Move {
    match resolved(azure, values).await {
        Migration::Moves(moves) => *moves,
        Migration::Done(done) => panic!("{done:?}"),
    }
}

async fn planned(azure: &Azure, values: &Values) -> Plan<RolloutStep> {
    let moves = moving(azure, values).await;
    let client = client(azure, ROLLOUT_DEADLINE).await;
    rollout::plan(&client, &moves.settings).await.unwrap()
}

/// The same run within that time.
async fn migrate_within(azure: &Azure, values: &Values, limit: Duration) -> RolloutOutcome {
    let moves = moving(azure, values).await;
    rollout::run(&client(azure, limit).await, &moves.settings).await
}

async fn migrate(azure: &Azure, values: &Values) -> RolloutOutcome {
    migrate_within(azure, values, ROLLOUT_DEADLINE).await
}

/// Pools with their nodes and images, in one line.
pub(crate) async fn state(azure: &Azure) -> String {
    let pools = ask(azure, Method::GET, "/pools", None).await;
    let line = |pool: &Value| {
        let image = &pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"];
        let image = image.as_str().unwrap().rsplit('/').next().unwrap();
        let (id, nodes) = (pool["id"].as_str().unwrap(), &pool["currentDedicatedNodes"]);
        format!("{id} {nodes} on {image}")
    };
    let mut lines: Vec<String> = pools["value"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines.join(", ")
}

#[tokio::test(start_paused = true)]
async fn a_pool_moves_to_the_version_that_was_made_of_its_image_by_a_second_pool() {
    let azure = on_managed_image(|_| ());
    let moves = moving(&azure, &values()).await;
    assert_eq!(
        moves.why,
        "the image version is def1 1.0.0: managed image i1 is its source"
    );
    let plan = planned(&azure, &values()).await.to_string();
    assert!(
        plan.contains("blue-green") && plan.contains("there is room for 5 more nodes of standard_d4s_v5"),
        "{plan}"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());

    let report = good(migrate(&azure, &values()).await);
    assert_eq!((report.action, report.ready), (PoolAction::Moved, Some(5)));
    assert_eq!(state(&azure).await, "p1 0 on i1, p1-1-0-0 5 on 1.0.0");
    azure.turn_the_page();
    let Migration::Done(done) = resolved(&azure, &values()).await else {
        panic!("it has moved")
    };
    assert_eq!(done.headline(), "Pool p1-1-0-0 does the work of pool p1 already.");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn in_place_the_pool_stays_what_it_is_but_for_its_image_and_the_plan_says_that_there_is_no_return() {
    let azure = on_managed_image(|_| ());
    let plan = planned(&azure, &in_place()).await.to_string();
    assert!(
        plan.contains("a return is not possible: Batch gives no pool a managed image since 31 March 2026"),
        "{plan}"
    );
    let report = good(migrate(&azure, &in_place()).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(5)));
    assert_eq!(state(&azure).await, "p1 5 on 1.0.0");
    let found = ask(&azure, Method::GET, "/pools/p1", None).await;
    assert!(
        found["metadata"].to_string().contains("\"render\""),
        "metadata of others stay: {found}"
    );

    let Migration::Done(Done { image: runs, .. }) = resolved(&azure, &in_place()).await else {
        panic!("it has moved")
    };
    assert_eq!(runs, image("1.0.0"));
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let refused = rollout::roll_back(&client, &checked(&back())).await.result.must_fail();
    assert!(
        refused.report().contains("was on a managed image before"),
        "{}",
        refused.report()
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_has_moved_takes_roll_outs_that_name_more_of_it_or_less() {
    let azure = on_managed_image(|seed| {
        seed["batchAccounts"][0]["pools"][0]["startTask"] =
            json!({"commandLine": "/bin/bash -c 'true'", "waitForSuccess": true});
    });
    drop(good(migrate(&azure, &in_place()).await));
    let mut more = rolling_out("acct1", 5);
    more.pool.start_task = Some(StartTask {
        command: "true".to_owned(),
        elevation: settings::Elevation::NonAdmin,
        wait_for_success: settings::WaitForSuccess::Yes,
        max_retries: 0,
    });
    assert_eq!(more.policy.adopt, Adopt::No);
    let less = rolling_out("acct1", 5);
    for asked in [less, more] {
        azure.turn_the_page();
        let report = good(roll_out(&azure, &asked).await);
        let expected = [PoolAction::Unchanged, PoolAction::Updated];
        assert!(expected.contains(&report.action), "{:?}", report.action);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_not_returned_from_where_batch_would_refuse_the_former_one() {
    let azure = on_managed_image(|_| ());
    let bad = in_place().with(CANARY_COMMAND, "exit 3");
    let error = migrate(&azure, &bad).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
    assert!(
        error
            .report()
            .contains("Batch gives no pool such an image since 31 March 2026"),
        "{}",
        error.report()
    );
    let to_managed = azure
        .journal()
        .into_iter()
        .filter(|entry| entry.method == "PATCH" && entry.request.to_string().contains("/images/i1\"},\"nodeAgent"));
    assert_eq!(to_managed.count(), 0);
    // By a second pool nothing is lost: the former pool keeps its nodes.
    let azure = on_managed_image(|_| ());
    let error = migrate(&azure, &values().with(CANARY_COMMAND, "exit 3"))
        .await
        .result
        .must_fail();
    assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
    assert!(state(&azure).await.starts_with("p1 5 on i1"), "{}", state(&azure).await);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_has_left_its_managed_image_for_a_bad_version_gets_another_one() {
    let third = |seed: &mut Value| {
        let versions = seed["versions"].as_array_mut().unwrap();
        let mut third = versions[1].clone();
        third["name"] = json!("1.0.1");
        versions.push(third);
    };
    for by_migration in [true, false] {
        let azure = on_managed_image(third);
        let bad = in_place().with(CANARY_COMMAND, "exit 3");
        let error = migrate(&azure, &bad).await.result.must_fail();
        let said = error.report_for(Door::Flag);
        assert!(
            said.contains("roll out another version with --strategy in-place"),
            "{said}"
        );
        let report = match by_migration {
            true => good(migrate(&azure, &in_place().with(IMAGE_VERSION, image("1.0.1"))).await),
            false => {
                let mut next = rolling_out("acct1", 5);
                next.pool.version = image("1.0.1").parse().unwrap();
                next.change.strategy = settings::Strategy::InPlace;
                good(roll_out(&azure, &next).await)
            }
        };
        assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(5)));
        assert_eq!(state(&azure).await, "p1 5 on 1.0.1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_was_killed_is_finished_by_the_same_command() {
    for (values, end) in [
        (values(), "p1 0 on i1, p1-1-0-0 5 on 1.0.0"),
        (in_place(), "p1 5 on 1.0.0"),
    ] {
        let azure = on_managed_image(|seed| {
            // What a rule would find by now is another version, and what has begun counts.
            made_of(seed, 1, "other");
        });
        let mut runs = 0;
        while state(&azure).await != end {
            runs += 1;
            assert!(runs < 20, "{}", state(&azure).await);
            let Migration::Moves(moves) = resolved(&azure, &values).await else {
                break;
            };
            let limit = Duration::from_secs(100);
            drop(rollout::run(&client(&azure, limit).await, &moves.settings).await);
        }
        assert!(runs > 1, "it was killed at least once");
        drop(good(migrate_or_done(&azure, &values).await));
        assert_eq!(state(&azure).await, end);
    }
}

/// Runs to the end what is left.
async fn migrate_or_done(azure: &Azure, values: &Values) -> RolloutOutcome {
    match resolved(azure, values).await {
        Migration::Moves(_) => migrate(azure, values).await,
        Migration::Done(_) => roll_out(azure, &rolling_out("acct2", 0)).await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_follows_a_formula_moves_in_place_and_follows_it_again() {
    let azure = on_managed_image(|seed| {
        let pool = &mut seed["batchAccounts"][0]["pools"][0];
        let fields = pool.as_object_mut().unwrap();
        fields.retain(|name, _| !name.starts_with("target"));
        fields.insert("enableAutoScale".to_owned(), json!(true));
        fields.insert("autoScaleFormula".to_owned(), json!("$TargetDedicatedNodes = 2"));
    });
    let report = good(migrate(&azure, &values()).await);
    assert_eq!(report.action, PoolAction::Replaced);
    let found = ask(&azure, Method::GET, "/pools/p1", None).await;
    assert_eq!(
        (&found["enableAutoScale"], &found["autoScaleFormula"]),
        (&json!(true), &json!("$TargetDedicatedNodes = 2"))
    );
    assert_eq!(state(&azure).await, "p1 2 on 1.0.0");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_move_says_why_and_what_to_do() {
    let of = async |azure: &Azure, values: &Values| {
        let client = client(azure, ROLLOUT_DEADLINE).await;
        let error = migration::resolve(&client, &asked(values).settings).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{}", error.report());
        assert_eq!(azure.writes(), Vec::<String>::new());
        error.report_for(Door::Flag)
    };
    let unpublished = on_managed_image(|seed| made_of(seed, 0, "other"));
    let report = of(&unpublished, &values()).await;
    for part in [
        "no image version was made of managed image i1",
        "2 image versions in sight were compared with it, by source, tags and snapshots",
        "packer-plugin-azure-batch publish --settings image.yaml",
        "or give the version that the pool shall run in --image-version",
    ] {
        assert!(report.contains(part), "{part:?} is not in\n{report}");
    }
    let several = on_managed_image(|seed| {
        let mut definition = seed["definitions"][0].clone();
        definition["name"] = json!("def2");
        definition["properties"]["identifier"]["sku"] = json!("s2");
        let mut version = seed["versions"][0].clone();
        version["definition"] = json!("def2");
        seed["definitions"].as_array_mut().unwrap().push(definition);
        seed["versions"].as_array_mut().unwrap().push(version);
    });
    let report = of(&several, &values()).await;
    assert!(
        report.contains("say which in --image-definition or --image-version"),
        "{report}"
    );
    let within = values().with(IMAGE_DEFINITION, definition());
    assert_eq!(moving(&several, &within).await.settings.pool.version.name(), "1.0.0");

    let marketplace = on_managed_image(|seed| {
        let reference = json!({"publisher": "canonical", "offer": "0001-com-ubuntu-server-jammy",
            "sku": "22_04-lts-gen2", "version": "latest"});
        seed["batchAccounts"][0]["pools"] = json!([pool("p1", reference, 0)]);
    });
    let report = of(&marketplace, &values()).await;
    assert!(report.contains("which is not a managed image"), "{report}");
    let report = of(&marketplace, &values().with(POOL_ID, "p2")).await;
    assert!(report.contains("there is no pool p2 in the account"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn how_long_pool_and_nodes_took_is_said_before_and_after() {
    let azure = on_managed_image(|_| ());
    let moves = moving(&azure, &values()).await;
    let report = good(migration::run(&client(&azure, ROLLOUT_DEADLINE).await, &moves).await);
    let pace = report.pace.unwrap();
    // The nodes of a seed have been idle from the start.
    assert_eq!(pace.idle_seconds_before, Some(0));
    assert!(
        pace.steady_seconds > pace.idle_seconds && pace.idle_seconds > Some(0),
        "{pace:?}"
    );

    let azure = on_managed_image(|_| ());
    let moves = moving(&azure, &values()).await;
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET",
        "path": "/pools/p1/nodes", "occurrence": {"nth": 1}}),
    );
    let report = good(migration::run(&client(&azure, ROLLOUT_DEADLINE).await, &moves).await);
    assert_eq!(
        report.pace.unwrap().idle_seconds_before,
        None,
        "the move does not depend on it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_can_be_named_instead() {
    let azure = on_managed_image(|_| ());
    let named = values().with(IMAGE_VERSION, image("0.9.0"));
    good(migrate(&azure, &named).await);
    assert_eq!(state(&azure).await, "p1 0 on i1, p1-0-9-0 5 on 0.9.0");
}

#[tokio::test(start_paused = true)]
async fn the_list_says_what_would_become_of_each_pool_and_writes_nothing() {
    let azure = on_managed_image(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([
            pool("moves", by_id(&managed_image("i1")), 2),
            pool("stays", by_id(&managed_image("gone")), 1),
            pool("good", by_id(&image("1.0.0")), 1),
            pool("p1", by_id(&managed_image("i1")), 0),
        ]);
    });
    good(migrate(&azure, &values()).await);
    azure.turn_the_page();
    let asked = settings::migration_list(&Values::default()).unwrap();
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let report = migration::list(&client, &asked.settings).await.unwrap();
    let fates: Vec<(String, String)> = report
        .pools
        .iter()
        .map(|pool| {
            let fate = match &pool.fate {
                Fate::Moves { version, how } => format!("{}: {how}", version.name()),
                Fate::Stays { why } => why.split(';').next().unwrap().to_owned(),
                Fate::Moved { successor } => successor.to_string(),
                Fate::UnderWay { version } => version.to_string(),
            };
            (pool.pool.to_string(), fate)
        })
        .collect();
    let row = |pool: &str, fate: &str| (pool.to_owned(), fate.to_owned());
    assert_eq!(
        fates,
        [
            row("moves", "1.0.0: managed image i1 is its source"),
            row("p1", "p1-1-0-0"),
            row("stays", "no image version was made of managed image gone"),
        ]
    );
    assert_eq!(
        report.headline(),
        "2 pools on managed images, 1 of them with an image version to move to; nothing was changed"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// The gallery lies in the only group that this identity may read, so another one may hold what was made of an image.
#[tokio::test(start_paused = true)]
async fn a_search_that_sees_a_part_of_the_galleries_says_so() {
    let seen_in_part = |version: usize| {
        on_managed_image(|seed| {
            made_of(seed, version, "i1");
            made_of(seed, 1 - version, "other");
            seed["roleAssignments"] = crate::estate::in_group_only();
        })
    };
    let galleries = "a part of subscription 00000000-0000-0000-0000-0000000005b5";
    let right = "Microsoft.Compute/galleries/read";

    let azure = seen_in_part(0);
    let asked_for_list = settings::migration_list(&Values::default()).unwrap();
    let (client, mut events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
    let report = migration::list(&client, &asked_for_list.settings).await.unwrap();
    let of_galleries: Vec<_> = report
        .unseen
        .iter()
        .filter(|unseen| unseen.why.contains(right))
        .collect();
    assert_eq!(of_galleries.len(), 1, "{:?}", report.unseen);
    assert_eq!(of_galleries[0].what, galleries);
    drop(crate::support::lines(&mut events));
    assert!(matches!(
        migration::resolve(&client, &asked(&values()).settings).await.unwrap(),
        Migration::Moves(_)
    ));
    let said = crate::support::lines(&mut events).join("\n");
    assert!(said.contains(galleries) && said.contains(right), "{said}");
    let named = values().with(IMAGE_VERSION, image("1.0.0"));
    assert!(migration::resolve(&client, &asked(&named).settings).await.is_ok());
    let said = crate::support::lines(&mut events).join("\n");
    assert!(
        !said.contains(right),
        "a version that is named is not looked for: {said}"
    );

    let azure = on_managed_image(|seed| {
        made_of(seed, 0, "other");
        seed["roleAssignments"] = crate::estate::in_group_only();
    });
    let client = crate::rollout::client(&azure, ROLLOUT_DEADLINE).await;
    let error = migration::resolve(&client, &asked(&values()).settings)
        .await
        .must_fail();
    let report = error.report();
    assert!(report.contains(galleries) && report.contains(right), "{report}");
}
