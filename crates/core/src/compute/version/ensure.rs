//! Bringing a version to regions, replicas and details that are wished for: read, merge, write, read.
//!
//! `targetRegions` is the whole wish and has no `ETag`, so two writers can drop each other's regions; every write here
//! starts from what is there and is read back. What a body has to become, `regions` and `details` say.

use serde_json::Value;

use super::{
    Details, ImageVersion, RegionState, Settled, TakenOut, put,
    settled::{failed_region, settled_since},
    short, taken_out,
};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{Location, resource::ImageVersionId},
    json as read_json,
    replicas::RegionNeed,
    retry,
};

/// How often a write is repeated when another writer has changed the version meanwhile, or is changing it.
const MAX_WRITES: u32 = 5;

/// How often a failed region is removed and added again, or a failed change written again.
const MAX_REPAIRS: u32 = 2;

/// The codes of a 409 that passes: somebody else is writing.
const PASSING: [&str; 3] = ["Conflict", "AnotherOperationInProgress", "RetryableError"];

/// What a version has to be beside what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The regions that have to be complete, each with its replicas at least.
    pub needs: &'a [RegionNeed],
    /// The storage of regions that are added.
    pub storage: &'a str,
    /// What it has to say of itself.
    pub details: &'a Details,
}

/// Makes sure that a version has at least these replicas in these regions, and waits until the regions are complete.
/// A region whose replication failed is removed and added again as it was, as Microsoft's troubleshooting page says,
/// twice; also one that is nobody's wish here, since it keeps the whole version from being usable. The version's own
/// region and those that were complete before stay, and the version is written again as it is; so it is after a change
/// that failed without harm to any region.
///
/// # Errors
/// When the version is missing, failed or being deleted, a region keeps failing or cannot be added, or the run ends.
pub async fn ensure_regions(
    client: &Client,
    id: &ImageVersionId,
    needs: &[RegionNeed],
    storage: &str,
) -> Result<ImageVersion> {
    let details = &Details::default();
    let wish = Wish {
        needs,
        storage,
        details,
    };
    ensure(client, id, &wish).await
}

/// The same, with what the version has to say of itself: both in one write. What it does not say after a write that was
/// accepted is warned of; only regions and replicas are worth failing for.
///
/// # Errors
/// As [`ensure_regions`].
pub async fn ensure(client: &Client, id: &ImageVersionId, wish: &Wish<'_>) -> Result<ImageVersion> {
    let ensuring = Ensuring {
        client,
        id,
        wish: *wish,
        saying: Saying::Unwritten,
        complete_at_first: None,
        taken_out: Vec::new(),
        writes: 0,
        repairs: 0,
        refusal: None,
    };
    let done = ensuring.run().await;
    done.map_err(|error| error.while_doing(format!("cannot bring image version {} to its regions", short(id))))
}

/// How far a wish is.
struct Ensuring<'a> {
    client: &'a Client,
    id: &'a ImageVersionId,
    wish: Wish<'a>,
    saying: Saying,
    /// The regions that were complete when this run first looked, once it has.
    complete_at_first: Option<Vec<Location>>,
    /// What this run took out, should the version forget it.
    taken_out: Vec<TakenOut>,
    writes: u32,
    repairs: u32,
    /// Why the last write was refused.
    refusal: Option<Error>,
}

/// How far the details of a wish are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saying {
    /// No write has carried them yet.
    Unwritten,
    /// A write that carried them was accepted.
    Written,
    /// They are what they are.
    Done,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Accepted,
    /// Somebody else is writing, or nobody knows; the next look shows.
    Unknown,
}

