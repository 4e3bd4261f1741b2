//! Says on GitHub that a version was published: as a `repository_dispatch`, or by the manifest as a file of a release.
//!
//! What is said follows from core's settings. Nothing is sent twice: an event that may have arrived is not sent again.

use azure_batch_core::settings::{Announcement, NotifySettings, RepositoryName, SecurityFeature};
use octocrab::{Octocrab, models::repos::Release, repos::RepoHandler};
use serde::Serialize;
use serde_json::{Value, json};

use super::api::{Refusal, answer};

/// The schema of what is sent; `docs/pool-commands.md` describes it.
pub const SCHEMA: u64 = 1;

/// The name of the file of a release.
pub const ASSET: &str = "azure-batch-manifest.json";

/// How many releases a page of GitHub's list has at most.
const PAGE: u8 = 100;

/// What a token needs for all of this.
const NEEDS: &str = "contents: write";

/// The state of a file that was sent whole.
const WHOLE: &str = "uploaded";

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The schema of this result.
    pub schema_version: u32,
    /// The repository.
    pub repository: String,
    /// The version that was announced.
    pub image_version: String,
    /// What GitHub has now.
    #[serde(flatten)]
    pub sent: Sent,
}

/// What GitHub has now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Sent {
    /// It took the event; which workflows it starts is not said.
    Dispatched {
        /// Its type.
        event_type: String,
    },
    /// The release has the manifest now.
    Attached {
        /// The release's tag.
        release: String,
    },
    /// The release had the same manifest already.
    Unchanged {
        /// The release's tag.
        release: String,
    },
}

/// Why it was not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSaid {
    /// GitHub did not do what was asked for.
    Refused {
        /// What that was.
        doing: String,
        /// GitHub's reason.
        reason: Refusal,
        /// What the token needs for it.
        needs: &'static str,
    },
    /// The release cannot take the file.
    Unfit {
        /// Why not.
        why: String,
        /// What works instead.
        remedy: String,
    },
}

/// Says it.
///
/// # Errors
/// When GitHub refuses, or the release cannot take the file.
pub async fn say(github: &Octocrab, settings: &NotifySettings) -> Result<Notice, NotSaid> {
    let RepositoryName { owner, name } = &settings.repository;
    let repository = github.repos(owner, name);
    let sent = match &settings.announcement {
        Announcement::Dispatch { event_type } => dispatch(&repository, settings, event_type).await?,
        Announcement::Release { tag, manifest } => attach(github, &repository, tag, manifest).await?,
    };
    Ok(Notice {
        schema_version: 1,
        repository: settings.repository.to_string(),
        image_version: settings.version.to_string(),
        sent,
    })
}

/// The client payload of an event.
#[must_use]
pub fn payload(settings: &NotifySettings) -> Value {
    let mut payload = json!({
        "schema-version": SCHEMA,
        "image-version": settings.version,
        "image-definition": settings.version.definition(),
    });
    let further = [
        ("os-type", settings.os_type.as_deref()),
        (
            "node-agent-sku-id",
            settings.node_agent.as_ref().map(|agent| agent.as_str()),
        ),
        // A word that is new to us would be read as nothing there too.
        (
            "security-type",
            Some(settings.security)
                .filter(|security| *security != SecurityFeature::Unknown)
                .map(SecurityFeature::as_str),
        ),
    ];
    for (name, value) in further {
        if let (Some(value), Some(fields)) = (value, payload.as_object_mut()) {
            fields.insert(name.to_owned(), Value::from(value));
        }
    }
    if let (false, Some(fields)) = (settings.data_disks.is_empty(), payload.as_object_mut()) {
        let luns = settings.data_disks.iter().map(|lun| Value::from(lun.number()));
        fields.insert("data-disk-luns".to_owned(), luns.collect());
    }
    payload
}

async fn dispatch(repository: &RepoHandler<'_>, settings: &NotifySettings, event_type: &str) -> Result<Sent, NotSaid> {
    let event = repository.create_dispatch(event_type).client_payload(payload(settings));
    let refused = refused(format!("send the event {event_type} to {}", settings.repository), NEEDS);
    answer(event.send()).await.map_err(refused)?;
    Ok(Sent::Dispatched {
        event_type: event_type.to_owned(),
    })
}

async fn attach(github: &Octocrab, repository: &RepoHandler<'_>, tag: &str, manifest: &str) -> Result<Sent, NotSaid> {
    let release = find(github, repository, tag).await?;
    let unfinished = match release.assets.iter().find(|asset| asset.name == ASSET) {
        None => None,
        Some(asset) if asset.state != WHOLE => Some(asset.id),
        Some(asset) if asset.digest.as_deref() == Some(digest(manifest).as_str()) => {
            return Ok(Sent::Unchanged {
                release: tag.to_owned(),
            });
        }
        Some(_) => {
            return Err(NotSaid::Unfit {
                why: format!("release {tag} has another {ASSET} already"),
                remedy: "delete it there, or name another release".to_owned(),
            });
        }
    };
    if !release.draft {
        return Err(published(tag));
    }
    if let Some(id) = unfinished {
        // A file that was not sent whole is in the way of the next try.
        let remove = refused(format!("remove the unfinished {ASSET} of release {tag}"), NEEDS);
        let removal = repository.release_assets();
        answer(removal.delete(id.into_inner())).await.map_err(remove)?;
    }
    let releases = repository.releases();
    let upload = releases.upload_asset(release.id.into_inner(), ASSET, manifest.to_owned().into());
    let refused = refused(format!("attach {ASSET} to release {tag}"), NEEDS);
    answer(upload.send()).await.map_err(refused)?;
    Ok(Sent::Attached {
        release: tag.to_owned(),
    })
}

/// The release of a tag: drafts are in the list only, and only for those who may write.
async fn find(github: &Octocrab, repository: &RepoHandler<'_>, tag: &str) -> Result<Release, NotSaid> {
    let refused = || refused(format!("find release {tag}"), NEEDS);
    let releases = repository.releases();
    let mut page = answer(releases.list().per_page(PAGE).send()).await.map_err(refused())?;
    loop {
        if let Some(release) = page.items.into_iter().find(|release| release.tag_name == tag) {
            return Ok(release);
        }
        let next = answer(github.get_page(&page.next)).await.map_err(refused())?;
        let Some(next) = next else {
            return Err(NotSaid::Unfit {
                why: format!("there is no release {tag} that this token can see"),
                remedy: "make a draft with that tag first; drafts need a token with contents: write".to_owned(),
            });
        };
        page = next;
    }
}

fn published(tag: &str) -> NotSaid {
    NotSaid::Unfit {
        why: format!("release {tag} is published, and a roll-out takes a manifest only where it was there before"),
        remedy: "attach it to a draft and publish the release then, or send an event without a release".to_owned(),
    }
}

fn refused(doing: String, needs: &'static str) -> impl FnOnce(Refusal) -> NotSaid {
    move |reason| NotSaid::Refused { doing, reason, needs }
}

/// The digest as GitHub shows it.
fn digest(text: &str) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(text);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests;
