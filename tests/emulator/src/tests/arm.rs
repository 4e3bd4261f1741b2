//! The resource manager: metadata, subscriptions, groups, providers, pages, refusals.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, GROUP, TENANT, id};
use crate::Settings;

const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5";

#[test]
fn metadata_has_the_shape_of_its_api_version() {
    let mut azure = Azure::example();
    let get = |azure: &mut Azure, version: &str| {
        azure
            .ask(
                Method::GET,
                &format!("/metadata/endpoints?api-version={version}"),
                "",
                &[],
            )
            .body
    };
    let first = get(&mut azure, "2015-01-01");
    assert_eq!(first["authentication"]["loginEndpoint"], "https://management.azure.com");
    for version in ["2019-05-01", "2020-06-01"] {
        assert_eq!(
            get(&mut azure, version)[0]["resourceManager"],
            "https://management.azure.com",
            "{version}"
        );
    }
    let object = get(&mut azure, "2022-09-01");
    assert_eq!(object["resourceManager"], "https://management.azure.com");
    assert!(object["suffixes"].is_object() && object["microsoftGraphResourceId"].is_string());
}

#[test]
fn every_answer_says_the_emulated_time() {
    let mut azure = Azure::example();
    azure.wait(3600);
    let expected = crate::http::http_date(azure.now);
    for path in [GROUP, "/no/such/path", "/metadata/endpoints?api-version=2022-09-01"] {
        let reply = azure.get(path);
        assert_eq!(reply.header("date"), Some(expected.as_str()), "{path} {}", reply.status);
    }
}

#[test]
fn whatever_is_not_played_answers_501_and_names_itself() {
    let mut azure = Azure::example();
    let reply = azure.put(
        &format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/v"),
        &json!({}),
    );
    assert_eq!((reply.status, reply.code()), (501, "NotImplementedByEmulator"));
    assert!(
        reply.message().contains("PUT")
            && reply.message().contains("storageAccounts/v")
            && reply.message().contains(azure.api_version)
    );
    let reply = azure.get(&format!("{SUBSCRIPTION}/no/such/path"));
    assert_eq!((reply.status, reply.code()), (501, "NotImplementedByEmulator"));
}

#[test]
fn an_api_version_is_required_and_any_is_taken() {
    let mut azure = Azure::example();
    let authorization = format!("Bearer {}", azure.token);
    let without = azure.ask(Method::GET, GROUP, "", &[("authorization", &authorization)]);
    assert_eq!((without.status, without.code()), (400, "MissingApiVersionParameter"));
    azure.api_version = "1999-01-01";
    assert_eq!(azure.get(GROUP).status, 200);
}

