//! Whole builds: what Packer sees of a good one, a failing one, a cancelled one.

use azure_batch_core::{error::ErrorKind, settings::Reuse};
use packer_plugin_azure_batch::packer::{codec::field, post_processor::Keep};
use rmpv::Value;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    packer::FakePacker,
    publisher::{End, Scripted, VERSION},
};

fn template(folder: &TempDir) -> Json {
    let group = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg";
    json!({
        "subscription_id": "11111111-1111-1111-1111-111111111111",
        "source": {"vm": format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1")},
        "shared_image_gallery_destination": {"resource_group": "rg-images", "gallery_name": "gal1", "image_name": "ubuntu"},
        "manifest": folder.path().join("manifest.json"),
    })
}

const PACKER: [(&str, &str); 3] = [
    ("packer_build_name", "machine"),
    ("packer_builder_type", "null"),
    ("packer_force", "false"),
];

async fn configured(end: End, folder: &TempDir) -> (FakePacker, Scripted) {
    let publisher = Scripted::new(end);
    let packer = FakePacker::start(&publisher).await;
    // Twice, as in every build.
    for _ in 0..2 {
        packer.configure(&template(folder), &PACKER).await.unwrap();
    }
    (packer, publisher)
}

#[tokio::test(start_paused = true)]
async fn a_good_build_keeps_the_input_and_hands_out_the_version() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    let outcome = packer.post_process().await.unwrap();
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.keep, Keep::KeepForced);
    let artifact = packer.artifact(&outcome).await;
    assert_eq!(artifact.ask("Id", Value::Nil).await.unwrap(), Value::from(VERSION));
    let manifest = folder.path().join("manifest.json").display().to_string();
    let files = artifact.ask("Files", Value::Nil).await.unwrap();
    assert_eq!(files, Value::Array(vec![Value::from(manifest.as_str())]));
    let text = artifact.ask("String", Value::Nil).await.unwrap();
    let text = text.as_str().unwrap().replace(&manifest, "<manifest>");
    insta::assert_snapshot!(text, @"
    image version 1.4.2 (Linux, V2, x64)
    /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2
    regions: eastus2 (4 replicas), westeurope (1 replica)
    manifest: <manifest>
    ");
    let written: Json = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    assert_eq!(written["image_version_id"], VERSION);
    assert_eq!(
        (&written["build_name"], &written["run_id"]),
        (&json!("machine"), &json!("run-1"))
    );
    let jobs = publisher.jobs.lock().unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].settings.run_id, "run-1");
    assert_eq!(jobs[0].settings.reuse, Reuse::SameSource);
}

#[tokio::test(start_paused = true)]
async fn progress_is_said_without_bars_which_would_erase_the_lines() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Success, &folder).await;
    packer.post_process().await.unwrap();
    insta::assert_snapshot!(packer.said().join("\n"), @"
    Copying 1 disk
      check passed: deallocated
      snapshots complete: 1 of 1
      eastus2: complete after 0 s
    published ubuntu 1.4.2 in eastus2 ×4, westeurope ×1, in 0 s
    ");
    assert_eq!(packer.calls("Ui.NewTrackProgress"), []);
}

