//! Machines that are not like the example's, published by real Packer.

use serde_json::{Value, json};

use crate::{
    failure::{Result, ensure_equal, ensure_says},
    files,
    journal::Journal,
    lab::Lab,
    left,
    packer::Packer,
    suite::Case,
    template::{self, Post},
    world,
};

/// What a publish needs, but for writing versions.
const ALL_BUT_VERSIONS: [&str; 10] = [
    "Microsoft.Compute/*/read",
    "Microsoft.Batch/*/read",
    "Microsoft.Resources/*/read",
    "Microsoft.Authorization/*/read",
    "Microsoft.Compute/snapshots/write",
    "Microsoft.Compute/snapshots/delete",
    "Microsoft.Compute/images/write",
    "Microsoft.Compute/images/delete",
    "Microsoft.Compute/disks/beginGetAccess/action",
    "Microsoft.Compute/galleries/images/write",
];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "machine_with_nvme_makes_a_definition_that_boots_there",
        run: machine_with_nvme_makes_a_definition_that_boots_there,
    },
    Case {
        name: "machine_with_64_data_disks_is_published_whole",
        run: machine_with_64_data_disks_is_published_whole,
    },
    Case {
        name: "purchase_plan_is_carried_when_asked",
        run: purchase_plan_is_carried_when_asked,
    },
    Case {
        name: "key_of_its_owner_is_carried_to_every_region",
        run: key_of_its_owner_is_carried_to_every_region,
    },
    Case {
        name: "identity_that_lacks_a_right_is_told_what_gives_it",
        run: identity_that_lacks_a_right_is_told_what_gives_it,
    },
];

fn machine_with_nvme_makes_a_definition_that_boots_there(lab: &Lab<'_>) -> Result {
    let journal = build(lab, "vmSize", json!("Standard_D4ds_v6"), &Post::default())?;
    let definition = written(&journal, "/images/ubuntu");
    ensure_says("the definition", &definition.to_string(), &["\"SCSI, NVMe\""])
}

fn machine_with_64_data_disks_is_published_whole(lab: &Lab<'_>) -> Result {
    let disks = (0..64).map(|lun| json!({"lun": lun, "sizeGB": 8, "sku": "Premium_LRS", "caching": "None"}));
    let journal = build(lab, "dataDisks", disks.collect(), &Post::default())?;
    ensure_equal("snapshots", &journal.count("PUT", &["/snapshots/"]), &65)?;
    let manifest = files::read_json(&lab.dir.join("work/azure-batch-manifest.json"))?;
    let luns: Vec<u32> = (0..64).collect();
    ensure_equal(
        "LUNs in the manifest",
        &manifest.get("data_disk_luns"),
        &Some(&json!(luns)),
    )
}

fn purchase_plan_is_carried_when_asked(lab: &Lab<'_>) -> Result {
    let plan = json!({"name": "basic", "publisher": "vendor", "product": "appliance"});
    let post = Post {
        more: "purchase_plan = \"carry\"".to_owned(),
        ..Post::default()
    };
    let journal = build(lab, "plan", plan, &post)?;
    let carried = written(&journal, "/images/ubuntu")
        .pointer("/properties/purchasePlan")
        .cloned();
    let expected = json!({"name": "basic", "publisher": "vendor", "product": "appliance"});
    ensure_equal("the definition's plan", &carried, &Some(expected))
}

fn key_of_its_owner_is_carried_to_every_region(lab: &Lab<'_>) -> Result {
    let set = world::id("Microsoft.Compute/diskEncryptionSets", "keys");
    let encryption = json!({"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": set});
    let disk = json!({"sizeGB": 30, "sku": "Premium_LRS", "caching": "ReadWrite", "extra": {"encryption": encryption}});
    let of_west = world::id("Microsoft.Compute/diskEncryptionSets", "keys-west");
    let block = |region: &str, set: &str| {
        format!("target_region {{\n        name = \"{region}\"\n        disk_encryption_set_id = \"{set}\"\n      }}")
    };
    // The region of the source is that of the pool, too.
    let post = Post {
        destination: format!("{}\n      {}", block("eastus2", &set), block("westus2", &of_west)),
        ..Post::default()
    };
    let journal = build(lab, "osDisk", disk, &post)?;
    let versions = written(&journal, "/versions/1.0.0").to_string();
    let last = journal
        .writes()
        .filter(|entry| entry.path.ends_with("/versions/1.0.0"))
        .last();
    let last = last.map(|entry| entry.request.to_string()).unwrap_or_default();
    let said = |set: &str| format!("\"diskEncryptionSetId\":\"{set}\"");
    ensure_says("the version", &versions, &[&said(&set)])?;
    ensure_says("the version in both regions", &last, &[&said(&set), &said(&of_west)])
}

fn identity_that_lacks_a_right_is_told_what_gives_it(lab: &Lab<'_>) -> Result {
    let mut seed = world::example(lab)?;
    let scope = format!("/subscriptions/{}", world::SUBSCRIPTION);
    let role = json!({"principal": world::CLIENT, "scope": scope, "actions": ALL_BUT_VERSIONS, "dataActions": []});
    if let Some(fields) = seed.as_object_mut() {
        fields.insert("roleAssignments".to_owned(), json!([role]));
    }
    let azure = lab.azure(seed)?;
    let packer = Packer::new(lab, &azure)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let said = packer.build("build", &[], &template)?.ended_with(1)?.said();
    lab.keep_journal(&azure)?;
    let lacks = "Microsoft.Compute/galleries/images/versions/write";
    ensure_says("packer build", &said, &[lacks, "az role assignment create"])?;
    ensure_equal("writes", &azure.journal()?.writes().count(), &0)
}

/// Builds the example's machine with something else about it, and gives what Azure was asked.
fn build(lab: &Lab<'_>, name: &str, value: Value, post: &Post) -> Result<Journal> {
    let mut seed = world::with_machine(lab, |machine| {
        if let Some(fields) = machine.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    })?;
    if let Some(fields) = seed.as_object_mut() {
        let set = |(name, location)| json!({"name": name, "resourceGroup": "rg-images", "location": location});
        let sets = [("keys", "eastus2"), ("keys-west", "westus2")].map(set);
        fields.insert("diskEncryptionSets".to_owned(), json!(sets));
    }
    let azure = lab.azure(seed)?;
    let packer = Packer::new(lab, &azure)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&post.block()))?;
    packer.build("build", &[], &template)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    left::ensure_no_temporaries(&azure.resources()?)?;
    azure.journal()
}

/// What was sent with the first write to a path that ends so.
fn written(journal: &Journal, end: &str) -> Value {
    let is_it = |path: &str| path.to_ascii_lowercase().ends_with(end);
    let put = journal.of("PUT", &[]).find(|entry| is_it(&entry.path));
    put.map(|entry| entry.request.clone()).unwrap_or_default()
}
