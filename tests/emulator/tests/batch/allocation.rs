//! Why nodes do not come: every code of a resize, and what of the pool's surroundings can be wrong.

use azure_emulator::fault::Occurrence;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, VERSION, World, pool, world};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers";

/// The codes of `PoolResizeErrorCodes` in Batch's .NET client.
const CODES: [&str; 24] = [
    "AllocationTimedOut",
    "AllocationFailed",
    "ResizeStopped",
    "RemoveNodesFailed",
    "AccountCoreQuotaReached",
    "AccountLowPriorityCoreQuotaReached",
    "AccountSpotCoreQuotaReached",
    "CommunicationEnabledPoolReachedMaxVMCount",
    "OverconstrainedAllocationRequestError",
    "UnsupportedVMSize",
    "IncompatibleVMSize",
    "MissingPublisherPropertyInMarketPlacePlan",
    "DependentResourceNotFound",
    "DiskEncryptionFailure",
    "FailedIdentityOperation",
    "OperationsRestrictedByPolicy",
    "OperationsOnPublicIPRestrictedByPolicy",
    "OperationsOnImageRestrictedByPolicy",
    "OperationsOnNetworkSecurityGroupRestrictedByPolicy",
    "OperationsOnLoadBalancerRestrictedByPolicy",
    "OperationsOnVirtualNetworkRestrictedByPolicy",
    "OperationsOnPrivateLinkRestrictedByPolicy",
    "OperationsOnPrivateEndpointRestrictedByPolicy",
    "Unknown",
];

/// The first resize error of pool `p`, and the provider's code in it.
fn error(world: &mut World) -> (String, String) {
    let shown = world.get("/pools/p").body;
    let error = &shown["resizeErrors"][0];
    let provider = error["values"][0]["value"].as_str().unwrap_or("{}");
    let provider: Value = serde_json::from_str(provider).unwrap();
    let code = |code: &Value| code.as_str().unwrap_or_default().to_owned();
    (code(&error["code"]), code(&provider["error"]["code"]))
}

fn told(world: &mut World, body: Value) -> (String, String) {
    let created = world.post("/pools", body);
    assert_eq!(created.status(), 201, "{created:?}");
    world.wait(600);
    error(world)
}

fn put(world: &mut World, resource: &str, body: Value) {
    let target = format!("{GROUP}/{resource}?api-version=2026-03-03");
    let made = world.arm(&Method::PUT, &target, Some(body), &[]);
    assert!(made.response.status.is_success(), "{made:?}");
}

#[test]
fn every_code_of_a_resize_can_be_scripted() {
    for code in CODES {
        let mut world = world(|_| {});
        world.ready_pool("p", 3);
        world.fault(
            json!({"kind": "allocationFailed", "code": code, "deliver": 1}),
            Occurrence::Nth(1),
        );
        let (target, left) = if code == "RemoveNodesFailed" { (0, 2) } else { (5, 4) };
        world.post("/pools/p/resize", json!({"targetDedicatedNodes": target}));
        world.wait(600);
        let shown = world.get("/pools/p").body;
        let error = &shown["resizeErrors"][0];
        assert_eq!(
            (error["code"].as_str(), shown["currentDedicatedNodes"].as_u64()),
            (Some(code), Some(left))
        );
        assert!(
            error["message"].as_str().is_some_and(|text| text.contains(' ')),
            "{code}"
        );
        let has_provider = error["values"].as_array().is_some_and(|values| !values.is_empty());
        assert_eq!(has_provider, code == "AllocationFailed", "{code}");
    }
}

#[test]
fn a_scripted_error_can_carry_any_message_and_provider() {
    let mut world = world(|_| {});
    let fault = json!({
        "kind": "allocationFailed", "code": "operationsRestrictedByPolicy", "message": "Not here.",
        "provider": {"error": {"code": "RequestDisallowedByPolicy", "message": "no"}}
    });
    world.fault(fault, Occurrence::Nth(1));
    let codes = told(&mut world, pool("p", 2));
    assert_eq!(
        codes,
        (
            "operationsRestrictedByPolicy".into(),
            "RequestDisallowedByPolicy".into()
        ),
        "in any case"
    );
    assert_eq!(world.get("/pools/p").body["resizeErrors"][0]["message"], "Not here.");
}

