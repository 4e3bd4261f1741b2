//! Tests of reading a configuration: good ones, all faults at once, values not known yet, legacy templates.

use rmpv::Value as Packed;
use serde_json::{Value as Json, json};

use azure_batch_core::options::{self, Kind, Verb};

use super::*;
use crate::imaging::v1;

const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg";

fn now() -> Timestamp {
    "2026-11-22T05:46:31Z".parse().unwrap()
}

fn packed(value: &Json) -> Packed {
    match value {
        Json::Null => Packed::Nil,
        Json::Bool(value) => Packed::from(*value),
        // As legacy templates send numbers.
        Json::Number(number) => Packed::F64(number.as_f64().unwrap()),
        Json::String(text) => Packed::from(text.as_str()),
        Json::Array(items) => Packed::Array(items.iter().map(packed).collect()),
        Json::Object(entries) => {
            let entries = entries.iter();
            Packed::Map(
                entries
                    .map(|(name, value)| (Packed::from(name.as_str()), packed(value)))
                    .collect(),
            )
        }
    }
}

/// As an HCL2 template has it; `packer` are Packer's own values next to the user's.
fn hcl(user: &Json, packer: &Json) -> RawConfigs {
    let typed = json!({"value": user, "type": ["object", {}]}).to_string();
    RawConfigs::read(&[packed(packer), Packed::Binary(typed.into_bytes())]).unwrap()
}

fn legacy(user: &Json, variables: &Json) -> RawConfigs {
    RawConfigs::read(&[packed(user), packed(&json!({"packer_user_variables": variables}))]).unwrap()
}