#[tokio::test(start_paused = true)]
async fn the_next_post_processor_gets_what_the_builder_gave_and_what_we_know() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Success, &folder).await;
    let outcome = packer.post_process().await.unwrap();
    let artifact = packer.artifact(&outcome).await;
    let state = |name: &'static str| artifact.ask("State", Value::from(name));
    let generated = state("generated_data").await.unwrap();
    let text = |name| field(&generated, name).and_then(Value::as_str).unwrap();
    assert_eq!((text("ID"), text("Password")), ("Null", "hunter2"));
    assert_eq!(text("ImageVersionId"), VERSION);
    assert_eq!(text("PackerRunUUID"), "run-1", "which the null builder does not give");
    assert!(VERSION.starts_with(text("ImageDefinitionId")));
    assert!(text("ManifestPath").ends_with("manifest.json"));
    assert_eq!(state("arm.Own").await.unwrap(), Value::from(7), "asked of the input");
    assert_eq!(state("nothing").await.unwrap(), Value::Nil);
    let images = state("par.artifact.metadata").await.unwrap();
    let images = images.as_array().unwrap();
    assert_eq!(images.len(), 2, "one a region");
    let of = |name| field(&images[1], name).and_then(Value::as_str).unwrap();
    assert_eq!(
        (of("ImageID"), of("ProviderName"), of("ProviderRegion")),
        (VERSION, "azure", "westeurope")
    );
    assert!(!of("SourceImageID").is_empty(), "what was seen of the machine's image");
    let labels = field(&images[1], "Labels").unwrap();
    assert_eq!(field(labels, "replicas").and_then(Value::as_str), Some("1"));
    let manifest = std::fs::read_to_string(folder.path().join("manifest.json")).unwrap();
    let shown = format!("{:?}{manifest}", packer.said());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn destroy_leaves_the_version_and_says_so() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Success, &folder).await;
    let outcome = packer.post_process().await.unwrap();
    let artifact = packer.artifact(&outcome).await;
    assert_eq!(artifact.ask("Destroy", Value::Nil).await, Ok(Value::Nil));
    let said = packer.said();
    assert!(
        said.last().unwrap().ends_with(&format!("the version stays: {VERSION}")),
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_is_deleted_on_request_and_what_keeps_it_is_said() {
    for (why, said) in [
        ("", None),
        (
            "it is latest in eastus2",
            Some("1.4.2 is kept: it is latest in eastus2"),
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let packer = FakePacker::start(&Scripted::failing_with(End::Success, why)).await;
        let mut user = template(&folder);
        user["destroy_deletes_version"] = json!(true);
        packer.configure(&user, &PACKER).await.unwrap();
        let outcome = packer.post_process().await.unwrap();
        let destroyed = packer.artifact(&outcome).await.ask("Destroy", Value::Nil).await;
        match said {
            None => {
                assert_eq!(destroyed, Ok(Value::Nil));
                let told = packer.said();
                let line = format!("was deleted, since nothing uses it: {VERSION}");
                assert!(told.last().unwrap().ends_with(&line), "{told:?}");
            }
            Some(said) => {
                let refused = destroyed.unwrap_err();
                assert!(refused.contains("destroy_deletes_version"), "{refused}");
                assert!(refused.contains(said), "{refused}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shown_whole_and_in_words_that_packer_does_not_take_for_a_crash() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Failure(ErrorKind::Quota), &folder).await;
    let outcome = packer.post_process().await.unwrap();
    insta::assert_snapshot!(outcome.error.as_deref().unwrap(), @"
    the service said panic : no

      This run could not publish 1.4.2.

      Ask it again.

      More about it: https://github.com/azure-batch-tools/packer-plugin-azure-batch/blob/main/docs/failures.md#quota
    ");
    assert_eq!(outcome.keep, Keep::Discard);
    assert!(!folder.path().join("manifest.json").exists());
}

#[tokio::test(start_paused = true)]
async fn what_azure_says_is_neither_obeyed_nor_a_line_of_packer_and_shows_no_secret() {
    let said = "\n::stop-commands::x\r==> null.machine: Build finished \u{1b}[2J##[add-path]x s3cret-of-the-app";
    let publisher = Scripted::failing_with(End::Failure(ErrorKind::NoRights), said);
    let packer = FakePacker::start(&publisher).await;
    let folder = TempDir::new().unwrap();
    let mut user = template(&folder);
    user["tenant_id"] = json!("contoso.example");
    user["client_id"] = json!("22222222-2222-2222-2222-222222222222");
    user["client_secret"] = json!("s3cret-of-the-app");
    packer.configure(&user, &PACKER).await.unwrap();
    let error = packer.post_process().await.unwrap().error.unwrap();
    let lines = [
        "the service said panic : no ::stop-commands::x ==> null.machine: Build finished  [2J## [add-path]x ***",
        "",
        "  This run could not publish 1.4.2.",
        "",
        "  Ask it again.",
        "",
        "  More about it: https://github.com/azure-batch-tools/packer-plugin-azure-batch/blob/main/docs/failures.md#no-rights",
    ];
    assert_eq!(error, lines.join("\n"));
    let warned = [
        "  warning: the service said panic : no",
        "  : :stop-commands::x",
        "  ==> null.machine: Build finished  [2J## [add-path]x ***",
    ];
    assert_eq!(packer.warned(), [warned.join("\n")], "in red, since it needs a person");
    user["deadline"] = json!("s3cret-of-the-app");
    let refused = packer.configure(&user, &PACKER).await.unwrap_err();
    assert!(refused.contains("deadline: \"***\" is not a duration"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_ours_is_answered_and_does_not_hang() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Panic, &folder).await;
    let outcome = packer.post_process().await.unwrap();
    assert!(outcome.error.unwrap().contains("a fault in azure-batch itself"));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_stops_the_publish_and_tells_what_became_of_it() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Cancel, &folder).await;
    let running = packer.post_process();
    packer.wait_until_said(6).await;
    packer.cancel().await;
    let outcome = running.await.unwrap();
    assert!(outcome.error.unwrap().starts_with("stopped as asked\n\n  Run again"));
    let said = packer.said();
    let last: Vec<&str> = said.iter().rev().take(2).map(String::as_str).collect();
    assert!(
        last.contains(&"stopping at the next safe point; what is left will be named"),
        "{said:?}"
    );
    assert!(last.contains(&"  removed snapshots/s1"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_heard_while_packer_holds_its_answers_back() {
    for (held_back, end) in [
        ("Ui.Say", "stopped as asked"),
        ("Artifact.State", "azure-batch: cancelled before anything was done"),
    ] {
        let folder = TempDir::new().unwrap();
        let (packer, _) = configured(End::Cancel, &folder).await;
        let packer = packer.holding_back(held_back);
        let running = packer.post_process();
        while packer.calls(held_back).is_empty() {
            tokio::task::yield_now().await;
        }
        packer.cancel().await;
        let outcome = running.await.unwrap();
        assert!(outcome.error.unwrap().starts_with(end), "{held_back}");
        assert!(!folder.path().join("manifest.json").exists(), "{held_back}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_when_the_work_is_over_stops_no_other() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    packer.post_process().await.unwrap();
    packer.cancel().await;
    let second = packer.post_process().await.unwrap();
    assert_eq!(second.error, None);
    assert_eq!(publisher.jobs.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_calls_at_once_all_end_well() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    let running: Vec<_> = (0..200).map(|_| packer.post_process()).collect();
    for call in running {
        assert_eq!(call.await.unwrap().error, None);
    }
    assert_eq!(publisher.jobs.lock().unwrap().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_came_first_starts_nothing() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    packer.cancel().await;
    let outcome = packer.post_process().await.unwrap();
    assert_eq!(
        outcome.error.as_deref(),
        Some("azure-batch: cancelled before anything was done")
    );
    assert!(publisher.jobs.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_packer_stops_the_publish_and_ends_the_plugin() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Cancel, &folder).await;
    let running = packer.post_process();
    packer.wait_until_said(6).await;
    packer.vanish();
    let started = tokio::time::Instant::now();
    packer.plugin.await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 0, "it did not wait for the grace period");
    assert!(running.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn force_makes_a_new_version_and_says_what_it_does_not_do() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    packer
        .configure(&template(&folder), &[("packer_force", "true")])
        .await
        .unwrap();
    packer.post_process().await.unwrap();
    assert!(packer.said()[0].ends_with("none is overwritten"));
    assert_eq!(publisher.jobs.lock().unwrap()[0].settings.reuse, Reuse::Never);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_value_that_is_left_is_refused_before_anything_is_done() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    let mut user = template(&folder);
    user["source"]["vm"] = json!("<unknown>");
    packer.configure(&user, &PACKER).await.unwrap();
    let outcome = packer.post_process().await.unwrap();
    assert!(outcome.error.unwrap().contains("source.vm: is still unknown"));
    assert!(publisher.jobs.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_legacy_template_names_the_run_though_its_builder_does_not() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    let mut user = template(&folder);
    user["azure_tags"] = json!({"run": "{{build `PackerRunUUID`}}"});
    packer.configure(&user, &PACKER).await.unwrap();
    let outcome = packer.post_process().await.unwrap();
    assert_eq!(outcome.error, None);
    let jobs = publisher.jobs.lock().unwrap();
    assert_eq!(jobs[0].settings.temporaries.tags["run"], "run-1");
}

#[tokio::test(start_paused = true)]
async fn placeholders_that_passed_at_validate_are_refused_when_they_stay() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    let mut user = template(&folder);
    user["nodes_per_replica"] = json!(0);
    packer.configure(&user, &PACKER).await.unwrap();
    let outcome = packer.post_process().await.unwrap();
    assert!(outcome.error.unwrap().contains("nodes_per_replica: 0 is not allowed"));
    assert!(publisher.jobs.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_cannot_be_written_is_refused_before_anything_is_asked() {
    let folder = TempDir::new().unwrap();
    let (packer, publisher) = configured(End::Success, &folder).await;
    let mut user = template(&folder);
    user["manifest"] = json!(folder.path());
    packer.configure(&user, &PACKER).await.unwrap();
    let error = packer.post_process().await.unwrap().error.unwrap();
    let expected = format!(
        "azure-batch: the manifest {} is a folder\n  hint: give a path that can be written with manifest, or \"none\" for no manifest",
        folder.path().display()
    );
    assert_eq!(error, expected);
    assert!(publisher.jobs.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_manifest_is_written_when_none_is_wanted() {
    let folder = TempDir::new().unwrap();
    let (packer, _) = configured(End::Success, &folder).await;
    let mut user = template(&folder);
    user["manifest"] = json!("none");
    packer.configure(&user, &PACKER).await.unwrap();
    let outcome = packer.post_process().await.unwrap();
    let artifact = packer.artifact(&outcome).await;
    assert_eq!(
        artifact.ask("Files", Value::Nil).await.unwrap(),
        Value::Array(Vec::new())
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn configure_shows_all_faults_with_their_count() {
    let publisher = Scripted::new(End::Success);
    let packer = FakePacker::start(&publisher).await;
    let user = json!({"source": {"vm": "vm1"}, "deadline": "soon", "shared_image_gallery_destination": {}});
    let refused = packer.configure(&user, &PACKER).await.unwrap_err();
    assert!(
        refused.contains("azure-batch: 5 faults in the configuration:\n  source.vm: "),
        "{refused}"
    );
}