impl Ensuring<'_> {
    async fn run(mut self) -> Result<ImageVersion> {
        let wanted: Vec<Location> = self.wish.needs.iter().map(|need| need.location.clone()).collect();
        loop {
            let Some(version) = self.settled(&[]).await?.into_version() else {
                continue;
            };
            self.look(&version);
            version.require_no_key(self.wish.needs)?;
            if let Some(body) = self.completed(&version) {
                if self.write(body).await? == Written::Accepted && self.saying == Saying::Unwritten {
                    self.saying = Saying::Written;
                }
                continue;
            }
            match self.settled(&wanted).await? {
                Settled::Complete(version) => return Ok(version),
                // Another writer took it away; the next merge, of which there are so many, brings it back.
                Settled::RegionMissing(_) => {}
                Settled::RegionFailed(version, region) => self.repair_region(&version, &region).await?,
                Settled::ChangeFailed(version) => self.repair_change(&version).await?,
            }
        }
    }

    async fn settled(&self, wanted: &[Location]) -> Result<Settled> {
        let complete = self.complete_at_first.as_deref().unwrap_or_default();
        settled_since(self.client, self.id, wanted, complete).await
    }

    /// Remembers what was complete at first, and tells what a write was to say and the version does not.
    fn look(&mut self, version: &ImageVersion) {
        let complete = || {
            let regions = version.regions().into_iter().filter(RegionState::is_complete);
            regions.map(|region| region.location).collect()
        };
        self.complete_at_first.get_or_insert_with(complete);
        if self.saying == Saying::Written {
            self.saying = Saying::Done;
            for lack in self.wish.details.lacks(version.body()) {
                self.client.run().progress.warn(format!(
                    "Azure accepted a write of {}, which does not show it; still to do: {lack}",
                    short(self.id)
                ));
            }
        }
    }

    /// The body that fulfils the wish, with the regions that were taken out put back; `None` when nothing changes.
    fn completed(&self, version: &ImageVersion) -> Option<Value> {
        let mut out = version.taken_out();
        out.extend(self.taken_out.iter().cloned());
        let merged = version.merged_regions(self.wish.needs, self.wish.storage, &out);
        let is_short_of_regions = merged.is_some();
        let mut body = version.with_regions(merged.unwrap_or_else(|| version.target_regions()));
        let was_tagged = taken_out::forget(&mut body);
        let is_short_of_details = self.saying != Saying::Done && self.wish.details.complete(&mut body);
        (is_short_of_regions || was_tagged || is_short_of_details).then_some(body)
    }

    /// Writes the version. A conflict with somebody else's update is no failure, but for the last of many.
    async fn write(&mut self, body: Value) -> Result<Written> {
        self.writes += 1;
        // A repair that was accepted is no quarrel with another writer.
        if self.writes > MAX_WRITES + self.repairs {
            return Err(never_ours(self.refusal.take()));
        }
        let refused = match self.client.send(&put(self.id, body)).await {
            Ok(_) => {
                self.refusal = None;
                return Ok(Written::Accepted);
            }
            Err(error) if is_passing(&error) => error,
            Err(error) => return Err(error),
        };
        let pause = retry::wait(self.writes - 1, None, fastrand::f64());
        self.refusal = Some(refused);
        self.client.run().pause(pause, "another writer of the version").await?;
        Ok(Written::Unknown)
    }

    /// Takes a failed region out, to be put back by the next look; one that has to stay is written again with the rest.
    async fn repair_region(&mut self, version: &ImageVersion, region: &RegionState) -> Result<()> {
        let location = &region.location;
        if self.repairs == MAX_REPAIRS {
            return Err(failed_region(version, region));
        }
        let progress = &self.client.run().progress;
        if self.has_to_stay(version, location) {
            progress.warn(format!(
                "replication to {location} failed: the version is written again"
            ));
            return self.repair(version.with_regions(version.target_regions())).await;
        }
        let (without, out) = version
            .taking_out(location)
            .map_err(|more| by_hand(version, region, &more))?;
        progress.warn(format!(
            "replication to {location} failed: it is removed and added again"
        ));
        self.taken_out.push(out);
        self.repair(without).await
    }

    /// Writes again what failed without harm to any region.
    async fn repair_change(&mut self, version: &ImageVersion) -> Result<()> {
        if self.repairs == MAX_REPAIRS {
            return Err(failed_change(version));
        }
        self.client.run().progress.warn(format!(
            "the last change of {} failed with its regions complete: it is written again",
            short(self.id)
        ));
        self.repair(version.with_regions(version.target_regions())).await
    }

    async fn repair(&mut self, body: Value) -> Result<()> {
        if self.write(body).await? == Written::Accepted {
            self.repairs += 1;
        }
        Ok(())
    }

    /// Whether a region must not be taken out: the version's own, or one that nodes may be starting from.
    fn has_to_stay(&self, version: &ImageVersion, location: &Location) -> bool {
        let own = read_json::text(version.body(), "/location").and_then(|text| text.parse().ok());
        let was_complete = self.complete_at_first.iter().flatten().any(|it| it == location);
        was_complete || own.as_ref() == Some(location)
    }
}

/// Whether looking again may help: somebody else is writing, or nobody knows what became of the write.
fn is_passing(error: &Error) -> bool {
    let Some(refusal) = error.service().filter(|refusal| refusal.status == 409) else {
        return error.kind() == ErrorKind::UnknownEffect;
    };
    let is_nameless = refusal.code.is_empty() || refusal.code == "HTTP 409";
    is_nameless || PASSING.iter().any(|code| refusal.code.eq_ignore_ascii_case(code))
}

fn never_ours(refusal: Option<Error>) -> Error {
    let error = Error::new(ErrorKind::Azure, "other writers kept changing its regions or tags")
        .with_hint("run it again when they are done");
    match refusal {
        Some(refusal) => error.because(refusal),
        None => error,
    }
}

fn by_hand(version: &ImageVersion, region: &RegionState, more: &str) -> Error {
    let location = &region.location;
    failed_region(version, region).with_hint(format!(
        "it carries {more}, which would be lost by a run that ends halfway: remove {location} from the version's target regions by hand, add it again as it was, and run the same again"
    ))
}

fn failed_change(version: &ImageVersion) -> Error {
    let text = format!(
        "the last changes of {} failed, and its regions are complete",
        short(&version.id)
    );
    Error::new(ErrorKind::Azure, text).with_hint("run the same again later")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServiceError;

    #[test]
    fn only_another_writer_is_looked_after_again() {
        let refused = |status: u16, code: &str| {
            let envelope = serde_json::json!({"code": code, "message": "no"});
            crate::judge::failed("cannot write", ServiceError::from_envelope(status, &envelope))
        };
        for code in ["Conflict", "anotheroperationinprogress", "RetryableError"] {
            assert!(is_passing(&refused(409, code)), "{code}");
        }
        let nameless = ServiceError::from_envelope(409, &Value::Null);
        assert!(is_passing(&crate::judge::failed("cannot write", nameless)));
        assert!(is_passing(&Error::new(ErrorKind::UnknownEffect, "no answer")));
        for code in ["ScopeLocked", "PropertyChangeNotAllowed", "OperationNotAllowed"] {
            assert!(!is_passing(&refused(409, code)), "{code}");
        }
        assert!(!is_passing(&refused(400, "Conflict")));
    }
}
