//! Adopting: a version of the wanted definition that is there already is the result as it is.
//!
//! Its regions, replicas, dates and tags are completed. Nothing is copied and no temporary is made. Nothing that it has
//! already is lowered or taken away, except the values of tags that the user names. Settings without effect on such a
//! version are listed by `adopt/unused.rs`.

mod unused;

use super::{
    Outcome, PublishPlan, Published, PublishedRegion, checks,
    observe::accounts,
    plan::{self},
    regions,
    report::{Stored, security_type},
    source::{fingerprint, image},
};
use crate::{
    batch::account::Account,
    client::Client,
    compute::{gallery::ImageDefinition, version::ImageVersion},
    error::{Error, ErrorKind, Result},
    ids::{VersionNumber, resource::ImageVersionId},
    json,
    options::image::DESTINATION_IMAGE_VERSION,
    plan::Plan,
    progress::Progress,
    replicas::RegionNeed,
    replication::{self, Details, Wanted},
    settings::{PublishSettings, Reuse},
    tags::Tag,
    words,
};

/// What was seen before deciding.
#[derive(Debug)]
struct Seen {
    version: ImageVersion,
    definition: ImageDefinition,
    accounts: Vec<(Account, u32)>,
}

/// What the version has to become.
#[derive(Debug)]
struct Goal {
    number: VersionNumber,
    /// The regions that pools wait for, the version's own first.
    first: Vec<RegionNeed>,
    rest: Vec<RegionNeed>,
    details: Details,
}

/// Adopts.
///
/// # Errors
/// When a check refuses, the version failed, Azure fails, or the run ends. What was completed by then stays.
pub(super) async fn run(client: &Client, settings: &PublishSettings, id: &ImageVersionId) -> Result<Published> {
    let run = client.run();
    let what = format!("Looking at {}", settings.source);
    let seen = run.step("source", what, observe(client, settings, id)).await?;
    let plan = decide(settings, &seen, &run.progress)?;
    announce(settings, &plan, &run.progress);
    let what = format!("Completing {}, where pools wait", regions::names(&plan.first));
    let storage = settings.version_settings.storage;
    let first = Wanted {
        regions: plan.first.clone(),
        storage,
        details: plan.details.clone(),
    };
    let first = replication::ensure(client, id, &first);
    let mut version = run.step("regions", what, first).await?;
    if !plan.rest.is_empty() {
        let what = format!("Replicating to {}", regions::names(&plan.rest));
        // The details were written with the first regions, or warned about.
        let rest = Wanted {
            regions: plan.rest.clone(),
            storage,
            details: Details::default(),
        };
        let rest = replication::ensure(client, id, &rest);
        version = run.step("more regions", what, rest).await?;
    }
    describe(settings, &seen.definition, &plan, &version)
}

/// Says what [`run`] would do; writes nothing.
///
/// # Errors
/// As [`run`], for what can be known without writing.
pub(super) async fn plan(client: &Client, settings: &PublishSettings, id: &ImageVersionId) -> Result<PublishPlan> {
    let seen = observe(client, settings, id).await?;
    let plan = decide(settings, &seen, &client.run().progress)?;
    let needs = || plan.first.iter().chain(&plan.rest);
    let mut changes = regions::changes(Some(&seen.version), needs());
    changes.extend(regions::descriptions(Some(&seen.version), &plan.details));
    Ok(PublishPlan {
        version: id.clone(),
        steps: Plan::new(changes),
        replicas: needs().map(|need| need.formula.clone()).collect(),
        stored: Stored::new(image::of_version(&seen.version, &seen.definition)?.size_gib(), needs()),
        end_of_life: plan.details.end_of_life,
        followers: Vec::new(),
        permanent: Vec::new(),
    })
}

async fn observe(client: &Client, settings: &PublishSettings, id: &ImageVersionId) -> Result<Seen> {
    let (version, definition, accounts) = futures::try_join!(
        image::settled_version(client, id),
        image::definition_of(client, id),
        accounts(client, settings)
    )?;
    Ok(Seen {
        version,
        definition,
        accounts,
    })
}

