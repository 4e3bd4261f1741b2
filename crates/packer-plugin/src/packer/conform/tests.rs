//! Tests of conforming: what JSON templates write, what is refused, and where.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn spec() -> Spec {
    let storage = Spec::new().attribute("size", AttributeType::Number);
    Spec::new()
        .attribute("version", AttributeType::Text)
        .attribute("count", AttributeType::Number)
        .attribute("enabled", AttributeType::Bool)
        .attribute("regions", AttributeType::list(AttributeType::Text))
        .attribute("tags", AttributeType::map(AttributeType::Text))
        .block("source", Spec::new().attribute("vm", AttributeType::Text))
        .block_list("target", Spec::new().block_list("storage", storage))
}

fn value(json: &Json) -> ConfigValue {
    match json {
        Json::Null => ConfigValue::Null,
        Json::Bool(value) => ConfigValue::Bool(*value),
        Json::Number(number) => ConfigValue::Number(number.clone()),
        Json::String(text) => ConfigValue::Text(text.clone()),
        Json::Array(items) => ConfigValue::List(items.iter().map(value).collect()),
        Json::Object(_) => ConfigValue::Map(values(json)),
    }
}

fn values(json: &Json) -> Values {
    let entries = json.as_object().unwrap().iter();
    entries.map(|(name, json)| (name.clone(), value(json))).collect()
}

fn conformed(json: &Json) -> (Values, Vec<String>) {
    let conformed = conform(&spec(), &values(json));
    let faults = conformed.faults.iter().map(Fault::to_string).collect();
    (conformed.values, faults)
}

#[test]
fn what_a_json_template_writes_becomes_what_hcl2_would_give() {
    let (values, faults) = conformed(&json!({
        "version": 1.5, "count": " 3 ", "enabled": "true", "regions": "westeurope",
        "tags": {"n": 7, "on": true},
        "source": [{"vm": "vm-1"}],
        "target": {"storage": [{"size": "128"}, {}]},
    }));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(
        values,
        self::values(&json!({
            "version": "1.5", "count": 3, "enabled": true, "regions": ["westeurope"],
            "tags": {"n": "7", "on": "true"},
            "source": {"vm": "vm-1"},
            "target": [{"storage": [{"size": 128}, {"size": null}]}],
        }))
    );
}

#[test]
fn what_is_not_set_is_null_and_a_repeated_block_an_empty_list() {
    let (values, faults) = conformed(&json!({}));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(values.len(), 7);
    assert_eq!(values["target"], ConfigValue::List(Vec::new()));
    assert_eq!(values["source"], ConfigValue::Null);
}

#[test]
fn all_faults_are_named_at_once_with_their_places() {
    let (values, faults) = conformed(&json!({
        "verison": "1", "completely_else": 1, "count": "many", "enabled": 2,
        "regions": {"a": 1}, "tags": ["a"], "source": "vm-1",
        "target": [{}, {"storage": [{"size": true, "sise": 1}]}],
    }));
    assert_eq!(
        faults,
        [
            "completely_else: no such attribute; remove it",
            "verison: no such attribute; did you mean \"version\"?",
            "count: must be a number",
            "enabled: must be true or false",
            "regions: must be a list",
            "source: must be a block",
            "tags: must be a map",
            "target[1].storage[0].sise: no such attribute; did you mean \"size\"?",
            "target[1].storage[0].size: must be a number",
        ]
    );
    assert_eq!(values["count"], ConfigValue::Null);
}

#[test]
fn what_is_not_known_yet_passes() {
    let (values, faults) = conformed(&json!({
        "version": "a-<unknown>", "count": "<unknown>", "enabled": "<unknown>",
        "regions": ["<unknown>"], "tags": "<unknown>",
    }));
    assert_eq!(faults, Vec::<String>::new());
    assert!(values["version"].is_unknown());
    assert_eq!(values["count"], ConfigValue::Null);
    assert_eq!(values["regions"].unknown_paths("regions"), ["regions[0]"]);
}

#[test]
fn what_is_required_must_be_set() {
    let spec = Spec::new()
        .attribute_with("vm", AttributeType::Text, Presence::Required)
        .block_with("source", Spec::new(), Presence::Required);
    let faults = conform(&spec, &Values::new()).faults;
    let texts: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert_eq!(texts, ["source: must be set", "vm: must be set"]);
}

fn typed() -> impl Strategy<Value = Json> {
    let text = "[a-z<>{}0-9]{0,6}";
    (
        (text, any::<u32>(), any::<bool>()),
        proptest::collection::vec(text, 0..3),
        proptest::option::of(text),
    )
        .prop_map(|((version, count, enabled), regions, vm)| {
            json!({
                "version": version, "count": count, "enabled": enabled,
                "regions": regions, "tags": null,
                "source": vm.map(|vm| json!({"vm": vm})),
                "target": [{"storage": []}],
            })
        })
}

proptest! {
    #[test]
    fn what_has_the_specs_types_is_not_changed(json in typed()) {
        let (conformed, faults) = conformed(&json);
        prop_assert_eq!(faults, Vec::<String>::new());
        prop_assert_eq!(conformed, values(&json));
    }

    #[test]
    fn edits_are_symmetric_and_zero_only_for_equal_words(a in "[abc]{0,6}", b in "[abc]{0,6}") {
        prop_assert_eq!(edits(&a, &b), edits(&b, &a));
        prop_assert_eq!(edits(&a, &b) == 0, a == b);
        prop_assert!(edits(&a, &b) <= a.len().max(b.len()));
    }
}
