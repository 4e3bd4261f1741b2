//! Brings a version to what is wanted: look, write what is missing, wait, repair what failed, look again.
//!
//! `targetRegions` is written as a whole and has no `ETag`, so two writers can undo each other's change. Therefore every
//! write starts from the version as it was just read, and the next look shows what became of it.
//! What a body has to be is decided in `regions`, `details` and `repair`.

use serde_json::Value;

use super::{
    Details, Layout, Settled, TakenOut,
    keys::require_keys,
    regions::merged,
    repair::{self, Repair},
    settled::settled_since,
    taken_out,
};
use crate::{
    client::Client,
    compute::version::{self, ImageVersion, RegionState},
    error::{Error, ErrorKind, Result},
    ids::{Location, resource::ImageVersionId},
    operation::Status,
    replicas::RegionNeed,
    write::Tries,
};

/// How often a version is completed when other writers keep taking away what was written.
const MAX_WRITES: u32 = 5;

/// How often a run repairs a version.
const MAX_REPAIRS: u32 = 2;

/// What a version has to become.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The regions that have to be complete, each with at least its replicas.
    pub regions: Vec<RegionNeed>,
    /// What its regions are like.
    pub layout: Layout,
    /// What it has to say of itself.
    pub details: Details,
}

/// One call of [`ensure`], with what it has seen and done so far.
struct Work<'a> {
    client: &'a Client,
    id: &'a ImageVersionId,
    wanted: &'a Wanted,
    details: DetailsState,
    /// The regions that were complete at the first look.
    complete_before: Option<Vec<Location>>,
    /// What this run took out. The version's tag says the same, unless something removed the tag.
    taken_out: TakenOut,
    /// How often it was completed.
    writes: u32,
    repairs: u32,
    /// The tries of the write that was not accepted yet.
    tries: Tries<'a>,
    doing: &'a str,
}

/// How far the details are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DetailsState {
    /// No write has carried them.
    NotWritten,
    /// A write that carried them was accepted.
    Written,
    /// After that write it was looked at what the version shows. They are not written a second time.
    Checked,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// The service took it.
    Accepted,
    /// Another client is writing, or the answer was lost. The next look shows which.
    Unclear,
}

impl<'a> Work<'a> {
    fn new(client: &'a Client, id: &'a ImageVersionId, (wanted, doing): (&'a Wanted, &'a str)) -> Self {
        Self {
            client,
            id,
            wanted,
            details: DetailsState::NotWritten,
            complete_before: None,
            taken_out: TakenOut::default(),
            writes: 0,
            repairs: 0,
            tries: Tries::new(client, doing),
            doing,
        }
    }

    async fn run(mut self) -> Result<ImageVersion> {
        let locations: Vec<Location> = self.wanted.regions.iter().map(|need| need.location.clone()).collect();
        loop {
            let version = self.settled(&[]).await?.into_version();
            self.remember(&version);
            require_keys(&version, &self.wanted.regions, &self.wanted.layout)?;
            if let Some(body) = self.completed(&version) {
                self.complete(body).await?;
                continue;
            }
            match self.settled(&locations).await? {
                Settled::Complete(version) => return Ok(version),
                // Another writer took the region away; the next round adds it.
                Settled::RegionMissing(_) => {}
                Settled::RegionFailed(version, region) => self.repair_region(&version, &region).await?,
                Settled::ChangeFailed(version) => self.repair_change(&version).await?,
            }
        }
    }

    /// Writes what is missing until the service has accepted it. While an earlier change goes on, nothing can be written.
    async fn begin(mut self) -> Result<ImageVersion> {
        loop {
            let version = version::find(self.client, self.id).await?;
            if let Some(version) = version.filter(|version| matches!(version.status(), Status::Running(_))) {
                return Ok(version);
            }
            let version = self.settled(&[]).await?.into_version();
            self.remember(&version);
            require_keys(&version, &self.wanted.regions, &self.wanted.layout)?;
            match self.completed(&version) {
                Some(body) => self.complete(body).await?,
                None => return Ok(version),
            }
        }
    }

    async fn settled(&self, wanted: &[Location]) -> Result<Settled> {
        let before = self.complete_before.as_deref().unwrap_or_default();
        settled_since(self.client, self.id, wanted, before).await
    }

    /// Remembers which regions were complete at first, and checks what the version shows of written details.
    fn remember(&mut self, version: &ImageVersion) {
        let complete = || {
            let regions = version.regions().into_iter().filter(RegionState::is_complete);
            regions.map(|region| region.location).collect()
        };
        self.complete_before.get_or_insert_with(complete);
        if self.details == DetailsState::Written {
            self.details = DetailsState::Checked;
            for change in self.wanted.details.changes(version.body()) {
                self.client.run().progress.warn(format!(
                    "Azure accepted a change of {} and does not show it; still to do: {change}",
                    version.title()
                ));
            }
        }
    }

