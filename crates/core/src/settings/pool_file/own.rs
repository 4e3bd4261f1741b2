//! A pool in our own form: the names of the Action's inputs, with real lists and objects where those have texts.
//!
//! What the values mean is said where options are read.

use serde_json::Value as Json;

use super::{FilePool, refused, spots::Spots};
use crate::{
    options::{
        Kind, Opt, Verb, file,
        pool::{
            IMAGE_VERSION, NODE_AGENT_SKU_ID, POOL_FILE, POOL_ID, POOL_JSON, START_TASK, TARGET_SPOT_NODES, VM_SIZE,
        },
    },
    settings::{
        document::{Is, Node},
        fault::Fault,
        values::{Value, Values},
    },
};

/// Names of other forms that are not an option's name in other letters, and the option of the same.
const OTHER_NAMES: [(&str, &Opt); 8] = [
    ("id", POOL_ID),
    ("target-low-priority-nodes", TARGET_SPOT_NODES),
    ("command-line", START_TASK),
    ("command", START_TASK),
    ("node-agent-sku", NODE_AGENT_SKU_ID),
    ("version", IMAGE_VERSION),
    ("image", IMAGE_VERSION),
    ("size", VM_SIZE),
];

/// Reads a pool.
pub(super) fn read(node: &Node, faults: &mut Vec<Fault>) -> FilePool {
    let (mut values, mut spots) = (Values::default(), Spots::default());
    for (name, field) in node.fields() {
        take(name, field, (&mut values, &mut spots), faults);
    }
    FilePool {
        values,
        spots,
        spot: node.spot.clone(),
    }
}

/// Takes one field.
fn take(name: &str, field: &Node, (values, spots): (&mut Values, &mut Spots), faults: &mut Vec<Fault>) {
    let Some(opt) = file::find(name) else {
        let (text, meant) = unknown(name);
        faults.push(refused(&field.spot, text));
        // It is not missing, too.
        if let Some(opt) = meant {
            values.set(opt, Value::Unknown);
        }
        return;
    };
    if field.value != Is::Null {
        set(opt, field, (values, spots), faults);
    }
}

/// Sets an option to a value of the file.
pub(super) fn set(
    opt: &'static Opt,
    field: &Node,
    (values, spots): (&mut Values, &mut Spots),
    faults: &mut Vec<Fault>,
) {
    spots.note(opt, &field.spot);
    match value(opt, field, faults) {
        Some(value) => values.set(opt, value),
        None => values.set(opt, Value::Unknown),
    }
    if opt == POOL_JSON {
        spots.note_json(field);
    }
}

