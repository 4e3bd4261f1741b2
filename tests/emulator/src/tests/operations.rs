//! Long operations: start codes, headers, poll URLs, ends.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, id};
use crate::{Settings, timing::Timing};

/// What a write answers at its start: status, whether `Location` comes with the status URL, and that URL's form.
type Start = (Method, &'static str, Value, u16, bool, &'static str);

fn creations(os: &str, definition: Value) -> Vec<Start> {
    let (disk, compute, gallery) = ("DiskOperations", "/operations/", "capsOperations");
    let at = |properties: Value| json!({"location": "eastus2", "properties": properties});
    let copy = json!({"createOption": "Copy", "sourceResourceId": id("disks/vm-build_OsDisk")});
    let snapshot = at(json!({"creationData": copy}));
    let empty = at(json!({"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}));
    let image = at(json!({"sourceVirtualMachine": {"id": id("virtualMachines/vm-build")}}));
    let version = Azure::version_body(os, &["eastus2"]);
    let path = "galleries/gal1/images/def/versions/1.0.0";
    vec![
        (Method::PUT, "snapshots/s", snapshot, 202, true, disk),
        (Method::PUT, "disks/d", empty, 202, true, disk),
        (Method::PUT, "images/i", image, 201, false, compute),
        (Method::PUT, "galleries/gal2", at(json!({})), 201, false, gallery),
        (Method::PUT, "galleries/gal2", at(json!({})), 200, false, gallery),
        (
            Method::PUT,
            "galleries/gal1/images/def",
            definition,
            200,
            false,
            gallery,
        ),
        (Method::PUT, path, version.clone(), 201, false, gallery),
        (Method::PUT, path, version, 200, false, gallery),
    ]
}

fn other_writes() -> Vec<Start> {
    let (disk, compute, gallery) = ("DiskOperations", "/operations/", "capsOperations");
    let path = "galleries/gal1/images/def/versions/1.0.0";
    vec![
        (
            Method::POST,
            "virtualMachines/vm-build/deallocate",
            Value::Null,
            202,
            true,
            compute,
        ),
        (Method::DELETE, path, Value::Null, 202, true, gallery),
        (Method::DELETE, "images/i", Value::Null, 202, true, compute),
        (Method::DELETE, "snapshots/s", Value::Null, 202, true, disk),
        (Method::DELETE, "galleries/gal2", Value::Null, 202, true, gallery),
    ]
}

#[test]
fn every_write_starts_as_recorded() {
    let mut azure = Azure::example();
    let os = azure.snapshot("os", "vm-build_OsDisk");
    let definition = azure.definition("def");
    let definition = azure.get(&definition).body;
    let starts = creations(&os, definition).into_iter().chain(other_writes());
    for (method, path, body, status, location, form) in starts {
        let reply = azure.send(method.clone(), &id(path), &body);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        let url = reply.header("azure-asyncoperation").unwrap();
        assert!(url.contains(form), "{method} {path}: {url}");
        assert_eq!(reply.header("location").is_some(), location, "{method} {path}");
        assert_eq!(reply.header("retry-after"), None, "{method} {path}");
        azure.finish(&reply);
    }
    let generalized = azure.post(&id("virtualMachines/vm-build/generalize"), &Value::Null);
    assert_eq!(generalized.header("azure-asyncoperation"), None);
}

/// A day in one step and a day in steps of seconds lead to the same world.
#[test]
fn the_step_size_of_time_does_not_matter() {
    let run = |step: i64| {
        let mut azure = Azure::example();
        let os = azure.snapshot("os", "vm-build_OsDisk");
        azure.definition("def");
        azure.put(
            &id("galleries/gal1/images/def/versions/1.0.0"),
            &Azure::version_body(&os, &["eastus2", "westus2"]),
        );
        azure.delete(&id("disks/none"));
        let end = azure.now + jiff::SignedDuration::from_secs(1200);
        while azure.now < end {
            azure.wait(step);
            azure.get(&id("galleries/gal1"));
        }
        azure.now = end;
        azure.emulator.resources(end)
    };
    assert_eq!(run(1200), run(7));
}

#[test]
fn the_time_scale_divides_every_duration() {
    let timing = Timing {
        scale: 100,
        ..Timing::default()
    };
    let mut azure = Azure::with(
        Settings {
            timing,
            ..Settings::default()
        },
        &json!({}),
    );
    let body = json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id("disks/vm-build_OsDisk")}}});
    azure.put(&id("snapshots/s"), &body);
    assert_eq!(azure.get(&id("snapshots/s")).state(), "Updating");
    azure.wait(1);
    assert_eq!(azure.get(&id("snapshots/s")).state(), "Succeeded");
}

#[test]
fn the_provider_says_how_many_requests_of_a_kind_are_left() {
    let mut azure = Azure::example();
    let left = |azure: &mut Azure| {
        let started = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
        azure.wait(60);
        started.header("x-ms-ratelimit-remaining-resource").unwrap().to_owned()
    };
    let gallery = |short: u32, long: u32| {
        format!("Microsoft.Compute/CreateUpdateGallery3Min;{short},Microsoft.Compute/CreateUpdateGallery30Min;{long}")
    };
    assert_eq!(left(&mut azure), gallery(49, 298));
    assert_eq!(left(&mut azure), gallery(48, 297));
    azure.wait(180);
    assert_eq!(left(&mut azure), gallery(49, 296));
    let groups = azure.get("/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups");
    assert_eq!(
        groups.header("x-ms-ratelimit-remaining-subscription-reads"),
        Some("249")
    );
    assert_eq!(
        groups.header("x-ms-ratelimit-remaining-subscription-global-reads"),
        Some("3749")
    );
    let tenant = azure.get("/subscriptions");
    assert_eq!(tenant.header("x-ms-ratelimit-remaining-tenant-reads"), Some("249"));
}
