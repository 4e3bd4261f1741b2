//! What becomes of good values, and which sentence each bad one gets.

mod autoscale;
mod gallery;
mod gates;
mod manifest;
mod node_logs;
mod parts;
mod safety;
mod sizes;
mod spot;
mod version;
mod vhds;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::*;
use crate::options::{self, Door, Standard, Verb, image, pool, sign_in};

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";
const GALLERY: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1";
const ACCOUNT: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-batch/providers/Microsoft.Batch/batchAccounts/acct1";

/// Puts fields of one object into another, block by block; `null` takes out.
fn merge(into: &mut Json, changes: &Json) {
    match (into, changes) {
        (Json::Object(into), Json::Object(changes)) => {
            for (name, change) in changes {
                merge(into.entry(name.clone()).or_insert(Json::Null), change);
            }
        }
        (into, change) => *into = change.clone(),
    }
}

fn values(verb: Verb, mut good: Json, changes: &Json) -> Values {
    merge(&mut good, changes);
    Values::from_json(&options::of(verb), good.as_object().unwrap()).unwrap()
}

fn published(changes: &Json) -> Result<Asked<PublishSettings>, Vec<String>> {
    let good = json!({
        "subscription_id": SUBSCRIPTION,
        "source": {"vm": "vm1", "resource_group": "rg-build"},
        "shared_image_gallery_destination": {"resource_group": "rg-images", "gallery_name": "gal1", "image_name": "ubuntu"},
    });
    let context = PublishContext {
        run_id: "run-1",
        reuse: Reuse::SameSource,
        now: "2026-11-22T05:46:31Z".parse::<Timestamp>().unwrap(),
        checks: &["deallocated", "generalized"],
    };
    let asked = publish(&values(Verb::Publish, good, changes), &context);
    asked.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn rolled_out(changes: &Json) -> Result<Asked<UnresolvedRollout>, Vec<String>> {
    let good = json!({
        "image_version": format!("{GALLERY}/images/ubuntu/versions/1.4.2"),
        "account": ACCOUNT,
        "pool_id": "render",
        "target_dedicated_nodes": 700,
    });
    let asked = rollout(&values(Verb::Rollout, good, changes));
    asked.map_err(|faults| faults.iter().map(|fault| fault.spelled(Door::Input)).collect())
}

/// Each change of a good request has exactly this fault.
fn assert_faults<Settings>(read: impl Fn(&Json) -> Result<Asked<Settings>, Vec<String>>, cases: &[(Json, &str)]) {
    for (changes, fault) in cases {
        match read(changes) {
            Ok(_) => panic!("{changes} was accepted"),
            Err(faults) => assert_eq!(faults, [*fault], "{changes}"),
        }
    }
}

#[test]
fn what_is_not_given_has_its_documented_default() {
    let asked = published(&json!({})).unwrap();
    assert_eq!(asked.deadline, PUBLISH_DEADLINE);
    assert_eq!(
        asked.connection.login.to_string(),
        "the managed identity of this machine"
    );
    let settings = asked.settings;
    assert_eq!(settings.version, VersionChoice::NextPatch { major: 1, minor: 0 });
    assert_eq!(settings.managed_image, ManagedImagePolicy::Auto);
    assert_eq!(settings.replica_rule, ReplicaRule::default());
    assert_eq!(settings.machine.if_running, Stopped::Required);
    assert_eq!(settings.machine.generalized, Generalized::Required);
    assert_eq!(settings.temporaries, Temporaries::default());
    assert_eq!(settings.version_settings, VersionSettings::default());
    let asked = rolled_out(&json!({})).unwrap();
    assert_eq!(asked.deadline, asked.settings.usual_deadline());
    assert!(asked.deadline > ROLLOUT_DEADLINE, "{:?}", asked.deadline);
    assert_eq!(asked.settings.policy.resize, ResizePolicy::default());
    assert_eq!(asked.settings.policy.readiness, Readiness::default());
    assert_eq!(asked.settings.policy.replica_rule, ReplicaRule::default());
}

#[test]
fn defaults_in_the_table_are_those_that_hold() {
    let given = |verb: Verb| {
        let rows = options::of(verb)
            .into_iter()
            .filter(|opt| opt.default_value(verb).is_some());
        // Whoever says where a file is written reads the first; those of many pools are refused for one.
        let unread = [image::MANIFEST.path, "target_dedicated_nodes"];
        let of_many = [pool::MAX_PARALLEL.path, pool::CONTINUE_AFTER_FAILURE.path];
        let rows = rows.filter(|opt| !unread.iter().chain(&of_many).any(|path| *path == opt.path));
        let mut given = Values::default();
        for opt in rows {
            given.set(opt, opt.default_value(verb).unwrap().0);
        }
        given
    };
    let required = values(
        Verb::Publish,
        json!({
            "subscription_id": SUBSCRIPTION,
            "source": {"vm": "vm1", "resource_group": "rg-build"},
            "shared_image_gallery_destination": {"resource_group": "rg-images", "gallery_name": "gal1", "image_name": "ubuntu"},
        }),
        &json!({}),
    );
    let mut all = given(Verb::Publish);
    for opt in [
        image::SUBSCRIPTION_ID,
        image::SOURCE,
        image::SHARED_IMAGE_GALLERY_DESTINATION,
    ] {
        all.set(opt, required.get(opt).unwrap().clone());
    }
    let context = PublishContext {
        run_id: "r",
        reuse: Reuse::SameSource,
        now: Timestamp::UNIX_EPOCH,
        checks: &[],
    };
    let shown = |values: &Values| format!("{:?}", publish(values, &context).unwrap());
    assert_eq!(shown(&all), shown(&required));
    let mut all = given(Verb::Rollout);
    let version = format!("{GALLERY}/images/ubuntu/versions/1.4.2");
    let mut required = Values::default().with(pool::TARGET_DEDICATED_NODES, 700);
    all.set(pool::TARGET_DEDICATED_NODES, 700);
    for (opt, text) in [
        (pool::IMAGE_VERSION, version.as_str()),
        (pool::ACCOUNT, ACCOUNT),
        (pool::POOL_ID, "render"),
        (pool::START_TASK, "true"),
        (options::judgement::JUDGE_TASKS, "report"),
        (options::gate::GATE_COMMAND, "true"),
        (pool::STRATEGY, "blue-green"),
    ] {
        required.set(opt, text);
        all.set(opt, text);
    }
    let shown = |values: &Values| format!("{:?}", rollout(values).unwrap());
    assert_eq!(shown(&all), shown(&required));
    let rules = options::of(Verb::Rollout);
    assert!(rules.iter().any(|opt| matches!(opt.default, Standard::Rule(_))));
}

#[test]
fn names_become_ids_in_the_subscription_and_group() {
    let settings = published(&json!({})).unwrap().settings;
    assert_eq!(
        settings.source,
        Source::Vm(
            format!(
                "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-build/providers/Microsoft.Compute/virtualMachines/vm1"
            )
            .parse()
            .unwrap()
        )
    );
    assert_eq!(settings.definition.to_string(), format!("{GALLERY}/images/ubuntu"));
    let other = "22222222-2222-2222-2222-222222222222";
    let settings = published(&json!({"shared_image_gallery_destination": {"subscription": other}}));
    assert!(settings.unwrap().settings.definition.to_string().contains(other));
}

#[test]
fn a_source_is_one_thing() {
    let shown = |source: Json| {
        published(&json!({"source": source}))
            .unwrap()
            .settings
            .source
            .to_string()
    };
    let version = format!("{GALLERY}/images/ubuntu/versions/1.4.2");
    assert_eq!(
        shown(json!({"vm": null, "os_disk": "os", "data_disk": [{"lun": 0, "id": "d0"}, {"lun": 63, "id": "d1"}]})),
        "OS disk os and 2 data disk(s)"
    );
    assert_eq!(
        shown(json!({"vm": null, "managed_image": "built"})),
        "managed image built"
    );
    assert_eq!(
        shown(json!({"vm": null, "image_version": version})),
        "image version 1.4.2 of ubuntu"
    );
    assert_eq!(
        shown(json!({"vm": null, "os_snapshot": "os", "managed_image": "built", "data_snapshot_prefix": "d"})),
        "OS snapshot os with managed image built"
    );
}

#[test]
fn a_source_that_is_not_one_thing_is_refused() {
    let kinds =
        "source.vm, source.os_disk, source.os_snapshot, source.managed_image, source.os_vhd and source.image_version";
    assert_faults(
        |source| published(&json!({"source": source})),
        &[
            (
                json!({"vm": null}),
                &format!("source: names nothing: give one of {kinds}"),
            ),
            (
                json!({"vm": ""}),
                &format!("source: names nothing: give one of {kinds}"),
            ),
            (
                json!({"os_disk": "os"}),
                &format!("source: names several things: give only one of {kinds}"),
            ),
            (
                json!({"data_disk": [{"lun": 0, "id": "d"}]}),
                "source.data_disk: needs source.os_disk: a VM brings its own data disks, and the other kind is given with source.data_snapshot",
            ),
            (
                json!({"vm": null, "os_snapshot": "os", "data_snapshot": [{"lun": 3, "id": "a"}, {"lun": 3, "id": "b"}]}),
                "source.data_snapshot[1].lun: is also the LUN of source.data_snapshot[0]: give each disk its own",
            ),
            (
                json!({"vm": null, "os_snapshot": "os", "data_snapshot": [{"lun": 64, "id": "a"}]}),
                "source.data_snapshot[0].lun: \"64\" is not a LUN (0 to 63)",
            ),
            (
                json!({"resource_group": null}),
                "source.vm: \"vm1\" is a name: give source.resource_group too, or the whole resource id",
            ),
            (
                json!({"vm": null, "managed_image": "built", "data_snapshot_prefix": "d"}),
                "source.data_snapshot_prefix: needs source.os_snapshot and source.managed_image, which says how many disks there are and their LUNs",
            ),
            (
                json!({"vm": null, "os_snapshot": "os", "managed_image": "built", "data_snapshot": [{"lun": 0, "id": "a"}]}),
                "source.data_snapshot: cannot be given together with source.managed_image, whose data disks are found by source.data_snapshot_prefix: give one of the two",
            ),
            (
                json!({"vm": null, "image_version": format!("{GALLERY}/images/ubuntu/versions/latest")}),
                "source.image_version: ends in \"latest\": name one version by its number, such as 1.4.2",
            ),
            (
                json!({"vm": null, "image_version": "/CommunityGalleries/hpc/Images/alma9"}),
                "source.image_version: \"/CommunityGalleries/hpc/Images/alma9\" is not an image version of a community gallery (/CommunityGalleries/NAME/Images/NAME/Versions/1.2.3)",
            ),
            (
                json!({"vm": null, "image_version": "/CommunityGalleries/hpc/Images/alma9/Versions/1.4.2"}),
                "shared_image_gallery_destination.target_region: is missing: the version of a community gallery in source.image_version shows no region, and the first block says where the new version is made of it",
            ),
            (
                json!({"vm": null, "image_version": "/SharedGalleries/s-GAL/Images/ubuntu/Versions/1.4.2"}),
                "source.image_version: is /SharedGalleries/s-GAL/Images/ubuntu/Versions/1.4.2, and Azure makes no image version of one that is shared directly: build on it with azure-arm's direct_shared_gallery_image_id, or let its owner give you Reader on the gallery, and write the version's resource id",
            ),
        ],
    );
}

#[test]
fn an_adopted_version_has_a_number_of_its_own() {
    let asked = |definition: &str, number: &str| {
        let version = format!("{GALLERY}/images/{definition}/versions/1.4.2");
        published(
            &json!({"source": {"vm": null, "image_version": version}, "shared_image_gallery_destination": {"image_version": number}}),
        )
    };
    for (definition, number, is_adopted) in [
        ("Ubuntu", "1.4.2", true),
        ("ubuntu", "next-patch 7.0", true),
        ("other", "1.4.3", false),
    ] {
        let settings = asked(definition, number).unwrap().settings;
        assert_eq!(settings.adopted().is_some(), is_adopted, "{definition} {number}");
    }
    assert!(
        asked("ubuntu", "1.4.3").unwrap_err()[0]
            .starts_with("shared_image_gallery_destination.image_version: is 1.4.3")
    );
}

#[test]
fn without_a_subscription_everything_else_is_checked_too() {
    let faults = published(
        &json!({"subscription_id": null, "shared_image_gallery_destination": {"gallery_name": "my-gallery"}}),
    )
    .unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(faults[0].starts_with("subscription_id: is missing: source.vm is a name"));
    assert!(faults[1].starts_with("subscription_id: is missing: give it"));
    assert!(faults[2].starts_with("shared_image_gallery_destination.gallery_name: \"my-gallery\" is not"));
}

#[test]
fn a_destination_is_checked_name_by_name() {
    let gallery =
        "is not a gallery name (1-80 letters, digits, \".\" or \"_\", no \"-\"; a letter or digit first and last)";
    let definition = "is not an image definition name (1-80 letters, digits, \".\", \"_\" or \"-\"; a letter or digit first and last)";
    assert_faults(
        |destination| {
            let found = published(&json!({"shared_image_gallery_destination": destination}));
            let bare = |fault: String| fault.replace("shared_image_gallery_destination.", "");
            found.map_err(|faults| faults.into_iter().map(bare).collect())
        },
        &[
            (
                json!({"image_version": "1.2"}),
                "image_version: \"1.2\" is not a version (1.4.2 with parts of at most 2147483647, next-patch, next-patch 1.4 for the line 1.4, next-minor, or next-minor 2 for 2.N.0)",
            ),
            (
                json!({"image_version": "7.9.2201041542000"}),
                "image_version: \"7.9.2201041542000\" is not a version (1.4.2 with parts of at most 2147483647, next-patch, next-patch 1.4 for the line 1.4, next-minor, or next-minor 2 for 2.N.0)",
            ),
            (
                json!({"image_name": "a b"}),
                &format!("image_name: \"a b\" {definition}"),
            ),
            (
                json!({"image_name": "ubuntu-"}),
                &format!("image_name: \"ubuntu-\" {definition}"),
            ),
            (
                json!({"gallery_name": "gal1."}),
                &format!("gallery_name: \"gal1.\" {gallery}"),
            ),
            (
                json!({"gallery_name": "_gal"}),
                &format!("gallery_name: \"_gal\" {gallery}"),
            ),
            (
                json!({"image_name": ""}),
                "image_name: is empty: give the image definition's name",
            ),
            (
                json!({"resource_group": "a/b"}),
                "resource_group: \"a/b\" is not the name of a resource group",
            ),
            (
                json!({"subscription": "mine"}),
                "subscription: \"mine\" is not a subscription id (a GUID)",
            ),
            (
                json!({"storage_account_type": "Ultra"}),
                "storage_account_type: \"Ultra\" is not Standard_LRS, Standard_ZRS, Premium_LRS or PremiumV2_LRS",
            ),
            (
                json!({"target_region": [{"name": "eastus2", "replicas": 101}]}),
                "target_region[0].replicas: is 101; write 1 to 100, or leave it out for what the pools need",
            ),
            (
                json!({"target_region": [{"name": "eastus2"}, {"name": "East US 2"}]}),
                "target_region[1].name: eastus2 is named before: give one block for each region",
            ),
        ],
    );
}

#[test]
fn tags_are_measured_in_characters_and_ours_are_reserved_in_every_case() {
    let japanese = "画".repeat(100);
    assert!(published(&json!({"azure_tags": {"用途": japanese}})).is_ok());
    assert_faults(
        published,
        &[
            (
                json!({"azure_tags": {"owner": "x".repeat(257)}}),
                "azure_tags.owner: has 257 characters: at most 256 fit",
            ),
            (
                json!({"azure_tags": {"Azure-Batch-Fingerprint": "x"}}),
                "azure_tags.Azure-Batch-Fingerprint: names that begin with azure-batch- are for our own tags: choose another name",
            ),
            (
                json!({"azure_tags": {"a/b": "x"}}),
                "azure_tags.a/b: is not a tag name: write 1-512 characters without < > % & \\ ? /",
            ),
            (
                json!({"azure_tags": {"Team": "a", "team": "b"}}),
                "azure_tags.team: is the same tag as Team: upper and lower case are the same in names of tags",
            ),
        ],
    );
    let many: serde_json::Map<String, Json> = (0..43).map(|number| (format!("t{number}"), json!("x"))).collect();
    assert_faults(
        published,
        &[(
            json!({"azure_tags": many}),
            "azure_tags: there are 43: at most 42 fit together with our own",
        )],
    );
    for tag in crate::tags::Tag::ALL {
        let faults = published(&json!({"azure_tags": {tag.name().to_uppercase(): "x"}})).unwrap_err();
        assert!(faults[0].contains("are for our own tags"), "{faults:?}");
    }
    assert_eq!(
        MOST_TAGS + crate::tags::Tag::MOST,
        50,
        "Azure allows 50 tags on a resource"
    );
    assert_eq!(LONGEST_PREFIX, crate::names::LONGEST_PREFIX);
    let text = image::TEMP_NAME_PREFIX.text;
    assert!(text.contains(&format!("{LONGEST_PREFIX} letters")), "{text}");
}

#[test]
fn contradictions_and_slips_are_named() {
    assert_faults(
        published,
        &[
            (
                json!({"ignore_checks": ["all"]}),
                "ignore_checks[0]: \"all\" is not a check; the checks are deallocated, generalized",
            ),
            (
                json!({"deallocate": true, "allow_running_vm": true}),
                "allow_running_vm: contradicts deallocate: remove one of the two",
            ),
            (
                json!({"generalize": true, "generalized": true}),
                "generalized: contradicts generalize: remove one of the two",
            ),
            (
                json!({"keep": ["snapshots", "disks"]}),
                "keep[1]: \"disks\" cannot be kept: write snapshots or managed_image",
            ),
            (
                json!({"on_failure": "abort"}),
                "on_failure: is \"abort\"; write delete or keep",
            ),
            (
                json!({"deadline": "6 bananas"}),
                "deadline: \"6 bananas\" is not a duration; write 90m, 2h or PT15M",
            ),
            (
                json!({"end_of_life_date": "2026-11-22"}),
                "end_of_life_date: 2026-11-22 has passed: give a date in the future",
            ),
            (
                json!({"replica_headroom_percent": 301}),
                "replica_headroom_percent: is 301; write 0 to 300",
            ),
            (
                json!({"nodes_per_replica": 500}),
                "nodes_per_replica: 500 is not allowed; write 300 or 600",
            ),
            (
                json!({"temp_name_prefix": "-x"}),
                "temp_name_prefix: \"-x\" cannot begin the name of a resource: write 1-57 letters, digits, \"-\", \"_\" or \".\", the first a letter or digit",
            ),
            (
                json!({"used_by": [{"batch_account": ACCOUNT, "nodes": 0}]}),
                "used_by[0].nodes: must be 1 or more: give the greatest number of nodes that the pool will have",
            ),
            (
                json!({"used_by": [{"batch_account": "", "nodes": 1}]}),
                "used_by[0].batch_account: is empty: give the resource id of the pool's Batch account",
            ),
        ],
    );
}

#[test]
fn what_is_not_known_yet_is_no_fault_and_hides_none() {
    let values = Values::default()
        .with(image::SUBSCRIPTION_ID, Value::Unknown)
        .with(image::SOURCE, Value::Unknown)
        .with(
            image::SHARED_IMAGE_GALLERY_DESTINATION,
            Values::default()
                .with(image::DESTINATION_RESOURCE_GROUP, Value::Unknown)
                .with(image::DESTINATION_GALLERY_NAME, "my-gallery")
                .with(image::DESTINATION_IMAGE_NAME, Value::Unknown),
        )
        .with(sign_in::TENANT_ID, Value::Unknown)
        .with(sign_in::CLIENT_SECRET, Value::Unknown)
        .with(sign_in::CLIENT_ID, Value::Unknown);
    let context = PublishContext {
        run_id: "r",
        reuse: Reuse::SameSource,
        now: Timestamp::UNIX_EPOCH,
        checks: &[],
    };
    let faults = publish(&values, &context).unwrap_err();
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!(fault.place, fault::Place::from(image::DESTINATION_GALLERY_NAME));
}

#[test]
fn every_option_of_a_roll_out_arrives() {
    let settings = rolled_out(&json!({
        "vm_size": "Standard_D4s_v5",
        "node_agent_sku_id": "batch.node.ubuntu 22.04",
        "target_spot_nodes": 20,
        "count_spot_nodes": true,
        "start_task": "echo 'a b'",
        "start_task_elevated": true,
        "start_task_wait_for_success": false,
        "start_task_max_retries": 2,
        "pool_json": r#"{"taskSlotsPerNode": 4}"#,
        "resize_rounds": 3,
        "resize_timeout": "PT45M",
        "stop_pending_resize": true,
        "node_ready_timeout": "1h30m",
        "nodes_per_replica": 600,
        "min_ready": "95%",
        "min_ready_spot": "3",
        "adopt": true,
        "add_region": true,
        "judge": "act", "on_inconclusive": "return", "window": "2h", "min_tasks": 80, "confidence": "99%",
        "strategy": "in-place", "max_failure_increase": "2%", "running_tasks": "requeue",
        "gate_command": "./ask.sh", "gate_url": "https://gates.example/s3cret", "gate_minutes": 30,
        "canary_nodes": "2%",
        "canary_command": "/opt/check",
        "canary_minutes": 10,
        "on_failure": "keep",
        "new_pool_id": "render-green",
        "max_surge": "20%",
        "step_minutes": 5,
        "keep_old": "24h", "expires_after": "72h",
        "node_logs_container": "https://st1.blob.core.windows.net/logs", "node_logs_sas": "?sp=cw&sig=s3cret",
    }));
    insta::assert_snapshot!(format!("{:#?}", settings.unwrap().settings));
}

#[test]
fn faults_of_a_roll_out_name_inputs() {
    let version = format!("{GALLERY}/images/ubuntu/versions/newest");
    assert_faults(
        rolled_out,
        &[
            (
                json!({"pool_id": null}),
                "pool-id: is missing: give the id of the pool to create or resize",
            ),
            (
                json!({"account": null}),
                "account: is missing: give the resource id of the Batch account, or its endpoint in account-endpoint",
            ),
            (
                json!({"account_endpoint": "acct1.eastus2.batch.azure.com"}),
                "account: account-endpoint names an account too; give one of the two",
            ),
            (
                json!({"account": null, "account_name": "acct2", "account_endpoint": "acct1.eastus2.batch.azure.com"}),
                "account-name: \"acct2\" is not the account of acct1.eastus2.batch.azure.com; correct one of the two",
            ),
            (
                json!({"account": null, "account_name": "acct2"}),
                "account-endpoint: is needed with account-name; give the account's endpoint, name.region.batch.azure.com",
            ),
            (
                json!({"target_dedicated_nodes": null}),
                "target-dedicated-nodes: is missing: give a number of nodes here or in target-spot-nodes; 0 makes a pool without nodes, and autoscale-formula lets a formula decide",
            ),
            (
                json!({"min_ready": "most"}),
                "min-ready: \"most\" is no number of nodes; write a number such as 5, or a percentage such as 98%",
            ),
            (
                json!({"start_task_elevated": true}),
                "start-task-elevated: there is no start task; give its command line in start-task",
            ),
            (
                json!({"resize_rounds": 11}),
                "resize-rounds: 11 is out of range; write 1 to 10",
            ),
            (
                json!({"resize_timeout": "4m"}),
                "resize-timeout: is too short for Batch; give 5m or more",
            ),
            (
                json!({"image_version": version}),
                &format!(
                    "image-version: {version} names no version number; give the id of one version, ending in 1.2.3"
                ),
            ),
        ],
    );
    let both = rolled_out(&json!({"manifest": "{}"})).unwrap_err();
    assert_eq!(
        both.last().unwrap(),
        "image-version: manifest names a version too; give one of the two"
    );
}