#[test]
fn chosen_nodes_that_cannot_be_removed_stay_and_no_others_go() {
    let mut world = world(|_| {});
    world.ready_pool("p", 4);
    let nodes = world.get("/pools/p/nodes?$select=id").body;
    let id = |place: usize| nodes["value"][place]["id"].clone();
    world.fault(
        json!({"kind": "allocationFailed", "code": "RemoveNodesFailed"}),
        Occurrence::Nth(1),
    );
    world.post("/pools/p/removenodes", json!({"nodeList": [id(0), id(2)]}));
    world.wait(60);
    assert_eq!(
        (world.node_states("p").as_str(), error(&mut world).0.as_str()),
        ("idle:4", "RemoveNodesFailed")
    );
    world.wait(60);
    world.post("/pools/p/removenodes", json!({"nodeList": [id(0), id(2)]}));
    world.wait(60);
    let left = world.get("/pools/p/nodes?$select=id").body;
    assert_eq!(left["value"], json!([{"id": id(1)}, {"id": id(3)}]));
    assert!(world.get("/pools/p").body.get("resizeErrors").is_none());
}

/// A pool of so many nodes in a subnet of eight addresses, of which Azure keeps five.
fn in_subnet(id: &str, nodes: u32) -> Value {
    let mut body = pool(id, nodes);
    let subnet = format!("{GROUP}/Microsoft.Network/virtualNetworks/net/subnets/small");
    body["networkConfiguration"] = json!({"subnetId": subnet});
    body
}

fn network(world: &mut World) {
    let body = json!({"location": "eastus2", "properties": {
        "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
        "subnets": [{"name": "small", "properties": {"addressPrefix": "10.1.7.0/29"}}]
    }});
    put(world, "Microsoft.Network/virtualNetworks/net", body);
    world.wait(60);
}

fn addresses(world: &mut World, pool: &str) -> Vec<String> {
    let nodes = world.get(&format!("/pools/{pool}/nodes")).body;
    let nodes = nodes["value"].as_array().unwrap().iter();
    let mut found: Vec<String> = nodes
        .map(|node| node["ipAddress"].as_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

#[test]
fn a_full_subnet_lets_in_what_fits_and_names_itself() {
    let mut world = world(|_| {});
    network(&mut world);
    let codes = told(&mut world, in_subnet("p", 5));
    assert_eq!(codes, ("AllocationFailed".into(), "SubnetIsFull".into()));
    assert_eq!(addresses(&mut world, "p"), ["10.1.7.4", "10.1.7.5", "10.1.7.6"]);
    let provider = world.get("/pools/p").body["resizeErrors"][0]["values"][0]["value"].clone();
    assert!(
        provider
            .as_str()
            .unwrap()
            .contains("Subnet small with address prefix 10.1.7.0/29"),
        "{provider}"
    );
    world.ready_pool("elsewhere", 1);
    world.post("/pools", in_subnet("q", 1));
    world.wait(600);
    assert_eq!(world.node_states("q"), "", "another pool has them all");
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 2}));
    world.wait(600);
    world.post("/pools/q/resize", json!({"targetDedicatedNodes": 1}));
    world.wait(600);
    let mut all = addresses(&mut world, "p");
    all.extend(addresses(&mut world, "q"));
    all.sort();
    assert_eq!(
        all,
        ["10.1.7.4", "10.1.7.5", "10.1.7.6"],
        "freed addresses are taken again"
    );
    assert!(world.get("/pools/q").body.get("resizeErrors").is_none());
}

