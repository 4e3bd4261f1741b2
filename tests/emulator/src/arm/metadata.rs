//! `/metadata/endpoints`: where a client finds everything else, in the three shapes that clients ask for.
//!
//! Every endpoint is the host that was asked; there is no trailing slash, as some clients only append.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::envelope::{Answer, unsupported};
use crate::http::{Request, Response};

/// From this api-version on the answer is one object instead of a list.
const OBJECT_SINCE: &str = "2022-09-01";

pub(super) fn endpoints(request: &Request) -> Answer {
    if request.method != Method::GET {
        return Err(unsupported(request));
    }
    let version = request.query("api-version").unwrap_or_default();
    let base = format!("https://{}", request.authority);
    let body = match version {
        "2015-01-01" => first_shape(&base),
        version if version < OBJECT_SINCE => json!([cloud(&base)]),
        _ => cloud(&base),
    };
    Ok(Response::json(StatusCode::OK, &body))
}

/// The shape of 2015: what the Python clients of that time read.
fn first_shape(base: &str) -> Value {
    json!({
        "galleryEndpoint": format!("{base}/gallery"),
        "graphEndpoint": "https://graph.windows.net",
        "portalEndpoint": base,
        "authentication": {"loginEndpoint": base, "audiences": audiences()},
    })
}

fn cloud(base: &str) -> Value {
    json!({
        "portal": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": audiences(),
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "media": "https://rest.media.azure.net",
        "graphAudience": "https://graph.windows.net",
        "graph": "https://graph.windows.net",
        "name": "AzureEmulator",
        "suffixes": {
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "acrLoginServer": "azurecr.io",
            "sqlServerHostname": "database.windows.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "keyVaultDns": "vault.azure.net",
            "storage": "core.windows.net",
            "storageSyncEndpointSuffix": "afs.azure.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "mhsmDns": "managedhsm.azure.net",
        },
        "batch": "https://batch.core.windows.net/",
        "resourceManager": base,
        "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-templates/aliases.json",
        "activeDirectoryDataLake": "https://datalake.azure.net",
        "sqlManagement": "https://management.core.windows.net:8443",
        "microsoftGraphResourceId": "https://graph.microsoft.com",
        "appInsightsResourceId": "https://api.applicationinsights.io",
        "gallery": format!("{base}/gallery"),
    })
}

fn audiences() -> Value {
    json!(["https://management.core.windows.net/", "https://management.azure.com"])
}
