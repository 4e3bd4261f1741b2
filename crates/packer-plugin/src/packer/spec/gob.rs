//! Writes a config spec as Go's gob, the form older Packers want; pure.
//!
//! Go itself defines each type where it first occurs, so its bytes follow its random map
//! order. This writes all type definitions first and then the value, which every Packer
//! from 1.7 on decodes to the same tree and which makes the bytes the same every time.
//! It is not a general gob encoder: it knows exactly the types of `hcldec` and `cty` in a spec.

use super::{AttributeType, Element, Presence, Spec};

// Type ids that gob itself fixes.
const BOOL: i64 = 1;
const INT: i64 = 2;
const UINT: i64 = 3;
const STRING: i64 = 6;
const INTERFACE: i64 = 8;

// Ids of our own types in the spec's stream: gob's own end below 64, an encoder numbers
// freely from there, and Go starts at 65.
const OBJECT_SPEC: i64 = 65;
const ATTR_SPEC: i64 = 66;
const TYPE: i64 = 67;
const BLOCK_SPEC: i64 = 68;
const BLOCK_LIST_SPEC: i64 = 69;

// Ids in the stream of its own that every cty.Type is.
const GOB_TYPE: i64 = 65;
const PRIMITIVE_TYPE: i64 = 66;
const LIST_TYPE: i64 = 67;
const MAP_TYPE: i64 = 68;
const ELEMENT_TYPE: i64 = 69;

// Which of gob's wire types a definition describes: fields of its `wireType` struct.
const STRUCT_DEFINITION: u64 = 3;
const MAP_DEFINITION: u64 = 4;
const GOB_ENCODER_DEFINITION: u64 = 5;

const OBJECT_SPEC_NAME: &str = "github.com/hashicorp/hcl/v2/hcldec.ObjectSpec";

/// Encodes `spec`; the same bytes every time.
pub(super) fn encode(spec: &Spec) -> Vec<u8> {
    let mut stream = definitions();
    let mut value = signed(OBJECT_SPEC);
    // A value that is not a struct is preceded by a zero.
    value.push(0);
    value.extend(map(spec));
    stream.extend(message(&value));
    stream
}

fn definitions() -> Vec<u8> {
    [
        define_map(OBJECT_SPEC, "ObjectSpec", STRING, INTERFACE),
        define_struct(
            ATTR_SPEC,
            "AttrSpec",
            &[("Name", STRING), ("Type", TYPE), ("Required", BOOL)],
        ),
        define_gob_encoder(TYPE, "Type"),
        define_struct(
            BLOCK_SPEC,
            "BlockSpec",
            &[("TypeName", STRING), ("Nested", INTERFACE), ("Required", BOOL)],
        ),
        define_struct(
            BLOCK_LIST_SPEC,
            "BlockListSpec",
            &[
                ("TypeName", STRING),
                ("Nested", INTERFACE),
                ("MinItems", INT),
                ("MaxItems", INT),
            ],
        ),
    ]
    .concat()
}

fn map(spec: &Spec) -> Vec<u8> {
    let mut bytes = length(spec.elements().len());
    for (name, value) in spec.elements() {
        bytes.extend(text(name));
        bytes.extend(element(name, value));
    }
    bytes
}

fn element(name: &str, element: &Element) -> Vec<u8> {
    match element {
        Element::Attribute { value, presence } => interface(
            "*hcldec.AttrSpec",
            ATTR_SPEC,
            &structure(&[
                (0, Some(text(name))),
                (1, Some(sized(&cty_type(value)))),
                (2, required(*presence)),
            ]),
        ),
        Element::Block { nested, presence } => interface(
            "*hcldec.BlockSpec",
            BLOCK_SPEC,
            &structure(&[
                (0, Some(text(name))),
                (1, Some(object(nested))),
                (2, required(*presence)),
            ]),
        ),
        Element::BlockList { nested } => interface(
            "*hcldec.BlockListSpec",
            BLOCK_LIST_SPEC,
            &structure(&[(0, Some(text(name))), (1, Some(object(nested)))]),
        ),
    }
}

fn object(spec: &Spec) -> Vec<u8> {
    let mut value = vec![0];
    value.extend(map(spec));
    interface(OBJECT_SPEC_NAME, OBJECT_SPEC, &value)
}

fn required(presence: Presence) -> Option<Vec<u8>> {
    (presence == Presence::Required).then(|| vec![1])
}

/// A `cty.Type`, which encodes itself as a whole gob stream.
fn cty_type(value: &AttributeType) -> Vec<u8> {
    let (definitions, implementation) = match value {
        AttributeType::Text => primitive('S'),
        AttributeType::Number => primitive('N'),
        AttributeType::Bool => primitive('B'),
        AttributeType::List(element) => collection(LIST_TYPE, "typeList", element),
        AttributeType::Map(element) => collection(MAP_TYPE, "typeMap", element),
    };
    let mut stream = define_struct(GOB_TYPE, "gobType", &[("Version", INT), ("Impl", INTERFACE)]);
    stream.extend(definitions);
    let mut whole = signed(GOB_TYPE);
    whole.extend(structure(&[(1, Some(implementation))]));
    stream.extend(message(&whole));
    stream
}