#[test]
fn a_subnet_must_be_there_and_its_loss_stops_growth() {
    let mut world = world(|_| {});
    let refused = world.post("/pools", in_subnet("p", 1));
    assert_eq!((refused.status(), refused.code()), (400, "InvalidPropertyValue"));
    assert_eq!(refused.detail("PropertyName"), "networkConfiguration.subnetId");
    network(&mut world);
    world.post("/pools", in_subnet("p", 1));
    world.wait(600);
    let target = format!("{GROUP}/Microsoft.Network/virtualNetworks/net?api-version=2024-05-01");
    assert_eq!(world.arm(&Method::DELETE, &target, None, &[]).status(), 202);
    world.wait(600);
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 2}));
    world.wait(600);
    assert_eq!(
        error(&mut world),
        ("DependentResourceNotFound".into(), "InvalidResourceReference".into())
    );
    assert_eq!(world.node_states("p"), "idle:1");
}

#[test]
fn a_version_that_is_still_being_made_or_has_failed_cannot_be_used() {
    for fault in [None, Some(json!({"kind": "operationFailed"}))] {
        let mut world = world(|_| {});
        let source = json!({"source": {"id": format!("{GROUP}/Microsoft.Compute/disks/vm-build_OsDisk")}});
        let version = VERSION
            .strip_prefix(&format!("{GROUP}/"))
            .unwrap()
            .replace("1.0.0", "2.0.0");
        let fails = fault.is_some();
        if let Some(fault) = fault {
            let path = format!("{GROUP}/{version}");
            let fault = serde_json::from_value(fault).unwrap();
            world.script(azure_emulator::fault::Fault::new(fault).on(&Method::PUT, &path));
        }
        put(
            &mut world,
            &version,
            json!({"location": "eastus2", "properties": {
                "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}, "storageProfile": {"osDiskImage": source}
            }}),
        );
        if fails {
            world.wait(6_000);
        }
        let mut body = pool("p", 1);
        body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
            json!(format!("{GROUP}/{version}"));
        assert_eq!(
            told(&mut world, body),
            ("AllocationFailed".into(), "GalleryImageNotFound".into()),
            "{fails}"
        );
        if !fails {
            world.wait(6_000);
            world.post("/pools/p/resize", json!({"targetDedicatedNodes": 1}));
            world.wait(600);
            assert_eq!(world.node_states("p"), "idle:1", "once it is whole");
        }
    }
}

#[test]
fn a_security_type_must_suit_image_and_size() {
    for (feature, asked, size, fits) in [
        ("TrustedLaunch", Some("trustedLaunch"), "Standard_D4s_v5", true),
        ("TrustedLaunch", None, "Standard_D4s_v5", false),
        ("Standard", Some("trustedLaunch"), "Standard_D4s_v5", false),
        (
            "ConfidentialVmSupported",
            Some("confidentialVM"),
            "Standard_DC4as_v5",
            true,
        ),
        (
            "ConfidentialVmSupported",
            Some("confidentialVM"),
            "Standard_D4s_v5",
            false,
        ),
    ] {
        let mut world = world(|seed| {
            seed["definitions"][0]["properties"]["features"] = json!([{"name": "SecurityType", "value": feature}]);
        });
        let mut body = pool("p", 1);
        body["vmSize"] = json!(size);
        if let Some(asked) = asked {
            body["virtualMachineConfiguration"]["securityProfile"] = json!({"securityType": asked});
            if asked == "confidentialVM" {
                let encryption = json!({"securityEncryptionType": "VMGuestStateOnly"});
                body["virtualMachineConfiguration"]["osDisk"] = json!({"managedDisk": {"securityProfile": encryption}});
            }
        }
        let expected = if fits {
            ("", "")
        } else {
            ("AllocationFailed", "BadRequest")
        };
        let (code, provider) = told(&mut world, body);
        assert_eq!(
            (code.as_str(), provider.as_str()),
            expected,
            "{feature} {asked:?} {size}"
        );
    }
}

