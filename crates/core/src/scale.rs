//! Brings the replicas of a version to what its users in sight need: more where they are too few, and, when asked to,
//! fewer where they are too many. On request it takes a version out of regions.
//!
//! It shows its plan with the arithmetic, and writes with consent. How many a region needs is decided in `replicas`,
//! what is to be done in `decide`. No region is added.

mod decide;
mod pools;

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

pub use self::decide::{Region, ScaleStep};
use self::{
    decide::{decide, removals},
    pools::Load,
};
use crate::{
    client::Client,
    compute::version::{self, ImageVersion, location_of},
    error::{Error, ErrorKind, Result},
    ids::Location,
    plan::Plan,
    preflight,
    replication::{self, Wanted},
    rights,
    settings::{Checked, Fit, ScaleSettings},
    usage::Blind,
    write::Tries,
};

/// How often a version is written when other writers keep undoing it.
const MAX_WRITES: u32 = 5;

/// What a version has and what it needs, region by region.
#[derive(Debug, Serialize)]
pub struct Scaling {
    /// The version.
    pub version: String,
    /// Its regions.
    pub regions: Vec<Region>,
    /// What is to be done.
    pub plan: Plan<ScaleStep>,
    /// Regions that it was to be taken out of, and is not in.
    pub absent: Vec<Location>,
    /// What could not be seen: what is there may need more.
    pub unseen: Vec<Blind>,
    /// The steps that were carried out, as the plan words them; absent when nothing was to be written.
    pub done: Option<Vec<String>>,
}

/// One region a line, with its arithmetic.
impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, region) in self.regions.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            region.fmt(f)?;
        }
        Ok(())
    }
}

/// Looks at the version and at the pools in sight. It writes nothing.
///
/// # Errors
/// `Refused` when replicas would be lowered and not all who may need them can be seen; `Quota` when no region holds as
/// many as are needed; when there is no such version, or the run ends.
pub async fn plan(client: &Client, settings: &Checked<ScaleSettings>) -> Result<Scaling> {
    let what = "looking at the version and at the pools in sight";
    client.run().step("replicas", what, look(client, settings)).await
}

async fn look(client: &Client, settings: &ScaleSettings) -> Result<Scaling> {
    let (version, Load { pools, blind }) = observe(client, settings).await?;
    require_regions(&version, &settings.regions)?;
    let regions = decide(&version, &pools, settings)?;
    let mut steps: Vec<ScaleStep> = regions.iter().filter_map(|region| region.step(&version)).collect();
    steps.extend(removals(&version, &pools, settings)?);
    let lowers = steps.iter().any(ScaleStep::lowers);
    if lowers && !blind.is_empty() {
        return Err(unseen(&version, &blind));
    }
    Ok(Scaling {
        version: version.title(),
        regions,
        plan: Plan::new(steps),
        absent: absent(&version, &settings.removed),
        unseen: blind,
        done: None,
    })
}

async fn observe(client: &Client, settings: &ScaleSettings) -> Result<(ImageVersion, Load)> {
    let (found, load) = futures::try_join!(version::find(client, &settings.version), pools::read(client, settings))?;
    Ok((found.ok_or_else(|| missing(settings))?, load))
}

/// Looks again and writes what is needed by then: first what is raised, then what is lowered. What was done is in the
/// scaling, also after a failure.
///
/// # Errors
/// As [`plan`]; also when the service refuses.
pub async fn carry_out(client: &Client, settings: &Checked<ScaleSettings>, scaling: &mut Scaling) -> Result<()> {
    let what = format!("writing image version {}", version::title(&settings.version));
    let done = scaling.done.insert(Vec::new());
    client.run().step("write", what, write(client, settings, done)).await
}

async fn write(client: &Client, settings: &ScaleSettings, done: &mut Vec<String>) -> Result<()> {
    let now = look(client, settings).await?;
    if !now.plan.steps.is_empty() {
        let deed = (
            "Microsoft.Compute/galleries/images/versions/write",
            "to change the replicas of the version",
        );
        let need = rights::version_of(&settings.version.definition(), deed);
        preflight::require_rights(client, [need]).await?;
    }
    let regions = now.regions.iter();
    let short: Vec<&Region> = regions.filter(|region| region.needed > region.present).collect();
    if !short.is_empty() {
        raise(client, settings, &short).await?;
    }
    let (removal, replicas): (Vec<&ScaleStep>, Vec<&ScaleStep>) =
        now.plan.steps.iter().partition(|step| is_of_removal(step));
    let (lowering, raising): (Vec<&ScaleStep>, Vec<&ScaleStep>) = replicas.into_iter().partition(|step| step.lowers());
    done.extend(raising.iter().map(ToString::to_string));
    let lowered: Vec<&Region> = now.regions.iter().filter(|region| region.is_lowered()).collect();
    if settings.fit == Fit::Lower && !lowered.is_empty() {
        lower(client, settings, &lowered).await?;
        done.extend(lowering.iter().map(ToString::to_string));
    }
    if !removal.is_empty() {
        replication::remove(client, &settings.version, &settings.removed).await?;
        done.extend(removal.iter().map(ToString::to_string));
    }
    if settings.fit == Fit::Lower && !lowered.is_empty() {
        done.extend(give_back(client, settings).await?);
    }
    Ok(())
}

