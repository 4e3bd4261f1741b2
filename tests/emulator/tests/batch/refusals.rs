//! What Batch refuses (§16.7, §16.8 and §16.10 of the fact sheet on Azure's wire), and image and quota rules.

use azure_emulator::fault::Occurrence;
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use crate::harness::{Answer, HOST, VERSION, World, pool, world};

#[test]
fn point_7_the_image_of_a_pool_changes_only_while_it_is_empty() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    let newer = json!({"virtualMachineConfiguration": {
        "imageReference": {"virtualMachineImageId": VERSION.replace("1.0.0", "1.1.0")},
        "nodeAgentSKUId": "batch.node.ubuntu 22.04"
    }});
    let refused = world.patch("/pools/p", newer.clone());
    assert_eq!((refused.status(), refused.code()), (409, "OperationNotValidOnPool"));
    assert_eq!(refused.detail("PropertyName"), "virtualMachineConfiguration");
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 0}));
    assert_eq!(world.patch("/pools/p", newer.clone()).status(), 409, "not steady yet");
    world.wait(60);
    assert_eq!(world.patch("/pools/p", newer).status(), 200);
    let shown = world.get("/pools/p").body;
    assert!(
        shown["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"]
            .as_str()
            .unwrap()
            .ends_with("1.1.0")
    );
    let incomplete = json!({"virtualMachineConfiguration": {"nodeAgentSKUId": "batch.node.ubuntu 22.04"}});
    world.wait(60);
    assert_eq!(world.patch("/pools/p", incomplete).code(), "MissingRequiredProperty");
}

#[test]
fn old_versions_cannot_patch_an_image_and_any_version_can_patch_metadata() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 0));
    world.wait(60);
    world.speak("2024-02-01.19.0");
    let image = pool("p", 0)["virtualMachineConfiguration"].clone();
    assert_eq!(
        world
            .patch("/pools/p", json!({"virtualMachineConfiguration": image}))
            .code(),
        "UnsupportedProperty"
    );
    let patched = world.patch(
        "/pools/p",
        json!({"metadata": [{"name": "a", "value": "b"}], "startTask": {"commandLine": "x"}}),
    );
    assert_eq!(patched.status(), 200);
    let shown = world.get("/pools/p").body;
    assert_eq!(
        shown["startTask"]["waitForSuccess"], false,
        "recorded: PATCH stores false when it is left out"
    );
    world.wait(60);
    let replaced = world.post(
        "/pools/p/updateproperties",
        json!({"applicationPackageReferences": [], "metadata": []}),
    );
    assert_eq!(replaced.status(), 204);
    let shown = world.get("/pools/p").body;
    assert!(shown.get("startTask").is_none() && shown.get("metadata").is_none());
}

#[test]
fn point_7_a_resize_needs_a_steady_pool_without_autoscale() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 1));
    let resize = json!({"targetDedicatedNodes": "2", "resizeTimeout": "PT10M00S"});
    assert_eq!(world.post("/pools/p/resize", resize.clone()).code(), "PoolBeingResized");
    let autoscale = json!({"autoScaleFormula": "$TargetDedicatedNodes=2"});
    assert_eq!(
        world.post("/pools/p/enableautoscale", autoscale.clone()).code(),
        "PoolBeingResized"
    );
    world.wait(120);
    assert_eq!(
        world.batch(&Method::POST, "/pools/p/stopresize", None).status(),
        409,
        "nothing to stop"
    );
    assert_eq!(world.post("/pools/p/enableautoscale", autoscale.clone()).status(), 200);
    assert_eq!(world.get("/pools/p").body["targetDedicatedNodes"], 2);
    world.wait(120);
    assert_eq!(
        world.post("/pools/p/resize", resize.clone()).code(),
        "OperationNotValidOnPool"
    );
    let evaluated = world.post(
        "/pools/p/evaluateautoscale",
        json!({"autoScaleFormula": "$TargetDedicatedNodes=1+3"}),
    );
    assert!(
        evaluated.body["results"]
            .as_str()
            .unwrap()
            .starts_with("$TargetDedicatedNodes=4;")
    );
    assert_eq!(
        world.batch(&Method::POST, "/pools/p/disableautoscale", None).status(),
        200
    );
    assert_eq!(world.post("/pools/p/resize", resize).status(), 202);
    assert_eq!(world.get("/pools/p").body["resizeTimeout"], "PT10M");
}

