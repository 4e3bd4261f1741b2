//! The JSON schema of a pool file, for editors and for checks before a run: made from the table of options.
//!
//! Batch's own form and that of the resource manager are only recognised; their names are the service's.

use serde_json::{Map, Value as Json, json};

use super::{DEFAULTS, POOLS, own};
use crate::options::file;

/// The schema.
#[must_use]
pub fn schema() -> Json {
    let rows = file::rows();
    let fields = rows.iter().map(|opt| (own::dashed(opt.path), own::schema(opt)));
    let of_all = file::of_all().iter();
    let of_all = of_all.map(|opt| (own::dashed(opt.path), own::schema(opt)));
    let mut many: Map<String, Json> = of_all.collect();
    let defaults = "What all pools have, unless one says otherwise.";
    many.insert(
        DEFAULTS.to_owned(),
        json!({"description": defaults, "$ref": "#/$defs/pool"}),
    );
    let forms = ["pool", "batch", "resource"].map(|form| json!({"$ref": format!("#/$defs/{form}")}));
    many.insert(
        POOLS.to_owned(),
        json!({"type": "array", "minItems": 1, "items": {"anyOf": forms}}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pool file of azure-batch-pool",
        "description": "One pool, or many: in the program's own form, in that of Batch's own interface, or in that of the resource manager.",
        "anyOf": [
            {"$ref": "#/$defs/pool"},
            {"$ref": "#/$defs/pools"},
            {"$ref": "#/$defs/batch"},
            {"$ref": "#/$defs/resource"},
            {"type": "object", "required": ["pool"], "properties": {"pool": {"$ref": "#/$defs/batch"}}},
            {"type": "object", "required": ["resources"]},
        ],
        "$defs": {
            "pool": {
                "description": "A pool under the names that the Action's inputs have.",
                "type": "object",
                "properties": fields.collect::<Map<_, _>>(),
                "additionalProperties": false,
            },
            "pools": {
                "description": "Many pools.",
                "type": "object",
                "properties": many,
                "required": [POOLS],
                "additionalProperties": false,
            },
            "batch": {
                "description": "The body of Batch's POST /pools, as az batch pool create --json-file takes it.",
                "type": "object",
                "anyOf": [{"required": ["id"]}, {"required": ["vmSize"]}, {"required": ["virtualMachineConfiguration"]}],
            },
            "resource": {
                "description": "Microsoft.Batch/batchAccounts/pools, as the resource manager has it.",
                "type": "object",
                "required": ["properties"],
                "properties": {"properties": {"type": "object"}},
            },
        },
    })
}
