//! The event that started a workflow, as far as it names an image version: what `notify` sent, or the manifest of a
//! release.
//!
//! It reads GitHub's event and downloads the manifest. Which version that may name is checked by core's settings.

use azure_batch_core::https::Https;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{
    api::{ApiAddress, TIMEOUT},
    notify::ASSET,
    runner::Repository,
};
use crate::environment::Environment;

/// The variable that names GitHub's file with the event.
pub const FILE: &str = "GITHUB_EVENT_PATH";

/// The largest manifest that is read; real ones have some KiB.
const LARGEST: usize = 1024 * 1024;

/// What an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The client payload of a `repository_dispatch`.
    Payload(String),
    /// The manifest of a release.
    Asset {
        /// The file's number. A file that is replaced gets another one.
        id: u64,
        /// The release's tag.
        tag: String,
    },
}

/// What we read of a release's event.
#[derive(Deserialize)]
struct Release {
    tag_name: String,
    published_at: Option<Timestamp>,
    #[serde(default)]
    assets: Vec<Asset>,
}

/// What we read of a file of a release.
#[derive(Deserialize)]
struct Asset {
    id: u64,
    name: String,
    state: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The event that started this workflow: its name and content.
#[must_use]
pub fn of(environment: &dyn Environment) -> Option<(String, String)> {
    let (name, path) = (environment.variable("GITHUB_EVENT_NAME")?, environment.variable(FILE)?);
    Some((name, std::fs::read_to_string(path).ok()?))
}

/// Reads an event by its name and content; nothing when it names no version.
///
/// # Errors
/// In one sentence, when a release has a manifest that must not be taken.
pub fn read(name: &str, content: &str) -> Result<Option<Named>, String> {
    let Ok(event) = serde_json::from_str::<Value>(content) else {
        return Ok(None);
    };
    match name {
        "repository_dispatch" => Ok(payload(&event)),
        "release" => asset(&event),
        _ => Ok(None),
    }
}

/// A payload in the form of `notify`; that of another sender is not ours to read unasked.
fn payload(event: &Value) -> Option<Named> {
    let payload = event.get("client_payload")?;
    let is_ours = ["schema-version", "image-version"]
        .iter()
        .all(|name| payload.get(name).is_some());
    is_ours.then(|| Named::Payload(payload.to_string()))
}

fn asset(event: &Value) -> Result<Option<Named>, String> {
    let Some(release) = event
        .get("release")
        .and_then(|release| Release::deserialize(release).ok())
    else {
        return Ok(None);
    };
    let tag = release.tag_name;
    let Some(asset) = release.assets.into_iter().find(|asset| asset.name == ASSET) else {
        return Ok(None);
    };
    let published = release
        .published_at
        .ok_or_else(|| format!("release {tag} is not published; start the workflow when it is"))?;
    // Whoever may write to the repository can add a file to a release at any later time.
    if asset.created_at > published || asset.updated_at > published || asset.state != "uploaded" {
        return Err(format!(
            "{ASSET} of release {tag} was not there when the release was published; attach it to the draft, publish \
             then, and make releases immutable in the repository's settings"
        ));
    }
    Ok(Some(Named::Asset { id: asset.id, tag }))
}

/// Downloads the manifest of a release.
///
/// # Errors
/// In one sentence, when GitHub does not hand it out.
pub async fn download(
    id: u64,
    repository: &Repository,
    token: Option<&SecretString>,
    https: &Https,
) -> Result<String, String> {
    let fetched = tokio::time::timeout(TIMEOUT, fetch(id, repository, token, https)).await;
    fetched.map_err(|_elapsed| format!("no answer within {} s", TIMEOUT.as_secs()))?
}

async fn fetch(
    id: u64,
    repository: &Repository,
    token: Option<&SecretString>,
    https: &Https,
) -> Result<String, String> {
    let in_words = |error: reqwest::Error| error.without_url().to_string();
    let api = ApiAddress::parse(&repository.api_url).map_err(|error| error.to_string())?;
    let (base, owner, name) = (
        repository.api_url.trim_end_matches('/'),
        &repository.owner,
        &repository.name,
    );
    let mut request = https
        .client_for(api.host())
        .get(format!("{base}/repos/{owner}/{name}/releases/assets/{id}"))
        .header("accept", "application/octet-stream");
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    let mut response = request.send().await.map_err(in_words)?;
    // The file itself lies elsewhere, and the token stays here.
    if response.status().is_redirection() {
        let place = response.headers().get("location").and_then(|place| place.to_str().ok());
        let place = place.ok_or("GitHub redirects to nowhere")?;
        let host = ApiAddress::parse(place).map_err(|_unprotected| "GitHub redirects to an address without https")?;
        let request = https.client_for(host.host()).get(place);
        response = request.send().await.map_err(in_words)?;
    }
    if !response.status().is_success() {
        let status = response.status().as_u16();
        return Err(format!(
            "GitHub answers {status}; does the job have contents: read, and the step a token?"
        ));
    }
    let bytes = response.bytes().await.map_err(in_words)?;
    if bytes.len() > LARGEST {
        return Err(format!("it has {} bytes, more than a manifest has", bytes.len()));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_cause| "it is not text".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release(created: &str, state: &str) -> String {
        json!({"action": "published", "release": {
            "tag_name": "v1", "published_at": "2026-11-02T00:00:00Z",
            "assets": [{"id": 7, "name": ASSET, "state": state, "created_at": created, "updated_at": created}]}})
        .to_string()
    }

    #[test]
    fn an_event_in_the_form_of_notify_is_taken_and_no_other() {
        let event = |payload: Value| json!({"action": "x", "client_payload": payload}).to_string();
        let ours = json!({"schema-version": 1, "image-version": "/x"});
        let named = read("repository_dispatch", &event(ours.clone())).unwrap();
        assert_eq!(named, Some(Named::Payload(ours.to_string())));
        assert_eq!(
            read("repository_dispatch", &event(json!({"image-version": "/x"}))),
            Ok(None)
        );
        assert_eq!(read("repository_dispatch", &event(Value::Null)), Ok(None));
        assert_eq!(read("push", &event(ours)), Ok(None));
        assert_eq!(read("repository_dispatch", "not json"), Ok(None));
    }

    #[test]
    fn a_manifest_counts_only_when_it_was_there_before_the_release() {
        let taken = read("release", &release("2026-11-01T23:59:59Z", "uploaded")).unwrap();
        assert_eq!(
            taken,
            Some(Named::Asset {
                id: 7,
                tag: "v1".to_owned()
            })
        );
        for late in [
            release("2026-11-02T00:00:01Z", "uploaded"),
            release("2026-11-01T23:59:59Z", "starter"),
        ] {
            let why = read("release", &late).unwrap_err();
            assert!(why.contains("was not there when the release was published"), "{why}");
        }
        let without = json!({"release": {"tag_name": "v1", "published_at": "2026-11-02T00:00:00Z"}});
        assert_eq!(read("release", &without.to_string()), Ok(None));
    }
}
