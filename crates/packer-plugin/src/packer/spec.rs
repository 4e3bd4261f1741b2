//! Describes a configuration to Packer: which attributes and blocks there are, and their types.
//!
//! Encodes it as protobuf (`--protobuf`, Packer 1.12 and newer) or as gob (everything else).
//! Packer turns the user's block into these types before it calls Configure; it knows no
//! defaults and no checks beyond `required`.

mod gob;

use std::collections::BTreeMap;

use prost::Message as _;

/// The attributes and blocks of one configuration block, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spec {
    elements: BTreeMap<String, Element>,
}

/// One attribute or block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Element {
    Attribute { value: AttributeType, presence: Presence },
    Block { nested: Spec, presence: Presence },
    BlockList { nested: Spec },
}

/// Type of an attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeType {
    /// Text.
    Text,
    /// A number of any size and precision.
    Number,
    /// True or false.
    Bool,
    /// A list of values of one type.
    List(Box<Self>),
    /// A map from text to values of one type.
    Map(Box<Self>),
}

/// Whether Packer refuses a configuration that leaves the element out.
///
/// Packer shows only the first such fault; a check in Configure can list all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// May be left out.
    Optional,
    /// Refused by Packer when left out.
    Required,
}

/// How Packer wants the spec, which it says on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecEncoding {
    /// Packer 1.12 and newer when every installed plugin speaks it.
    Protobuf,
    /// Older Packers, `PACKER_FORCE_GOB`, and any Packer with an older plugin installed.
    Gob,
}

impl AttributeType {
    /// A list of `element`.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// A map from text to `element`.
    #[must_use]
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }
}

impl Spec {
    /// A spec without attributes or blocks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute that may be left out.
    #[must_use]
    pub fn attribute(self, name: &str, value: AttributeType) -> Self {
        self.attribute_with(name, value, Presence::Optional)
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute_with(self, name: &str, value: AttributeType, presence: Presence) -> Self {
        self.with(name, Element::Attribute { value, presence })
    }

    /// Adds a block that may stand at most once, and may be left out.
    #[must_use]
    pub fn block(self, name: &str, nested: Self) -> Self {
        self.block_with(name, nested, Presence::Optional)
    }

    /// Adds a block that may stand at most once.
    #[must_use]
    pub fn block_with(self, name: &str, nested: Self, presence: Presence) -> Self {
        self.with(name, Element::Block { nested, presence })
    }

    /// Adds a block that may be repeated.
    #[must_use]
    pub fn block_list(self, name: &str, nested: Self) -> Self {
        self.with(name, Element::BlockList { nested })
    }

    /// The spec in the form that Packer asked for; the same bytes every time.
    #[must_use]
    pub fn encode(&self, encoding: SpecEncoding) -> Vec<u8> {
        match encoding {
            SpecEncoding::Protobuf => object(self).encode_to_vec(),
            SpecEncoding::Gob => gob::encode(self),
        }
    }

    pub(super) const fn elements(&self) -> &BTreeMap<String, Element> {
        &self.elements
    }

    fn with(mut self, name: &str, element: Element) -> Self {
        self.elements.insert(name.to_owned(), element);
        self
    }
}

mod proto {
    #![expect(
        unreachable_pub,
        clippy::enum_variant_names,
        reason = "generated from proto/packer/hcl_spec.proto"
    )]
    include!(concat!(env!("OUT_DIR"), "/_.rs"));
}

fn object(spec: &Spec) -> proto::HclSpec {
    let attributes = spec
        .elements
        .iter()
        .map(|(name, value)| (name.clone(), element(name, value)))
        .collect();
    holding(proto::hcl_spec::Block::Object(proto::HclObject { attributes }))
}

fn element(name: &str, element: &Element) -> proto::HclSpec {
    use proto::hcl_spec::Block;

    let name = name.to_owned();
    holding(match element {
        Element::Attribute { value, presence } => Block::Attr(proto::HclAttr {
            name,
            r#type: Some(attribute_type(value)),
            required: *presence == Presence::Required,
        }),
        Element::Block { nested, presence } => Block::BlockValue(Box::new(proto::HclBlock {
            name,
            required: *presence == Presence::Required,
            nested: Some(Box::new(object(nested))),
        })),
        Element::BlockList { nested } => Block::BlockList(Box::new(proto::HclBlockList {
            name,
            nested: Some(Box::new(object(nested))),
        })),
    })
}

const fn holding(block: proto::hcl_spec::Block) -> proto::HclSpec {
    proto::HclSpec { block: Some(block) }
}

fn attribute_type(value: &AttributeType) -> proto::CtyType {
    use proto::cty_type::TypeDef;

    let primitive = |name: &str| {
        TypeDef::Primitive(proto::CtyPrimitive {
            type_string: name.to_owned(),
        })
    };
    let type_def = match value {
        AttributeType::Text => primitive("cty.String"),
        AttributeType::Number => primitive("cty.Number"),
        AttributeType::Bool => primitive("cty.Bool"),
        AttributeType::List(element) => TypeDef::List(Box::new(proto::CtyList {
            element_type: Some(Box::new(attribute_type(element))),
        })),
        AttributeType::Map(element) => TypeDef::Map(Box::new(proto::CtyMap {
            element_type: Some(Box::new(attribute_type(element))),
        })),
    };
    proto::CtyType {
        type_def: Some(type_def),
    }
}
