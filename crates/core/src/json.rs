//! Reading JSON that came from a service: by pointer, with absence as a value.
//!
//! Bodies that go back to the service stay JSON, so that fields we do not know survive; this is how they are read.

use jiff::Timestamp;
use serde_json::Value;

/// The value at a JSON pointer, `Null` where there is none.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// The text at a pointer.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    at(value, pointer).as_str()
}

/// The whole number at a pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<u64> {
    at(value, pointer).as_u64()
}

/// The time at a pointer.
pub(crate) fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer)?.parse().ok()
}

/// The names and values of the list of such pairs at a pointer, as Batch's errors have them.
pub(crate) fn pairs(value: &Value, pointer: &str) -> Vec<(String, String)> {
    let part = |item: &Value, name| text(item, name).unwrap_or_default().to_owned();
    let all = items(value, pointer).map(|item| (part(item, "/name"), part(item, "/value")));
    all.collect()
}

/// The items of the list at a pointer; none where there is no list.
pub(crate) fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    at(value, pointer)
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}
