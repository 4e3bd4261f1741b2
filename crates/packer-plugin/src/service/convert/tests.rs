//! Tests of the validation: what becomes of good settings, and which sentence each bad one gets.

use azure_batch_core::settings::{Generalized, KeptKind, ManagedImagePolicy, Source, Stopped, VersionChoice};

use super::*;

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

fn now() -> Timestamp {
    "2026-11-22T05:46:31Z".parse().unwrap()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn settings() -> v1::Settings {
    v1::Settings {
        subscription_id: text(SUBSCRIPTION),
        source: Some(v1::Source {
            vm: text("vm1"),
            resource_group: text("rg-build"),
            ..v1::Source::default()
        }),
        shared_image_gallery_destination: Some(v1::Destination {
            resource_group: text("rg-images"),
            gallery_name: text("gal1"),
            image_name: text("ubuntu"),
            ..v1::Destination::default()
        }),
        ..v1::Settings::default()
    }
}

fn converted(change: impl FnOnce(&mut v1::Settings)) -> Result<Job, Vec<String>> {
    let mut settings = settings();
    change(&mut settings);
    let context = Context {
        run_id: "run-1",
        reuse: Reuse::SameSource,
        now: now(),
    };
    job(&settings, &context).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn source(change: impl FnOnce(&mut v1::Source)) -> Result<Source, Vec<String>> {
    converted(|settings| change(settings.source.as_mut().unwrap())).map(|job| job.settings.source)
}

fn destination(change: impl FnOnce(&mut v1::Destination)) -> Result<Job, Vec<String>> {
    converted(|settings| change(settings.shared_image_gallery_destination.as_mut().unwrap()))
}

#[test]
fn what_is_not_said_has_its_documented_default() {
    let job = converted(|_| {}).unwrap();
    assert_eq!(job.limit, Duration::from_secs(6 * 3600));
    assert_eq!(job.login.to_string(), "the managed identity of this machine");
    let publish = job.settings;
    assert_eq!(publish.version, VersionChoice::NextPatch { major: 1, minor: 0 });
    assert_eq!(publish.managed_image, ManagedImagePolicy::Auto);
    assert_eq!(publish.replica_rule, ReplicaRule::default());
    assert_eq!(publish.machine.if_running, Stopped::Required);
    assert_eq!(publish.machine.generalized, Generalized::Required);
    assert_eq!(publish.temporaries.name_prefix, "azure-batch");
    assert_eq!(publish.run_id, "run-1");
}

#[test]
fn names_become_ids_in_the_subscription_and_group() {
    let job = converted(|_| {}).unwrap();
    let Source::Vm(vm) = &job.settings.source else {
        panic!("{}", job.settings.source)
    };
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-build");
    assert_eq!(
        vm.to_string(),
        format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1")
    );
    assert!(
        job.settings
            .definition
            .to_string()
            .contains("/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu")
    );
    let other = "22222222-2222-2222-2222-222222222222";
    let job = destination(|block| block.subscription = text(other)).unwrap();
    assert!(job.settings.definition.to_string().contains(other));
}

#[test]
fn a_source_is_one_thing() {
    let disk = |lun| v1::SourceDisk {
        lun: Some(lun),
        id: text("d1"),
    };
    let disks = source(|block| {
        (block.vm, block.os_disk) = (None, text("os"));
        block.data_disk = vec![disk(0), disk(63)];
    });
    assert_eq!(disks.unwrap().to_string(), "OS disk os and 2 data disk(s)");
    let cases = [
        (
            source(|block| block.vm = None),
            "source: names nothing: give one of vm, os_disk, os_snapshot, managed_image and image_version",
        ),
        (
            source(|block| block.os_disk = text("os")),
            "source: names several things: give only one of vm, os_disk, os_snapshot, managed_image and image_version",
        ),
        (
            source(|block| block.data_disk = vec![disk(0)]),
            "source.data_disk: belongs beside os_disk: a VM brings its own data disks, snapshots are named with data_snapshot",
        ),
        (
            source(|block| {
                (block.vm, block.os_snapshot) = (None, text("os"));
                block.data_snapshot = vec![disk(3), disk(3)];
            }),
            "source.data_snapshot[1].lun: is the LUN of source.data_snapshot[0] too: give each disk its own",
        ),
        (
            source(|block| {
                (block.vm, block.os_snapshot) = (None, text("os"));
                block.data_snapshot = vec![disk(64)];
            }),
            "source.data_snapshot[0].lun: \"64\" is not a LUN (0 to 63)",
        ),
        (
            source(|block| block.resource_group = None),
            "source.vm: \"vm1\" is a name: give source.resource_group beside it, or the whole resource id",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found.unwrap_err(), [expected]);
    }
}

#[test]
fn a_captured_source_is_snapshots_with_their_image() {
    let disk = v1::SourceDisk {
        lun: Some(0),
        id: text("d1"),
    };
    let cases = [
        (
            source(|block| {
                (block.vm, block.managed_image) = (None, text("built"));
                block.data_snapshot_prefix = text("data");
            }),
            "source.data_snapshot_prefix: belongs beside os_snapshot and managed_image, which tells how many disks there are and their LUNs",
        ),
        (
            source(|block| {
                (block.vm, block.os_snapshot) = (None, text("os"));
                block.data_snapshot_prefix = text("data");
            }),
            "source.data_snapshot_prefix: belongs beside os_snapshot and managed_image, which tells how many disks there are and their LUNs",
        ),
        (
            source(|block| {
                (block.vm, block.os_snapshot, block.managed_image) = (None, text("os"), text("built"));
                block.data_snapshot = vec![disk];
            }),
            "source.data_snapshot: cannot be told beside managed_image, whose data disks are found by data_snapshot_prefix: give one of both",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found.unwrap_err(), [expected]);
    }
}

/// A version of the definition with that name.
fn version_id(definition: &str, number: &str) -> Option<String> {
    text(&format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/{definition}/versions/{number}"
    ))
}

#[test]
fn an_image_is_a_source_by_itself() {
    let image = source(|block| (block.vm, block.managed_image) = (None, text("built")));
    assert_eq!(image.unwrap().to_string(), "managed image built");
    let version = source(|block| (block.vm, block.image_version) = (None, version_id("ubuntu", "1.4.2")));
    assert_eq!(version.unwrap().to_string(), "image version 1.4.2 of ubuntu");
    let cases = [
        (
            source(|block| block.managed_image = text("built")),
            "source: names several things: give only one of vm, os_disk, os_snapshot, managed_image and image_version",
        ),
        (
            source(|block| (block.vm, block.image_version) = (None, version_id("ubuntu", "latest"))),
            "source.image_version: ends in \"latest\": name one version by its number, such as 1.4.2",
        ),
        (
            source(|block| (block.vm, block.image_version) = (None, text("1.4.2"))),
            "source.image_version: \"1.4.2\" is not an image version id (/subscriptions/…/providers/Microsoft.Compute/galleries/…/images/…/versions/1.2.3)",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found.unwrap_err(), [expected]);
    }
}

#[test]
fn an_adopted_version_has_a_number_of_its_own() {
    let asked = |definition: &str, number: &str| {
        converted(|settings| {
            let (source, destination) = (&mut settings.source, &mut settings.shared_image_gallery_destination);
            let source = source.as_mut().unwrap();
            (source.vm, source.image_version) = (None, version_id(definition, "1.4.2"));
            destination.as_mut().unwrap().image_version = text(number);
        })
    };
    for (definition, number, is_adopted) in [
        ("Ubuntu", "1.4.2", true),
        ("ubuntu", "next-patch 7.0", true),
        ("other", "1.4.3", false),
    ] {
        let job = asked(definition, number).unwrap();
        assert_eq!(job.settings.adopted().is_some(), is_adopted, "{definition} {number}");
    }
    assert_eq!(
        asked("ubuntu", "1.4.3").unwrap_err(),
        [
            "shared_image_gallery_destination.image_version: is 1.4.3, and version 1.4.2, which is adopted, keeps its number: write 1.4.2, or leave it out"
        ]
    );
}

#[test]
fn without_a_subscription_all_else_is_checked_too() {
    let faults = converted(|settings| {
        settings.subscription_id = None;
        settings.shared_image_gallery_destination.as_mut().unwrap().gallery_name = text("my-gallery");
    });
    let faults = faults.unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(faults[0].starts_with("subscription_id: is missing: source.vm is a name"));
    assert!(faults[1].starts_with("subscription_id: is missing: give it"));
    assert!(faults[2].starts_with("shared_image_gallery_destination.gallery_name: \"my-gallery\" is not"));
}

#[test]
fn a_destination_is_checked_name_by_name() {
    let region = |name: &str, replicas| v1::TargetRegion {
        name: text(name),
        replicas: Some(replicas),
    };
    let cases = [
        (
            destination(|block| block.image_version = text("1.2")),
            "image_version: \"1.2\" is not a version (1.4.2, next-patch, or next-patch 1.4 for the line 1.4)",
        ),
        (
            destination(|block| block.image_name = text("a b")),
            "image_name: \"a b\" is not an image definition name (1-80 letters, digits, \".\", \"_\" or \"-\")",
        ),
        (
            destination(|block| block.resource_group = text("a/b")),
            "resource_group: \"a/b\" is not the name of a resource group",
        ),
        (
            destination(|block| block.subscription = text("mine")),
            "subscription: \"mine\" is not a subscription id (a GUID)",
        ),
        (
            destination(|block| block.storage_account_type = text("Ultra")),
            "storage_account_type: \"Ultra\" is not Standard_LRS, Standard_ZRS or Premium_LRS",
        ),
        (
            destination(|block| block.target_region = vec![region("eastus2", 101)]),
            "target_region[0].replicas: is 101; write 1 to 100, or leave it out for what the pools need",
        ),
        (
            destination(|block| block.target_region = vec![region("eastus2", 1), region("East US 2", 1)]),
            "target_region[1].name: eastus2 is named before: one block a region",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(
            found.unwrap_err(),
            [format!("shared_image_gallery_destination.{expected}")]
        );
    }
}

#[test]
fn one_way_to_sign_in_at_most() {
    let both = converted(|settings| {
        settings.client_secret = text("hunter2");
        settings.use_azure_cli_auth = Some(true);
    });
    let faults = both.unwrap_err();
    assert_eq!(
        faults,
        [
            "client_secret: stands beside use_azure_cli_auth, and only one way to sign in can be taken: remove one of them"
        ]
    );
    let half = converted(|settings| settings.oidc_request_url = text("https://runner"));
    assert!(half.unwrap_err()[0].starts_with("oidc_request_token: is missing beside oidc_request_url"));
    let secret = converted(|settings| {
        settings.client_secret = text("hunter2");
        settings.tenant_id = text("contoso.example");
    });
    assert_eq!(
        secret.unwrap_err(),
        ["client_id: is needed with client_secret: set it to that of the application"]
    );
}

#[test]
fn a_metadata_host_wins_over_a_name_that_is_no_cloud() {
    let job = converted(|settings| {
        settings.metadata_host = text("127.0.0.1:8443");
        settings.cloud_environment_name = text("no-real-cloud");
    });
    assert!(
        matches!(job.unwrap().cloud, CloudChoice::MetadataHost(host) if host.as_str() == "https://127.0.0.1:8443/")
    );
    let faults = converted(|settings| settings.cloud_environment_name = text("no-real-cloud")).unwrap_err();
    assert!(faults[0].starts_with("cloud_environment_name: "), "{faults:?}");
}

#[test]
fn contradictions_and_slips_are_named() {
    type Change = fn(&mut v1::Settings);
    let cases: [(Change, &str); 12] = [
        (
            |settings| settings.ignore_checks = vec!["all".to_owned()],
            "ignore_checks[0]: \"all\" is no check; the checks are deallocated, generalized, extensions, ephemeral-os-disk, disk-encryption, encryption-sets, ultra-disk, data-disk-size, one-region, purchase-plan, base-image, temp-drive",
        ),
        (
            |settings| (settings.deallocate, settings.allow_running_vm) = (Some(true), Some(true)),
            "allow_running_vm: contradicts deallocate: remove one of them",
        ),
        (
            |settings| (settings.generalize, settings.generalized) = (Some(true), Some(true)),
            "generalized: contradicts generalize, which marks the VM: remove one of them",
        ),
        (
            |settings| settings.keep = vec!["disks".to_owned()],
            "keep[0]: \"disks\" is nothing that can be kept: write snapshots or managed_image",
        ),
        (
            |settings| settings.on_failure = text("abort"),
            "on_failure: is \"abort\"; write delete or keep",
        ),
        (
            |settings| settings.timeout = text("6 bananas"),
            "timeout: \"6 bananas\" is not a duration; write one such as 90m or 6h",
        ),
        (
            |settings| settings.timeout = text("-6h"),
            "timeout: \"-6h\" is not a duration; write one such as 90m or 6h",
        ),
        (
            |settings| settings.end_of_life_date = text("2026-11-22"),
            "end_of_life_date: 2026-11-22 has passed: give a date that lies ahead",
        ),
        (
            |settings| settings.replica_headroom_percent = Some(301),
            "replica_headroom_percent: is 301; write 0 to 300",
        ),
        (
            |settings| settings.temp_name_prefix = text("-x"),
            "temp_name_prefix: \"-x\" cannot begin a resource's name: write 1-40 letters, digits, \"-\", \"_\" or \".\", the first a letter or digit",
        ),
        (
            |settings| drop(settings.azure_tags.insert("a/b".to_owned(), String::new())),
            "azure_tags.a/b: is no tag name: write 1-512 letters without < > % & \\ ? /",
        ),
        (
            |settings| {
                settings.azure_tags = ["Team", "owner", "team"]
                    .map(|name| (name.to_owned(), String::new()))
                    .into();
            },
            "azure_tags.team: is the same tag as Team: Azure's tag names have no case",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(converted(change).unwrap_err(), [expected]);
    }
}

#[test]
fn what_is_said_is_taken() {
    let job = converted(|settings| {
        settings.timeout = text("1h30m");
        settings.keep = vec!["managed_image".to_owned()];
        settings.end_of_life_date = text("2027-06-30");
        settings.nodes_per_replica = Some(600);
        settings.temp_resource_group_name = text("rg-temp");
        settings.generalized = Some(true);
        settings.ca_file = text("ca.pem");
    });
    let job = job.unwrap();
    assert_eq!(job.limit, Duration::from_secs(90 * 60));
    assert_eq!(job.ca_file, Some(PathBuf::from("ca.pem")));
    let publish = job.settings;
    assert!(publish.temporaries.keep.contains(&KeptKind::ManagedImage));
    assert_eq!(publish.temporaries.group.unwrap().name(), "rg-temp");
    assert_eq!(
        publish.version_settings.end_of_life.unwrap().to_string(),
        "2027-06-30T00:00:00Z"
    );
    assert_eq!(publish.replica_rule.nodes_per_replica, NodesPerReplica::SixHundred);
    assert_eq!(publish.machine.generalized, Generalized::Declared);
}