/// Refuses what cannot be adopted, and says what the version has to become, before anything is written.
fn decide(settings: &PublishSettings, seen: &Seen, progress: &Progress) -> Result<Goal> {
    let version = &seen.version;
    let number = number(settings, version)?;
    require_generalized(version, &seen.definition)?;
    let machine = image::of_version(version, &seen.definition)?;
    checks::refuse(
        checks::checks(&machine, settings.machine),
        &settings.ignore_checks,
        progress,
    )?;
    let (first, rest) = regions::regions(settings, &machine.location, &seen.accounts)?;
    let needs: Vec<RegionNeed> = first.iter().chain(&rest).cloned().collect();
    replication::require_no_key(version, &needs)?;
    let mut details = plan::details(settings, &fingerprint::of(&machine, &settings.run_id));
    if is_shallow(version) {
        refuse_shallow(settings, version, &needs, &details)?;
        details = Details::default();
    }
    let wanted = Wanted {
        regions: Vec::new(),
        storage: settings.version_settings.storage,
        details: details.clone(),
    };
    for text in replication::kept(version, &wanted) {
        progress.warn(text);
    }
    for text in unused::notes(settings) {
        progress.note(text);
    }
    Ok(Goal {
        number,
        first,
        rest,
        details,
    })
}

/// The version's own number, if it is what was asked for.
fn number(settings: &PublishSettings, version: &ImageVersion) -> Result<VersionNumber> {
    if let Some(text) = settings.refused_number() {
        let text = words![DESTINATION_IMAGE_VERSION, format!(" {text}")];
        return Err(Error::new(ErrorKind::BadInput, text));
    }
    version.id.number().ok_or_else(|| {
        let text = format!("version {} does not have a number of three parts", version.id.name());
        Error::new(ErrorKind::BadInput, text)
    })
}

/// Batch starts pools from generalized images only, which no setting here can change.
fn require_generalized(version: &ImageVersion, definition: &ImageDefinition) -> Result<()> {
    if !definition.os_state().eq_ignore_ascii_case("Specialized") {
        return Ok(());
    }
    let text = format!(
        "version {} is specialized as its definition is, and Batch starts pools from generalized images only",
        version.id.name()
    );
    let hint = "generalize the machine, and build into a definition whose osState is Generalized";
    Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
}

fn is_shallow(version: &ImageVersion) -> bool {
    let mode = json::text(version.body(), "/properties/publishingProfile/replicationMode");
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("Shallow"))
}

/// A shallow version is for tests: Azure takes no later change of it, so it must have all that is asked for. The user
/// did not ask for our own tags.
fn refuse_shallow(
    settings: &PublishSettings,
    version: &ImageVersion,
    needs: &[RegionNeed],
    details: &Details,
) -> Result<()> {
    let mut missing: Vec<String> = details
        .changes(version.body())
        .iter()
        .map(ToString::to_string)
        .collect();
    let storage = settings.version_settings.storage;
    if replication::merged_regions(version, needs, storage, &[]).is_some() {
        missing.push(format!("bring it to {}", regions::names(needs)));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let text = format!(
        "version {} was published with replication mode Shallow, which takes no later change, and is asked to: {}",
        version.id.name(),
        missing.join("; ")
    );
    let hint = "build it again with replication mode Full, or ask for no more than it has";
    Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
}

fn announce(settings: &PublishSettings, plan: &Goal, progress: &Progress) {
    let number = plan.number;
    progress.note(format!(
        "Version {number} is of the wanted definition: it is adopted and nothing is copied"
    ));
    if settings.reuse == Reuse::Never {
        progress.note("An adopted version is not made again, also when a new version is asked for");
    }
    for need in plan.first.iter().chain(&plan.rest) {
        progress.note(&need.formula);
    }
}

fn describe(
    settings: &PublishSettings,
    definition: &ImageDefinition,
    plan: &Goal,
    version: &ImageVersion,
) -> Result<Published> {
    let machine = image::of_version(version, definition)?;
    // Our tags are written only together with another change, so the version may not show it.
    let fingerprint = fingerprint::of(&machine, &settings.run_id);
    Ok(Published {
        version: version.id.clone(),
        number: plan.number,
        definition: settings.definition.clone(),
        source: settings.source.to_string(),
        fingerprint: Tag::Fingerprint
            .read(version.body())
            .map_or_else(|| fingerprint.to_string(), str::to_owned),
        outcome: Outcome::Adopted,
        security_type: security_type(Some(definition), &machine),
        data_disk_luns: machine.luns(),
        os_type: machine.os_type,
        hyper_v_generation: machine.generation,
        architecture: machine.architecture,
        regions: version.regions().into_iter().map(PublishedRegion::from).collect(),
    })
}

#[cfg(test)]
mod tests;
