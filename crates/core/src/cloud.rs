//! Which Azure: the addresses and audiences of a cloud, by name or asked from a metadata host.
//!
//! It never falls back to the public cloud when a metadata host does not answer: a secret meant for a private cloud
//! or an emulator must not reach Microsoft's login.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::{
    address::secret_address,
    api::Apis,
    error::{Error, ErrorKind, RefusedBy, Result},
    ids::{CloudChoice, KnownCloud},
    json, judge,
    options::sign_in::METADATA_HOST,
    retry::Repeat,
    run::Run,
    sender::{Expects, Rules, Sender},
    transport::Transport,
    words,
};

/// What Microsoft's public cloud is called, also by its metadata.
const PUBLIC: &str = "AzureCloud";

/// The scope of a token for the blobs of storage accounts, the same in every cloud (Microsoft's page on authorizing access
/// to blobs with Entra ID).
pub const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";

/// The addresses and audiences of one cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Its name, e.g. `AzureCloud`.
    pub name: String,
    /// Where Entra ID answers.
    pub authority: Url,
    /// Where ARM answers.
    pub arm: Url,
    /// The scope of a token for ARM.
    pub arm_scope: String,
    /// The scope of a token for Batch. Microsoft's own clients send it with two slashes, so that the token's audience
    /// ends in one.
    pub batch_scope: String,
    /// The audience that Entra expects in a federated assertion.
    pub assertion_audience: String,
}

impl From<KnownCloud> for Cloud {
    fn from(known: KnownCloud) -> Self {
        let (name, authority, arm, batch) = match known {
            KnownCloud::Public => (
                PUBLIC,
                "login.microsoftonline.com",
                "management.azure.com",
                "batch.core.windows.net",
            ),
            KnownCloud::UsGovernment => (
                "AzureUSGovernment",
                "login.microsoftonline.us",
                "management.usgovcloudapi.net",
                "batch.core.usgovcloudapi.net",
            ),
            KnownCloud::China => (
                "AzureChinaCloud",
                "login.chinacloudapi.cn",
                "management.chinacloudapi.cn",
                "batch.chinacloudapi.cn",
            ),
        };
        #[expect(clippy::expect_used, reason = "the names above are hosts")]
        let url = |host: &str| Url::parse(&format!("https://{host}")).expect("a constant host");
        Self {
            name: name.to_owned(),
            authority: url(authority),
            arm: url(arm),
            arm_scope: format!("https://{arm}/.default"),
            batch_scope: format!("https://{batch}//.default"),
            assertion_audience: assertion_audience(name),
        }
    }
}

impl Cloud {
    /// How soon it has new api-versions.
    #[must_use]
    pub fn apis(&self) -> Apis {
        match self.name.eq_ignore_ascii_case(PUBLIC) {
            true => Apis::Newest,
            false => Apis::Settled,
        }
    }
}

/// The audience of federated assertions in a cloud, as Entra's page on workload identities names them.
fn assertion_audience(cloud: &str) -> String {
    let end = match cloud {
        "AzureUSGovernment" => "USGov",
        "AzureChinaCloud" => "China",
        _ => "",
    };
    format!("api://AzureADTokenExchange{end}")
}

/// Finds the cloud that was chosen, asking the metadata host if there is one.
///
/// # Errors
/// When the metadata host does not answer, or answers something else.
pub async fn find(choice: &CloudChoice, transport: &Arc<dyn Transport>, run: &Run) -> Result<Cloud> {
    let host = match choice {
        CloudChoice::Known(known) => return Ok((*known).into()),
        CloudChoice::MetadataHost(host) => host,
    };
    let doing = words![
        "cannot read the cloud's addresses from ",
        METADATA_HOST,
        format!(" {host}")
    ];
    let address = format!(
        "{}/metadata/endpoints?api-version=2022-09-01",
        host.as_str().trim_end_matches('/')
    );
    let request = || {
        http::Request::get(&address)
            .body(Bytes::new())
            .map_err(|cause| Error::new(ErrorKind::BadInput, "the address cannot be asked").because(cause))
    };
    let rules = Rules {
        doing: "read the cloud's addresses",
        repeat: Repeat::Freely,
        of: RefusedBy::Service,
        expects: Expects::Object,
        id: None,
    };
    let answer = Sender::new(Arc::clone(transport)).exchange(run, rules, request).await;
    let answer = answer.map_err(|error| error.while_doing(doing.clone()))?;
    if !answer.status.is_success() {
        return Err(judge::refused(
            doing,
            answer.refusal(rules.of, run.now()),
            run.written(),
        ));
    }
    from_metadata(&answer.value())
        .ok_or_else(|| Error::new(ErrorKind::BadInput, doing).with_hint("is that an Azure metadata host?"))
}

/// Reads the object of api-version 2022-09-01.
#[must_use]
fn from_metadata(body: &Value) -> Option<Cloud> {
    let text = |pointer: &str| json::text(body, pointer).map(|text| text.trim_end_matches('/').to_owned());
    let https = |pointer: &str| {
        secret_address(&text(pointer)?)
            .ok()
            .filter(|url| url.scheme() == "https")
    };
    let scope = |pointer: &str| json::text(body, pointer).map(|audience| format!("{audience}/.default"));
    let arm = https("/resourceManager")?;
    let name = text("/name").unwrap_or_else(|| arm.to_string());
    Some(Cloud {
        assertion_audience: assertion_audience(&name),
        name,
        authority: https("/authentication/loginEndpoint")?,
        arm_scope: scope("/authentication/audiences/0")?,
        batch_scope: scope("/batch").unwrap_or_else(|| Cloud::from(KnownCloud::Public).batch_scope),
        arm,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_public_cloud_asks_for_batch_tokens_with_two_slashes() {
        assert_eq!(
            Cloud::from(KnownCloud::Public).batch_scope,
            "https://batch.core.windows.net//.default"
        );
    }

    #[test]
    fn each_cloud_has_its_audience_for_assertions() {
        let audience = |known| Cloud::from(known).assertion_audience;
        assert_eq!(audience(KnownCloud::Public), "api://AzureADTokenExchange");
        assert_eq!(audience(KnownCloud::UsGovernment), "api://AzureADTokenExchangeUSGov");
        assert_eq!(audience(KnownCloud::China), "api://AzureADTokenExchangeChina");
    }

    #[test]
    fn only_the_public_cloud_is_asked_with_the_newest_versions() {
        assert_eq!(Cloud::from(KnownCloud::Public).apis(), Apis::Newest);
        for later in [KnownCloud::UsGovernment, KnownCloud::China] {
            assert_eq!(Cloud::from(later).apis(), Apis::Settled);
        }
    }

    #[test]
    fn metadata_gives_addresses_and_audiences() {
        let body = json!({"name": "Local", "resourceManager": "https://127.0.0.1:8443/", "batch": "https://batch.core.windows.net/",
            "authentication": {"loginEndpoint": "https://127.0.0.1:8443", "audiences": ["https://management.core.windows.net/"]}});
        let cloud = from_metadata(&body).unwrap();
        assert_eq!(cloud.arm_scope, "https://management.core.windows.net//.default");
        assert_eq!(cloud.batch_scope, "https://batch.core.windows.net//.default");
        assert_eq!(cloud.apis(), Apis::Settled);
        assert!(
            from_metadata(&json!({"resourceManager": "http://127.0.0.1"})).is_none(),
            "plain http is refused"
        );
    }
}
