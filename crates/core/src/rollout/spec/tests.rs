//! Tests of the merged body, its contradictions, and its comparison with a pool.

use super::*;
use crate::{
    ids::BatchEndpoint,
    settings::{
        AccountRef, Change, Elevation, PoolSpec, RolloutPolicy, SpotCounts, StartTask, Targets, WaitForSuccess,
    },
};

const IMAGE: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

pub(in crate::rollout) fn settings(pool_json: Value) -> RolloutSettings {
    RolloutSettings {
        account: AccountRef::Endpoint(BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap()),
        pool: PoolSpec {
            id: "p1".parse().unwrap(),
            version: IMAGE.parse().unwrap(),
            vm_size: Some("Standard_D4s_v5".parse().unwrap()),
            fallback_vm_sizes: Vec::new(),
            node_agent_sku: Some("batch.node.ubuntu 22.04".parse().unwrap()),
            targets: Targets {
                dedicated: 700,
                spot: 0,
                spot_counts: SpotCounts::No,
            },
            autoscale: None,
            start_task: None,
            image_security: ImageSecurity::default(),
            json: pool_json.as_object().unwrap().clone().into(),
            parts: crate::settings::parts::PoolParts::default(),
            spots: crate::settings::Spots::default(),
            expires_after: None,
        },
        policy: RolloutPolicy::default(),
        change: Change::default(),
        node_logs: None,
        prices: None,
    }
}

fn spec(pool_json: Value) -> Spec {
    Spec::new(&settings(pool_json)).unwrap()
}

fn body(spec: &Spec) -> Value {
    spec.create_body(
        NodeCounts {
            dedicated: 700,
            spot: 0,
        },
        Duration::from_secs(1800),
    )
    .unwrap()
}

/// The pool as Batch shows it after it was created so.
fn pool_of(spec: &Spec) -> Value {
    let mut pool = body(spec);
    pool["vmSize"] = json!(pool["vmSize"].as_str().unwrap().to_lowercase());
    pool["taskSlotsPerNode"] = json!(pool.get("taskSlotsPerNode").cloned().unwrap_or(json!(1)));
    pool["allocationState"] = json!("steady");
    pool
}

/// The faults as users of a command line read them.
fn said(faults: &[Fault]) -> String {
    crate::settings::fault::lines(faults, crate::options::Door::Flag)
}

fn start_task(command: &str) -> StartTask {
    StartTask {
        command: command.to_owned(),
        elevation: Elevation::NonAdmin,
        wait_for_success: WaitForSuccess::Yes,
        max_retries: 0,
    }
}