#[test]
fn two_writes_to_one_pool_within_thirty_seconds_are_too_many() {
    let mut strict = world(|_| {});
    let mut lenient = world(|seed| seed["batchAccounts"][0]["poolWriteIntervalSeconds"] = json!(0));
    let metadata = || json!({"metadata": [{"name": "a", "value": "b"}]});
    for world in [&mut strict, &mut lenient] {
        world.post("/pools", pool("p", 0));
        world.wait(60);
        assert_eq!(world.patch("/pools/p", metadata()).status(), 200);
        world.wait(10);
    }
    let refused = strict.patch("/pools/p", metadata());
    assert_eq!(
        (refused.status(), refused.code(), refused.header("retry-after")),
        (429, "TooManyRequests", Some("20"))
    );
    assert_eq!(lenient.patch("/pools/p", metadata()).status(), 200);
    strict.wait(20);
    assert_eq!(strict.patch("/pools/p", metadata()).status(), 200);
}

/// Signs as the SDK does and sends.
fn signed(world: &mut World, key: &str, method: &Method, target: &str, body: Option<Value>) -> Answer {
    let date = HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT");
    let mut request = world.request(method, HOST, target, body, &[]);
    request.headers.insert("ocp-date", date);
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    let (length, kind) = (header("content-length"), header("content-type"));
    let mut text = format!(
        "{method}\n\n\n{length}\n\n{kind}\n\n\n\n\n\n\nocp-date:{}\n/acct1{}",
        header("ocp-date"),
        request.path
    );
    let mut query = request.query.clone();
    query.sort();
    for (name, value) in query {
        text.push_str(&format!("\n{name}:{value}"));
    }
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    request.headers.insert(
        "authorization",
        HeaderValue::from_str(&format!("SharedKey acct1:{signature}")).unwrap(),
    );
    world.send(&request)
}

fn marketplace(id: &str) -> Value {
    json!({
        "id": id, "vmSize": "STANDARD_D1_V2", "targetDedicatedNodes": 0,
        "virtualMachineConfiguration": {
            "imageReference": {"publisher": "canonical", "offer": "ubuntuserver", "sku": "18.04-lts"},
            "nodeAgentSKUId": "batch.node.ubuntu 18.04"
        }
    })
}

#[test]
fn point_8_a_shared_key_is_refused_for_a_gallery_image_and_for_a_subnet() {
    let mut world = world(|_| {});
    assert_eq!(
        signed(&mut world, "primary", &Method::POST, "/pools", Some(marketplace("m"))).status(),
        201
    );
    assert_eq!(
        signed(&mut world, "secondary", &Method::GET, "/pools/m?timeout=30", None).status(),
        200
    );
    let refused = signed(&mut world, "primary", &Method::POST, "/pools", Some(pool("p", 0)));
    assert_eq!((refused.status(), refused.code()), (403, "AuthenticationFailed"));
    assert_eq!(
        refused.detail("AuthenticationErrorDetail"),
        "The specified type of authentication SharedKey is not allowed when external resources of type Compute are linked."
    );
    let mut subnet = marketplace("s");
    subnet["networkConfiguration"] = json!({"subnetId": "/subscriptions/s/subnets/x"});
    let refused = signed(&mut world, "primary", &Method::POST, "/pools", Some(subnet));
    assert!(refused.detail("AuthenticationErrorDetail").contains("of type Network"));
    let job = json!({"id": "j", "poolInfo": {"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": {
        "vmSize": "STANDARD_D4S_V5", "virtualMachineConfiguration": pool("p", 0)["virtualMachineConfiguration"]
    }}}});
    let refused = signed(&mut world, "primary", &Method::POST, "/jobs", Some(job));
    assert!(
        refused.detail("AuthenticationErrorDetail").contains("of type Compute"),
        "nor for a job's own pool"
    );
    assert_eq!(
        signed(&mut world, "wrong", &Method::GET, "/pools", None).code(),
        "AuthenticationFailed"
    );
}

#[test]
fn an_account_without_shared_keys_refuses_them() {
    for change in [
        json!({"allowedAuthenticationModes": ["AAD"]}),
        json!({"poolAllocationMode": "UserSubscription"}),
    ] {
        let mut world = world(|seed| {
            let account = seed["batchAccounts"][0].as_object_mut().unwrap();
            account.extend(change.as_object().unwrap().clone());
        });
        let refused = signed(&mut world, "primary", &Method::GET, "/pools", None);
        assert_eq!(
            refused.detail("AuthenticationErrorDetail"),
            "The specified type of authentication SharedKey is not allowed for this account."
        );
        assert_eq!(world.get("/pools").status(), 200);
    }
}

#[test]
fn tokens_that_are_none_or_for_another_service_get_401_with_a_challenge() {
    let mut world = world(|_| {});
    let arm = world.arm_authorization();
    for authorization in [None, Some("Bearer rubbish"), Some(arm.as_str())] {
        let headers: Vec<(&str, &str)> = authorization
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let request = world.request(&Method::GET, HOST, "/pools", None, &headers);
        let refused = world.send(&request);
        assert_eq!(
            (refused.status(), refused.code()),
            (401, "AuthenticationFailed"),
            "{authorization:?}"
        );
        assert!(
            refused
                .header("www-authenticate")
                .is_some_and(|challenge| challenge.starts_with("Bearer "))
        );
    }
}

