//! What a new image definition says of itself, and how it is read.
//!
//! What follows from the source is added in `publish::definition`.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::reader::Reader;
use crate::options::{Opt, image};

/// How many virtual CPUs a recommendation may name. The provider of Terraform and the portal take 1 to 80.
const VCPUS: RangeInclusive<u32> = 1..=80;

/// How many GB of memory a recommendation may name. The provider of Terraform takes 1 to 640.
const MEMORY: RangeInclusive<u32> = 1..=640;

/// What a new image definition says of itself in addition to what follows from the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionTraits {
    /// `publisher` of the identifier; the gallery's name when absent.
    pub publisher: Option<String>,
    /// `offer`; the definition's name when absent.
    pub offer: Option<String>,
    /// `sku`; the definition's name when absent.
    pub sku: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Features by name, in place of those that follow from the source.
    pub features: BTreeMap<String, String>,
    /// Address of the release notes.
    pub release_note_uri: Option<String>,
    /// The licence agreement, or its address.
    pub eula: Option<String>,
    /// Address of the privacy statement.
    pub privacy_statement_uri: Option<String>,
    /// How many virtual CPUs are recommended.
    pub vcpus: Recommended,
    /// How many GB of memory are recommended.
    pub memory_gb: Recommended,
    /// Storage types that machines may not use.
    pub disk_types_not_allowed: Vec<String>,
}

/// Between which numbers something should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recommended {
    /// At least so many.
    pub min: Option<u32>,
    /// At most so many.
    pub max: Option<u32>,
}

/// Reads what a new definition says of itself; nothing after a fault.
pub(super) fn traits(reader: &mut Reader<'_, '_>) -> Option<DefinitionTraits> {
    let Some(mut block) = reader.block(image::DEFINITION) else {
        return Some(DefinitionTraits::default());
    };
    let vcpus = recommended(
        &mut block,
        (image::DEFINITION_MIN_VCPUS, image::DEFINITION_MAX_VCPUS),
        &VCPUS,
    );
    let memory = (image::DEFINITION_MIN_MEMORY, image::DEFINITION_MAX_MEMORY);
    let memory_gb = recommended(&mut block, memory, &MEMORY);
    let features = features(&mut block);
    let text = |opt| block.text(opt).map(str::to_owned);
    Some(DefinitionTraits {
        publisher: text(image::DEFINITION_PUBLISHER),
        offer: text(image::DEFINITION_OFFER),
        sku: text(image::DEFINITION_SKU),
        description: text(image::DEFINITION_DESCRIPTION),
        features,
        release_note_uri: text(image::DEFINITION_RELEASE_NOTE_URI),
        eula: text(image::DEFINITION_EULA),
        privacy_statement_uri: text(image::DEFINITION_PRIVACY_STATEMENT_URI),
        vcpus: vcpus?,
        memory_gb: memory_gb?,
        disk_types_not_allowed: block.texts(image::DEFINITION_DISK_TYPES_NOT_ALLOWED).to_vec(),
    })
}

fn recommended(
    block: &mut Reader<'_, '_>,
    (min_opt, max_opt): (&'static Opt, &'static Opt),
    range: &RangeInclusive<u32>,
) -> Option<Recommended> {
    let mut within = |opt| {
        let number = block.number(opt)?;
        if !range.contains(&number) {
            let text = format!("is {number}; write {} to {}", range.start(), range.end());
            block.refuse(opt, text);
        }
        Some(number)
    };
    let (min, max) = (within(min_opt), within(max_opt));
    if let (Some(least), Some(most)) = (min, max)
        && least > most
    {
        block.refuse(
            min_opt,
            format!("is {least}, which is more than the greatest number, {most}"),
        );
        return None;
    }
    Some(Recommended { min, max })
}

/// The features that are given. Azure's names have no case, so one that is given twice would be decided by chance.
fn features(block: &mut Reader<'_, '_>) -> BTreeMap<String, String> {
    let opt = image::DEFINITION_FEATURES;
    let features = block.map(opt);
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &features {
        if let Some(same) = seen.iter().find(|other| other.eq_ignore_ascii_case(name)) {
            block.refuse_key(
                opt,
                name,
                format!("is the same feature as {same}: remove one of the two"),
            );
        }
        if name.trim().is_empty() || value.trim().is_empty() {
            block.refuse_key(opt, name, "is empty: give the feature's name and value, or remove it");
        }
        seen.push(name);
    }
    features
}