/// A number or a text as a text; people write both without quotes.
fn plain_text(node: &Node) -> Option<String> {
    match &node.value {
        Is::Text(text) => Some(text.clone()),
        Is::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn value(opt: &'static Opt, node: &Node, faults: &mut Vec<Fault>) -> Option<Value> {
    let found = match (opt.kind, &node.value) {
        (Kind::Bool, Is::Bool(is_on)) => Some(Value::Bool(*is_on)),
        (Kind::Number, Is::Number(number)) => number.as_u64().map(Value::Number),
        (Kind::Json, Is::Map(_)) => Some(Value::Text(node.json().to_string())),
        (Kind::Texts, Is::List(items)) => {
            let texts: Option<Vec<String>> = items.iter().map(plain_text).collect();
            texts.map(Value::Texts)
        }
        (Kind::TextMap, Is::Map(fields)) => {
            let text = |(name, node): &(String, Node)| Some((name.clone(), plain_text(node)?));
            fields.iter().map(text).collect::<Option<_>>().map(Value::TextMap)
        }
        (Kind::Block(rows), Is::Map(_)) => Some(Value::Block(block(rows, node, faults))),
        (Kind::Blocks(rows), Is::List(items)) => Some(Value::Blocks(
            items.iter().map(|item| block(rows, item, faults)).collect(),
        )),
        (Kind::Block(_) | Kind::Blocks(_) | Kind::TextMap, _) => None,
        (Kind::Secret, _) => plain_text(node).map(|text| Value::Secret(text.into())),
        _ => plain_text(node).map(Value::Text),
    };
    if found.is_none() {
        faults.push(refused(&node.spot, wrong_kind(opt.kind, node)));
    }
    found
}

fn block(rows: &'static [&'static Opt], node: &Node, faults: &mut Vec<Fault>) -> Values {
    let mut values = Values::default();
    if !node.is_map() {
        faults.push(refused(&node.spot, "must be an object"));
    }
    for (name, field) in node.fields().iter().filter(|(_, field)| field.value != Is::Null) {
        match rows.iter().copied().find(|opt| dashed(opt.name()) == *name) {
            Some(opt) => {
                let found = value(opt, field, faults).unwrap_or(Value::Unknown);
                values.set(opt, found);
            }
            None => {
                let known: Vec<String> = rows.iter().map(|opt| dashed(opt.name())).collect();
                let text = format!("is not known here; {} are", known.join(", "));
                faults.push(refused(&field.spot, text));
            }
        }
    }
    values
}

fn wrong_kind(kind: Kind, node: &Node) -> String {
    let wanted = match kind {
        Kind::Bool => "true or false",
        Kind::Number => "a whole number",
        Kind::Json | Kind::Block(_) | Kind::TextMap => "an object",
        Kind::Texts | Kind::Blocks(_) => "a list",
        _ if matches!(node.value, Is::Number(_) | Is::Bool(_)) => "a text: put it into quotes",
        _ => "a text",
    };
    format!("is {}, and must be {wanted}", node.kind())
}

/// What is said of a name that is not one of this form, and which option was meant.
fn unknown(name: &str) -> (String, Option<&'static Opt>) {
    if file::is_for_inputs_only(name) {
        let text = "is taken as an input or a flag only: who can change a file must not choose where this run signs in, what \
                it may touch, what runs next to it, or how long it takes";
        return (text.to_owned(), None);
    }
    let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    let rows = file::rows();
    let same = rows.iter().copied().find(|opt| plain(opt.path) == plain(name));
    let other = || OTHER_NAMES.iter().find(|(other, _)| plain(other) == plain(name));
    if let Some(opt) = same.or_else(|| other().map(|(_, opt)| *opt)) {
        return (format!("is not a name here: write {}", dashed(opt.path)), Some(opt));
    }
    if name.chars().any(|letter| letter.is_ascii_uppercase()) {
        let json = dashed(POOL_JSON.path);
        let text = format!("belongs to Batch's own interface: write it into {json}, or the whole pool in Batch's form");
        return (text, None);
    }
    let near = rows
        .iter()
        .map(|opt| (strsim::damerau_levenshtein(&dashed(opt.path), name), opt));
    match near.min_by_key(|(distance, _)| *distance) {
        Some((distance, opt)) if distance <= 3 => {
            let text = format!("is not a name here: did you mean {}?", dashed(opt.path));
            (text, Some(*opt))
        }
        _ => {
            let page = dashed(POOL_FILE.path);
            (format!("is not a name here; docs/{page}.md has them all"), None)
        }
    }
}

/// A name as inputs have it.
pub(super) fn dashed(path: &str) -> String {
    path.replace(['_', '.'], "-")
}

/// The schema of one value of an option.
pub(super) fn schema(opt: &'static Opt) -> Json {
    use serde_json::json;
    let mut schema = match opt.kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Number => json!({"type": "integer", "minimum": 0}),
        Kind::Json => json!({"type": "object"}),
        Kind::Texts => json!({"type": ["array", "string"], "items": {"type": "string"}}),
        Kind::TextMap => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Kind::Block(rows) => object_schema(rows),
        Kind::Blocks(rows) => json!({"type": "array", "items": object_schema(rows)}),
        Kind::Text | Kind::TextOrFile => json!({"type": ["string", "integer"]}),
        Kind::Secret | Kind::Duration | Kind::File => json!({"type": "string"}),
    };
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".to_owned(), opt.doc(crate::options::Door::Input).into());
        if let Some((value, _)) = opt.default_value(Verb::Rollout) {
            let value = serde_json::from_str(value).unwrap_or_else(|_text| Json::from(value));
            fields.insert("default".to_owned(), value);
        }
    }
    schema
}

fn object_schema(rows: &'static [&'static Opt]) -> Json {
    let fields = rows.iter().map(|opt| (dashed(opt.name()), schema(opt)));
    serde_json::json!({
        "type": "object",
        "properties": fields.collect::<serde_json::Map<_, _>>(),
        "additionalProperties": false,
    })
}