#[test]
fn quotas_let_in_what_fits_and_name_themselves() {
    let quota = |quotas: Value| world(move |seed| seed["batchAccounts"][0]["quotas"] = quotas);
    let mut interlinked = pool("p", 150);
    interlinked["enableInterNodeCommunication"] = json!(true);
    let mut spot = pool("p", 0);
    spot["targetLowPriorityNodes"] = json!(5);
    for (quotas, body, code, nodes) in [
        (
            json!({"dedicatedCores": 10}),
            pool("p", 5),
            "AccountCoreQuotaReached",
            2,
        ),
        (
            json!({"perFamily": {"standardDSv5Family": 4}}),
            pool("p", 5),
            "AccountVMSeriesCoreQuotaReached",
            1,
        ),
        (
            json!({"lowPriorityCores": 8}),
            spot,
            "AccountLowPriorityCoreQuotaReached",
            2,
        ),
        (json!({}), interlinked, "CommunicationEnabledPoolReachedMaxVMCount", 100),
    ] {
        let mut world = quota(quotas);
        world.post("/pools", body);
        world.wait(600);
        assert_eq!(world.get("/pools/p").body["resizeErrors"][0]["code"], code);
        assert_eq!(world.node_states("p"), format!("idle:{nodes}"));
    }
    let mut world = quota(json!({"pools": 1}));
    world.post("/pools", pool("p", 0));
    let refused = world.post("/pools", pool("q", 0));
    assert_eq!((refused.status(), refused.code()), (409, "PoolQuotaReached"));
}

#[test]
fn a_scripted_quota_stops_a_resize() {
    let mut world = world(|_| {});
    world.fault(json!({"kind": "quota", "deliver": 1}), Occurrence::Every);
    world.post("/pools", pool("p", 3));
    world.wait(600);
    let body = world.get("/pools/p").body;
    assert_eq!(
        (&body["resizeErrors"][0]["code"], &body["currentDedicatedNodes"]),
        (&json!("AccountCoreQuotaReached"), &json!(1))
    );
}

/// Azure takes such pools and reports the error at allocation time.
#[test]
fn an_image_that_cannot_boot_shows_when_nodes_are_allocated() {
    let sized = |size: &str| {
        let mut body = pool("p", 1);
        body["vmSize"] = json!(size);
        body
    };
    let mut unknown = pool("p", 1);
    unknown["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
        json!(VERSION.replace("1.0.0", "9.9.9"));
    let mut windows = pool("p", 1);
    windows["virtualMachineConfiguration"]["nodeAgentSKUId"] = json!("batch.node.windows amd64");
    for (body, part) in [
        (sized("STANDARD_A1_V2"), "cannot boot Hypervisor Generation '2'"),
        (sized("Standard_D4ps_v5"), "CPU Architecture"),
        (unknown, "GalleryImageNotFound"),
        (windows, "OS type"),
    ] {
        let mut world = world(|_| {});
        assert_eq!(world.post("/pools", body).status(), 201, "{part}");
        world.wait(120);
        let error = world.get("/pools/p").body["resizeErrors"][0].clone();
        assert_eq!(error["code"], "AllocationFailed", "{part}");
        assert!(
            error["values"][0]["value"].as_str().unwrap().contains(part),
            "{part}: {error}"
        );
        assert_eq!(world.node_states("p"), "");
    }
}

#[test]
fn an_image_without_a_replica_in_the_accounts_region_is_not_found() {
    let mut world = world(|seed| seed["batchAccounts"][0]["location"] = json!("westus2"));
    let mut request = world.request(
        &Method::POST,
        "acct1.westus2.batch.azure.com",
        "/pools",
        Some(pool("p", 1)),
        &[],
    );
    request.headers.insert(
        "authorization",
        HeaderValue::from_str(&world.batch_authorization()).unwrap(),
    );
    assert_eq!(world.send(&request).status(), 201);
    world.wait(120);
    let error = world.get("/pools/p").body["resizeErrors"][0].clone();
    assert!(
        error["values"][0]["value"]
            .as_str()
            .unwrap()
            .contains("not available in westus2 region"),
        "{error}"
    );
}

#[test]
fn the_images_subscription_must_know_batch_and_be_of_the_tenant() {
    let other = "00000000-0000-0000-0000-00000000beef";
    for (tenant, unregistered, code) in [
        (None, json!(["Microsoft.Batch"]), "MissingSubscriptionRegistration"),
        (
            Some("00000000-0000-0000-0000-00000000cccc"),
            json!([]),
            "LinkedAuthorizationFailed",
        ),
    ] {
        let mut world = world(|seed| {
            let mut subscription = json!({"id": other, "unregisteredProviders": unregistered});
            if let Some(tenant) = tenant {
                subscription["tenant"] = json!(tenant);
            }
            seed["subscriptions"].as_array_mut().unwrap().push(subscription);
        });
        let mut body = pool("p", 1);
        let id = VERSION.replace("00000000-0000-0000-0000-0000000005b5", other);
        body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] = json!(id);
        world.post("/pools", body);
        world.wait(120);
        let error = world.get("/pools/p").body["resizeErrors"][0].clone();
        assert!(error["values"][0]["value"].as_str().unwrap().contains(code), "{error}");
    }
}

