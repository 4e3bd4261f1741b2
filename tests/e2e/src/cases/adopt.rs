//! Builds under real Packer whose source is an image already: a version that is adopted, a managed image.
//!
//! Builds that copy disks are in `publish`.

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure_equal, ensure_says, ensure_silent},
    files,
    journal::Entry,
    lab::Lab,
    left::{self, Kind},
    packer::Packer,
    suite::Case,
    template::{self, Post},
    world,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "build_adopts_a_version_and_a_second_one_writes_nothing",
        run: build_adopts_a_version_and_a_second_one_writes_nothing,
    },
    Case {
        name: "build_publishes_a_managed_image_as_it_is",
        run: build_publishes_a_managed_image_as_it_is,
    },
    Case {
        name: "validate_knows_the_number_of_an_adopted_version",
        run: validate_knows_the_number_of_an_adopted_version,
    },
];

/// The version that another run has made.
const NUMBER: &str = "1.4.2";

fn version() -> String {
    let definition = world::id("Microsoft.Compute/galleries", world::GALLERY);
    format!("{definition}/images/ubuntu/versions/{NUMBER}")
}

/// The example with that version, in one region and with one replica.
fn published(lab: &Lab<'_>) -> Result<Value> {
    let mut seed = world::example(lab)?;
    let place = json!({"resourceGroup": world::GROUP, "gallery": world::GALLERY});
    let within = |mut what: Value| {
        if let (Some(what), Some(place)) = (what.as_object_mut(), place.as_object()) {
            what.extend(place.clone());
        }
        json!([what])
    };
    let properties = json!({"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
        "identifier": {"publisher": "p", "offer": "o", "sku": "s"}});
    let profile = json!({"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 1}]});
    let made = [
        (
            "definitions",
            within(json!({"name": "ubuntu", "properties": properties})),
        ),
        (
            "versions",
            within(json!({"name": NUMBER, "definition": "ubuntu", "publishingProfile": profile})),
        ),
    ];
    if let Some(seed) = seed.as_object_mut() {
        seed.extend(made.map(|(name, what)| (name.to_owned(), what)));
    }
    Ok(seed)
}

/// The usual template with another source.
fn with_source(post: &Post, source: &str) -> String {
    let machine = format!("source {{ vm = \"{}\" }}", world::machine());
    template::with_null_builder(&post.block().replace(&machine, &format!("source {{ {source} }}")))
}

fn writes(azure: &LocalAzure, after: usize) -> Result<Vec<String>> {
    let journal = azure.journal()?;
    let later = journal.0.iter().skip(after).filter(|entry| entry.is_write());
    Ok(later.map(Entry::line).collect())
}

fn build_adopts_a_version_and_a_second_one_writes_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(published(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    let text = with_source(&Post::default(), &format!("image_version = \"{}\"", version()));
    let template = packer.template("t.pkr.hcl", &text)?;
    let first = packer.build("first", &[], &template)?.ended_with(0)?;
    ensure_says("packer build", &first.said(), &["it is adopted and nothing is copied"])?;
    ensure_silent("packer build", &first.said(), &["PACKER CRASH"])?;
    ensure_equal(
        "what the build wrote",
        &writes(&azure, 0)?,
        &vec![format!("PUT {} → 200", version())],
    )?;
    let resources = azure.resources()?;
    ensure_equal(
        "versions",
        &left::names(&resources, Kind::Version),
        &vec![NUMBER.to_owned()],
    )?;
    left::ensure_no_temporaries(&resources)?;
    let manifest = files::read_json(&packer.work().join("azure-batch-manifest.json"))?;
    ensure_says(
        "the manifest",
        &manifest.to_string(),
        &["\"outcome\":\"adopted\"", "\"replicas\":4", "\"is_new\":false"],
    )?;
    let before = azure.journal()?.0.len();
    packer.build("second", &[], &template)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_equal("what the second build wrote", &writes(&azure, before)?, &Vec::new())
}

fn build_publishes_a_managed_image_as_it_is(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    let keeping = Post {
        more: "keep = [\"managed_image\"]".to_owned(),
        ..Post::default()
    };
    let first = packer.template("first.pkr.hcl", &template::with_null_builder(&keeping.block()))?;
    packer.build("first", &[], &first)?.ended_with(0)?;
    let images = left::names(&azure.resources()?, Kind::ManagedImage);
    let image = images.first().map_or("", String::as_str);
    let post = Post {
        definition: "from-an-image".to_owned(),
        ..Post::default()
    };
    let source = format!(
        "\n      managed_image  = \"{image}\"\n      resource_group = \"{}\"\n    ",
        world::GROUP
    );
    let second = packer.template("second.pkr.hcl", &with_source(&post, &source))?;
    let before = azure.journal()?.0.len();
    packer.build("second", &[], &second)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let gallery = world::id("Microsoft.Compute/galleries", world::GALLERY);
    let definition = format!("{gallery}/images/from-an-image");
    ensure_equal(
        "what the second build wrote",
        &writes(&azure, before)?,
        &vec![
            format!("PUT {definition} → 201"),
            format!("PUT {definition}/versions/1.0.0 → 201"),
            // Its tag remembers the number.
            format!("PATCH {definition} → 200"),
        ],
    )?;
    ensure_equal(
        "managed images",
        &left::names(&azure.resources()?, Kind::ManagedImage),
        &images,
    )
}

fn validate_knows_the_number_of_an_adopted_version(lab: &Lab<'_>) -> Result {
    let packer = Packer::offline(lab)?.with("PKR_VAR_subscription_id", world::SUBSCRIPTION);
    let source = format!("image_version = \"{}\"", version());
    for (number, code, says) in [
        (NUMBER, 0, "The configuration is valid."),
        ("1.4.3", 1, "write 1.4.2, or leave it out"),
    ] {
        let template = packer.template("t.pkr.hcl", &with_source(&Post::version(number), &source))?;
        let ended = packer.validate(number, &[], &template)?.ended_with(code)?;
        ensure_says("packer validate", &ended.said(), &[says])?;
    }
    Ok(())
}
