//! Publishing disks and snapshots without a machine: disks are copied and stay, snapshots are used as they are and stay.

use azure_batch_core::{
    ids::resource::ResourceGroupId,
    publish::Outcome,
    settings::{Generalized, MachineHandling, PublishSettings, Source, SourceDisk},
};
use azure_emulator::seed::Seed;
use serde_json::{Value, json};

use crate::{
    publish::{ids_of, run, settings},
    support::{Azure, GROUP},
};

/// The example with a snapshot of an OS disk.
pub(crate) fn world_with(change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    seed["snapshots"] = json!([{"name": "built-os", "resourceGroup": "rg-images", "location": "eastus2"}]);
    change(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

fn declared(source: Source) -> PublishSettings {
    PublishSettings {
        source,
        machine: MachineHandling {
            generalized: Generalized::Declared,
            ..MachineHandling::default()
        },
        ..settings()
    }
}

/// The disks of the example's machine, with LUNs of their own.
pub(crate) fn from_disks() -> PublishSettings {
    let disk = |name: &str| {
        format!("{GROUP}/providers/Microsoft.Compute/disks/vm-build_{name}")
            .parse()
            .unwrap()
    };
    let data = |lun: u32, name: &str| SourceDisk {
        lun: lun.try_into().unwrap(),
        id: disk(name),
    };
    declared(Source::Disks {
        os: disk("OsDisk"),
        data: vec![data(3, "DataDisk_0"), data(5, "DataDisk_1")],
    })
}

/// The snapshot.
pub(crate) fn from_snapshots() -> PublishSettings {
    let group: ResourceGroupId = GROUP.parse().unwrap();
    declared(Source::Snapshots {
        os: group.snapshot("built-os"),
        data: Vec::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn disks_become_a_version_with_the_luns_that_are_given_and_nothing_else_is_left() {
    let azure = world_with(|_| ());
    let disks = ids_of(&azure, "disks");
    let published = run(&azure, &from_disks()).await.unwrap();
    assert_eq!(published.data_disk_luns, [3, 5]);
    assert_eq!(ids_of(&azure, "disks"), disks);
    assert_eq!(ids_of(&azure, "snapshots").len(), 1, "the one that was there");
    azure.turn_the_page();
    let again = run(&azure, &from_disks()).await.unwrap();
    assert_eq!((again.outcome, azure.writes()), (Outcome::Found, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn snapshots_become_a_version_without_a_copy_and_stay() {
    let azure = world_with(|_| ());
    let snapshots = ids_of(&azure, "snapshots");
    let published = run(&azure, &from_snapshots()).await.unwrap();
    assert_eq!(published.outcome, Outcome::Created);
    assert!(
        !azure.writes().iter().any(|write| write.contains("/snapshots/")),
        "{:?}",
        azure.writes()
    );
    assert_eq!(ids_of(&azure, "snapshots"), snapshots);
    azure.turn_the_page();
    let again = run(&azure, &from_snapshots()).await.unwrap();
    assert_eq!((again.outcome, azure.writes()), (Outcome::Found, Vec::new()));
}
