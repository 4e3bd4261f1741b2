//! The JSON schema of a price file, for editors.

use serde_json::{Value as Json, json};

use super::file::{CURRENCY, DEDICATED, GIB_MONTH, NODE_HOUR, SPOT};

/// The schema.
#[must_use]
pub fn schema() -> Json {
    let regions = |of: &str| json!({"type": "object", "minProperties": 1, "additionalProperties": {"$ref": of}});
    let table = |about: &str, of: &str| json!({"description": about, "type": "object", "minProperties": 1, "additionalProperties": regions(of)});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Price file of azure-batch-pool and packer-plugin-azure-batch",
        "description": "Your own prices, with which a plan says what it costs. No prices are asked for anywhere.",
        "type": "object",
        "properties": {
            CURRENCY: {"description": "The currency of all prices.", "type": "string", "pattern": "^[\\p{L}€$£¥]{1,12}$"},
            NODE_HOUR: table("An hour of a node, by VM size and region.", "#/$defs/node"),
            GIB_MONTH: table(
                "A GiB of image replicas or snapshots for a month, by storage type and region.",
                "#/$defs/price",
            ),
        },
        "required": [CURRENCY],
        "anyOf": [{"required": [NODE_HOUR]}, {"required": [GIB_MONTH]}],
        "additionalProperties": false,
        "$defs": {
            "node": {
                "type": "object",
                "minProperties": 1,
                "properties": {DEDICATED: {"$ref": "#/$defs/price"}, SPOT: {"$ref": "#/$defs/price"}},
                "additionalProperties": false,
            },
            "price": {
                "description": "At most nine digits before the point and six behind it.",
                "type": ["number", "string"],
                "minimum": 0,
                "maximum": 1_000_000_000,
                "pattern": "^[0-9]{1,9}(\\.[0-9]{1,6})?$",
            },
        },
    })
}
