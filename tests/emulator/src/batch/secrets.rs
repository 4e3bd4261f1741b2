//! What Batch was given in secret and does not show again, on either plane.
//!
//! Terraform's azurerm keeps these values in its own state because no GET returns them. Addresses that carry a signature,
//! as those of resource files, are shown.

use serde_json::Value;

/// The keys of registries, mounts, users and extensions whose values stay with the service.
const SECRETS: [&str; 5] = ["password", "accountKey", "sasKey", "sshPrivateKey", "protectedSettings"];

/// The same without secrets, at any depth.
pub(crate) fn without_secrets(mut value: Value) -> Value {
    hide(&mut value);
    value
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !SECRETS.contains(&name.as_str()));
            fields.values_mut().for_each(hide);
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_secret_goes_and_the_rest_stays() {
        let shown = without_secrets(json!({
            "userAccounts": [{"name": "u", "password": "p", "linuxUserConfiguration": {"uid": 1, "sshPrivateKey": "k"}}],
            "environmentSettings": [{"name": "password", "value": "shown"}],
        }));
        let expected = json!({
            "userAccounts": [{"name": "u", "linuxUserConfiguration": {"uid": 1}}],
            "environmentSettings": [{"name": "password", "value": "shown"}],
        });
        assert_eq!(shown, expected);
    }
}
