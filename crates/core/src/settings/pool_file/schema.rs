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
                "properties": {
                    DEFAULTS: {"description": "What all pools have, unless one says otherwise.", "$ref": "#/$defs/pool"},
                    POOLS: {"type": "array", "minItems": 1, "items": {"anyOf": [
                        {"$ref": "#/$defs/pool"}, {"$ref": "#/$defs/batch"}, {"$ref": "#/$defs/resource"},
                    ]}},
                },
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
