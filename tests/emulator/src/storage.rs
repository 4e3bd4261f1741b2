//! Storage accounts as far as a builder looks at one: where it is and where its blobs would be.
//!
//! They come from seeds alone, cannot be changed, and hold nothing.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    call::Call,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    resource::{Item, Table},
};

/// The type of every resource here.
const TYPE: &str = "Microsoft.Storage/storageAccounts";

/// Everything the storage provider knows.
#[derive(Debug, Default)]
pub struct Storage {
    accounts: Table<()>,
}

impl Storage {
    /// Puts an account there; `properties` win over what the service fills in.
    pub(crate) fn plant(&mut self, group_id: &str, name: &str, location: &str, properties: &Value) {
        let endpoint = |service: &str| format!("https://{name}.{service}.core.windows.net/");
        let mut body = json!({
            "location": location,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "properties": {"primaryEndpoints": {"blob": endpoint("blob"), "file": endpoint("file")}},
        });
        if properties.is_object() {
            edit::set(&mut body, &["properties"], properties.clone());
        }
        let id = format!("{group_id}/providers/{TYPE}/{name}");
        self.accounts.insert(Item::new(id, body, ()));
    }

    /// Removes everything in a resource group, given by its lower-case id.
    pub(crate) fn remove_group(&mut self, group: &str) {
        self.accounts.remove_below(&format!("{group}/"));
    }

    /// Every account.
    pub(crate) fn views(&self) -> Vec<Value> {
        self.accounts.iter().map(|item| item.view(TYPE)).collect()
    }
}

/// Answers a request under `Microsoft.Storage`.
pub(crate) fn respond(storage: &Storage, page_size: usize, call: &Call<'_>, path: &ArmPath) -> Answer {
    if call.request.method != Method::GET {
        return Err(unsupported(call.request));
    }
    match (path.kind().as_str(), path.action().as_str()) {
        ("storageaccounts", "") => {
            let found = storage.accounts.find(&path.key());
            let item = found.ok_or_else(|| ArmError::resource_not_found(&path.kind_and_name(), path.group()))?;
            Ok(Response::json(StatusCode::OK, &item.view(TYPE)))
        }
        ("", "storageaccounts") => {
            let scope = ArmPath {
                namespace: None,
                tail: None,
                ..path.clone()
            };
            let prefix = format!("{}/", scope.key());
            let mut views = storage.views();
            views.retain(|view| edit::text(view, "/id").is_some_and(|id| id.to_lowercase().starts_with(&prefix)));
            Ok(envelope::page(call.request, &views, page_size))
        }
        _ => Err(unsupported(call.request)),
    }
}
