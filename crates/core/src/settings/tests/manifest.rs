//! What a manifest says against what the user says.

use super::*;

#[test]
fn a_manifest_names_the_version_and_is_compared_with_the_definition_and_the_agent() {
    let manifest = json!({"image_version_id": format!("{GALLERY}/images/ubuntu/versions/1.4.2"), "os_type": "Linux"});
    let with = |more: Json| {
        let mut changes = json!({"image_version": null, "manifest": format!("\u{feff}{manifest}\n")});
        merge(&mut changes, &more);
        rolled_out(&changes)
    };
    let settings = with(json!({"image_definition": format!("{GALLERY}/images/Ubuntu")}))
        .unwrap()
        .settings;
    assert_eq!(settings.pool.version.name(), "1.4.2");
    assert_faults(
        |changes| with(changes.clone()),
        &[(
            json!({"image_definition": format!("{GALLERY}/images/Ubuntu"), "node_agent_sku_id": "batch.node.windows amd64"}),
            "node-agent-sku-id: \"batch.node.windows amd64\" does not run on the image, whose OS is Linux; give an agent for Linux",
        )],
    );
    let faults = with(json!({"image_definition": format!("{GALLERY}/images/windows")})).unwrap_err();
    assert!(faults[0].ends_with("is the version the right one?"), "{faults:?}");
}

#[test]
fn a_data_disk_on_a_lun_of_the_manifest_is_refused_before_azure_is_asked() {
    let manifest =
        json!({"image_version_id": format!("{GALLERY}/images/ubuntu/versions/1.4.2"), "data_disk_luns": [0, 1]});
    let with = |lun: u32| {
        let pool = json!({"virtualMachineConfiguration": {"dataDisks": [{"lun": lun, "diskSizeGB": 64}]}});
        rolled_out(
            &json!({"image_version": null, "manifest": manifest.to_string(), "any_definition": true,
            "pool_json": pool.to_string()}),
        )
    };
    assert_eq!(
        with(1).unwrap_err(),
        [
            "pool-json.virtualMachineConfiguration.dataDisks[0].lun: is 1, and a data disk of the image has LUN 1 on every node: give the disk another LUN, such as 2"
        ]
    );
    with(2).unwrap();
}
