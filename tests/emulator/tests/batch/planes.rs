//! The resource manager's view of Batch: accounts, locations, and pools that both planes show.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Answer, VERSION, pool, world};

const API: &str = "api-version=2025-06-01";

fn arm_pool(nodes: u32) -> Value {
    json!({
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/s/identities/mi": {}}},
        "tags": {"env": "test"},
        "properties": {
            "vmSize": "STANDARD_D4S_V5",
            "deploymentConfiguration": {"virtualMachineConfiguration": {
                "imageReference": {"id": VERSION}, "nodeAgentSkuId": "batch.node.ubuntu 22.04",
                "osDisk": {"caching": "ReadWrite"}
            }},
            "scaleSettings": {"fixedScale": {"targetDedicatedNodes": nodes, "resizeTimeout": "PT20M"}},
            "startTask": {"commandLine": "true", "waitForSuccess": true}
        }
    })
}

#[test]
fn a_pool_made_through_arm_is_the_same_on_the_data_plane() {
    let mut world = world(|_| {});
    let target = format!("{ACCOUNT}/pools/p?{API}");
    let made = world.arm(&Method::PUT, &target, Some(arm_pool(2)), &[("if-none-match", "*")]);
    assert_eq!(made.status(), 200, "{made:?}");
    assert_eq!(made.body["properties"]["allocationState"], "Resizing");
    let etag = made.header("etag").unwrap();
    assert!(etag.starts_with("W/\"0x8D") && etag.ends_with('"'), "{etag}");
    world.wait(600);
    let data = world.get("/pools/p").body;
    assert_eq!(
        data["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"],
        VERSION
    );
    assert_eq!(data["virtualMachineConfiguration"]["osDisk"]["caching"], "readwrite");
    assert_eq!(
        (&data["currentDedicatedNodes"], &data["resizeTimeout"]),
        (&json!(2), &json!("PT20M"))
    );
    assert_eq!(
        data["identity"]["userAssignedIdentities"][0]["resourceId"],
        "/subscriptions/s/identities/mi"
    );
    let arm = world.arm(&Method::GET, &target, None, &[]).body;
    assert_eq!(arm["properties"]["currentDedicatedNodes"], 2);
    assert_eq!(
        arm["properties"]["deploymentConfiguration"]["virtualMachineConfiguration"]["osDisk"]["caching"],
        "ReadWrite"
    );
    assert_eq!(arm["tags"], json!({"env": "test"}));
    assert_eq!(arm["properties"]["provisioningState"], "Succeeded");
}

#[test]
fn conditions_guard_pools_on_arm_too() {
    let mut world = world(|_| {});
    let target = format!("{ACCOUNT}/pools/p?{API}");
    assert_eq!(
        world
            .arm(&Method::PUT, &target, Some(arm_pool(0)), &[("if-match", "*")])
            .status(),
        412,
        "not there"
    );
    let etag = world
        .arm(&Method::PUT, &target, Some(arm_pool(0)), &[])
        .header("etag")
        .unwrap()
        .to_owned();
    assert_eq!(
        world
            .arm(&Method::PUT, &target, Some(arm_pool(0)), &[("if-none-match", "*")])
            .status(),
        412
    );
    world.wait(60);
    let tagged = json!({"tags": {"a": "b"}});
    assert_eq!(
        world
            .arm(
                &Method::PATCH,
                &target,
                Some(tagged.clone()),
                &[("if-match", "W/\"0x8D0\"")]
            )
            .status(),
        412
    );
    let patched = world.arm(&Method::PATCH, &target, Some(tagged), &[("if-match", &etag)]);
    assert_eq!((patched.status(), &patched.body["tags"]), (200, &json!({"a": "b"})));
}

#[test]
fn a_patch_grows_the_pool_and_leaves_the_rest() {
    let mut world = world(|_| {});
    let target = format!("{ACCOUNT}/pools/p?{API}");
    world.arm(&Method::PUT, &target, Some(arm_pool(1)), &[]);
    world.wait(600);
    let grow = json!({"properties": {"scaleSettings": {"fixedScale": {"targetDedicatedNodes": 3}}}});
    let grown = world.arm(&Method::PATCH, &target, Some(grow), &[]);
    assert_eq!(
        (grown.status(), &grown.body["properties"]["allocationState"]),
        (200, &json!("Resizing")),
        "{grown:?}"
    );
    world.wait(600);
    let body = world.get("/pools/p").body;
    assert_eq!(
        (&body["currentDedicatedNodes"], &body["resizeTimeout"]),
        (&json!(3), &json!("PT20M"))
    );
    assert!(body.get("startTask").is_some());
    let cleared = world.arm(
        &Method::PATCH,
        &target,
        Some(json!({"properties": {"startTask": {}}})),
        &[],
    );
    assert_eq!(cleared.status(), 200);
    assert!(world.get("/pools/p").body.get("startTask").is_none());
}

