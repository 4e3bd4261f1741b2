//! What Packer is told of the options: names and types.
//!
//! Nothing is required here: Packer would show only the first fault, Configure shows all.

use super::options::{Kind, OPTIONS, Opt};
use crate::packer::spec::{AttributeType, Spec};

/// The spec of the post-processor's block.
#[must_use]
pub fn spec() -> Spec {
    block(OPTIONS)
}

fn block(options: &[Opt]) -> Spec {
    options.iter().fold(Spec::new(), |spec, option| match option.kind {
        Kind::Text | Kind::Secret => spec.attribute(option.name, AttributeType::Text),
        Kind::Number => spec.attribute(option.name, AttributeType::Number),
        Kind::Bool => spec.attribute(option.name, AttributeType::Bool),
        Kind::Texts => spec.attribute(option.name, AttributeType::list(AttributeType::Text)),
        Kind::TextMap => spec.attribute(option.name, AttributeType::map(AttributeType::Text)),
        Kind::Block(nested) => spec.block(option.name, block(nested)),
        Kind::Blocks(nested) => spec.block_list(option.name, block(nested)),
    })
}