fn good() -> Json {
    json!({
        "subscription_id": "11111111-1111-1111-1111-111111111111",
        "source": {"vm": format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"), "data_disk": [], "os_disk": null},
        "shared_image_gallery_destination": {
            "resource_group": "rg-images", "gallery_name": "gal1", "image_name": "ubuntu",
            "target_region": [{"name": "West Europe", "replicas": 2}],
        },
        "used_by": [{"batch_account": format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"), "nodes": 700}],
        "azure_tags": {"team": "render"}, "deallocate": true, "deadline": "90m",
        "client_secret": null, "keep": null,
    })
}

/// The good configuration with some attributes set otherwise.
pub(crate) fn with(changes: &Json) -> Json {
    let mut user = good();
    for (name, value) in changes.as_object().unwrap() {
        user[name] = value.clone();
    }
    user
}

fn before(raw: &RawConfigs) -> Vec<String> {
    let config = Config::read(raw, &BTreeMap::new(), Phase::Before, now());
    config.check(now()).err().unwrap_or_default()
}

pub(crate) fn faults_before(user: &Json) -> Vec<String> {
    before(&hcl(user, &json!({})))
}

fn after(raw: &RawConfigs, build: &BTreeMap<String, String>) -> (v1::Image, Local) {
    let (values, local) = Config::read(raw, build, Phase::After, now()).settle().unwrap();
    (crate::service::values::to_request(&values).unwrap().1, local)
}

#[test]
fn a_good_configuration_becomes_a_request() {
    assert_eq!(faults_before(&good()), [""; 0]);
    let packer = json!({"packer_build_name": "machine", "packer_builder_type": "null", "packer_force": "true", "packer_on_error": ""});
    let (settings, local) = after(&hcl(&good(), &packer), &BTreeMap::new());
    let destination = settings.shared_image_gallery_destination.unwrap();
    assert_eq!(destination.gallery_name.as_deref(), Some("gal1"));
    assert_eq!(destination.target_region[0].replicas, Some(2));
    assert_eq!(settings.used_by[0].nodes, Some(700));
    assert_eq!((settings.deallocate, settings.generalize), (Some(true), None));
    assert_eq!(settings.azure_tags["team"], "render");
    let expected = Local {
        manifest: Place::new("azure-batch-manifest.json"),
        on_destroy: OnDestroy::LeaveVersion,
        build: Build {
            name: "machine".to_owned(),
            builder_type: "null".to_owned(),
            force: Force::Yes,
            run_uuid: None,
        },
    };
    assert_eq!(local, expected);
}

#[test]
fn all_faults_are_reported_at_once() {
    let user = with(&json!({
        "source": {"vm": "vm1"},
        "managed_image": "sometimes",
        "nodes_per_replica": 500,
        "shared_image_gallery_destination": {"resource_group": "rg-images", "gallery_name": "my-gallery", "image_version": "1.2"},
        "used_by": [{"batch_account": "acct1", "nodes": 700}],
        "allow_running_vm": true,
        "end_of_life_date": "2020-01-01",
        "deadline": "soon",
        "client_secret": "hunter2", "client_jwt": "ey",
        "keep": ["everything"],
    }));
    let text = fault_text(&faults_before(&user));
    insta::assert_snapshot!(text);
    assert!(!text.contains("hunter2"), "a secret is printed");
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let user = json!({"source": null, "shared_image_gallery_destination": null, "used_by": []});
    insta::assert_snapshot!(faults_before(&user).join("\n"));
}

#[test]
fn only_behind_azures_builders_may_the_source_be_left_out() {
    let user = with(&json!({"source": null}));
    for (builder, wanted) in [("azure-arm", 0), ("azure-chroot", 0), ("null", 1)] {
        let raw = hcl(&user, &json!({"packer_builder_type": builder}));
        let faults = before(&raw);
        assert_eq!(faults.len(), wanted, "{builder}: {faults:?}");
    }
    let mut described = user;
    described["source"] = json!({"hyper_v_generation": "V2"});
    for (builder, wanted) in [("azure-arm", 0), ("null", 2)] {
        let faults = before(&hcl(&described, &json!({"packer_builder_type": builder})));
        assert_eq!(faults.len(), wanted, "{builder}: {faults:?}");
    }
}

#[test]
fn values_that_packer_does_not_know_yet_pass_the_first_time() {
    for changes in [
        json!({"subscription_id": "<unknown>"}),
        json!({"source": {"vm": "<unknown>"}}),
        json!({"source": {"vm": "vm-<unknown>-1", "resource_group": "<unknown>"}}),
        json!({"used_by": [{"batch_account": "<unknown>", "nodes": 0}]}),
        json!({"used_by": []}),
        json!({"azure_tags": {}, "ignore_checks": [], "deallocate": false}),
        json!({"managed_image": "<unknown>", "end_of_life_date": "<unknown>", "deadline": "<unknown>"}),
        json!({"nodes_per_replica": 0}),
        json!({"keep": ["<unknown>"]}),
        json!({"shared_image_gallery_destination": {
            "resource_group": "<unknown>", "gallery_name": "<unknown>", "image_name": "<unknown>", "image_version": "1.0.<unknown>",
            "target_region": [{"name": "<unknown>", "replicas": 0}],
        }}),
    ] {
        assert_eq!(faults_before(&with(&changes)), [""; 0], "{changes}");
    }
}

#[test]
fn a_value_that_is_not_known_hides_no_other_fault() {
    let user = with(&json!({"source": {"vm": "<unknown>"}, "on_failure": "retry"}));
    assert_eq!(faults_before(&user), ["on_failure: is \"retry\"; write delete or keep"]);
}

#[test]
fn a_login_that_the_environment_may_give_is_no_fault_at_validate() {
    let user = with(&json!({"subscription_id": null, "client_secret": "hunter2"}));
    assert_eq!(faults_before(&user), [""; 0]);
    let wrong = with(&json!({"client_id": "me"}));
    assert_eq!(
        faults_before(&wrong),
        ["client_id: the given text (2 letters, not shown since it may be a secret) is not a client id (a GUID)"]
    );
}

#[test]
fn a_ca_file_or_a_metadata_host_that_cannot_be_used_is_a_fault_at_validate() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_certificate = folder.path().join("notes.txt");
    std::fs::write(&not_a_certificate, "no certificate").unwrap();
    for (name, value) in [
        ("ca_file", json!("/no/such/file.pem")),
        ("ca_file", json!(not_a_certificate)),
        ("metadata_host", json!("/etc/hosts")),
        ("metadata_host", json!("some words")),
        ("metadata_host", json!("http://metadata.example")),
        ("metadata_host", json!("https://metadata.example/some/page?a=b")),
    ] {
        let user = with(&json!({name: value}));
        let faults = faults_before(&user);
        assert_eq!(faults.len(), 1, "{name} {value}: {faults:?}");
        let said = value.as_str().unwrap();
        assert!(faults[0].starts_with(name) && faults[0].contains(said), "{faults:?}");
    }
}

#[test]
fn what_is_still_unknown_in_the_end_is_refused_by_name() {
    let user = with(&json!({"source": {"vm": "<unknown>"}, "azure_tags": {"run": "x-<unknown>"}}));
    let config = Config::read(&hcl(&user, &json!({})), &BTreeMap::new(), Phase::After, now());
    let faults = config.settle().unwrap_err();
    assert_eq!(faults.len(), 2);
    assert!(faults[0].starts_with("source.vm: is still unknown"), "{faults:?}");
    assert!(faults[1].starts_with("azure_tags.run: is still unknown"), "{faults:?}");
}

#[test]
fn what_is_empty_and_has_to_be_given_is_refused_before_the_builder_runs() {
    let user = with(&json!({
        "source": {"vm": ""},
        "shared_image_gallery_destination": {"resource_group": "rg-images", "gallery_name": "gal1", "image_name": ""},
        "used_by": [{"batch_account": "", "nodes": 0}],
    }));
    let faults = faults_before(&user);
    let named: Vec<&str> = faults
        .iter()
        .filter_map(|fault| Some(fault.split_once(": ")?.0))
        .collect();
    assert_eq!(
        named,
        [
            "source",
            "shared_image_gallery_destination.image_name",
            "used_by[0].batch_account",
            "used_by[0].nodes"
        ]
    );
}

#[test]
fn template_functions_are_rendered_or_refused_by_name() {
    let user = with(&json!({
        "manifest": "m-{{build_name}}-{{timestamp}}.json",
        "azure_tags": {"built": "{{isotime \"2006\"}}", "by": "{{ env `USER` }}"},
    }));
    let packer = json!({"packer_build_name": "machine"});
    let raw = RawConfigs::read(&[packed(&user), packed(&packer)]).unwrap();
    let faults = before(&raw);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("azure_tags.built: {{isotime \"2006\"}} cannot be rendered here"));
    assert!(faults[1].starts_with("azure_tags.by: {{env `USER`}} cannot be rendered here"));
    let mut good = user;
    good["azure_tags"] = json!({"built": "{{isotime}}"});
    let raw = RawConfigs::read(&[packed(&good), packed(&packer)]).unwrap();
    let (image, local) = after(&raw, &BTreeMap::new());
    assert_eq!(image.azure_tags["built"], "2026-11-22T05:46:31Z");
    assert_eq!(local.manifest, Place::new("m-machine-1795326391.json"));
}

#[test]
fn numbers_must_be_whole_and_in_range() {
    for number in [json!(1.5), json!(-3), json!(4_294_967_296_u64)] {
        let user = with(&json!({"replica_headroom_percent": number}));
        let faults = faults_before(&user);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].contains("is not a whole number from 0 to 4294967295"),
            "{faults:?}"
        );
    }
    let user = with(
        &json!({"used_by": [{"batch_account": good()["used_by"][0]["batch_account"], "nodes": 4_294_967_295_u64}]}),
    );
    assert_eq!(faults_before(&user), [""; 0]);
}

