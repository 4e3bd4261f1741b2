//! Reading and editing JSON bodies in place.
//!
//! Bodies stay [`Value`]s, so that what a client sends and this emulator does not know comes back
//! unchanged. It knows no resource type.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The text at a JSON pointer; empty text counts as absent, as the services treat it.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A time as ARM writes it: seven fractional digits and a numeric offset.
pub(crate) fn time(at: Timestamp) -> Value {
    Value::from(at.strftime("%Y-%m-%dT%H:%M:%S%.7f+00:00").to_string())
}

/// The list at a JSON pointer, empty when there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Merges `patch` into `target`: objects key by key, everything else replaced, `null` removes.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            fields.shift_remove(&key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Sets one field of the object at `pointer`; missing objects on the way are made.
pub(crate) fn set(target: &mut Value, path: &[&str], value: Value) {
    let patch = path.iter().rev().fold(value, |inner, key| {
        let mut object = Map::new();
        object.insert((*key).to_owned(), inner);
        Value::Object(object)
    });
    merge(target, patch);
}

/// Removes the field `key` of the object at `pointer`, if both are there.
pub(crate) fn remove(target: &mut Value, pointer: &str, key: &str) {
    if let Some(object) = target.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.shift_remove(key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merging_keeps_what_the_patch_does_not_name_and_drops_nulls() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(
            &mut target,
            json!({"a": {"b": null, "e": {"f": null, "g": 3}}, "d": [2]}),
        );
        assert_eq!(target, json!({"a": {"c": 2, "e": {"g": 3}}, "d": [2]}));
    }

    #[test]
    fn times_have_seven_digits() {
        let at: Timestamp = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
        assert_eq!(time(at), json!("2026-01-02T03:04:05.1234567+00:00"));
    }

    #[test]
    fn setting_makes_the_objects_on_the_way() {
        let mut target = json!({});
        set(&mut target, &["a", "b"], json!(1));
        assert_eq!(target, json!({"a": {"b": 1}}));
    }
}
