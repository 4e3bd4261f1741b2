//! Storage accounts and their blobs, as far as a VHD needs: which account has it, and what the blob is.
//!
//! It reads alone. Keys are never asked for: what the identity may not read stays unknown.

use http::Method;
use serde_json::Value;
use url::Url;

use crate::{
    answer::Answer,
    api::Api,
    ids::{BlobAddress, BlobHost, Location, resource::StorageAccountId},
    json,
    request::Request,
};

/// The version of the blobs' own service: one that takes tokens, and that every cloud has.
const BLOB_VERSION: &str = "2021-12-02";

/// A storage account as the resource manager describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageAccount {
    /// Its id.
    pub id: StorageAccountId,
    /// Its region.
    pub location: Location,
    /// Where its blobs are.
    pub host: BlobHost,
}

/// What a blob says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobProperties {
    /// `PageBlob`, or another kind of blob.
    pub kind: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// It changes with every write.
    pub etag: String,
    /// `pending`, `success` and so on, of a blob that is or was a copy; empty otherwise.
    pub copy_status: String,
}

impl StorageAccount {
    /// An account of its body; `None` when the body does not say what is needed, as for an account without blobs.
    #[must_use]
    pub fn of(body: &Value) -> Option<Self> {
        let endpoint = Url::parse(json::text(body, "/properties/primaryEndpoints/blob")?).ok()?;
        Some(Self {
            id: json::text(body, "/id")?.parse().ok()?,
            location: json::text(body, "/location")?.parse().ok()?,
            host: BlobHost::of(&endpoint),
        })
    }
}

impl BlobProperties {
    /// The properties in the answer to [`properties`].
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let text = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        Self {
            kind: text("x-ms-blob-type"),
            bytes: text("content-length").parse().unwrap_or_default(),
            etag: text("etag"),
            copy_status: text("x-ms-copy-status"),
        }
    }
}

/// The request that lists the accounts of a subscription.
#[must_use]
pub fn list(subscription: &str) -> Request {
    let path = format!("/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts");
    Request::arm(
        Method::GET,
        path,
        Api::StorageAccounts,
        format!("list the accounts (Microsoft.Storage/storageAccounts) of subscription {subscription}"),
    )
}

/// The request that reads an account.
#[must_use]
pub fn get(id: &StorageAccountId) -> Request {
    Request::arm(
        Method::GET,
        id,
        Api::StorageAccounts,
        format!("read storage account {}", id.name()),
    )
}

/// The request that reads what a blob is, without its content. It carries a token, so the address must be on a host that
/// the resource manager named as an account's.
#[must_use]
pub fn properties(address: &BlobAddress) -> Request {
    Request::blob(
        address,
        Method::HEAD,
        format!("read the properties of blob {}", address.name()),
    )
    .with_header("x-ms-version", BLOB_VERSION)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_says_where_its_blobs_are() {
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct";
        let mut body = json!({"id": id, "location": "eastus2",
            "properties": {"primaryEndpoints": {"blob": "https://acct.z1.blob.storage.azure.net/"}}});
        let account = StorageAccount::of(&body).unwrap();
        assert_eq!(
            (account.host.to_string().as_str(), account.id.to_string().as_str()),
            ("acct.z1.blob.storage.azure.net", id)
        );
        body["properties"] = json!({"primaryEndpoints": {"file": "https://acct.file.core.windows.net/"}});
        assert_eq!(StorageAccount::of(&body), None);
    }
}
