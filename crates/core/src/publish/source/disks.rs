//! A source that is disks, and how disks and snapshots are read: a group's at once, so that 64 cost what two do.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::Value;

use super::missing::{missing, missing_among};
use crate::{
    client::Client,
    compute::{disk, disk::DiskBody},
    error::{Error, ErrorKind, Result},
    ids::resource::{DiskId, ResourceGroupId},
    json,
    publish::machine::{Machine, SourceDisk},
    request::Request,
    settings,
};

/// A disk or snapshot to be read.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its id, in the casing it came in.
    pub id: String,
    /// Where it lies.
    pub group: ResourceGroupId,
    /// The request that reads it alone.
    pub get: Request,
    /// The host cache, where something else says it.
    pub caching: Option<String>,
}

impl Wanted {
    /// A disk.
    pub(super) fn disk(id: &DiskId, text: String, caching: Option<String>) -> Self {
        Self {
            id: text,
            group: id.group().clone(),
            get: disk::get(id),
            caching,
        }
    }

    fn found(self, body: Value) -> SourceDisk {
        let name = self.id.rsplit('/').next().unwrap_or_default().to_owned();
        SourceDisk {
            id: self.id,
            name,
            caching: self.caching,
            body: DiskBody::new(body),
        }
    }
}

/// Reads the machine of these disks.
///
/// # Errors
/// When one is missing or makes no sense.
pub(super) async fn observe(client: &Client, os: &DiskId, data: &[settings::SourceDisk<DiskId>]) -> Result<Machine> {
    let all = std::iter::once(os).chain(data.iter().map(|disk| &disk.id));
    let wanted = all.map(|id| Wanted::disk(id, id.to_string(), None)).collect();
    let mut found = read(client, disk::list, wanted).await?.into_iter();
    let os = found.next().ok_or_else(|| missing(&os.to_string()))?;
    Machine::of_disks(os, data.iter().map(|disk| disk.lun).zip(found).collect(), None)
}

/// Reads all of them, in their order: by one list for each group that has several, by its own id otherwise.
///
/// # Errors
/// When one is missing or not readable.
pub(super) async fn read(
    client: &Client,
    list: fn(&ResourceGroupId) -> Request,
    wanted: Vec<Wanted>,
) -> Result<Vec<SourceDisk>> {
    let mut counts: BTreeMap<String, (&ResourceGroupId, usize)> = BTreeMap::new();
    for it in &wanted {
        counts
            .entry(it.group.to_string().to_ascii_lowercase())
            .or_insert((&it.group, 0))
            .1 += 1;
    }
    let several = counts.into_values().filter(|(_, count)| *count > 1);
    let lists = several.map(|(group, _)| async move {
        match client.list(&list(group)).await {
            // Who may read these disks need not be allowed to list all of the group.
            Err(error) if error.kind() == ErrorKind::NoRights => Ok(Vec::new()),
            listed => listed,
        }
    });
    let listed: BTreeMap<String, Value> = try_join_all(lists)
        .await?
        .into_iter()
        .flatten()
        .filter_map(|body| Some((json::text(&body, "/id")?.to_ascii_lowercase(), body)))
        .collect();
    let read_one = |it: Wanted| {
        let known = listed.get(&it.id.to_ascii_lowercase()).cloned();
        async move {
            let body = match known {
                Some(body) => body,
                None => match client.find(&it.get).await? {
                    Some(answer) => answer.value(),
                    None => return Err(missing_among(client, &it.id, &list(&it.group)).await),
                },
            };
            if body.get("properties").is_none() {
                let text = format!("the answer does not describe {}", it.id);
                return Err(Error::new(ErrorKind::Azure, text).with_hint("run it again"));
            }
            Ok(it.found(body))
        }
    };
    try_join_all(wanted.into_iter().map(read_one)).await
}