#[test]
fn a_body_holds_typed_settings_pass_through_and_our_metadata() {
    let mut settings = settings(
        json!({"taskSlotsPerNode": 4, "metadata": [{"name": "team", "value": "render"}],
        "virtualMachineConfiguration": {"osDisk": {"caching": "readwrite"}}}),
    );
    settings.pool.start_task = Some(start_task("true"));
    let mut body = body(&Spec::new(&settings).unwrap());
    body["metadata"][1]["value"] = json!("<mark>");
    body["metadata"][3]["value"] = json!("<paths>");
    insta::assert_json_snapshot!(body, @r#"
    {
      "id": "p1",
      "taskSlotsPerNode": 4,
      "metadata": [
        {
          "name": "team",
          "value": "render"
        },
        {
          "name": "azure-batch-spec",
          "value": "<mark>"
        },
        {
          "name": "azure-batch-version",
          "value": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0"
        },
        {
          "name": "azure-batch-asked",
          "value": "<paths>"
        }
      ],
      "virtualMachineConfiguration": {
        "osDisk": {
          "caching": "readwrite"
        },
        "nodeAgentSKUId": "batch.node.ubuntu 22.04",
        "imageReference": {
          "virtualMachineImageId": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0"
        }
      },
      "vmSize": "Standard_D4s_v5",
      "startTask": {
        "commandLine": "/bin/bash -c 'true'",
        "userIdentity": {
          "autoUser": {
            "scope": "pool",
            "elevationLevel": "nonadmin"
          }
        },
        "maxTaskRetryCount": 0,
        "waitForSuccess": true
      },
      "targetDedicatedNodes": 700,
      "targetLowPriorityNodes": 0,
      "resizeTimeout": "PT30M"
    }
    "#);
}

#[test]
fn contradictions_are_shown_all_at_once_and_name_both_sides() {
    let mut settings = settings(
        json!({"id": "p2", "vmSize": "Standard_D2s_v5", "targetDedicatedNodes": 5, "resizeTimeout": "PT20M",
        "enableAutoScale": true, "startTask": {"commandLine": "secret"},
        "virtualMachineConfiguration": {"nodeAgentSKUId": "batch.node.el 9", "imageReference": {"publisher": "canonical"}}}),
    );
    settings.policy.resize.timeout = Some(Duration::from_secs(600));
    settings.pool.start_task = Some(StartTask {
        command: "true".to_owned(),
        elevation: Elevation::NonAdmin,
        wait_for_success: WaitForSuccess::Yes,
        max_retries: 0,
    });
    let faults = Spec::new(&settings).unwrap_err();
    assert!(!said(&faults).contains("secret"));
    insta::assert_snapshot!(said(&faults), @r#"
    --pool-json.id: is "p2" but --pool-id is "p1"; leave it out of --pool-json
    --pool-json.targetDedicatedNodes: is 5 but --target-dedicated-nodes is 700; leave it out of --pool-json
    --pool-json.enableAutoScale: asks for an autoscale pool: leave it out and give the formula in --autoscale-formula
    --pool-json.resizeTimeout: is PT20M but --resize-timeout is PT10M; give it in one place
    --pool-json.vmSize: is "Standard_D2s_v5" but --vm-size is "Standard_D4s_v5"; give it in one place
    --pool-json.virtualMachineConfiguration.nodeAgentSKUId: is "batch.node.el 9" but --node-agent-sku-id is "batch.node.ubuntu 22.04"; give it in one place
    --pool-json.virtualMachineConfiguration.imageReference: is {"publisher":"canonical"} but the image version is /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0; leave it out of --pool-json
    --pool-json.startTask: is given, and so is --start-task; use one of the two
    "#);
}

#[test]
fn equal_values_in_both_places_are_no_contradiction() {
    let spec = spec(
        json!({"id": "P1", "vmSize": "standard_d4s_v5", "targetDedicatedNodes": 700, "resizeTimeout": "PT20M",
        "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": IMAGE.to_uppercase()}}}),
    );
    assert_eq!(spec.timeout(), Some(Duration::from_secs(1200)));
    assert_eq!(body(&spec)["vmSize"], "Standard_D4s_v5", "the typed spelling wins");
}

#[test]
fn a_word_of_batch_in_another_letter_case_is_the_same() {
    let with = |word: &str| spec(json!({"taskSchedulingPolicy": {"nodeFillType": word}}));
    let pool = Pool::new(pool_of(&with("Spread")));
    assert!(with("spread").compare(&pool).is_none());
    assert_eq!(
        names(&with("pack").compare(&pool)),
        ["taskSchedulingPolicy.nodeFillType"]
    );
}

#[test]
fn a_start_task_of_the_pool_json_also_waits_for_success() {
    let wait = |task: Value| body(&spec(json!({"startTask": task})))["startTask"]["waitForSuccess"].clone();
    assert_eq!(wait(json!({"commandLine": "true"})), true);
    assert_eq!(wait(json!({"commandLine": "true", "waitForSuccess": false})), false);
}

#[test]
fn only_a_new_pool_needs_size_and_agent() {
    let mut settings = settings(json!({}));
    settings.pool.vm_size = None;
    settings.pool.node_agent_sku = None;
    let open = Spec::new(&settings).unwrap();
    let error = open
        .create_body(NodeCounts::default(), Duration::from_secs(900))
        .unwrap_err();
    assert_eq!(
        said(&error),
        "--vm-size: is needed to create the pool\n--node-agent-sku-id: is needed to create the pool"
    );
    assert!(open.compare(&Pool::new(pool_of(&spec(json!({}))))).is_none());
}

#[test]
fn the_mark_depends_on_the_specification_alone() {
    let hash = |json: Value| spec(json).mark();
    let base = hash(json!({"a": 1, "b": {"x": 1, "y": 2}}));
    assert_eq!(
        base,
        hash(json!({"b": {"y": 2, "x": 1}, "a": 1, "resizeTimeout": "PT2H", "targetDedicatedNodes": 700}))
    );
    assert_ne!(base, hash(json!({"a": 1, "b": {"x": 1, "y": 3}})));
    let mut other_version = settings(json!({"a": 1, "b": {"x": 1, "y": 2}}));
    other_version.pool.version = IMAGE.replace("1.0.0", "2.0.0").parse().unwrap();
    assert_eq!(base, Spec::new(&other_version).unwrap().mark());
}

