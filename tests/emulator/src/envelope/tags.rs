//! Azure's rules for tags, the same for every resource.
//!
//! Figures and characters are documented, codes are not. Reserved prefixes and stricter providers are not known here.

use serde_json::Value;

use super::error::ArmError;

/// The most tags of a resource.
const MOST: usize = 50;

/// The most characters of a tag's name.
const LONGEST_NAME: usize = 512;

/// The most characters of a tag's value.
const LONGEST_VALUE: usize = 256;

/// What no name holds.
const RESERVED: [char; 7] = ['<', '>', '%', '&', '\\', '?', '/'];

/// Checks the tags of a body that is written, if it has any.
pub(crate) fn check(body: &Value) -> Result<(), ArmError> {
    let Some(tags) = body.get("tags").and_then(Value::as_object) else {
        return Ok(());
    };
    if tags.len() > MOST {
        let message = format!("The resource has {} tags; it can have {MOST} at most.", tags.len());
        return Err(ArmError::bad_request("TooManyTags", message));
    }
    tags.iter().try_for_each(|(name, value)| check_one(name, value))
}

fn check_one(name: &str, value: &Value) -> Result<(), ArmError> {
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        let message = format!("The tag name '{name}' is empty or longer than {LONGEST_NAME} characters.");
        return Err(ArmError::bad_request("InvalidTagNameLength", message));
    }
    if name.contains(|c: char| RESERVED.contains(&c) || c.is_control()) {
        let message = format!(
            "The tag names '{name}' have reserved characters '{}' or control characters.",
            RESERVED.map(String::from).join(",")
        );
        return Err(ArmError::bad_request("InvalidTagNameCharacters", message));
    }
    let too_long = |text: &str| text.chars().count() > LONGEST_VALUE;
    match value {
        Value::String(text) if too_long(text) => {
            let message = format!("The value of the tag '{name}' is longer than {LONGEST_VALUE} characters.");
            Err(ArmError::bad_request("InvalidTagValueLength", message))
        }
        Value::String(_) | Value::Null => Ok(()),
        other => {
            let message = format!("The value {other} of the tag '{name}' is no text.");
            Err(ArmError::bad_request("InvalidRequestContent", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_are_few_short_and_without_reserved_characters() {
        let many: serde_json::Map<_, _> = (0..51).map(|number| (format!("t{number}"), json!(""))).collect();
        let cases = [
            (json!({"a:b+c #ü": "x/y?z<>"}), None),
            (json!({"a": "é".repeat(256), "b": null}), None),
            (json!({"a": "x".repeat(257)}), Some("InvalidTagValueLength")),
            (json!({"x".repeat(513): ""}), Some("InvalidTagNameLength")),
            (json!({"": ""}), Some("InvalidTagNameLength")),
            (json!({"a/b": ""}), Some("InvalidTagNameCharacters")),
            (json!({"a\u{7}": ""}), Some("InvalidTagNameCharacters")),
            (json!({"a": 1}), Some("InvalidRequestContent")),
            (Value::Object(many), Some("TooManyTags")),
        ];
        for (tags, expected) in cases {
            let refusal = check(&json!({"tags": tags})).err();
            assert_eq!(refusal.as_ref().map(ArmError::code), expected, "{tags}");
        }
        assert!(check(&json!({"location": "eastus2"})).is_ok());
    }
}
