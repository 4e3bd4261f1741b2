//! `plan` and `publish`: what they show, what they write, how they end.

use serde_json::{Value as Json, json};

use crate::lab::{Lab, program, said};

const SETTINGS: &str = "\
source: {resource_group: rg-images, vm: vm-build}
shared_image_gallery_destination:
  resource_group: rg-images
  gallery_name: gal1
  image_name: render
  target_region: [{name: westeurope}]
used_by:
  - batch_account: /subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Batch/batchAccounts/acct1
    nodes: 700
";

#[tokio::test]
async fn a_plan_shows_every_step_and_writes_nothing() {
    let lab = Lab::example().await;
    let file = lab.file("image.yaml", SETTINGS);
    let shown = lab.run(&["plan", "--settings", &file]).await;
    assert_eq!(shown.code, Some(10), "{shown:?}");
    for part in [
        "image version 1.0.0 of render",
        "  + create image definition render\n",
        "eastus2: 4 replicas = 3 for pools of 700 nodes",
        "stored each month: 5 replicas × 222 GiB = 1110 GiB at most",
        "nothing was written",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let plan = lab.run(&["plan", "--settings", &file, "--json"]).await;
    let json = plan.json();
    assert_eq!(plan.code, Some(10));
    assert_eq!(
        json["stored"]["regions"][0],
        json!({"region": "eastus2", "replicas": 4})
    );
    let effects = json["plan"]["steps"].as_array().unwrap();
    assert!(
        effects
            .iter()
            .all(|step| step["effect"].is_string() && step["text"].is_string())
    );
    assert_eq!(lab.writes(), [""; 0]);
}

#[tokio::test]
async fn a_plan_with_a_price_file_says_what_each_region_costs() {
    const PAGE: &str = include_str!("../../../../docs/price-file.md");
    let lab = Lab::example().await;
    let file = lab.file("image.yaml", SETTINGS);
    let blocks = PAGE.split("```").skip(1).step_by(2);
    let prices = blocks.clone().find_map(|block| block.strip_prefix("yaml\n")).unwrap();
    let shown = blocks.filter_map(|block| block.strip_prefix("console\n"));
    let shown = shown.clone().find(|block| block.contains("stored each month")).unwrap();
    let prices = lab.file("prices.yaml", prices);
    let plan = lab.run(&["plan", "--settings", &file, "--price-file", &prices]).await;
    assert_eq!(plan.code, Some(10), "{plan:?}");
    assert!(plan.stdout.contains(shown), "{shown}\n{}", plan.stdout);
    let json = lab
        .run(&["plan", "--settings", &file, "--price-file", &prices, "--json"])
        .await
        .json();
    assert_eq!(json["cost"]["total"], "55.0116", "{json:#}");
    let bad = lab.file("bad.yaml", "currency: EUR\ngib-month: {Standard_LRS: {eastus2: cheap}}");
    let refused = lab.run(&["plan", "--settings", &file, "--price-file", &bad]).await;
    let complaint = refused.complaint();
    let fault = "--price-file: line 2: gib-month.Standard_LRS.eastus2: \"cheap\" is not a price";
    assert!(refused.code == Some(2) && complaint.contains(fault), "{complaint}");
    assert_eq!(lab.writes(), [""; 0]);
}

#[tokio::test]
async fn a_publish_leaves_a_manifest_and_nothing_for_the_next_plan_to_do() {
    let lab = Lab::example().await;
    let file = lab.file("image.yaml", SETTINGS);
    let published = lab.run(&["publish", "--settings", &file, "--json"]).await;
    assert_eq!(published.code, Some(0), "{published:?}");
    assert_eq!(published.json()["published"]["outcome"], "created");
    assert!(published.stderr.contains("eastus2"), "{}", published.stderr);
    let manifest = std::fs::read(lab.path("azure-batch-manifest.json")).unwrap();
    let manifest: Json = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["image_version"], "1.0.0");

    let plan = lab.run(&["plan", "--settings", &file]).await;
    assert_eq!(plan.code, Some(0), "{plan:?}");
    assert!(plan.stdout.contains("nothing to change"), "{}", plan.stdout);
    let again = lab
        .run(&["publish", "--settings", &file, "--set", "manifest=other.json"])
        .await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(
        again.stdout.starts_with("image version 1.0.0 of render: found\n"),
        "{}",
        again.stdout
    );
    assert!(lab.path("other.json").exists());
}