#[test]
fn the_image_changes_through_arm_only_at_zero_nodes_and_steady() {
    let mut world = world(|_| {});
    let target = format!("{ACCOUNT}/pools/p?{API}");
    world.arm(&Method::PUT, &target, Some(arm_pool(1)), &[]);
    world.wait(600);
    let image = json!({"properties": {"deploymentConfiguration": {"virtualMachineConfiguration": {
        "imageReference": {"id": VERSION.replace("1.0.0", "1.1.0")}, "nodeAgentSkuId": "batch.node.ubuntu 22.04"
    }}}});
    let refused = world.arm(&Method::PATCH, &target, Some(image.clone()), &[]);
    assert_eq!((refused.status(), refused.code()), (409, "OperationNotValidOnPool"));
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 0}));
    world.wait(600);
    assert_eq!(world.arm(&Method::PATCH, &target, Some(image), &[]).status(), 200);
}

#[test]
fn resize_errors_carry_details_on_arm() {
    let mut world = world(|_| {});
    let target = format!("{ACCOUNT}/pools/p?{API}");
    let mut body = arm_pool(1);
    body["properties"]["vmSize"] = json!("Standard_A1_v2");
    world.arm(&Method::PUT, &target, Some(body), &[]);
    world.wait(600);
    let status = world.arm(&Method::GET, &target, None, &[]).body["properties"]["resizeOperationStatus"].clone();
    assert_eq!(status["errors"][0]["code"], "AllocationFailed");
    assert_eq!(status["errors"][0]["details"][0]["code"], "Provider Error Json");
}