/// Raises what pools need that have come or grown while replicas were lowered, and says what that was.
async fn give_back(client: &Client, settings: &ScaleSettings) -> Result<Vec<String>> {
    let (version, load) = observe(client, settings).await?;
    let regions = decide(&version, &load.pools, settings)?;
    let short: Vec<&Region> = regions.iter().filter(|region| region.needed > region.present).collect();
    if short.is_empty() {
        return Ok(Vec::new());
    }
    raise(client, settings, &short).await?;
    let steps = short.into_iter().filter_map(|region| region.step(&version));
    Ok(steps.map(|step| step.to_string()).collect())
}

async fn raise(client: &Client, settings: &ScaleSettings, short: &[&Region]) -> Result<()> {
    let wanted = Wanted {
        regions: short.iter().map(|region| region.need()).collect(),
        ..Wanted::default()
    };
    replication::ensure(client, &settings.version, &wanted).await.map(drop)
}

const fn is_of_removal(step: &ScaleStep) -> bool {
    match step {
        ScaleStep::RemoveRegion { .. } | ScaleStep::FinishRemoval { .. } => true,
        ScaleStep::SetReplicas { .. } => false,
    }
}

fn absent(version: &ImageVersion, removed: &[Location]) -> Vec<Location> {
    let own: Vec<Location> = version.regions().into_iter().map(|region| region.location).collect();
    removed.iter().filter(|region| !own.contains(region)).cloned().collect()
}

/// A version has no `ETag`, so every write starts from the version as it was just read, and the next look shows what
/// became of it.
async fn lower(client: &Client, settings: &ScaleSettings, lowered: &[&Region]) -> Result<()> {
    let id = &settings.version;
    let doing = format!("write image version {}", version::title(id));
    let mut tries = Tries::new(client, &doing);
    let mut writes = 0;
    loop {
        let version = replication::settled(client, id, &[]).await?.into_version();
        let Some(body) = with_fewer(&version, lowered) else {
            return Ok(());
        };
        if writes == MAX_WRITES {
            let text = format!(
                "Azure accepted {MAX_WRITES} changes of {} and does not show them",
                version.title()
            );
            return Err(Error::new(ErrorKind::Azure, text));
        }
        match version::change(client, id, body).await {
            Ok(_) => writes += 1,
            Err(error) => drop(tries.after(error).await?),
        }
    }
}

/// The body of the version with fewer replicas; nothing when none is more than is needed. What another client has raised
/// since the look stays: a pool of theirs needs it. Pure.
fn with_fewer(version: &ImageVersion, lowered: &[&Region]) -> Option<Value> {
    let mut regions = version.target_regions();
    let before = regions.clone();
    for entry in &mut regions {
        let location = location_of(entry);
        let wanted = lowered.iter().find(|region| Some(&region.region) == location.as_ref());
        let own = version
            .regions()
            .into_iter()
            .find(|own| Some(&own.location) == location.as_ref());
        if let (Some(wanted), Some(own), Some(entry)) = (wanted, own, entry.as_object_mut())
            && (wanted.needed + 1..=wanted.present).contains(&own.replicas)
        {
            entry.insert("regionalReplicaCount".to_owned(), json!(wanted.needed));
        }
    }
    (regions != before).then(|| version.with_regions(regions))
}

fn missing(settings: &ScaleSettings) -> Error {
    let text = format!("there is no image version {}", version::title(&settings.version));
    Error::new(ErrorKind::BadInput, text).with_hint("check its number; the verb list shows those that there are")
}

fn require_regions(version: &ImageVersion, regions: &[Location]) -> Result<()> {
    let own: Vec<Location> = version.regions().into_iter().map(|region| region.location).collect();
    match regions.iter().find(|region| !own.contains(region)) {
        None => Ok(()),
        Some(region) => {
            let names: Vec<&str> = own.iter().map(Location::as_str).collect();
            let text = format!("image version {} is not in {region}", version.title());
            Err(Error::new(ErrorKind::BadInput, text).with_hint(format!("it is in {}", names.join(", "))))
        }
    }
}

fn unseen(version: &ImageVersion, blind: &[Blind]) -> Error {
    let lines: Vec<String> = blind.iter().map(|blind| format!("\n    {blind}")).collect();
    let text = format!(
        "image version {} keeps its replicas, since not everything that may need them can be seen:{}",
        version.title(),
        lines.concat()
    );
    let hint = match blind.iter().any(|blind| blind.needs.is_some()) {
        true => "give this identity the rights that are named, and run again",
        false => "run again when it can be seen",
    };
    Error::new(ErrorKind::Refused, text).with_hint(hint)
}
