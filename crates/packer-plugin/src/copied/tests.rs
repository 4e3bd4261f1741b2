//! Each word of azure-arm is taken or refused as the table says, and the table has all of them.

use azure_batch_core::options::{self, Door, Kind, Verb};
use serde_json::{Value as Json, json};

use super::*;
use crate::config::tests::{faults_before, with};

/// The block.
const DESTINATION: &str = "shared_image_gallery_destination";

/// `FlatSharedImageGalleryDestination` in azure-arm 1.4.5 and 2.6.3.
const IN_THE_BLOCK: [&str; 11] = [
    "subscription",
    "resource_group",
    "gallery_name",
    "image_name",
    "image_version",
    "replication_regions",
    "target_region",
    "storage_account_type",
    "specialized",
    "use_shallow_replication",
    "confidential_vm_image_encryption_type",
];

/// The options of `FlatConfig` there whose names begin with `shared_`, but for the blocks.
const NEXT_TO_IT: [&str; 4] = [
    "shared_image_gallery_timeout",
    "shared_gallery_image_version_end_of_life_date",
    "shared_image_gallery_replica_count",
    "shared_gallery_image_version_exclude_from_latest",
];

/// The last part of a word's path, and its block.
fn name_and_block(word: &Word) -> (String, Option<&'static Opt>) {
    let (path, destination) = (word.path(), image::SHARED_IMAGE_GALLERY_DESTINATION);
    match path.strip_prefix(&format!("{destination}.")) {
        Some(name) => (name.to_owned(), Some(destination)),
        None => (path, None),
    }
}

/// What azure-arm's documentation writes for a word, or the like.
fn example(name: &str) -> Json {
    match name {
        "subscription" => json!("11111111-1111-1111-1111-111111111111"),
        "image_version" => json!("1.0.0"),
        "storage_account_type" => json!("Standard_LRS"),
        "replication_regions" => json!(["westus2", "West Europe"]),
        "target_region" => json!([{"name": "westus2", "replicas": 2}]),
        "use_shallow_replication" | "specialized" | "shared_gallery_image_version_exclude_from_latest" => json!(true),
        "shared_gallery_image_version_end_of_life_date" => json!("2036-01-02T15:04:05.99Z"),
        "shared_image_gallery_replica_count" => json!(2),
        "confidential_vm_image_encryption_type" => json!("EncryptedWithPmk"),
        "shared_image_gallery_timeout" => json!("2h5m2s"),
        _ => json!("name1"),
    }
}

/// A configuration that is good without the word, and has what the word needs.
fn with_word(word: &Word, value: Json) -> Json {
    let (name, block) = name_and_block(word);
    let mut user = with(&json!({"used_by": []}));
    let destination = user[DESTINATION].as_object_mut().unwrap();
    destination.remove("target_region");
    if name == "shared_image_gallery_replica_count" {
        destination.insert("replication_regions".to_owned(), json!(["westus2"]));
    }
    let place = match block {
        Some(_) => destination,
        None => user.as_object_mut().unwrap(),
    };
    place.insert(name, value);
    user
}

#[test]
fn each_word_of_azure_arm_is_taken_or_refused_as_the_table_says() {
    for word in WORDS {
        let faults = faults_before(&with_word(&word, example(&name_and_block(&word).0)));
        match word {
            Word::Taken(opt) | Word::Translated(opt, _) => assert_eq!(faults, [""; 0], "{opt}"),
            Word::Refused(word) => assert_eq!(faults, [format!("{}: {}", word.path(), (word.text)())]),
        }
    }
}

#[test]
fn a_refused_word_that_says_nothing_is_let_through() {
    for word in WORDS {
        let nothing = match word {
            Word::Refused(refused) if refused.kind == Type::Bool => json!(false),
            Word::Refused(_) => json!(""),
            Word::Taken(_) | Word::Translated(..) => continue,
        };
        assert_eq!(faults_before(&with_word(&word, nothing)), [""; 0], "{}", word.path());
    }
}

#[test]
fn the_table_has_every_word_of_azure_arm_and_every_word_that_is_taken_is_an_option() {
    let table: Vec<String> = WORDS.iter().map(Word::path).collect();
    let in_the_block = IN_THE_BLOCK.map(|name| format!("{DESTINATION}.{name}"));
    for path in in_the_block.into_iter().chain(NEXT_TO_IT.map(str::to_owned)) {
        assert!(table.contains(&path), "the table lacks {path}");
    }
    for word in WORDS {
        let opt = options::find(Verb::Publish, &word.path());
        let is_option = opt.is_some_and(|opt| opt.is_taken_by(Door::Template));
        assert_eq!(is_option, !matches!(word, Word::Refused(_)), "{}", word.path());
    }
}

#[test]
fn a_target_region_takes_what_azure_arms_has() {
    let region = image::DESTINATION_TARGET_REGION;
    assert!(matches!(region.kind, Kind::Blocks(_)));
    for name in ["name", "replicas", "disk_encryption_set_id"] {
        assert!(region.nested().iter().any(|opt| opt.name() == name), "{name}");
    }
}

#[test]
fn azure_arms_whole_block_from_its_documentation_is_valid_but_for_what_is_the_builders() {
    let mut user = with(&json!({
        "used_by": [],
        "managed_image_name": "TargetImageName",
        "managed_image_resource_group_name": "TargetResourceGroup",
    }));
    user[DESTINATION] = json!({
        "subscription": "00000000-0000-0000-0000-000000000000",
        "resource_group": "ResourceGroup",
        "gallery_name": "GalleryName",
        "image_name": "ImageName",
        "image_version": "1.0.0",
        "replication_regions": ["regionA", "regionB", "regionC"],
        "storage_account_type": "Standard_LRS",
    });
    let remedy = "is for the builder's own block, and behind azure-arm its artifact names what it made: remove it here; \
                  behind another builder name the image with source.managed_image";
    assert_eq!(
        faults_before(&user),
        [
            format!("managed_image_name: {remedy}"),
            format!("managed_image_resource_group_name: {remedy}"),
        ]
    );
}