#[test]
fn a_malformed_image_id_is_refused_at_once() {
    let mut world = world(|_| {});
    let mut body = pool("p", 1);
    body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
        json!("/subscriptions/x/versions/1.0.0");
    let refused = world.post("/pools", body);
    assert_eq!((refused.status(), refused.code()), (400, "InvalidPropertyValue"));
    assert_eq!(refused.detail("PropertyName"), "imageReference.virtualMachineImageId");
}

#[test]
fn nodes_refuse_what_their_state_does_not_allow() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 1));
    world.wait(62);
    let id = world.get("/pools/p/nodes").body["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let act = |world: &mut World, action: &str| {
        world
            .batch(&Method::POST, &format!("/pools/p/nodes/{id}/{action}"), None)
            .status()
    };
    assert_eq!(act(&mut world, "reboot"), 409, "still creating");
    world.wait(600);
    assert_eq!(act(&mut world, "start"), 409, "not deallocated");
    assert_eq!(act(&mut world, "enablescheduling"), 409, "enabled already");
    assert_eq!(act(&mut world, "disablescheduling"), 200);
    assert_eq!(act(&mut world, "disablescheduling"), 409);
    assert_eq!(act(&mut world, "deallocate"), 202);
    world.wait(60);
    assert_eq!(world.node_states("p"), "deallocated:1");
    assert_eq!(act(&mut world, "reimage"), 409);
    assert_eq!(act(&mut world, "start"), 202);
    world.wait(60);
    assert_eq!(world.node_states("p"), "offline:1", "nothing is scheduled on it yet");
    assert_eq!(act(&mut world, "enablescheduling"), 200);
    assert_eq!(world.node_states("p"), "idle:1");
}

#[test]
fn point_10_a_scripted_server_busy_has_the_services_envelope() {
    let mut world = world(|_| {});
    let busy = json!({"kind": "status", "status": 503, "code": "ServerBusy", "message": "The server is busy.", "retryAfter": 7});
    world.fault_on(busy, "/pools");
    let refused = world.post("/pools", pool("p", 0));
    assert_eq!(
        (refused.status(), refused.code(), refused.header("retry-after")),
        (503, "ServerBusy", Some("7"))
    );
    assert_eq!(refused.response.reason.as_deref(), Some("The server is busy."));
    assert!(
        refused.body["message"]["value"]
            .as_str()
            .unwrap()
            .contains("\nRequestId:")
    );
    assert_eq!(world.get("/pools/p").code(), "PoolNotFound", "nothing has happened");
}

#[test]
fn a_scripted_throttle_has_the_services_envelope() {
    let mut world = world(|_| {});
    world.fault_on(json!({"kind": "throttle", "retryAfter": 3}), "/pools");
    let refused = world.post("/pools", pool("p", 0));
    assert_eq!(
        (refused.status(), refused.code(), refused.header("retry-after")),
        (429, "TooManyRequests", Some("3"))
    );
    assert!(refused.body["odata.metadata"].is_string());
    assert_eq!(world.post("/pools", pool("p", 0)).status(), 201, "and then it goes");
}

/// The service lags behind the gallery at times; trying again helps.
#[test]
fn a_version_can_be_not_found_right_after_its_replication() {
    let mut world = world(|_| {});
    let provider = json!({"error": {"code": "GalleryImageNotFound", "message": "The gallery image is not available."}});
    world.fault(
        json!({"kind": "allocationFailed", "provider": provider}),
        Occurrence::Nth(1),
    );
    world.post("/pools", pool("p", 1));
    world.wait(600);
    let error = world.get("/pools/p").body["resizeErrors"][0].clone();
    assert!(
        error["values"][0]["value"]
            .as_str()
            .unwrap()
            .contains("GalleryImageNotFound"),
        "{error}"
    );
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 1}));
    world.wait(600);
    assert_eq!(world.node_states("p"), "idle:1");
}