    /// The body with everything that is wanted, and with the regions that were taken out; `None` when nothing is
    /// missing.
    fn completed(&self, version: &ImageVersion) -> Option<Value> {
        let out = TakenOut::of(version).and(&self.taken_out);
        let merged = merged(version, &self.wanted.regions, &self.wanted.layout, &out.regions);
        let writes_details = self.details != DetailsState::Checked;
        let lacks_details = writes_details && !self.wanted.details.changes(version.body()).is_empty();
        if merged.is_none() && !taken_out::is_tagged(version) && !lacks_details {
            return None;
        }
        let mut body = version.with_regions(merged.unwrap_or_else(|| version.target_regions()));
        out.settle(&mut body);
        if writes_details {
            self.wanted.details.apply(&mut body);
        }
        Some(body)
    }

    async fn complete(&mut self, body: Value) -> Result<()> {
        if self.writes == MAX_WRITES {
            let text = "other writers keep taking away its regions or tags";
            return Err(Error::new(ErrorKind::Azure, text).with_hint("run again when they are done"));
        }
        if self.write(body).await? == Written::Accepted {
            self.writes += 1;
            if self.details == DetailsState::NotWritten {
                self.details = DetailsState::Written;
            }
        }
        Ok(())
    }

    /// Writes the version. After a conflict with another writer or a lost answer, the next look decides what to write.
    async fn write(&mut self, body: Value) -> Result<Written> {
        match version::change(self.client, self.id, body).await {
            Ok(_) => {
                self.tries = Tries::new(self.client, self.doing);
                Ok(Written::Accepted)
            }
            Err(error) => {
                self.tries.after(error).await?;
                Ok(Written::Unclear)
            }
        }
    }

    async fn repair_region(&mut self, version: &ImageVersion, region: &RegionState) -> Result<()> {
        if self.repairs == MAX_REPAIRS {
            return Err(repair::failed_region(version, region));
        }
        let before = self.complete_before.as_deref().unwrap_or_default();
        self.repair(repair::of_region(version, region, before)?).await
    }

    async fn repair_change(&mut self, version: &ImageVersion) -> Result<()> {
        if self.repairs == MAX_REPAIRS {
            return Err(repair::failed_change(version));
        }
        self.repair(repair::of_change(version)).await
    }

    async fn repair(&mut self, repair: Repair) -> Result<()> {
        let (body, why) = match repair {
            Repair::TakeOut { body, out, why } => {
                self.taken_out = out;
                (body, why)
            }
            Repair::WriteAgain { body, why } => (body, why),
        };
        self.client.run().progress.warn(why);
        if self.write(body).await? == Written::Accepted {
            self.repairs += 1;
        }
        Ok(())
    }
}

/// Makes sure that a version has the wanted regions, replicas and details, and waits until the regions are complete.
///
/// - Regions, replicas and details are written together. When nothing is missing, nothing is written.
/// - A region that failed is repaired, a wanted one or not: a failed region keeps the whole version from being usable.
/// - A change that failed and left every region complete is written again.
/// - A detail that the version does not show after an accepted write is only warned about.
///
/// # Errors
/// When the version is missing, failed or being deleted, a region keeps failing or cannot be added, or the run ends.
pub async fn ensure(client: &Client, id: &ImageVersionId, wanted: &Wanted) -> Result<ImageVersion> {
    let doing = doing(id);
    let done = Work::new(client, id, (wanted, &doing)).run().await;
    done.map_err(|error| unreached(id, error))
}

/// Asks for the wanted regions, replicas and details, and does not wait until they are there. While an earlier change of
/// the version goes on, nothing is written: the version that comes back shows what is missing.
///
/// # Errors
/// When the version is missing, failed or being deleted, a region cannot be added, or the run ends.
pub async fn begin(client: &Client, id: &ImageVersionId, wanted: &Wanted) -> Result<ImageVersion> {
    let doing = doing(id);
    let begun = Work::new(client, id, (wanted, &doing)).begin().await;
    begun.map_err(|error| unreached(id, error))
}

pub(super) fn doing(id: &ImageVersionId) -> String {
    format!("write image version {}", version::title(id))
}

fn unreached(id: &ImageVersionId, error: Error) -> Error {
    error.while_doing(format!(
        "cannot bring image version {} to its regions",
        version::title(id)
    ))
}
