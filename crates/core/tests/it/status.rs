//! What a look at pools finds: how far behind, what ends, what is mixed, and what could not be read.

use std::time::Duration;

use azure_batch_core::{
    doctor,
    options::pool::ACCOUNT,
    settings::{self, Adopt, ROLLOUT_DEADLINE, Values},
    status::{self, StatusReport},
};
use serde_json::{Value, json};

use crate::{
    estate::{by_id, definition, pool},
    rights::held,
    rollout::{client, good, image, resize_by_somebody, roll_out, world},
    rollout_blue_green::blue_green,
    rollout_in_place::working,
    support::{Azure, GROUP},
};

async fn look(azure: &Azure) -> StatusReport {
    look_with(azure, &Values::default()).await
}

async fn look_with(azure: &Azure, values: &Values) -> StatusReport {
    let asked = settings::status(values).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    held(azure, "status", status::run(&client, &asked.settings))
        .await
        .unwrap_or_else(|error| panic!("{}", error.report()))
}

/// Pools with the sentences of what there is to act on, in the report's order.
fn findings(report: &StatusReport) -> Vec<String> {
    let line = |pool: &status::PoolStatus| {
        let found: Vec<String> = pool.findings.iter().map(ToString::to_string).collect();
        format!("{}: {}", pool.pool, found.join("; "))
    };
    report.pools.iter().map(line).collect()
}

fn with(mut pool: Value, pointer: &str, value: Value) -> Value {
    *pool.pointer_mut(pointer).unwrap() = value;
    pool
}

/// One pool of each kind; the world's day is 1 January 2026.
fn one_of_each() -> Azure {
    world(|seed| {
        let marketplace =
            json!({"publisher": "canonical", "offer": "ubuntuserver", "sku": "18_04-lts-gen2", "version": "latest"});
        let ubuntu_18 = with(
            pool("old", marketplace, 1),
            "/virtualMachineConfiguration/nodeAgentSKUId",
            json!("batch.node.ubuntu 18.04"),
        );
        let managed = by_id(&format!("{GROUP}/providers/Microsoft.Compute/images/i1"));
        seed["versions"][0]["publishingProfile"]["endOfLifeDate"] = json!("2026-05-01T00:00:00Z");
        seed["batchAccounts"][0]["managedImagePools"] = json!(true);
        seed["batchAccounts"][0]["pools"] = json!([
            pool("good", by_id(&image("1.0.0")), 2),
            with(
                pool("behind", by_id(&image("0.9.0")), 2),
                "/vmSize",
                json!("standard_ds2_v2")
            ),
            pool("gone", by_id(&image("0.1.0")), 0),
            pool("p1", by_id(&definition()), 0),
            ubuntu_18,
            pool("managed", managed, 0),
        ]);
    })
}

