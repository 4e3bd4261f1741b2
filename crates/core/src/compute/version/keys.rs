//! Keys for UEFI of a version, which only a look of their own shows, and which therefore a write must not lose.
//!
//! What is in them is Azure's and the user's: they are carried as they are.

use serde_json::Value;

use super::{get_with, put};
use crate::{answer::Answer, client::Client, error::Result, ids::resource::ImageVersionId, json as read_json};

/// Where a body has them.
const PLACE: &str = "/properties/securityProfile";

/// The security profile of a version with its keys for UEFI; nothing when it has no keys of its own.
///
/// # Errors
/// When the service refuses, or the run ends.
pub async fn security_profile(client: &Client, id: &ImageVersionId) -> Result<Option<Value>> {
    let found = client.find(&get_with(id, "UefiSettings")).await?;
    let body = found.map(|answer| answer.value()).unwrap_or_default();
    let has_keys = |profile: &&Value| read_json::at(profile, "/uefiSettings").is_object();
    Ok(body.pointer(PLACE).filter(has_keys).cloned())
}

/// Writes a version that is there, with the keys that it has.
///
/// # Errors
/// When the service refuses, cannot be reached, the effect is unknown, or the run ends.
pub async fn change(client: &Client, id: &ImageVersionId, mut body: Value) -> Result<Answer> {
    if let Some(profile) = security_profile(client, id).await? {
        carry(&mut body, profile);
    }
    client.send(&put(id, body)).await
}

/// Puts them into the body of a version.
pub fn carry(body: &mut Value, profile: Value) {
    if let Some(properties) = body.pointer_mut("/properties").and_then(Value::as_object_mut) {
        properties.insert("securityProfile".to_owned(), profile);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_put_where_azure_has_them() {
        let mut body = json!({"properties": {"publishingProfile": {}}});
        let keys = json!({"uefiSettings": {"signatureTemplateNames": ["NoSignatureTemplate"]}});
        carry(&mut body, keys.clone());
        assert_eq!(body.pointer(PLACE), Some(&keys));
    }
}