#[test]
fn on_error_abort_keeps_what_was_made() {
    let raw = hcl(
        &with(&json!({"on_failure": "delete"})),
        &json!({"packer_on_error": "abort"}),
    );
    assert_eq!(after(&raw, &BTreeMap::new()).0.on_failure.as_deref(), Some("keep"));
    let raw = hcl(&good(), &json!({"packer_on_error": "cleanup"}));
    assert_eq!(after(&raw, &BTreeMap::new()).0.on_failure, None);
}

#[test]
fn a_legacy_template_is_completed_and_its_numbers_may_be_text() {
    let user = with(&json!({
        "used_by": {"batch_account": good()["used_by"][0]["batch_account"], "nodes": "{{user `nodes`}}"},
        "deallocate": "true",
        "temp_name_prefix": "b-{{build `ID`}}",
        "manifest": "{{user `nodes`}}.json",
    }));
    let raw = legacy(&user, &json!({"nodes": "700"}));
    assert_eq!(before(&raw), [""; 0]);
    let build = BTreeMap::from([("ID".to_owned(), "vm1".to_owned())]);
    let (settings, local) = after(&raw, &build);
    assert_eq!(settings.used_by[0].nodes, Some(700));
    assert_eq!(settings.deallocate, Some(true));
    assert_eq!(settings.temp_name_prefix.as_deref(), Some("b-vm1"));
    assert_eq!(local.manifest, Place::new("700.json"));
}

