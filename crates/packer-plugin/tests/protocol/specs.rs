//! The config spec, byte for byte as Go's SDK (protobuf) and as Packer was seen to take (gob).

use std::fs;
use std::path::{Path, PathBuf};

use packer_plugin_azure_batch::packer::spec::{AttributeType, Presence, Spec, SpecEncoding};
use serde_json::Value as Json;

/// Folder of the recorded specs.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/specs")
}

/// A spec as its JSON file describes it.
pub(crate) fn load(name: &str) -> Spec {
    let text = fs::read(folder().join(format!("{name}.json"))).unwrap();
    spec(&serde_json::from_slice(&text).unwrap())
}

fn spec(json: &Json) -> Spec {
    let mut spec = Spec::new();
    for (name, element) in json["object"].as_object().unwrap() {
        let (kind, body) = element.as_object().unwrap().iter().next().unwrap();
        let presence = match body["required"].as_bool() {
            Some(true) => Presence::Required,
            _ => Presence::Optional,
        };
        assert_eq!(body["name"], name.as_str());
        let nested = || self::spec(&body["nested"]);
        spec = match kind.as_str() {
            "attr" => spec.attribute_with(name, attribute_type(&body["type"]), presence),
            "block" => spec.block_with(name, nested(), presence),
            "block_list" => spec.block_list(name, nested()),
            other => panic!("unknown element {other}"),
        };
    }
    spec
}

fn attribute_type(json: &Json) -> AttributeType {
    match json {
        Json::String(name) => match name.as_str() {
            "string" => AttributeType::Text,
            "number" => AttributeType::Number,
            "bool" => AttributeType::Bool,
            other => panic!("unknown type {other}"),
        },
        other if other[0] == "list" => AttributeType::list(attribute_type(&other[1])),
        other if other[0] == "map" => AttributeType::map(attribute_type(&other[1])),
        other => panic!("unknown type {other}"),
    }
}

#[test]
fn every_recorded_spec_is_encoded_byte_for_byte() {
    let mut compared = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let spec = load(&name);
        for (encoding, suffix) in [
            (SpecEncoding::Protobuf, "protobuf.bin"),
            (SpecEncoding::Gob, "types-first.gob.bin"),
        ] {
            let recorded = fs::read(folder().join(format!("{name}.{suffix}"))).unwrap();
            assert!(spec.encode(encoding) == recorded, "{name}.{suffix}");
            compared += 1;
        }
    }
    assert_eq!(compared, 50, "25 specs in two encodings");
}