fn primitive(kind: char) -> (Vec<u8>, Vec<u8>) {
    (
        define_struct(PRIMITIVE_TYPE, "primitiveType", &[("Kind", UINT)]),
        interface(
            "github.com/zclconf/go-cty/cty.primitiveType",
            PRIMITIVE_TYPE,
            &structure(&[(0, Some(unsigned(u64::from(kind))))]),
        ),
    )
}

fn collection(id: i64, name: &str, element: &AttributeType) -> (Vec<u8>, Vec<u8>) {
    let mut definitions = define_gob_encoder(ELEMENT_TYPE, "Type");
    definitions.extend(define_struct(id, name, &[("ElementTypeT", ELEMENT_TYPE)]));
    let implementation = interface(
        &format!("github.com/zclconf/go-cty/cty.{name}"),
        id,
        &structure(&[(0, Some(sized(&cty_type(element))))]),
    );
    (definitions, implementation)
}

fn define_map(id: i64, name: &str, key: i64, value: i64) -> Vec<u8> {
    let types = structure(&[(0, Some(signed(key))), (1, Some(signed(value)))]);
    define(id, MAP_DEFINITION, name, &types)
}

fn define_struct(id: i64, name: &str, fields: &[(&str, i64)]) -> Vec<u8> {
    let mut list = length(fields.len());
    for (field, field_type) in fields {
        list.extend(structure(&[(0, Some(text(field))), (1, Some(signed(*field_type)))]));
    }
    define(id, STRUCT_DEFINITION, name, &structure(&[(0, Some(list))]))
}

fn define_gob_encoder(id: i64, name: &str) -> Vec<u8> {
    define(id, GOB_ENCODER_DEFINITION, name, &structure(&[]))
}

/// A message that defines type `id`; `rest` are the fields after the common part (name, id).
fn define(id: i64, kind: u64, name: &str, rest: &[u8]) -> Vec<u8> {
    let mut definition = signed(-id);
    definition.extend(unsigned(kind));
    definition.push(1);
    definition.extend(structure(&[(0, Some(text(name))), (1, Some(signed(id)))]));
    definition.extend(rest);
    definition.push(0);
    message(&definition)
}

/// A struct: every field that is not zero as the distance from the last one and its value.
fn structure(fields: &[(u64, Option<Vec<u8>>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut next = 0;
    for (number, value) in fields {
        if let Some(value) = value {
            bytes.extend(unsigned(number - next + 1));
            bytes.extend(value);
            next = number + 1;
        }
    }
    bytes.push(0);
    bytes
}

fn interface(name: &str, id: i64, value: &[u8]) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend(signed(id));
    bytes.extend(sized(value));
    bytes
}

fn text(value: &str) -> Vec<u8> {
    sized(value.as_bytes())
}

fn message(content: &[u8]) -> Vec<u8> {
    sized(content)
}

fn sized(content: &[u8]) -> Vec<u8> {
    let mut bytes = length(content.len());
    bytes.extend(content);
    bytes
}

fn length(count: usize) -> Vec<u8> {
    // No platform of Rust has a usize wider than 64 bits.
    unsigned(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Small numbers as one byte; others as the negated byte count, then big endian.
fn unsigned(number: u64) -> Vec<u8> {
    if let Ok(small @ 0..=127) = u8::try_from(number) {
        return vec![small];
    }
    let bytes = number.to_be_bytes();
    let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    let count = u8::try_from(significant.len()).unwrap_or(u8::MAX);
    let mut encoded = vec![count.wrapping_neg()];
    encoded.extend(significant);
    encoded
}

/// The sign in the lowest bit, the rest complemented when negative.
fn signed(number: i64) -> Vec<u8> {
    let sign = u64::from(number < 0);
    let magnitude = if number < 0 { !number } else { number };
    unsigned(magnitude.unsigned_abs() << 1 | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_gobs_own_form() {
        assert_eq!(unsigned(127), [127]);
        assert_eq!(unsigned(128), [0xff, 0x80]);
        assert_eq!(unsigned(256), [0xfe, 1, 0]);
        assert_eq!(unsigned(u64::MAX), [&[0xf8][..], &[0xff; 8]].concat());
        assert_eq!(signed(0), [0]);
        assert_eq!(signed(-1), [1]);
        assert_eq!(signed(65), [0xff, 0x82]);
        assert_eq!(signed(-65), [0xff, 0x81]);
    }

    #[test]
    fn a_struct_names_only_the_fields_that_are_not_zero() {
        let fields = [(0, None), (1, Some(vec![9])), (3, Some(vec![8]))];
        assert_eq!(structure(&fields), [2, 9, 2, 8, 0]);
    }
}