#[test]
fn unknown_names_of_a_legacy_template_are_refused_with_the_nearest() {
    let mut user = good();
    user["dealocate"] = json!(true);
    user["source"]["machine"] = json!("vm1");
    assert_eq!(
        before(&legacy(&user, &json!({}))),
        [
            "dealocate: no such attribute; did you mean \"deallocate\"?",
            "source.machine: no such attribute; remove it"
        ]
    );
}

#[test]
fn every_option_reaches_the_request_or_the_post_processor() {
    // Text where nothing else is wanted: only names and types matter here.
    fn value(opt: &'static Opt) -> Json {
        let block = |rows: &[&'static Opt]| -> Json {
            let fields = rows.iter().map(|opt| (opt.name().to_owned(), value(opt)));
            Json::Object(fields.collect())
        };
        match opt.kind {
            Kind::Number => json!(1),
            Kind::Bool => json!(true),
            Kind::Texts => json!(["x"]),
            Kind::TextMap => json!({"x": "y"}),
            Kind::Block(nested) => block(nested),
            Kind::Blocks(nested) => json!([block(nested)]),
            _ => json!("x"),
        }
    }
    let rows: Vec<&'static Opt> = options::of(Verb::Publish);
    let user: serde_json::Map<String, Json> = rows.iter().map(|opt| (opt.path.to_owned(), value(opt))).collect();
    let raw = hcl(&Json::Object(user.clone()), &json!({}));
    let config = Config::read(&raw, &BTreeMap::new(), Phase::After, now());
    let (values, local) = config.settle().unwrap();
    assert_eq!(local.on_destroy, OnDestroy::DeleteVersion);
    assert_eq!(local.manifest, Place::new("x"));
    let (connection, image) = crate::service::values::to_request(&values).unwrap();
    let mut reached = serde_json::to_value(&image).unwrap();
    let connection = serde_json::to_value(&connection).unwrap();
    reached
        .as_object_mut()
        .unwrap()
        .extend(connection.as_object().unwrap().clone());
    for opt in rows.iter().filter(|opt| opt.is_taken_by(Door::Request)) {
        assert!(
            contains(&reached[opt.path], &user[opt.path]),
            "{opt}: {}",
            reached[opt.path]
        );
    }
}

/// Whether a JSON value has all that another has.
fn contains(all: &Json, some: &Json) -> bool {
    match (all, some) {
        (Json::Object(all), Json::Object(some)) => some.iter().all(|(name, value)| contains(&all[name], value)),
        (Json::Array(all), Json::Array(some)) => all.iter().zip(some).all(|(all, some)| contains(all, some)),
        (all, some) => all == some,
    }
}