#[test]
fn a_marketplace_plan_must_be_on_the_definition_and_its_terms_accepted() {
    let plan = json!({"name": "pro", "publisher": "acme", "product": "render"});
    for (plan, accepted, code, provider) in [
        (plan.clone(), true, "", ""),
        (plan, false, "AllocationFailed", "ResourcePurchaseValidationFailed"),
        (
            json!({"name": "pro", "product": "render"}),
            true,
            "MissingPublisherPropertyInMarketPlacePlan",
            "",
        ),
    ] {
        let mut world = world(|seed| {
            seed["definitions"][0]["properties"]["purchasePlan"] = plan.clone();
            seed["batchAccounts"][0]["marketplaceTermsAccepted"] = json!(accepted);
        });
        assert_eq!(
            told(&mut world, pool("p", 1)),
            (code.into(), provider.into()),
            "{plan} {accepted}"
        );
    }
}

#[test]
fn a_definition_without_the_plan_of_its_source_boots_nothing() {
    let mut world = world(|seed| {
        seed["vms"][0]["plan"] = json!({"name": "pro", "publisher": "acme", "product": "render"});
    });
    let disk = format!("{GROUP}/Microsoft.Compute/disks/vm-build_OsDisk");
    let version = VERSION
        .strip_prefix(&format!("{GROUP}/"))
        .unwrap()
        .replace("1.0.0", "2.0.0");
    put(
        &mut world,
        &version,
        json!({"location": "eastus2", "properties": {
            "publishingProfile": {"targetRegions": [{"name": "eastus2"}]},
            "storageProfile": {"osDiskImage": {"source": {"id": disk}}}
        }}),
    );
    world.wait(6_000);
    let mut body = pool("p", 1);
    body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
        json!(format!("{GROUP}/{version}"));
    assert_eq!(
        told(&mut world, body),
        ("AllocationFailed".into(), "VMMarketplaceInvalidInput".into())
    );
}

/// A pool on a managed image.
fn on_managed_image(nodes: u32) -> Value {
    let mut body = pool("p", nodes);
    body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
        json!(format!("{GROUP}/Microsoft.Compute/images/golden"));
    body
}

#[test]
fn pools_on_managed_images_are_retired() {
    let mut world = world(|_| {});
    let refused = world.post("/pools", on_managed_image(1));
    assert_eq!((refused.status(), refused.code()), (400, "InvalidPropertyValue"));
    assert!(refused.detail("Reason").contains("retired"), "{refused:?}");
    let arm = json!({"properties": {"vmSize": "STANDARD_D4S_V5", "deploymentConfiguration": {
        "virtualMachineConfiguration": {
            "imageReference": {"id": format!("{GROUP}/Microsoft.Compute/images/golden")},
            "nodeAgentSkuId": "batch.node.ubuntu 22.04"
        }
    }, "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 0}}}});
    let target = format!("{ACCOUNT}/pools/p?api-version=2025-06-01");
    let refused = world.arm(&Method::PUT, &target, Some(arm), &[]);
    assert_eq!((refused.status(), refused.code()), (400, "InvalidPropertyValue"));
}

#[test]
fn an_account_of_before_may_use_managed_images_within_the_old_limits() {
    let mut world = world(|seed| seed["batchAccounts"][0]["managedImagePools"] = json!(true));
    assert_eq!(
        told(&mut world, on_managed_image(1)),
        ("AllocationFailed".into(), "NotFound".into())
    );
    let vm = format!("{GROUP}/Microsoft.Compute/virtualMachines/vm-build");
    let image =
        json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": vm}, "hyperVGeneration": "V2"}});
    put(&mut world, "Microsoft.Compute/images/golden", image);
    world.wait(600);
    world.post(
        "/pools/p/resize",
        json!({"targetDedicatedNodes": 2_001, "targetLowPriorityNodes": 1}),
    );
    world.wait(900);
    let shown = world.get("/pools/p").body;
    assert_eq!(
        (
            shown["currentDedicatedNodes"].as_u64(),
            shown["currentLowPriorityNodes"].as_u64()
        ),
        (Some(2_000), Some(1))
    );
    assert_eq!(shown["resizeErrors"][0]["code"], "AllocationFailed");
    let node = world.get("/pools/p/nodes?maxresults=1").body["value"][0].clone();
    let image = node["virtualMachineInfo"]["imageReference"]["virtualMachineImageId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(image.ends_with("/images/golden"), "{image}");
}