#[test]
fn ids_compare_without_case_and_keep_the_casing_they_were_made_with() {
    let mut azure = Azure::example();
    let path = id("virtualMachines/vm-build");
    let shouted = azure.get(&path.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions"));
    assert_eq!(
        (shouted.status, shouted.body["id"].as_str()),
        (200, Some(path.as_str()))
    );
}

#[test]
fn resource_groups_live_and_die_with_what_is_in_them() {
    let mut azure = Azure::example();
    let path = format!("{SUBSCRIPTION}/resourcegroups/Other");
    assert_eq!(azure.send(Method::HEAD, &path, &Value::Null).status, 404);
    assert_eq!(azure.put(&path, &json!({"location": "westus2"})).status, 201);
    assert_eq!(
        azure
            .put(&path, &json!({"location": "West US 2", "tags": {"a": "b"}}))
            .status,
        200
    );
    let moved = azure.put(&path, &json!({"location": "eastus"}));
    assert_eq!((moved.status, moved.code()), (409, "InvalidResourceGroupLocation"));
    assert_eq!(azure.send(Method::HEAD, &path, &Value::Null).status, 204);

    let deleted = azure.delete(GROUP);
    assert_eq!(deleted.status, 202);
    let location = deleted.header("location").unwrap().to_owned();
    assert_eq!(azure.get(&location).status, 202);
    assert_eq!(azure.get(GROUP).state(), "Deleting");
    let late = azure.put(&id("galleries/late"), &json!({"location": "eastus2"}));
    assert_eq!((late.status, late.code()), (409, "ResourceGroupBeingDeleted"));
    azure.wait(60);
    assert_eq!(azure.get(&location).status, 200);
    assert_eq!(azure.get(GROUP).code(), "ResourceGroupNotFound");
    assert_eq!(
        azure.get(&id("virtualMachines/vm-build")).code(),
        "ResourceGroupNotFound"
    );
    assert_eq!(azure.emulator.resources(azure.now)["compute"]["disks"], json!([]));
}

#[test]
fn lists_come_in_pages() {
    let mut azure = Azure::with(
        Settings {
            page_size: 2,
            ..Settings::default()
        },
        &json!({}),
    );
    let mut path = format!("{SUBSCRIPTION}/providers/Microsoft.Compute/disks");
    let mut names = Vec::new();
    loop {
        let page = azure.get(&path).body;
        names.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|disk| disk["name"].as_str().unwrap().to_owned()),
        );
        match page["nextLink"].as_str() {
            Some(link) => link.clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(names, ["vm-build_DataDisk_0", "vm-build_DataDisk_1", "vm-build_OsDisk"]);
}

#[test]
fn a_provider_must_be_registered_before_it_writes() {
    let unregistered = json!({"subscriptions": [{
        "id": "00000000-0000-0000-0000-0000000005b5", "tenant": TENANT, "unregisteredProviders": ["Microsoft.Compute"],
    }]});
    let mut azure = Azure::with_seed(&unregistered);
    let gallery = id("galleries/gal2");
    let refused = azure.put(&gallery, &json!({"location": "eastus2"}));
    assert_eq!(
        (refused.status, refused.code()),
        (409, "MissingSubscriptionRegistration")
    );
    assert!(refused.message().contains("'Microsoft.Compute'"));
    let provider = format!("{SUBSCRIPTION}/providers/Microsoft.Compute");
    assert_eq!(azure.get(&provider).body["registrationState"], "NotRegistered");
    let registering = azure.post(&format!("{provider}/register"), &Value::Null);
    assert_eq!(
        (registering.status, &registering.body["registrationState"]),
        (200, &json!("Registering"))
    );
    azure.wait(60);
    assert_eq!(azure.get(&provider).body["registrationState"], "Registered");
    assert_eq!(azure.put(&gallery, &json!({"location": "eastus2"})).status, 201);
}

#[test]
fn sizes_usages_and_permissions_can_be_read() {
    let quota =
        json!({"quotas": [{"location": "East US 2", "name": "standardDSv5Family", "limit": 12, "currentValue": 4}]});
    let mut azure = Azure::with_seed(&quota);
    let compute = format!("{SUBSCRIPTION}/providers/Microsoft.Compute");
    let skus = azure
        .get(&format!("{compute}/skus?%24filter=location%20eq%20%27eastus2%27"))
        .body;
    let sizes = skus["value"].as_array().unwrap();
    assert!(sizes.iter().all(|size| size["locations"] == json!(["eastus2"])) && sizes.len() > 10);
    let usages = azure.get(&format!("{compute}/locations/eastus2/usages")).body;
    let family = usages["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|usage| usage["name"]["value"] == "standardDSv5Family")
        .unwrap();
    assert_eq!((&family["limit"], &family["currentValue"]), (&json!(12), &json!(4)));
    let permissions = azure
        .get(&format!("{GROUP}/providers/Microsoft.Authorization/permissions"))
        .body;
    assert_eq!(permissions["value"][0]["actions"], json!(["*"]));
    for path in [
        format!("{SUBSCRIPTION}/locations"),
        "/subscriptions".to_owned(),
        "/tenants".to_owned(),
        SUBSCRIPTION.to_owned(),
        format!("{GROUP}/resources"),
    ] {
        assert_eq!(azure.get(&path).status, 200, "{path}");
    }
}

/// The providers that Terraform's azurerm looks for before its first resource.
#[test]
fn the_providers_that_every_subscription_has_are_registered() {
    let mut azure = Azure::example();
    let providers = azure.get(&format!("{SUBSCRIPTION}/providers")).body;
    let state = |name: &str| {
        let provider = providers["value"].as_array().unwrap().iter();
        let mut provider = provider.filter(|provider| provider["namespace"] == name);
        provider.next().map(|provider| provider["registrationState"].clone())
    };
    for name in [
        "Authorization",
        "Compute",
        "CostManagement",
        "ManagedIdentity",
        "MarketplaceOrdering",
        "Network",
        "Resources",
        "Storage",
    ] {
        assert_eq!(state(&format!("Microsoft.{name}")), Some(json!("Registered")), "{name}");
    }
    let usages = format!("{SUBSCRIPTION}/providers/Microsoft.Compute/locations/atlantis/usages");
    assert_eq!(azure.get(&usages).code(), "NoRegisteredProviderFound");
}

#[test]
fn lists_are_filtered_or_say_that_they_cannot() {
    let mut azure = Azure::example();
    let tagged = json!({"location": "eastus2", "tags": {"team": "ours"}});
    azure.put(&format!("{SUBSCRIPTION}/resourceGroups/ours"), &tagged);
    let names = |azure: &mut Azure, path: &str, filter: &str| -> Vec<String> {
        let filter = percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC);
        let list = azure.get(&format!("{path}?%24filter={filter}")).body;
        let values = list["value"].as_array().unwrap().iter();
        values.map(|value| value["name"].as_str().unwrap().to_owned()).collect()
    };
    let groups = format!("{SUBSCRIPTION}/resourcegroups");
    assert_eq!(
        names(&mut azure, &groups, "tagname eq 'team' and tagvalue eq 'ours'"),
        ["ours"]
    );
    let resources = format!("{SUBSCRIPTION}/resources");
    let vms = "resourceGroup eq 'RG-images' and resourceType eq 'Microsoft.Compute/virtualMachines'";
    assert_eq!(names(&mut azure, &resources, vms), ["vm-build"]);
    for (path, filter) in [(&resources, "substringof('a',name)"), (&id("disks"), "name eq 'x'")] {
        assert_eq!(azure.get(&format!("{path}?$filter={filter}")).status, 501, "{path}");
    }
    let first = azure.get(&format!("{resources}?$top=1")).body;
    assert_eq!(first["value"].as_array().unwrap().len(), 1);
    assert!(first["nextLink"].as_str().unwrap().contains("$top=1"));
}

#[test]
fn tags_that_azure_does_not_take_are_refused_on_every_resource() {
    let mut azure = Azure::example();
    let body = json!({"location": "eastus2", "tags": {"team": "x".repeat(257)}});
    for path in [
        format!("{SUBSCRIPTION}/resourceGroups/new"),
        id("galleries/new"),
        format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/new"),
    ] {
        for method in [Method::PUT, Method::PATCH] {
            let refused = azure.send(method, &path, &body);
            assert_eq!(
                (refused.status, refused.code()),
                (400, "InvalidTagValueLength"),
                "{path}"
            );
        }
        assert_eq!(azure.get(&path).status, 404, "{path}");
    }
}

/// What `az account list-locations` shows of each subscription: names for several regions among the regions.
#[test]
fn logical_regions_are_listed_and_hold_nothing() {
    let mut azure = Azure::example();
    let listed = azure.get(&format!("{SUBSCRIPTION}/locations")).body["value"].clone();
    let france = listed.as_array().unwrap().iter().find(|it| it["name"] == "france");
    assert_eq!(france.unwrap()["metadata"]["regionType"], "Logical");
    let reply = azure.put(&id("galleries/late"), &json!({"location": "france"}));
    assert!(reply.status >= 400, "{}", reply.body);
}