#[tokio::test]
async fn all_faults_come_at_once_before_anything_is_asked() {
    let lab = Lab::example().await;
    let file = lab.file("image.yaml", SETTINGS);
    let arguments = [
        "plan",
        "--settings",
        &file,
        "--set",
        "used_by[0].nodes=0",
        "--set",
        "managed_image=perhaps",
        "--deadline",
        "soon",
    ];
    let refused = lab.run(&arguments).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    for part in [
        "3 values are missing or wrong",
        "used_by[0].nodes: must be 1 or more",
        "managed_image: ",
        "deadline: ",
    ] {
        assert!(refused.complaint().contains(part), "{part}: {}", refused.stderr);
    }
    assert!(lab.host.with_emulator(|emulator, _| emulator.journal().is_empty()));
    let json = lab.run(&[&arguments[..], &["--json"]].concat()).await.json();
    assert_eq!(json["failure"]["kind"], "bad-input");
    assert_eq!(json["failure"]["faults"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_written_is_refused_before_anything_is_asked() {
    let lab = Lab::example().await;
    let file = lab.file("image.yaml", SETTINGS);
    // A file where a folder is needed.
    let manifest = format!("manifest={file}/manifest.json");
    let refused = lab.run(&["publish", "--settings", &file, "--set", &manifest]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let complaint = refused.complaint();
    assert!(
        complaint.contains("cannot write the manifest") && complaint.contains("\"none\" for no manifest"),
        "{complaint}"
    );
    assert!(lab.host.with_emulator(|emulator, _| emulator.journal().is_empty()));
}

#[tokio::test]
async fn without_settings_a_verb_says_what_to_type() {
    for verb in ["plan", "publish"] {
        let refused = said(program(&[verb])).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
        let complaint = refused.complaint();
        for part in [
            "neither --settings nor --set was given",
            &format!("packer-plugin-azure-batch {verb} --help"),
            &format!("packer-plugin-azure-batch {verb} --settings image.yaml"),
        ] {
            assert!(complaint.contains(part), "{part}: {complaint}");
        }
        assert!(!complaint.contains("source"), "{complaint}");
    }
}

#[tokio::test]
async fn a_name_that_is_there_twice_is_said_with_its_line_and_in_no_librarys_words() {
    let lab = Lab::example().await;
    let file = lab.file("image.yaml", "source: {vm: v1}\nlatest_now: true\nsource: {vm: v2}\n");
    let refused = lab.run(&["plan", "--settings", &file]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let complaint = refused.complaint();
    let said = "with names and values: line 3: \"source\" stands there twice; write it once";
    assert!(complaint.contains(said), "{complaint}");
    assert!(
        !complaint.contains("Options") && !complaint.contains("-->"),
        "{complaint}"
    );
}

#[tokio::test]
async fn help_is_on_stdout_and_a_wrong_flag_on_stderr() {
    for arguments in [&["--help"][..], &["help"], &["publish", "--help"]] {
        let help = said(program(arguments)).await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{help:?}");
        assert!(help.stdout.contains("publish"), "{}", help.stdout);
    }
    let wrong = said(program(&["publish", "--no-such-flag"])).await;
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{wrong:?}");
    assert!(wrong.stderr.contains("--no-such-flag"), "{}", wrong.stderr);
}

#[tokio::test]
async fn a_secret_is_struck_out_and_nothing_moves_the_cursor() {
    let lab = Lab::example().await;
    let secret = format!("{SETTINGS}client_secret: s3cret-of-the-app\n");
    let file = lab.file("image.yaml", &secret);
    let deadline = "s3cret-of-the-app\u{1b}[2J";
    for form in [&[][..], &["--json"]] {
        let refused = lab
            .run(&[&["plan", "--settings", &file, "--deadline", deadline], form].concat())
            .await;
        let all = format!("{}{}", refused.stdout, refused.stderr);
        assert!(all.contains("***") && !all.contains("s3cret"), "{all}");
        assert!(!all.contains('\u{1b}'), "{all:?}");
    }
}
