//! Tests of reading configurations: both templates' forms, overriding, unknown values.

use serde_json::json;

use super::*;

const MOMENT: Moment = Moment(jiff::Timestamp::UNIX_EPOCH);

fn packed(value: &Json) -> Value {
    match value {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => Value::F64(number.as_f64().unwrap()),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(packed).collect()),
        Json::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(name, value)| (Value::from(name.as_str()), packed(value)))
                .collect(),
        ),
    }
}

fn typed(value: &Json) -> Value {
    Value::Binary(json!({"value": value, "type": ["object", {}]}).to_string().into_bytes())
}

fn text(text: &str) -> ConfigValue {
    ConfigValue::Text(text.to_owned())
}

#[test]
fn an_hcl2_template_gives_packers_variables_and_the_typed_block() {
    let configs = RawConfigs::read(&[
        packed(&json!({"packer_force": "true", "packer_build_name": "machine"})),
        typed(&json!({
            "version": "1.0.0", "count": 9_007_199_254_740_993_u64,
            "packer_force": null, "absent": null,
        })),
    ])
    .unwrap();
    assert_eq!(configs.template, TemplateKind::Hcl2);
    assert_eq!(configs.packer_text("packer_build_name"), "machine");
    assert!(configs.packer_flag("packer_force"), "null overrides nothing");
    assert_eq!(configs.user["version"], text("1.0.0"));
    assert_eq!(
        configs.user["count"],
        ConfigValue::Number(9_007_199_254_740_993_u64.into())
    );
    assert_eq!(configs.user["absent"], ConfigValue::Null);
    assert_eq!(configs.user.len(), 3);
}

#[test]
fn a_json_template_gives_three_maps_of_which_later_ones_win() {
    let configs = RawConfigs::read(&[
        packed(&json!({
            "secret": "{{user `password`}}", "id": "{{build `ID`}}", "n": 2,
            "packer_debug": true,
        })),
        packed(&json!({
            "packer_debug": false, "packer_force": true,
            "packer_user_variables": {"password": "hunter2"},
        })),
        packed(&json!({
            "ID": "Build_ID. To set this ..", "PackerRunUUID": "Build_PackerRunUUID. To ..",
        })),
    ])
    .unwrap();
    assert_eq!(configs.template, TemplateKind::Json);
    assert!(configs.packer_flag("packer_force"));
    assert!(!configs.packer_flag("packer_debug"));
    assert_eq!(configs.user.len(), 3, "placeholders are no attributes");
    assert_eq!(configs.placeholders.len(), 2);
    assert_eq!(configs.user["n"], ConfigValue::Number(2.into()));

    let early = configs.render(&BTreeMap::new(), MOMENT).user;
    assert_eq!(early["secret"], text("hunter2"));
    assert!(early["id"].is_unknown());
    let late = configs
        .render(&BTreeMap::from([("ID".to_owned(), "vm-1".to_owned())]), MOMENT)
        .user;
    assert_eq!(late["id"], text("vm-1"));
}

#[test]
fn unknown_texts_are_found_with_their_paths() {
    let configs = RawConfigs::read(&[typed(&json!({
        "source": {"vm": "a-<unknown>", "networks": ["x", "<unknown>"]},
        "target": [{"region": "r"}, {"region": "<unknown>"}],
    }))])
    .unwrap();
    let paths: Vec<String> = configs
        .user
        .iter()
        .flat_map(|(name, value)| value.unknown_paths(name))
        .collect();
    assert_eq!(paths, ["source.networks[1]", "source.vm", "target[1].region"]);
}

#[test]
fn other_forms_are_refused_with_what_they_are() {
    let element = RawConfigs::read(&[Value::Nil, Value::from(7)]).unwrap_err();
    assert_eq!(
        element.to_string(),
        "packer sent a configuration whose part 1 is a number"
    );
    let json = RawConfigs::read(&[Value::Binary(b"{".to_vec())]).unwrap_err();
    assert!(matches!(json, ConfigError::Json(_)));
}

#[test]
fn secrets_are_not_printed() {
    let configs = RawConfigs::read(&[typed(&json!({"secret": "hunter2", "list": ["hunter2"]}))]).unwrap();
    let printed = format!("{configs:?}");
    assert!(printed.contains("secret"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
}
