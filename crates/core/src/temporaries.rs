//! The snapshots and managed images in the group of temporaries, as Azure shows them: one list a kind.
//!
//! Whose they are is written on them (`tags`); what is done with them is decided in `next` and `cleanup`.

use serde_json::{Map, Value};

use crate::{
    client::Client,
    compute::{image, snapshot},
    error::{Error, ErrorKind, Result},
    ids::resource::{ImageId, ResourceGroupId, SnapshotId},
    json,
    operation::{Status, drive, read_resource},
    options::image::TEMP_RESOURCE_GROUP_NAME,
    request::Request,
    rights,
    settings::KeptKind,
    tags::TemporaryTags,
    words,
};

/// Which temporary it is, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemporaryId {
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A managed image.
    Image(ImageId),
}

/// A snapshot or managed image that is there.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: TemporaryId,
    /// What it says of itself; `None` for what we did not make.
    pub tags: Option<TemporaryTags>,
    body: Value,
}

/// A kind of temporary and the request that lists a group's.
pub const KINDS: [KeptKind; 2] = [KeptKind::ManagedImage, KeptKind::Snapshots];

impl TemporaryId {
    /// What `keep` calls it.
    #[must_use]
    pub const fn kind(&self) -> KeptKind {
        match self {
            Self::Snapshot(_) => KeptKind::Snapshots,
            Self::Image(_) => KeptKind::ManagedImage,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Snapshot(id) => id.name(),
            Self::Image(id) => id.name(),
        }
    }

    /// The request that reads it.
    #[must_use]
    pub fn get(&self) -> Request {
        match self {
            Self::Snapshot(id) => snapshot::get(id),
            Self::Image(id) => image::get(id),
        }
    }

    /// The request that deletes it.
    #[must_use]
    pub fn delete(&self) -> Request {
        match self {
            Self::Snapshot(id) => snapshot::delete(id),
            Self::Image(id) => image::delete(id),
        }
    }

    /// The request that replaces its tags.
    #[must_use]
    pub fn tag(&self, tags: Map<String, Value>) -> Request {
        match self {
            Self::Snapshot(id) => snapshot::tag(id, tags),
            Self::Image(id) => image::tag(id, tags),
        }
    }
}

impl std::fmt::Display for TemporaryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Snapshot(id) => id.fmt(f),
            Self::Image(id) => id.fmt(f),
        }
    }
}

impl Found {
    /// One that was read.
    #[must_use]
    pub fn new(id: TemporaryId, body: Value) -> Self {
        let tags = TemporaryTags::read(&body);
        Self { id, tags, body }
    }

    /// The body as it came.
    #[must_use]
    pub const fn body(&self) -> &Value {
        &self.body
    }

    fn listed(group: &ResourceGroupId, kind: KeptKind, body: Value) -> Option<Self> {
        let name = json::text(&body, "/name")?;
        let id = match kind {
            KeptKind::Snapshots => TemporaryId::Snapshot(group.snapshot(name)),
            KeptKind::ManagedImage => TemporaryId::Image(group.image(name)),
        };
        Some(Self::new(id, body))
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> Status {
        read_resource(&self.body)
    }

    /// Whether it is being deleted.
    #[must_use]
    pub fn is_going(&self) -> bool {
        json::text(&self.body, "/properties/provisioningState").is_some_and(|it| it.eq_ignore_ascii_case("Deleting"))
    }

    /// The request that replaces what it says of itself, and keeps its other tags.
    #[must_use]
    pub fn tag(&self, tags: &TemporaryTags) -> Request {
        let mut all = self
            .body
            .get("tags")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        tags.write(&mut all);
        self.id.tag(all)
    }
}

/// All snapshots and managed images of the group, and those of `known` that a list does not show, since it is refused
/// or late.
///
/// # Errors
/// When there is no such group, or Azure refuses more than the lists.
pub async fn look(client: &Client, group: &ResourceGroupId, known: &[TemporaryId]) -> Result<Vec<Found>> {
    let lists = KINDS.map(|kind| look_at(client, group, kind, known));
    Ok(futures::future::try_join_all(lists)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

/// The same for one kind.
///
/// # Errors
/// As [`look`].
pub async fn look_at(
    client: &Client,
    group: &ResourceGroupId,
    kind: KeptKind,
    known: &[TemporaryId],
) -> Result<Vec<Found>> {
    let list = match kind {
        KeptKind::Snapshots => snapshot::list(group),
        KeptKind::ManagedImage => image::list(group),
    };
    let mut found: Vec<Found> = match client.list(&list).await {
        Ok(bodies) => bodies
            .into_iter()
            .filter_map(|body| Found::listed(group, kind, body))
            .collect(),
        Err(error) if error.has_status(404) => return Err(no_group(group, error)),
        Err(error) if error.kind() == ErrorKind::NoRights => {
            let what = match kind {
                KeptKind::Snapshots => "snapshots",
                KeptKind::ManagedImage => "managed images",
            };
            client.note(format!(
                "{what} of earlier runs are not looked for: {}",
                rights::lack(&error)
            ));
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    for id in known.iter().filter(|id| id.kind() == kind) {
        if !found.iter().any(|it| it.id == *id)
            && let Some(answer) = client.find(&id.get()).await?
        {
            found.push(Found::new(id.clone(), answer.value()));
        }
    }
    Ok(found)
}

/// Ends every access that was given to a snapshot (SAS): before that Azure does not delete it. Without one it does nothing.
///
/// # Errors
/// When Azure refuses, or the run ends.
pub async fn end_access(client: &Client, found: &Found) -> Result<()> {
    let TemporaryId::Snapshot(snapshot) = &found.id else {
        return Ok(());
    };
    if !snapshot::has_access(found.body()) {
        return Ok(());
    }
    let get = found.id.get();
    let is_done = || async {
        let now = client.find(&get).await?;
        Ok(now.is_none_or(|answer| !snapshot::has_access(&answer.value())))
    };
    drive::act(client, &snapshot::end_access(snapshot), is_done).await
}

fn no_group(group: &ResourceGroupId, cause: Error) -> Error {
    let text = format!(
        "there is no resource group {} for snapshots and managed images",
        group.name()
    );
    let error = Error::new(ErrorKind::BadInput, text).because(cause);
    error.with_hint(words!["create it, or name another one with ", TEMP_RESOURCE_GROUP_NAME])
}
