//! Soft deletion of versions: kept, used by number, listed, restored, and gone in the end.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, Reply, id};
use crate::compute::ImageMissing;

const DAY: i64 = 86_400;
const VERSION: &str = "galleries/soft/images/def/versions/1.0.0";
const KEPT: &str = "galleries/soft/softDeletedArtifactTypes/Images/artifacts/def/versions";

/// A gallery that keeps deleted versions for seven days and three more, with one version in it.
fn world() -> Azure {
    let policy = json!({"softDeletePolicy": {"isSoftDeleteEnabled": true, "gracePeriodInDays": 3}});
    let definition = json!({"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "identifier": {"publisher": "p", "offer": "o", "sku": "s"}});
    let mut azure = Azure::with_seed(&json!({
        "galleries": [{"name": "soft", "resourceGroup": "rg-images", "location": "eastus2"}],
        "definitions": [{"name": "def", "resourceGroup": "rg-images", "gallery": "soft", "properties": definition}],
        "versions": [{"name": "1.0.0", "resourceGroup": "rg-images", "gallery": "soft", "definition": "def"}],
    }));
    let started = azure.send(Method::PATCH, &id("galleries/soft"), &json!({"properties": policy}));
    azure.finish(&started);
    azure
}

fn delete(azure: &mut Azure, path: &str) {
    let started = azure.delete(path);
    assert_eq!(azure.finish(&started)["status"], "Succeeded");
    assert_eq!(azure.get(&id(VERSION)).status, 404);
}

fn later(azure: &mut Azure, days: i64) {
    azure.wait(days * DAY);
    azure.token = azure.sign_in("https://management.azure.com/.default");
}

fn kept(azure: &mut Azure) -> Vec<Value> {
    azure.get(&id(KEPT)).body["value"].as_array().unwrap().clone()
}

fn restore(azure: &mut Azure, location: &str) -> Reply {
    azure.put(
        &id(VERSION),
        &json!({"location": location, "properties": {"restore": true}}),
    )
}

#[test]
fn a_policy_that_names_no_retention_gets_seven_days() {
    let mut azure = world();
    let gallery = azure.get(&id("galleries/soft")).body;
    assert_eq!(gallery["properties"]["softDeletePolicy"]["retentionPeriodInDays"], 7);
    let hard = azure.get(&id("galleries/gal1")).body;
    assert!(hard["properties"].get("softDeletePolicy").is_none());
}

#[test]
fn a_deleted_version_is_listed_restored_and_then_as_before() {
    let mut azure = world();
    let before = azure.get(&id(VERSION)).body;
    delete(&mut azure, &id(VERSION));
    let listed = kept(&mut azure);
    let times = &listed[0]["properties"];
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!("1.0.0")));
    assert_eq!(times["resourceArmId"], id(VERSION));
    let day = |field: &str| times[field].as_str().unwrap()[..10].to_owned();
    assert_eq!(
        ["softDeletedTime", "consumptionEndTime", "hardDeletionTargetTime"].map(day),
        ["2026-06-01", "2026-06-08", "2026-06-11"]
    );

    let elsewhere = restore(&mut azure, "westus2");
    assert_eq!((elsewhere.status, elsewhere.code()), (409, "InvalidResourceLocation"));
    let other = azure.put(&id(VERSION), &json!({"location": "eastus2", "properties": {}}));
    assert_eq!((other.status, other.code()), (409, "Conflict"));
    let started = restore(&mut azure, "eastus2");
    assert_eq!((started.status, started.state()), (200, "Updating"));
    azure.finish(&started);
    assert_eq!(azure.get(&id(VERSION)).body, before);
    assert_eq!(kept(&mut azure), Vec::<Value>::new());
}

#[test]
fn it_is_usable_by_its_number_for_the_retention_and_restorable_for_the_grace() {
    let mut azure = world();
    delete(&mut azure, &id(VERSION));
    let look = |azure: &Azure, path: &str| {
        azure
            .emulator
            .world
            .compute
            .image_version(&id(path), "eastus2", azure.now)
    };
    assert!(look(&azure, VERSION).is_ok());
    let latest = look(&azure, "galleries/soft/images/def");
    assert!(matches!(latest, Err(ImageMissing::NoVersion { .. })), "{latest:?}");
    later(&mut azure, 8);
    assert!(look(&azure, VERSION).is_err());
    assert_eq!(restore(&mut azure, "eastus2").status, 200);
    azure.wait(60);
    assert!(look(&azure, "galleries/soft/images/def").is_ok());
    delete(&mut azure, &id(VERSION));
    later(&mut azure, 11);
    assert_eq!(kept(&mut azure), Vec::<Value>::new());
    let gone = restore(&mut azure, "eastus2");
    assert_eq!(gone.status, 400, "a version without a source: {}", gone.body);
}

#[test]
fn parents_stay_until_what_is_kept_is_deleted_for_good() {
    let mut azure = world();
    delete(&mut azure, &id(VERSION));
    for parent in ["galleries/soft/images/def", "galleries/soft"] {
        let refused = azure.delete(&id(parent));
        assert_eq!((refused.status, refused.code()), (409, "CannotDeleteResource"));
    }
    assert_eq!(azure.delete(&id(VERSION)).status, 204);
    assert_eq!(kept(&mut azure).len(), 1);
    let for_good = format!("{}?bypassSoftDelete=true", id(VERSION));
    assert_eq!(azure.delete(&for_good).status, 200);
    assert_eq!(azure.delete(&id("galleries/soft/images/def")).status, 202);
}

#[test]
fn a_deletion_that_asks_for_it_is_for_good_at_once() {
    let mut azure = world();
    delete(&mut azure, &format!("{}?bypassSoftDelete=true", id(VERSION)));
    assert_eq!(kept(&mut azure), Vec::<Value>::new());
}
