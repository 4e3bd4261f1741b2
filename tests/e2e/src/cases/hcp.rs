//! HCP Packer behind our post-processor: what real Packer sends to the registry.
//!
//! The registry is one on loopback. The same behind azure-arm is in `cargo xtask judges arm`.

use serde_json::{Value, json};

use crate::{
    failure::{Result, ensure_equal, ensure_says},
    files,
    hcp::FakeHcp,
    lab::Lab,
    packer::Packer,
    suite::Case,
    template::{self, Post},
    world,
};

/// What the OS disk of the machine says that it was made of.
const BASE: &str = "/Subscriptions/00000000-0000-0000-0000-0000000005b5/Providers/Microsoft.Compute/Locations/eastus2/Publishers/Canonical/ArtifactTypes/VMImage/Offers/0001-com-ubuntu-server-jammy/Skus/22_04-lts-gen2/Versions/22.04.202601010";

pub(super) const CASES: &[Case] = &[Case {
    name: "hcp_packer_gets_an_entry_for_each_region_and_what_the_machine_was_made_of",
    run: hcp_packer_gets_an_entry_for_each_region,
}];

/// Behind a builder that makes nothing, what the machine was made of is read from Azure.
fn hcp_packer_gets_an_entry_for_each_region(lab: &Lab<'_>) -> Result {
    let seed = world::with_machine(lab, |machine| {
        let reference = json!({"createOption": "FromImage", "imageReference": {"id": BASE}});
        if let Some(disk) = machine.pointer_mut("/osDisk").and_then(Value::as_object_mut) {
            disk.insert("extra".to_owned(), json!({ "creationData": reference }));
        }
    })?;
    let azure = lab.azure(seed)?;
    let hcp = FakeHcp::start()?;
    let variables = hcp.variables();
    let packer = variables
        .iter()
        .fold(Packer::new(lab, &azure)?, |packer, (name, value)| {
            packer.with(name, value)
        });
    let post = Post {
        destination: "target_region { name = \"westus2\" }".to_owned(),
        ..Post::default()
    };
    // The null builder says of itself that it was made of "null", and of two that say something Packer takes one at random:
    // artifice's artifact takes its place, and says nothing.
    let kept = packer.work().join("kept.txt");
    files::write(&kept, "")?;
    let chain = format!(
        "  post-processors {{\n    post-processor \"artifice\" {{\n      files = [\"{}\"]\n      keep_input_artifact = false\n    }}\n{}  }}\n",
        kept.display(),
        post.block()
    );
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&chain))?;
    let ended = packer.build("build", &[], &template)?;
    files::write(&lab.dir.join("hcp.txt"), hcp.asked().join("\n"))?;
    ended.ended_with(0)?;
    let done = hcp.done()?;
    let version = format!(
        "{}/images/ubuntu/versions/1.0.0",
        world::id("Microsoft.Compute/galleries", world::GALLERY)
    );
    let entry = |region: &str| json!({"external_identifier": version, "region": region});
    let mut entries: Vec<Value> = at(&done, "/artifacts").as_array().cloned().unwrap_or_default();
    entries.sort_by_key(ToString::to_string);
    ensure_equal(
        "the artifacts at HCP Packer",
        &entries,
        &vec![entry("eastus2"), entry("westus2")],
    )?;
    ensure_equal(
        "the image behind it",
        at(&done, "/source_external_identifier"),
        &json!(BASE),
    )?;
    ensure_says(
        "the labels",
        &at(&done, "/labels").to_string(),
        &["image_definition_id", "source_fingerprint", "\"os_type\":\"Linux\""],
    )
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}
