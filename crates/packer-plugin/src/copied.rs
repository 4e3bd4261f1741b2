//! azure-arm's words, for templates into which its block is copied over: what each becomes here, and what is refused with
//! what to type instead.
//!
//! What is done here has a row in the table of options, under azure-arm's name too, and is core's to read. HCL refuses
//! names that a spec does not have before a plugin sees them, so those that are not done are in the spec as well.

use std::collections::BTreeMap;

use azure_batch_core::options::{Opt, image, run};

use crate::packer::{
    config::ConfigValue,
    spec::{AttributeType, Spec},
};

/// A word of azure-arm.
#[derive(Clone, Copy)]
pub(crate) enum Word {
    /// It is taken with the same meaning.
    Taken(&'static Opt),
    /// It is taken, and in our own words another option says the same.
    Translated(&'static Opt, &'static Opt),
    /// It is refused, unless it is left out, empty or false.
    Refused(Refused),
}

/// A word that is not done here.
#[derive(Clone, Copy)]
pub(crate) struct Refused {
    /// Its block, if it is in one.
    pub(crate) block: Option<&'static Opt>,
    /// Its name there.
    pub(crate) name: &'static str,
    /// What a template may write for it.
    pub(crate) kind: Type,
    /// Why it is refused, and what to type.
    pub(crate) text: fn() -> String,
}

/// The type of an attribute that is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Bool,
}

/// The attributes of azure-arm's destination, and the options next to it, in 1.4.5 and 2.6.3.
pub(crate) const WORDS: [Word; 19] = [
    Word::Taken(image::DESTINATION_SUBSCRIPTION),
    Word::Taken(image::DESTINATION_RESOURCE_GROUP),
    Word::Taken(image::DESTINATION_GALLERY_NAME),
    Word::Taken(image::DESTINATION_IMAGE_NAME),
    Word::Taken(image::DESTINATION_IMAGE_VERSION),
    Word::Taken(image::DESTINATION_STORAGE_ACCOUNT_TYPE),
    Word::Taken(image::DESTINATION_TARGET_REGION),
    Word::Translated(image::DESTINATION_REPLICATION_REGIONS, image::DESTINATION_TARGET_REGION),
    Word::Translated(
        image::DESTINATION_USE_SHALLOW_REPLICATION,
        image::DESTINATION_REPLICATION_MODE,
    ),
    Word::Refused(Refused {
        block: Some(image::SHARED_IMAGE_GALLERY_DESTINATION),
        name: "specialized",
        kind: Type::Bool,
        text: generalized_only,
    }),
    Word::Refused(Refused {
        block: Some(image::SHARED_IMAGE_GALLERY_DESTINATION),
        name: "confidential_vm_image_encryption_type",
        kind: Type::Text,
        text: by_region,
    }),
    Word::Translated(
        image::SHARED_GALLERY_IMAGE_VERSION_END_OF_LIFE_DATE,
        image::END_OF_LIFE_DATE,
    ),
    Word::Translated(
        image::SHARED_GALLERY_IMAGE_VERSION_EXCLUDE_FROM_LATEST,
        image::LATEST_NOW,
    ),
    Word::Translated(image::SHARED_IMAGE_GALLERY_REPLICA_COUNT, image::TARGET_REGION_REPLICAS),
    next_to_it("shared_image_gallery_timeout", whole_run),
    next_to_it("managed_image_name", image_of_the_builder),
    next_to_it("managed_image_resource_group_name", image_of_the_builder),
    next_to_it("managed_image_os_disk_snapshot_name", snapshot_of_the_builder),
    next_to_it("managed_image_data_disk_snapshot_prefix", snapshot_of_the_builder),
];

impl Word {
    /// The name as a template's author knows it.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Taken(opt) | Self::Translated(opt, _) => opt.path.to_owned(),
            Self::Refused(word) => word.path(),
        }
    }
}

impl Refused {
    fn path(&self) -> String {
        self.block
            .map_or_else(|| self.name.to_owned(), |block| format!("{block}.{}", self.name))
    }

    /// Whether the attribute says anything.
    fn is_given(&self, user: &BTreeMap<String, ConfigValue>) -> bool {
        let block = match self.block.map(|block| user.get(block.name())) {
            None => user,
            Some(Some(ConfigValue::Map(block))) => block,
            Some(_) => return false,
        };
        match block.get(self.name) {
            None | Some(ConfigValue::Null | ConfigValue::Bool(false)) => false,
            Some(ConfigValue::Text(text)) => !text.is_empty(),
            Some(_) => true,
        }
    }
}

const fn next_to_it(name: &'static str, text: fn() -> String) -> Word {
    Word::Refused(Refused {
        block: None,
        name,
        kind: Type::Text,
        text,
    })
}

fn generalized_only() -> String {
    "Batch starts pools from generalized images only: remove it here and in the builder's block, so that the machine is \
     generalized"
        .to_owned()
}

fn by_region() -> String {
    format!(
        "is said region by region here: remove it, and write {} = jsonencode({{ targetRegions = [{{ name = \"eastus2\", \
         encryption = {{ osDiskImage = {{ securityProfile = {{ confidentialVMEncryptionType = \"EncryptedWithPmk\" }} }} \
         }} }}] }})",
        image::PUBLISHING_PROFILE_JSON
    )
}

fn whole_run() -> String {
    format!(
        "is the time of one step, and here the whole run has a time: remove it for 6 hours, or write {} = \"8h\"",
        run::DEADLINE
    )
}

fn image_of_the_builder() -> String {
    of_the_builder("image", image::SOURCE_MANAGED_IMAGE)
}

fn snapshot_of_the_builder() -> String {
    of_the_builder("snapshot", image::SOURCE_OS_SNAPSHOT)
}

fn of_the_builder(what: &str, opt: &Opt) -> String {
    format!(
        "is for the builder's own block, and behind azure-arm its artifact names what it made: remove it here; behind \
         another builder name the {what} with {opt}"
    )
}

/// The words that are refused in a block, or outside of blocks.
fn refused_in(block: Option<&'static Opt>) -> impl Iterator<Item = Refused> {
    let refused = WORDS.into_iter().filter_map(|word| match word {
        Word::Refused(word) => Some(word),
        Word::Taken(_) | Word::Translated(..) => None,
    });
    refused.filter(move |word| word.block == block)
}

/// The spec of a block together with the words that are refused in it.
pub(crate) fn with_refused(block: Option<&'static Opt>, spec: Spec) -> Spec {
    refused_in(block).fold(spec, |spec, word| match word.kind {
        Type::Text => spec.attribute(word.name, AttributeType::Text),
        Type::Bool => spec.attribute(word.name, AttributeType::Bool),
    })
}

/// A line for each word that is given and not done.
pub(crate) fn faults(user: &BTreeMap<String, ConfigValue>) -> Vec<String> {
    let all = refused_in(Some(image::SHARED_IMAGE_GALLERY_DESTINATION)).chain(refused_in(None));
    let given = all.filter(|word| word.is_given(user));
    given
        .map(|word| format!("{}: {}", word.path(), (word.text)()))
        .collect()
}

#[cfg(test)]
mod tests;