#[tokio::test(start_paused = true)]
async fn each_pool_says_what_there_is_to_act_on_and_the_next_end_comes_first() {
    let azure = one_of_each();
    let report = look(&azure).await;
    assert_eq!(
        findings(&report),
        [
            "old: image canonical:ubuntuserver:18_04-lts-gen2:latest reached its end of life on 2023-05-30; node agent batch.node.ubuntu 18.04 reached its end of life on 2023-05-30",
            "good: image version 1.0.0 reaches its end of life in 120 days",
            "behind: 1 version behind 1.0.0",
            "gone: 2 versions behind 1.0.0; version 0.1.0 is gone, so the pool cannot grow",
            "managed: managed image: Batch ended its support on 2026-03-31; its managed image is gone, so the pool cannot grow",
            "p1: ",
        ]
    );
    let ends: Vec<&str> = report.pools[2]
        .retirements
        .iter()
        .map(|end| end.what.as_str())
        .collect();
    assert_eq!(ends, ["node agent batch.node.ubuntu 22.04", "VM size Standard_DS2_v2"]);
    assert_eq!(report.headline(), "6 pools in 1 Batch account: 5 need attention");
    assert!(report.has_findings() && azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_follows_a_formula_says_so_and_what_is_wrong_with_it() {
    let azure = world(|seed| {
        let following = |id: &str, formula: &str| {
            let mut pool = pool(id, by_id(&image("1.0.0")), 0);
            let fields = pool.as_object_mut().unwrap();
            fields.retain(|name, _| !name.starts_with("target"));
            fields.insert("enableAutoScale".to_owned(), json!(true));
            fields.insert("autoScaleFormula".to_owned(), json!(formula));
            pool
        };
        seed["batchAccounts"][0]["pools"] = json!([
            following("good", "$TargetDedicatedNodes = 2"),
            following("p1", "$TargetDedicatedNodes = 2 / 0"),
        ]);
    });
    let report = look(&azure).await;
    let scale = report.pools[0].autoscale.as_ref().unwrap();
    assert_eq!(scale.scale.formula, "$TargetDedicatedNodes = 2");
    assert_eq!(
        scale.last.as_deref(),
        Some("$TargetDedicatedNodes=2, $TargetLowPriorityNodes=0")
    );
    let found = findings(&report);
    assert_eq!(found[0], "good: ");
    assert!(
        found[1].starts_with("p1: Batch cannot evaluate its autoscale formula: ")
            && found[1].contains("division by zero"),
        "{found:?}"
    );
}

/// A world in which p1 follows the definition, and 1.0.0 is not latest yet.
pub(crate) fn following(policy: &Value) -> Azure {
    world(|seed| {
        seed["versions"][0]["publishingProfile"]["excludeFromLatest"] = json!(true);
        let mut pool = pool("p1", by_id(&definition()), 0);
        pool["upgradePolicy"] = policy.clone();
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    })
}

/// Makes 1.0.0 latest.
pub(crate) async fn promote(azure: &Azure) {
    let include = json!({"properties": {"publishingProfile": {"excludeFromLatest": false}}});
    let request = azure_batch_core::request::Request::arm(http::Method::PATCH, image("1.0.0"), "2025-03-03", "promote");
    let writer = client(azure, ROLLOUT_DEADLINE).await;
    writer.send(&request.with_body(include)).await.unwrap();
}

fn managed(name: &str) -> Value {
    by_id(&format!("{GROUP}/providers/Microsoft.Compute/images/{name}"))
}

/// A managed image in the example's group.
fn managed_image(name: &str, region: &str, of: (&str, &str)) -> Value {
    let (what, name_of_it) = of;
    json!({"name": name, "resourceGroup": "rg-images", "location": region, what: name_of_it})
}

/// The line of one pool.
fn of_pool(found: &[String], id: &str) -> String {
    let line = found.iter().find(|line| line.starts_with(&format!("{id}: ")));
    line.unwrap_or_else(|| panic!("{id} is not among {found:?}")).clone()
}

const MANAGED: &str = "managed image: Batch ended its support on 2026-03-31";

/// Pools on images of each kind: captured from a machine, of one snapshot in two images, elsewhere, and none.
fn on_managed_images() -> Azure {
    world(|seed| {
        seed["images"] = json!([
            managed_image("captured", "eastus2", ("machine", "vm1")),
            managed_image("first", "eastus2", ("snapshot", "s1")),
            managed_image("second", "eastus2", ("snapshot", "s1")),
            managed_image("west", "westus2", ("snapshot", "s2")),
        ]);
        let elsewhere = by_id(&format!(
            "{}/resourceGroups/rg/providers/Microsoft.Compute/images/theirs",
            "/subscriptions/11111111-1111-1111-1111-111111111111"
        ));
        seed["batchAccounts"][0]["managedImagePools"] = json!(true);
        seed["batchAccounts"][0]["pools"] = json!([
            pool("captured", managed("CAPTURED"), 101),
            pool("few", managed("captured"), 100),
            pool("one", managed("first"), 1_500),
            pool("two", managed("second"), 600),
            pool("west", managed("west"), 0),
            pool("theirs", elsewhere, 0),
        ]);
        seed["batchAccounts"][1]["managedImagePools"] = json!(true);
        seed["batchAccounts"][1]["pools"] = json!([pool("last", managed("none"), 0)]);
    })
}

#[tokio::test(start_paused = true)]
async fn a_pool_on_a_managed_image_says_what_is_wrong_with_the_image_and_what_to_type() {
    let azure = on_managed_images();
    let report = look(&azure).await;
    let found = findings(&report);
    for (id, expected) in [
        (
            "captured",
            "; 101 nodes, and its managed image was made of a virtual machine: above 100 nodes it has to be made of snapshots",
        ),
        ("few", ""),
        (
            "one",
            "; 1500 dedicated and 0 spot nodes; its managed image allows 1400 dedicated and 0 spot, since other pools on it or on its snapshot have 600 dedicated and 0 spot",
        ),
        (
            "two",
            "; 600 dedicated and 0 spot nodes; its managed image allows 500 dedicated and 0 spot, since other pools on it or on its snapshot have 1500 dedicated and 0 spot",
        ),
        (
            "west",
            "; its managed image is in westus2 and its account in eastus2, so the pool cannot grow",
        ),
        ("last", "; its managed image is gone, so the pool cannot grow"),
    ] {
        let expected = expected.replace("and 0 spot, since", "and 1000 spot, since");
        assert_eq!(of_pool(&found, id), format!("{id}: {MANAGED}{expected}"));
    }
    let theirs = "its managed image is in subscription 11111111-1111-1111-1111-111111111111 and its account in \
        00000000-0000-0000-0000-0000000005b5, so the pool cannot grow";
    assert!(of_pool(&found, "theirs").contains(theirs), "{found:?}");
    let few = report.pools.iter().find(|pool| pool.pool.as_str() == "few").unwrap();
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    assert_eq!(
        few.next.as_deref().unwrap().replace(" \\\n ", ""),
        format!("azure-batch-pool migrate --account {account} --pool-id few")
    );
}

#[tokio::test(start_paused = true)]
async fn managed_images_are_listed_once_a_subscription_and_only_what_a_list_lacks_is_read() {
    let azure = on_managed_images();
    look(&azure).await;
    let journal = azure.journal();
    let asked: Vec<&str> = journal.iter().map(|entry| entry.path.as_str()).collect();
    let images = |end: &str| {
        let of_images = asked.iter().filter(|path| path.contains("Microsoft.Compute/images"));
        of_images.filter(|path| path.ends_with(end)).count()
    };
    assert_eq!(
        (images("/images"), images("/images/none"), images("/images/first")),
        (2, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_that_may_not_be_read_is_a_line_and_not_gone() {
    let azure = on_managed_images();
    for path in ["*/images", "*/images/*"] {
        azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET", "path": path, "occurrence": "every"}));
    }
    let report = look(&azure).await;
    let said = notes(&report);
    assert!(
        said.iter()
            .any(|note| note.starts_with("not known: managed images of subscription 00000000-")),
        "{said:?}"
    );
    for id in ["captured", "west", "last"] {
        assert_eq!(of_pool(&findings(&report), id), format!("{id}: {MANAGED}"));
    }
    assert!(report.unseen.is_empty(), "{:?}", report.unseen);
}

#[tokio::test(start_paused = true)]
async fn pools_on_one_managed_image_share_what_it_allows() {
    let azure = world(|seed| {
        let managed = || managed("i1");
        let mut talking = pool("talking", managed(), 90);
        talking["enableInterNodeCommunication"] = json!(true);
        seed["batchAccounts"][0]["managedImagePools"] = json!(true);
        seed["images"] = json!([managed_image("i1", "eastus2", ("snapshot", "s1"))]);
        seed["batchAccounts"][0]["poolAllocationMode"] = json!("UserSubscription");
        seed["batchAccounts"][0]["pools"] =
            json!([pool("large", managed(), 1_900), talking, pool("small", managed(), 5)]);
    });
    let found = findings(&look(&azure).await);
    assert!(
        of_pool(&found, "talking").contains(
            "90 dedicated and 0 spot nodes; its managed image allows 80 dedicated and 80 spot, since other pools"
        ),
        "{found:?}"
    );
    assert!(of_pool(&found, "large").ends_with(MANAGED), "1,995 of 2,000: {found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_upgrades_that_can_cost_work_is_named() {
    let azure =
        following(&json!({"mode": "automatic", "automaticOSUpgradePolicy": {"enableAutomaticOSUpgrade": true}}));
    let found = findings(&look(&azure).await);
    assert!(
        found[0].contains(
            "upgradePolicy.automaticOSUpgradePolicy.osRollingUpgradeDeferral is not true: Azure takes nodes down"
        ),
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn versions_mixed_inside_a_pool_are_counted() {
    let azure = following(&json!({"mode": "manual"}));
    grow(&azure, 1).await;
    promote(&azure).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    grow(&azure, 3).await;
    let report = look(&azure).await;
    let image = &report.pools[0].image;
    assert_eq!(json!(image.nodes), json!({"0.9.0": 1, "1.0.0": 2}));
    assert_eq!((image.behind, image.latest.as_deref()), (Some(1), Some("1.0.0")));
    assert_eq!(findings(&report), ["p1: 1 version behind 1.0.0; nodes run 2 versions"]);
}

/// Gives the pool `p1` so many nodes.
async fn grow(azure: &Azure, to: u32) {
    resize_by_somebody(azure, to).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
}

fn notes(report: &StatusReport) -> Vec<String> {
    report.notes.iter().map(ToString::to_string).collect()
}

const BASE: &str = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202512010";

/// Three pools on versions of a base image, the older of two; one pool on an image that the marketplace has no more.
fn on_base_images() -> Azure {
    world(|seed| {
        for version in seed["versions"].as_array_mut().unwrap() {
            version["tags"] = json!({"azure-batch-base-image": BASE});
        }
        let withdrawn =
            json!({"publisher": "canonical", "offer": "ubuntuserver", "sku": "18_04-lts-gen2", "version": "18.04.1"});
        let old = with(
            pool("old", withdrawn, 0),
            "/virtualMachineConfiguration/nodeAgentSKUId",
            json!("batch.node.ubuntu 18.04"),
        );
        seed["batchAccounts"][0]["pools"] = json!([
            pool("one", by_id(&image("1.0.0")), 2),
            pool("two", by_id(&image("1.0.0")), 0),
            pool("p1", by_id(&definition()), 0),
            old,
        ]);
    })
}

#[tokio::test(start_paused = true)]
async fn a_newer_base_image_is_said_once_for_all_its_pools() {
    let azure = on_base_images();
    grow(&azure, 1).await;
    let report = look(&azure).await;
    assert_eq!(
        notes(&report),
        [
            format!(
                "base image {BASE} has 1 newer version, the newest is 22.04.202601010: acct1/one, acct1/p1, acct1/two"
            ),
            "base image canonical:ubuntuserver:18_04-lts-gen2:18.04.1 is not in the marketplace any more: acct1/old"
                .to_owned(),
        ]
    );
    let asked = azure.journal();
    let lists = asked.iter().filter(|entry| entry.path.contains("/artifacttypes/"));
    assert_eq!(lists.count(), 2, "each image is asked for once");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_of_base_images_and_deleted_versions_is_a_line_and_no_failure() {
    let azure = on_base_images();
    for path in ["*/artifacttypes/*", "*/softDeletedArtifactTypes/*"] {
        azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET", "path": path, "occurrence": "every"}));
    }
    let report = look(&azure).await;
    let open: Vec<String> = notes(&report);
    assert_eq!(open.len(), 3, "{open:?}");
    assert!(
        open[0].starts_with("not known: deleted versions of def1 (")
            && open[1].starts_with("not known: newer versions of base image "),
        "{open:?}"
    );
    assert!(report.unseen.is_empty(), "{:?}", report.unseen);
    let base = report.pools.iter().find_map(|pool| pool.image.base.clone()).unwrap();
    assert_eq!((base.newer, base.newest), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_version_that_the_gallery_keeps_is_shown_with_its_dates() {
    let azure = world(|seed| {
        seed["galleries"][0]["properties"] = json!({"softDeletePolicy": {"isSoftDeleteEnabled": true, "retentionPeriodInDays": 7, "gracePeriodInDays": 3}});
        seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image("0.9.0")), 1)]);
    });
    let writer = client(&azure, ROLLOUT_DEADLINE).await;
    let id = image("0.9.0").parse().unwrap();
    writer
        .send(&azure_batch_core::compute::version::delete(&id))
        .await
        .unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    let report = look(&azure).await;
    assert_eq!(
        notes(&report),
        [
            "version 0.9.0 of def1 is deleted; nodes can be made from it by its exact id until 2026-01-08; it can be restored until 2026-01-11"
        ]
    );
    let expected = "p1: 1 version behind 1.0.0; version 0.9.0 is deleted: from 2026-01-08 on the pool cannot grow";
    assert_eq!(findings(&report), [expected]);
    tokio::time::advance(Duration::from_secs(8 * 24 * 3600)).await;
    let later = findings(&look(&azure).await);
    assert!(
        later[0].ends_with("version 0.9.0 is deleted, so the pool cannot grow; it can be restored until 2026-01-11"),
        "{later:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_azure_says_against_a_version_is_found_in_pools_that_name_it_and_in_those_that_follow() {
    let azure = world(|seed| {
        seed["versions"][0]["properties"] = json!({
            "safetyProfile": {"reportedForPolicyViolation": true, "policyViolations": [{"category": "IpTheft", "details": "see the letter"}]},
            "validationsProfile": {"executedValidations": [{"type": "Boot", "status": "Failed"}]}});
        seed["batchAccounts"][0]["pools"] = json!([
            pool("one", by_id(&image("1.0.0")), 0),
            pool("p1", by_id(&definition()), 0)
        ]);
    });
    grow(&azure, 1).await;
    let objections = "Azure objects: IpTheft: see the letter; Azure objects: validation Boot failed";
    let expected = ["one", "p1"].map(|pool| format!("{pool}: {objections}"));
    let report = look(&azure).await;
    assert_eq!(findings(&report), expected, "{:?}", report.pools);
}

#[tokio::test(start_paused = true)]
async fn a_pool_on_a_version_that_failed_its_test_is_found_until_the_version_is_admitted() {
    let found = async |excluded: bool| {
        let azure = world(|seed| {
            seed["versions"][0]["publishingProfile"]["excludeFromLatest"] = excluded.into();
            seed["versions"][0]["tags"] = json!({"azure-batch-tested": "failed 0123abcd exit code 3"});
            seed["batchAccounts"][0]["pools"] = json!([pool("one", by_id(&image("1.0.0")), 0)]);
        });
        findings(&look(&azure).await)
    };
    assert_eq!(found(true).await, ["one: version 1.0.0 failed its test: exit code 3"]);
    assert_eq!(found(false).await, ["one: "], "nothing to act on");
}

#[tokio::test(start_paused = true)]
async fn node_agents_are_read_of_every_pool_when_asked_for() {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([pool("one", by_id(&image("1.0.0")), 3)]);
    });
    assert!(look(&azure).await.pools[0].nodes.agents.is_empty());
    let values = Values::default().with(azure_batch_core::options::fleet::AGENT_VERSIONS, true);
    let report = look_with(&azure, &values).await;
    let agents = &report.pools[0].nodes.agents;
    assert_eq!(agents.values().sum::<u32>(), 3, "{agents:?}");
    assert!(report.pools[0].image.nodes.is_empty(), "the pool names its version");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_leaves_its_questions_open_and_is_named() {
    let azure = one_of_each();
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET", "path": "*/versions", "occurrence": "every"}));
    let report = look(&azure).await;
    let unseen: Vec<&str> = report.unseen.iter().map(|unseen| unseen.what.as_str()).collect();
    assert_eq!(unseen, ["the versions of def1"]);
    let behind = report.pools.iter().find(|pool| pool.pool.as_str() == "behind").unwrap();
    assert_eq!((behind.image.behind, &behind.image.latest), (None, &None));
    assert!(behind.findings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn questions_grow_with_accounts_and_definitions_not_with_pools() {
    let cost = async |pools: usize| {
        let azure = world(|seed| {
            let all = (0..pools).map(|number| pool(&format!("p-{number}"), by_id(&image("1.0.0")), 1));
            seed["batchAccounts"][0]["pools"] = all.collect();
        });
        look(&azure).await;
        azure.journal().iter().filter(|entry| entry.method == "GET").count()
    };
    assert_eq!(cost(2).await, cost(60).await);
}

#[tokio::test(start_paused = true)]
async fn a_steady_pool_of_fixed_size_without_its_nodes_is_found_with_what_batch_says() {
    let azure = world(|seed| {
        let short = |id: &str, (target, current): (u32, u32), errors: Value| {
            let mut pool = pool(id, by_id(&image("1.0.0")), target);
            pool["currentDedicatedNodes"] = json!(current);
            pool["resizeErrors"] = errors;
            pool
        };
        let quota = json!([{"code": "AccountCoreQuotaReached", "message": "no cores"}]);
        let mut spot = short("spot", (0, 0), json!([]));
        spot["targetLowPriorityNodes"] = json!(4);
        spot["currentLowPriorityNodes"] = json!(1);
        seed["batchAccounts"][0]["pools"] = json!([
            short("full", (3, 3), json!([])),
            short("none", (3, 0), quota),
            short("some", (3, 2), json!([])),
            spot,
        ]);
    });
    let found = findings(&look(&azure).await);
    let again = "the same roll-out again asks for them";
    assert_eq!(
        found,
        [
            "full: ".to_owned(),
            format!(
                "none: it has 0 of 3 dedicated nodes, and no resize brings the rest, as Batch says: AccountCoreQuotaReached: no cores; {again}"
            ),
            format!("some: it has 2 of 3 dedicated nodes, and no resize brings the rest; {again}"),
            "spot: ".to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_former_pool_shows_which_pool_does_its_work_and_until_when_it_is_kept() {
    let azure = working().await;
    let mut moved = blue_green(5);
    moved.change.blue_green.keep_old = Duration::from_secs(24 * 3600);
    good(roll_out(&azure, &moved).await);
    let report = look(&azure).await;
    let former = report.pools.iter().find(|pool| pool.pool.as_str() == "p1").unwrap();
    let kept = former.former.as_ref().unwrap();
    assert_eq!(kept.successor.as_str(), "p1-1-0-0");
    assert!(kept.kept_until.is_some());
    assert_eq!(former.image.behind, Some(1));
    assert!(
        report.pools.iter().all(|pool| pool.findings.is_empty()),
        "{:?}",
        findings(&report)
    );
    let kept_for_a_return = "p1: pool p1-1-0-0 does its work; it is kept until 2026-01-02 for a return";
    assert_eq!(former_pools(&azure).await, [kept_for_a_return]);

    tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    let report = look(&azure).await;
    let over = "p1: pool p1-1-0-0 does its work, and its time is over: the next roll-out deletes it, unless it has nodes or jobs";
    assert!(findings(&report).contains(&over.to_owned()), "{:?}", findings(&report));
    let over = "p1: pool p1-1-0-0 does its work; it was kept until 2026-01-02, and the next roll-out deletes it";
    assert_eq!(former_pools(&azure).await, [over]);
}

#[tokio::test(start_paused = true)]
async fn a_former_pool_of_others_is_never_announced_as_one_that_a_roll_out_deletes() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([crate::rollout::foreign_pool("0.9.0", 2)]));
    let mut moved = blue_green(2);
    moved.policy.adopt = Adopt::Yes;
    moved.change.blue_green.keep_old = Duration::from_secs(1);
    good(roll_out(&azure, &moved).await);
    tokio::time::advance(Duration::from_secs(3600)).await;
    let report = look(&azure).await;
    let over =
        "p1: pool p1-1-0-0 does its work, and its time is over: no roll-out has made it, so none deletes it".to_owned();
    assert!(findings(&report).contains(&over), "{:?}", findings(&report));
    let former = report.pools.iter().find(|pool| pool.pool.as_str() == "p1").unwrap();
    let next = former.next.as_ref().unwrap();
    assert!(
        next.contains("azure-batch-pool delete") && next.contains("--any-pool"),
        "{next}"
    );
    let over = "p1: pool p1-1-0-0 does its work; it was kept until 2026-01-01, and no roll-out deletes it, as none has made it";
    assert_eq!(former_pools(&azure).await, [over]);
}

/// What a doctor says of former pools.
pub(crate) async fn former_pools(azure: &Azure) -> Vec<String> {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let asked = settings::doctor(&Values::default().with(ACCOUNT, account)).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let checks = doctor::run(&client, &asked.settings).await.unwrap().checks;
    let former = checks.into_iter().filter(|check| check.check == "former pools");
    former.map(|check| check.text).collect()
}
