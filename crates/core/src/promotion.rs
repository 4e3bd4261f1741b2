//! Moves `latest`: admits a version to it, or excludes one from it, everywhere or in some regions.
//!
//! Pools that follow the definition take what is latest, so a plan names them first. What a version becomes, and what
//! `latest` is then, is decided in `decide`; here it is looked at and written.

mod decide;

use serde::Serialize;
use serde_json::Value;

pub use self::decide::{Move, PromotionStep, changed, moves, require_passed};
use crate::{
    client::Client,
    compute::{
        soft_deleted::SoftDeleted,
        version::{self, ImageVersion},
    },
    error::{Error, ErrorKind, Result},
    estate,
    ids::resource::ImageVersionId,
    listing::Unseen,
    plan::Plan,
    preflight, replication, rights,
    settings::{Checked, PromotionSettings},
    tags::TestMark,
    users,
    versions::{self, Versions},
    write::Tries,
};

/// How often a version is written when other writers keep undoing it.
const MAX_WRITES: u32 = 5;

/// What a run will do, and who takes which version then.
#[derive(Clone, Debug, Serialize)]
pub struct Promotion {
    /// The version.
    pub version: String,
    /// The steps: none when it is already as wanted.
    pub plan: Plan<PromotionStep>,
    /// The regions in which another version becomes latest.
    pub moves: Vec<Move>,
    /// How the last test of the version ended; nothing when none was made.
    pub test: Option<TestMark>,
    /// What could not be read: pools there may follow the definition, too.
    pub unseen: Vec<Unseen>,
    /// The steps that were carried out, as the plan words them; absent when nothing was to be written.
    pub done: Option<Vec<String>>,
}

/// Looks at the version, its siblings and the pools in sight. It writes nothing.
///
/// # Errors
/// When there is no such version, it cannot become what is wanted, or the run ends.
pub async fn plan(client: &Client, settings: &Checked<PromotionSettings>) -> Result<Promotion> {
    let title = version::title(&settings.version);
    let definition = settings.version.definition();
    let what = format!(
        "looking at the versions of {} and at the pools in sight",
        definition.name()
    );
    let looked = async {
        futures::try_join!(
            versions::read(client, &definition),
            estate::read(client, &settings.sight)
        )
    };
    let (all, estate) = client.run().step("versions", what, looked).await?;
    let version = find(&all, settings)?;
    let body = wanted(version, settings)?;
    let users = users::of(&estate, &definition);
    let step = || PromotionStep::new(title.clone(), settings.goal, version, &settings.regions);
    Ok(Promotion {
        plan: body.iter().map(|_| step()).collect(),
        moves: body.map_or_else(Vec::new, |body| moves(&all, &all.with(&version.id, body), &users)),
        unseen: estate.gaps.iter().map(Unseen::of).collect(),
        test: TestMark::read(version.body()),
        version: title,
        done: None,
    })
}

/// Writes the version until it is as wanted. When it is already, nothing is written. What was done is in the promotion,
/// also after a failure.
///
/// # Errors
/// When the version cannot become what is wanted, the service refuses, or the run ends.
pub async fn carry_out(
    client: &Client,
    settings: &Checked<PromotionSettings>,
    promotion: &mut Promotion,
) -> Result<()> {
    let title = version::title(&settings.version);
    let what = format!("writing image version {title}");
    let done = promotion.done.insert(Vec::new());
    let is_due = !promotion.plan.steps.is_empty();
    let work = async {
        if is_due {
            let deed = (
                "Microsoft.Compute/galleries/images/versions/write",
                "to admit the version to latest, or to exclude it",
            );
            let need = rights::version_of(&settings.version.definition(), deed);
            preflight::require_rights(client, [need]).await?;
        }
        write(client, settings).await
    };
    client.run().step("write", what, work).await?;
    done.extend(promotion.plan.steps.iter().map(ToString::to_string));
    Ok(())
}

/// A version has no `ETag`, so every write starts from the version as it was just read, and the next look shows what
/// became of it.
async fn write(client: &Client, settings: &PromotionSettings) -> Result<()> {
    let id = &settings.version;
    let doing = format!("write image version {}", version::title(id));
    let mut tries = Tries::new(client, &doing);
    let mut writes = 0;
    loop {
        let version = replication::settled(client, id, &[]).await?.into_version();
        let Some(body) = wanted(&version, settings)? else {
            return Ok(());
        };
        if writes == MAX_WRITES {
            return Err(undone(&version));
        }
        writes += put(client, &mut tries, (id, body)).await?;
    }
}

/// What the version becomes; nothing when it is as wanted.
fn wanted(version: &ImageVersion, settings: &PromotionSettings) -> Result<Option<Value>> {
    let body = changed(version, settings.goal, &settings.regions)?;
    if body.is_some() {
        require_passed(version, settings.goal, settings.failed_test)?;
    }
    Ok(body)
}

/// How many writes the service took: after a conflict or a lost answer none is known, and the next look decides.
async fn put(client: &Client, tries: &mut Tries<'_>, (id, body): (&ImageVersionId, Value)) -> Result<u32> {
    // What Azure only reports does not go back: a source that it names may be gone.
    let wanted = ImageVersion::new(id.clone(), body);
    let body = wanted.with_regions(wanted.target_regions());
    match version::change(client, id, body).await {
        Ok(_) => Ok(1),
        Err(error) => tries.after(error).await.map(|_| 0),
    }
}

fn find<'a>(all: &'a Versions, settings: &PromotionSettings) -> Result<&'a ImageVersion> {
    let number = settings.version.number();
    number.and_then(|number| all.find(number)).ok_or_else(|| {
        let kept = all
            .soft_deleted
            .iter()
            .flatten()
            .find(|kept| Some(kept.number) == number);
        if let Some(kept) = kept {
            return deleted(&settings.version, kept);
        }
        let text = format!("there is no image version {}", version::title(&settings.version));
        let numbers: Vec<&str> = all.all.iter().map(|version| version.id.name()).collect();
        let hint = match numbers.as_slice() {
            [] => "the definition has no versions".to_owned(),
            numbers => format!("the definition has {}", numbers.join(", ")),
        };
        Error::new(ErrorKind::BadInput, text).with_hint(hint)
    })
}

fn deleted(id: &ImageVersionId, kept: &SoftDeleted) -> Error {
    let until = kept
        .gone_at
        .map(|time| format!(" until {}", time.strftime("%F")))
        .unwrap_or_default();
    let text = format!(
        "image version {} was deleted; its gallery keeps it{until}",
        version::title(id)
    );
    Error::new(ErrorKind::BadInput, text)
        .with_hint("`az sig image-version undelete` brings it back; then run this again")
}

fn undone(version: &ImageVersion) -> Error {
    let text = format!(
        "Azure accepted {MAX_WRITES} changes of {} and does not show them",
        version.title()
    );
    Error::new(ErrorKind::Azure, text).with_hint("another client may change the version: run again when it is done")
}
