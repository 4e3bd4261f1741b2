//! The compute provider's error inside a resize error: JSON in a string, at times cut off in the middle.
//!
//! It reads; what the code means is in the table.

use serde_json::Value;

use super::named::Named;
use crate::{batch::pool::ResizeError, json};

/// The provider's own error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProviderError {
    /// Its code.
    pub(super) code: String,
    /// Its text.
    pub(super) message: String,
    /// What it names.
    pub(super) named: Named,
}

/// Reads the provider's error, if there is one.
pub(super) fn read(error: &ResizeError) -> Option<ProviderError> {
    let is_whole = |name: &str| !name.to_ascii_lowercase().contains("truncated");
    let (_, text) = error.values.iter().find(|(name, _)| is_raw(name) && is_whole(name))?;
    match serde_json::from_str::<Value>(text) {
        Ok(body) => of_body(&body),
        // Cut off in the middle: what stands before the cut is still worth reading.
        Err(_) => {
            let message = string_after(text, "\"message\"").unwrap_or_default();
            Some(ProviderError {
                code: string_after(text, "\"code\"")?,
                named: Named::read(&Value::Null, &message),
                message,
            })
        }
    }
}

/// Whether a value of that name belongs to the provider's error, which is read and worded on its own.
pub(super) fn is_raw(name: &str) -> bool {
    name.to_ascii_lowercase().contains("provider error json")
}

/// The innermost code says most: ARM wraps provider errors in `details`.
fn of_body(body: &Value) -> Option<ProviderError> {
    let error = body.get("error").unwrap_or(body);
    let inner = json::items(error, "/details").next().and_then(of_body);
    inner.or_else(|| {
        let message = json::text(error, "/message").unwrap_or_default();
        Some(ProviderError {
            code: json::text(error, "/code")?.to_owned(),
            message: message.to_owned(),
            named: Named::read(error, message),
        })
    })
}

/// The string that follows a key, as far as it goes.
fn string_after(text: &str, key: &str) -> Option<String> {
    let (_, rest) = text.split_once(key)?;
    let (_, value) = rest.split_once('"')?;
    let mut found = String::new();
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('n' | 'r' | 't') => found.push(' '),
                Some(escaped) => found.push(escaped),
                None => break,
            },
            letter => found.push(letter),
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JSON: &str = r#"{"error":{"code":"BadRequest","message":"The selected VM size 'STANDARD_A1_V2' cannot boot Hypervisor Generation '2'."}}"#;

    fn error(text: &str) -> ResizeError {
        ResizeError {
            code: "AllocationFailed".to_owned(),
            message: String::new(),
            values: vec![
                ("Provider Error Json Truncated".to_owned(), "True".to_owned()),
                ("Provider Error Json".to_owned(), text.to_owned()),
            ],
        }
    }

    #[test]
    fn the_innermost_code_is_read() {
        let wrapped = r#"{"error":{"code":"DeploymentFailed","message":"m","details":[{"code":"ScopeLocked","message":"locked"}]}}"#;
        assert_eq!(read(&error(wrapped)).unwrap().code, "ScopeLocked");
        assert_eq!(read(&error(r#"{"code":"X"}"#)).unwrap().code, "X");
        assert_eq!(read(&error("no json")), None);
    }

    proptest! {
        #[test]
        fn a_cut_anywhere_behind_the_code_leaves_it_readable(cut in 28..JSON.len()) {
            let found = read(&error(&JSON[..cut])).unwrap();
            prop_assert_eq!(found.code, "BadRequest");
            prop_assert!(JSON.contains(&found.message));
        }

        #[test]
        fn nothing_breaks_the_reading(text: String) {
            let _read = read(&error(&text));
        }
    }
}