#[test]
fn a_pool_of_ours_is_known_again_and_differences_are_named_without_values() {
    let accounts = |name: &str, password: &str| json!([{"name": name, "password": password}]);
    let asked = spec(json!({"taskSlotsPerNode": 4, "userAccounts": accounts("a", "hunter2")}));
    assert!(asked.compare(&Pool::new(pool_of(&asked))).is_none());
    let table = [
        (json!({}), vec!["taskSlotsPerNode", "userAccounts"]),
        (
            json!({"taskSlotsPerNode": 4, "userAccounts": accounts("b", "hunter2")}),
            vec!["userAccounts"],
        ),
        (
            json!({"taskSlotsPerNode": 4, "userAccounts": accounts("a", "hunter2"), "displayName": "x"}),
            vec!["settings that are no longer asked for (displayName)"],
        ),
    ];
    for (made, expected) in table {
        let found = asked.compare(&Pool::new(pool_of(&spec(made))));
        assert_eq!(names(&found), expected);
    }
}

#[test]
fn what_can_be_taken_away_is_named_next_to_another_image_and_to_settings_that_differ() {
    let made = json!({"taskSlotsPerNode": 4, "startTask": {"commandLine": "mount -a"},
        "applicationPackageReferences": [{"applicationId": "a"}]});
    let mut found = pool_of(&spec(made));
    found["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
        json!(IMAGE.replace("1.0.0", "0.9.0"));
    let gone =
        ["startTask", "applicationPackageReferences"].map(|name| format!("{name}, which is no longer asked for"));
    for asked in [json!({"taskSlotsPerNode": 4}), json!({"taskSlotsPerNode": 8})] {
        let difference = spec(asked).compare(&Pool::new(found.clone()));
        assert_eq!(difference.names(When::AnyTime), gone);
        assert_eq!(difference.names(When::NewPool), [] as [&str; 0]);
        assert!(difference.image.is_some());
    }
    // A start task that others took away meanwhile lacks nowhere.
    found.as_object_mut().unwrap().remove("startTask");
    let difference = spec(json!({"taskSlotsPerNode": 4})).compare(&Pool::new(found));
    assert_eq!(names(&difference), gone[1..]);
}

#[test]
fn a_signature_that_is_new_for_each_run_makes_no_other_pool() {
    let with = |signature: &str| {
        let command = format!("/bin/bash -c 'azcopy cp \"https://st1.example/c?sv=2025-01-05&sig={signature}\" .'");
        spec(json!({"userAccounts": [{"name": "a", "password": signature}],
            "startTask": {"commandLine": command, "environmentSettings": [{"name": "SAS", "value": signature}]}}))
    };
    let same = with("SIGA").compare(&Pool::new(pool_of(&with("SIGA"))));
    assert!(same.is_none());
    assert_eq!(same.hidden, ["userAccounts.password"]);
    let found = Pool::new(pool_of(&with("SIGB")));
    let rotated = with("SIGA").compare(&found);
    assert_eq!(
        rotated.names(When::AnyTime),
        ["signed addresses or environment values of startTask"]
    );
    assert_eq!((rotated.image.as_ref(), rotated.fields.len()), (None, 1));
    let body = with("SIGA").update_body(&found, &rotated);
    assert!(body["startTask"].to_string().contains("SIGA"));
    assert!(!format!("{rotated:?} {}", body["metadata"]).contains("SIG"));
}

#[test]
fn a_managed_image_is_refused_with_what_works_instead() {
    let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/images/built";
    let machine = json!({"imageReference": {"virtualMachineImageId": id}});
    let faults = Spec::new(&settings(json!({"virtualMachineConfiguration": machine}))).unwrap_err();
    let said = said(&faults);
    assert!(
        said.contains(
            "images/built is a managed image, and Batch has made no pools on managed images since 31 March 2026"
        ),
        "{said}"
    );
    assert!(said.contains("publish it as a version of a gallery first"), "{said}");
}

#[test]
fn metadata_that_changed_is_named() {
    let with =
        |build: &str| spec(json!({"metadata": [{"name": "build", "value": build}, {"name": "team", "value": "a"}]}));
    let found = with("42").compare(&Pool::new(pool_of(&with("41"))));
    assert_eq!(found.names(When::AnyTime), ["metadata.build"]);
}

#[test]
fn metadata_of_ours_that_is_no_longer_asked_for_goes_and_that_of_others_stays() {
    let item = |name: &str| json!({"name": name, "value": "x"});
    let of = |names: &[&str]| spec(json!({"metadata": names.iter().map(|name| item(name)).collect::<Vec<_>>()}));
    let mut found = pool_of(&of(&["build", "team"]));
    found["metadata"].as_array_mut().unwrap().push(item("theirs"));
    let (asked, pool) = (of(&["team"]), Pool::new(found));
    let difference = asked.compare(&pool);
    assert_eq!(
        difference.names(When::AnyTime),
        ["metadata.build, which is no longer asked for"]
    );
    let body = asked.update_body(&pool, &difference);
    let items = body["metadata"].as_array().unwrap();
    let names: Vec<&str> = items.iter().map(name_of).collect();
    assert_eq!(names, ["theirs", "team", SPEC, VERSION, ASKED]);
    let paths = items[4]["value"].as_str().unwrap();
    assert!(
        paths.contains("metadata.team") && !paths.contains("metadata.build"),
        "{paths}"
    );
    let after = with_metadata(pool, body["metadata"].clone());
    assert!(asked.compare(&after).is_none(), "the second run writes nothing");
    let difference = spec(json!({})).compare(&after);
    assert_eq!(
        difference.names(When::AnyTime),
        ["metadata.team, which is no longer asked for"]
    );
}

#[test]
fn an_adopted_pool_that_is_asked_for_more_that_it_has_is_the_same() {
    let mut found = pool_of(&spec(json!({})));
    found["taskSlotsPerNode"] = json!(4);
    let pool = Pool::new(found.clone());
    assert!(spec(json!({"taskSlotsPerNode": 4})).compare(&pool).is_none());
    let more = spec(json!({"taskSlotsPerNode": 8})).compare(&pool);
    assert_eq!(names(&more), ["taskSlotsPerNode"]);
    // Pools of earlier releases have no list, and only the mark speaks.
    let metadata = found["metadata"].as_array_mut().unwrap();
    metadata.retain(|item| name_of(item) != ASKED);
    let unknown = spec(json!({"taskSlotsPerNode": 4})).compare(&Pool::new(found));
    assert_eq!(names(&unknown), ["settings that are no longer asked for"]);
}

fn with_metadata(pool: Pool, metadata: Value) -> Pool {
    let mut body = pool.body().clone();
    body["metadata"] = metadata;
    Pool::new(body)
}

#[test]
fn a_mark_of_another_version_leaves_the_fields_to_compare() {
    let asked = spec(json!({"taskSlotsPerNode": 4}));
    let mut pool = pool_of(&asked);
    pool["metadata"][0]["value"] = json!("v7:0123");
    assert!(asked.compare(&Pool::new(pool.clone())).is_none());
    pool["taskSlotsPerNode"] = json!(2);
    assert_eq!(asked.compare(&Pool::new(pool)).names(When::Empty), ["taskSlotsPerNode"]);
}

#[test]
fn a_start_task_is_compared_as_the_pool_s_own_system_runs_it() {
    let mut settings = settings(json!({}));
    settings.pool.node_agent_sku = Some("batch.node.windows amd64".parse().unwrap());
    settings.pool.start_task = Some(StartTask {
        command: "dir".to_owned(),
        elevation: Elevation::NonAdmin,
        wait_for_success: WaitForSuccess::Yes,
        max_retries: 0,
    });
    let pool = Pool::new(pool_of(&Spec::new(&settings).unwrap()));
    settings.pool.node_agent_sku = None;
    assert!(Spec::new(&settings).unwrap().compare(&pool).is_none());
}

#[test]
fn a_form_that_cannot_be_used_is_the_only_fault() {
    let faults = Spec::new(&settings(json!({"properties": {}, "id": "p2"}))).unwrap_err();
    assert_eq!(faults.len(), 1, "{}", said(&faults));
}

#[test]
fn a_pool_that_others_made_is_compared_field_by_field() {
    let asked = spec(json!({"taskSlotsPerNode": 4, "startTask": {"commandLine": "mount -a"}}));
    let mut pool = pool_of(&spec(json!({})));
    pool["metadata"] = json!([{"name": "team", "value": "render"}]);
    pool["vmSize"] = json!("standard_d8s_v5");
    let found = asked.compare(&Pool::new(pool.clone()));
    assert_eq!(found.maker, Maker::Another);
    assert_eq!(
        found.names(When::Empty),
        [
            r#"vm_size (it has "standard_d8s_v5", not "Standard_D4s_v5")"#,
            "taskSlotsPerNode"
        ]
    );
    assert_eq!(found.names(When::AnyTime).len(), 2, "{found:?}");
    pool["virtualMachineConfiguration"]["imageReference"] = json!({"publisher": "canonical"});
    assert!(asked.compare(&Pool::new(pool)).image.is_some());
}

/// All differences in the order of the fields.
fn names(difference: &Difference) -> Vec<String> {
    difference.fields.iter().map(ToString::to_string).collect()
}