#[test]
fn pools_list_filter_stop_and_go_on_arm() {
    let mut world = world(|_| {});
    for id in ["a", "b"] {
        world.arm(
            &Method::PUT,
            &format!("{ACCOUNT}/pools/{id}?{API}"),
            Some(arm_pool(1)),
            &[],
        );
    }
    let list = |world: &mut crate::harness::World, query: &str| {
        world.arm(&Method::GET, &format!("{ACCOUNT}/pools?{API}{query}"), None, &[])
    };
    assert_eq!(
        list(&mut world, "&$filter=name eq 'a'").body["value"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(list(&mut world, "&$filter=properties/colour eq 'x'").status(), 400);
    let page = list(&mut world, "&maxresults=1").body;
    assert!(page["nextLink"].as_str().is_some() && page["value"].as_array().map(Vec::len) == Some(1));
    let stopped = world.arm(&Method::POST, &format!("{ACCOUNT}/pools/a/stopResize?{API}"), None, &[]);
    assert_eq!(
        (stopped.status(), &stopped.body["properties"]["allocationState"]),
        (200, &json!("Stopping"))
    );
    assert_eq!(
        world
            .arm(&Method::DELETE, &format!("{ACCOUNT}/pools/a?{API}"), None, &[])
            .status(),
        202
    );
    world.wait(600);
    assert_eq!(
        world
            .arm(&Method::DELETE, &format!("{ACCOUNT}/pools/a?{API}"), None, &[])
            .status(),
        204
    );
    assert_eq!(
        world
            .arm(&Method::GET, &format!("{ACCOUNT}/pools/a?{API}"), None, &[])
            .code(),
        "PoolNotFound"
    );
}

#[test]
fn an_account_shows_its_endpoint_quotas_and_keys() {
    let mut world = world(|seed| {
        let quotas = json!({"dedicatedCores": 500, "perFamily": {"standardDSv5Family": 100}});
        seed["batchAccounts"][0]["quotas"] = quotas;
    });
    let shown = world.arm(&Method::GET, &format!("{ACCOUNT}?{API}"), None, &[]);
    let properties = &shown.body["properties"];
    assert_eq!(properties["accountEndpoint"], "acct1.eastus2.batch.azure.com");
    assert_eq!(properties["dedicatedCoreQuota"], 500);
    assert_eq!(
        properties["dedicatedCoreQuotaPerVMFamily"],
        json!([{"name": "standardDSv5Family", "coreQuota": 100}])
    );
    assert_eq!(
        properties["allowedAuthenticationModes"],
        json!(["SharedKey", "AAD", "TaskAuthenticationToken"])
    );
    assert!(shown.header("etag").is_some_and(|etag| etag.ends_with('"')));
    let keys = world
        .arm(&Method::POST, &format!("{ACCOUNT}/listKeys?{API}"), None, &[])
        .body;
    assert_eq!(
        keys,
        json!({"accountName": "acct1", "primary": "cHJpbWFyeQ==", "secondary": "c2Vjb25kYXJ5"})
    );
    let limited = json!({"properties": {"allowedAuthenticationModes": ["AAD"]}});
    assert_eq!(
        world
            .arm(&Method::PATCH, &format!("{ACCOUNT}?{API}"), Some(limited), &[])
            .status(),
        200
    );
    assert_eq!(
        world
            .arm(&Method::POST, &format!("{ACCOUNT}/listKeys?{API}"), None, &[])
            .status(),
        409
    );
}

#[test]
fn an_account_reached_under_another_name_has_its_endpoint_there() {
    let mut world = world(|_| {});
    let shown = world.arm_at("127.0.0.1:8443", &format!("{ACCOUNT}?{API}")).body;
    assert_eq!(shown["properties"]["accountEndpoint"], "127.0.0.1:8443/batch/acct1");
    let id = shown["id"].as_str().unwrap();
    assert_eq!(id, ACCOUNT);
}

/// The path of the place that a 202 names.
fn polled(answer: &Answer) -> String {
    assert_eq!(answer.status(), 202, "{answer:?}");
    assert!(answer.response.body.is_empty());
    let location = answer.header("location").unwrap();
    location
        .strip_prefix("https://management.azure.com")
        .unwrap()
        .to_owned()
}

#[test]
fn accounts_are_made_listed_and_deleted() {
    let mut world = world(|_| {});
    let group = ACCOUNT.strip_suffix("/acct1").unwrap();
    let target = format!("{group}/fresh1?{API}");
    let made = world.arm(&Method::PUT, &target, Some(json!({"location": "West US 2"})), &[]);
    let place = polled(&made);
    world.wait(60);
    let made = world.arm(&Method::GET, &place, None, &[]);
    assert_eq!((made.status(), &made.body["location"]), (200, &json!("westus2")));
    assert_eq!(made.body["properties"]["poolAllocationMode"], "BatchService");
    let check = |world: &mut crate::harness::World, name: &str| {
        let target = format!(
            "{}/locations/eastus2/checkNameAvailability?{API}",
            group.split("/resourceGroups").next().unwrap().to_owned() + "/providers/Microsoft.Batch"
        );
        let body = json!({"name": name, "type": "Microsoft.Batch/batchAccounts"});
        world.arm(&Method::POST, &target, Some(body), &[]).body
    };
    assert_eq!(check(&mut world, "fresh1")["reason"], "AlreadyExists");
    assert_eq!(check(&mut world, "Not-Good")["reason"], "Invalid");
    assert_eq!(check(&mut world, "fresh2"), json!({"nameAvailable": true}));
    assert_eq!(
        world.arm(&Method::GET, &format!("{group}?{API}"), None, &[]).body["value"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let deleted = world.arm(&Method::DELETE, &target, None, &[]);
    let place = polled(&deleted);
    world.wait(60);
    assert_eq!(world.arm(&Method::GET, &place, None, &[]).status(), 204);
    assert_eq!(world.arm(&Method::DELETE, &target, None, &[]).status(), 204);
    assert_eq!(
        world
            .arm(&Method::GET, &format!("{group}/fresh1?{API}"), None, &[])
            .code(),
        "ResourceNotFound"
    );
}

#[test]
fn a_location_tells_its_account_quota_and_its_sizes() {
    let mut world = world(|_| {});
    let subscription = ACCOUNT.split("/resourceGroups").next().unwrap();
    let location = format!("{subscription}/providers/Microsoft.Batch/locations/eastus2");
    assert_eq!(
        world
            .arm(&Method::GET, &format!("{location}/quotas?{API}"), None, &[])
            .body,
        json!({"accountQuota": 3})
    );
    let filter = "$filter=familyName eq 'standardDSv5Family'";
    let skus = world
        .arm(
            &Method::GET,
            &format!("{location}/virtualMachineSkus?{API}&{filter}"),
            None,
            &[],
        )
        .body;
    let names: Vec<&str> = skus["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sku| sku["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"Standard_D4s_v5") && names.iter().all(|name| name.ends_with("s_v5")),
        "{names:?}"
    );
}

/// What is there after a run is compared between runs, so both planes' leavings must be in it.
#[test]
fn the_same_work_leaves_the_same_resources() {
    let run = |wait: i64| {
        let mut world = world(|_| {});
        world.post("/pools", pool("p", 2));
        world.wait(wait);
        world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
        world.wait(600);
        world.resources()["batch"].clone()
    };
    let resources = run(0);
    assert_eq!(resources, run(5_000));
    assert_eq!(resources.as_object().map(serde_json::Map::len), Some(3));
}

#[test]
fn a_deletion_names_where_to_ask_until_the_pool_is_gone() {
    let mut world = world(|_| {});
    let target = format!("{ACCOUNT}/pools/p-1?{API}");
    world.arm(&Method::PUT, &target, Some(arm_pool(2)), &[]);
    world.wait(600);
    let deleted = world.arm(&Method::DELETE, &target, None, &[]);
    assert_eq!(deleted.status(), 202);
    let location = deleted.header("location").unwrap().to_owned();
    let place = location
        .split_once("/subscriptions")
        .map(|(_, rest)| format!("/subscriptions{rest}"));
    let place = place.unwrap();
    assert!(
        place.starts_with(&format!("{ACCOUNT}/poolOperationResults/delete-p-1-")),
        "{place}"
    );
    let asked = world.arm(&Method::GET, &place, None, &[]);
    assert_eq!(
        (asked.status(), asked.header("location")),
        (202, Some(location.as_str()))
    );
    world.wait(600);
    assert_eq!(world.arm(&Method::GET, &place, None, &[]).status(), 204);
    world.arm(&Method::PUT, &target, Some(arm_pool(0)), &[]);
    assert_eq!(
        world.arm(&Method::GET, &place, None, &[]).status(),
        204,
        "a new pool of the same id is another one"
    );
}

#[test]
fn an_account_takes_time_to_come_and_to_go() {
    let mut world = world(|_| {});
    let target = format!("{}/fresh1?{API}", ACCOUNT.strip_suffix("/acct1").unwrap());
    let made = world.arm(&Method::PUT, &target, Some(json!({"location": "eastus2"})), &[]);
    let place = polled(&made);
    assert!(place.contains("/batchAccounts/fresh1/operationResults/"), "{place}");
    let state = |world: &mut crate::harness::World| {
        let shown = world.arm(&Method::GET, &target, None, &[]).body;
        shown["properties"]["provisioningState"].clone()
    };
    assert_eq!(
        polled(&world.arm(&Method::GET, &place, None, &[])),
        place,
        "not yet, and the same place again"
    );
    assert_eq!(state(&mut world), "Creating");
    let data_plane = "fresh1.eastus2.batch.azure.com";
    assert_eq!(world.batch_at(data_plane, "/pools").code(), "AccountNotFound");
    world.wait(60);
    let there = world.arm(&Method::GET, &place, None, &[]);
    assert_eq!((there.status(), &there.body["name"]), (200, &json!("fresh1")));
    assert!(there.header("etag").is_some_and(|etag| etag.ends_with('"')));
    assert_eq!(
        (state(&mut world), world.batch_at(data_plane, "/pools").status()),
        (json!("Succeeded"), 200)
    );
    let place = polled(&world.arm(&Method::DELETE, &target, None, &[]));
    assert_eq!(
        (state(&mut world), world.batch_at(data_plane, "/pools").status()),
        (json!("Deleting"), 404)
    );
    world.wait(60);
    assert_eq!(world.arm(&Method::GET, &target, None, &[]).code(), "ResourceNotFound");
    assert_eq!(world.arm(&Method::GET, &place, None, &[]).status(), 204);
    let nothing = format!("{ACCOUNT}/operationResults/none?{API}");
    assert_eq!(world.arm(&Method::GET, &nothing, None, &[]).status(), 404);
}

#[test]
fn the_operations_of_accounts_fail_and_stick_as_scripted() {
    for (verb, effect, status, state) in [
        (
            Method::PUT,
            json!({"kind": "operationFailed", "code": "SubscriptionQuotaExceeded"}),
            409,
            "Failed",
        ),
        (Method::PUT, json!({"kind": "operationStuck"}), 202, "Creating"),
        (Method::DELETE, json!({"kind": "operationFailed"}), 409, "Succeeded"),
        (Method::DELETE, json!({"kind": "operationStuck"}), 202, "Deleting"),
    ] {
        let mut world = world(|_| {});
        let (name, body) = match verb {
            Method::PUT => ("fresh1", Some(json!({"location": "eastus2"}))),
            _ => ("acct1", None),
        };
        let target = format!("{}/{name}?{API}", ACCOUNT.strip_suffix("/acct1").unwrap());
        let effect = serde_json::from_value(effect).unwrap();
        world.script(azure_emulator::fault::Fault::new(effect).on(&verb, "*/batchAccounts/*"));
        let place = polled(&world.arm(&verb, &target, body, &[]));
        world.wait(600);
        assert_eq!(
            world.arm(&Method::GET, &place, None, &[]).status(),
            status,
            "{verb} {state}"
        );
        let shown = world.arm(&Method::GET, &target, None, &[]).body;
        assert_eq!(shown["properties"]["provisioningState"], state, "{verb}");
    }
}

/// Unlike a VM or an image, a pool is no long operation: what takes time is its resize.
#[test]
fn writes_to_pools_on_arm_answer_200_at_once() {
    let mut world = world(|_| {});
    let target = format!("{ACCOUNT}/pools/p?{API}");
    let act = |action: &str| format!("{ACCOUNT}/pools/p/{action}?{API}");
    for (method, target, body) in [
        (Method::PUT, target.clone(), Some(arm_pool(1))),
        (Method::POST, act("stopResize"), None),
        (Method::PUT, target.clone(), Some(arm_pool(2))),
        (Method::PATCH, target, Some(json!({"tags": {}}))),
        (Method::POST, act("disableAutoScale"), None),
    ] {
        let written = world.arm(&method, &target, body, &[]);
        assert_eq!(written.status(), 200, "{method} {target}: {written:?}");
        for header in ["location", "azure-asyncoperation", "retry-after"] {
            assert_eq!(written.header(header), None, "{method} {target}");
        }
        assert_eq!(written.body["name"], "p");
        world.wait(31);
    }
}

#[test]
fn neither_plane_shows_what_a_pool_was_given_in_secret() {
    let mut world = world(|_| {});
    let mut body = pool("p", 0);
    body["userAccounts"] = json!([{
        "name": "u", "password": "hidden-1", "linuxUserConfiguration": {"uid": 1001, "gid": 1001, "sshPrivateKey": "hidden-2"},
    }]);
    body["mountConfiguration"] = json!([
        {"azureBlobFileSystemConfiguration": {"accountName": "a", "containerName": "c", "relativeMountPath": "m", "sasKey": "hidden-3"}},
        {"azureFileShareConfiguration": {"accountName": "a", "azureFileUrl": "https://a", "accountKey": "hidden-4", "relativeMountPath": "n"}},
    ]);
    let registry = json!({"username": "me", "registryServer": "r.io", "password": "hidden-5"});
    body["virtualMachineConfiguration"]["containerConfiguration"] =
        json!({"type": "dockerCompatible", "containerRegistries": [registry]});
    body["virtualMachineConfiguration"]["extensions"] = json!([
        {"name": "e", "publisher": "p", "type": "t", "settings": {"open": "shown"}, "protectedSettings": {"key": "hidden-6"}},
    ]);
    let created = world.post("/pools", body);
    assert_eq!(created.status(), 201, "{created:?}");
    let arm = format!("{ACCOUNT}/pools");
    for answer in [
        world.get("/pools/p"),
        world.get("/pools"),
        world.arm(&Method::GET, &format!("{arm}/p"), None, &[]),
        world.arm(&Method::GET, &arm, None, &[]),
    ] {
        let text = answer.body.to_string();
        assert!(
            text.contains("\"me\"") && text.contains("shown"),
            "the rest is there: {text}"
        );
        assert!(!text.contains("hidden"), "{text}");
    }
    assert!(!world.resources().to_string().contains("hidden"));
}
