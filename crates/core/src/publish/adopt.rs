//! Adopting: a version of the wanted definition that somebody else made is the result as it is.
//!
//! Its regions, replicas, dates and tags are completed. Nothing is copied, nothing is made on the way, and nothing that
//! it has already is lowered or taken away.

use super::{
    Outcome, PublishPlan, Published, PublishedRegion, accounts,
    machine::{Machine, missing},
    number::FINGERPRINT_TAG,
    plan::{self, RUN_TAG, TOOL, TOOL_TAG},
    preflight, regions_of, whole,
};
use crate::{
    account::Account,
    client::Client,
    compute::{
        gallery::ImageDefinition,
        version::{self, Details, ImageVersion, Wish},
    },
    error::{Error, ErrorKind, Result},
    ids::{VersionNumber, resource::ImageVersionId},
    json,
    progress::Progress,
    replicas::RegionNeed,
    settings::{PublishSettings, Reuse},
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
struct Plan {
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
    let what = format!("Making sure of {}, where pools wait", regions_of(&plan.first));
    let first = ensure(client, settings, id, &plan, &plan.first);
    let mut version = run.step("regions", what, first).await?;
    if !plan.rest.is_empty() {
        let what = format!("Replicating to {}", regions_of(&plan.rest));
        let rest = ensure(client, settings, id, &plan, &plan.rest);
        version = run.step("more regions", what, rest).await?;
    }
    Ok(Published {
        steps: run.steps(),
        ..published(settings, &seen.definition, &plan, &version)?
    })
}

/// Says what [`run`] would do; writes nothing.
///
/// # Errors
/// As [`run`], for what can be known without writing.
pub(super) async fn plan(client: &Client, settings: &PublishSettings, id: &ImageVersionId) -> Result<PublishPlan> {
    let seen = observe(client, settings, id).await?;
    let plan = decide(settings, &seen, &client.run().progress)?;
    let needs = || plan.first.iter().chain(&plan.rest);
    let mut changes = plan::region_changes(Some(&seen.version), needs());
    changes.extend(plan.details.lacks(seen.version.body()).iter().map(ToString::to_string));
    Ok(PublishPlan {
        version: id.clone(),
        changes,
        replicas: needs().map(|need| need.formula.clone()).collect(),
    })
}

async fn observe(client: &Client, settings: &PublishSettings, id: &ImageVersionId) -> Result<Seen> {
    let find = async {
        let found = version::find(client, id).await?;
        found.ok_or_else(|| missing(&id.to_string()))
    };
    let (version, definition, accounts) =
        futures::try_join!(find, whole::definition_of(client, id), accounts(client, settings))?;
    Ok(Seen {
        version,
        definition,
        accounts,
    })
}

/// Refuses what cannot be adopted, and says what the version has to become, before anything is written.
fn decide(settings: &PublishSettings, seen: &Seen, progress: &Progress) -> Result<Plan> {
    let number = number(settings, &seen.version)?;
    let machine = whole::of_version(&seen.version, &seen.definition)?;
    preflight::refuse(
        preflight::checks(&machine, settings.machine),
        &settings.ignore_checks,
        progress,
    )?;
    preflight::compare_definition(&machine, &seen.definition)?;
    let (first, rest) = plan::regions(settings, &machine.location, &seen.accounts, progress)?;
    refuse_shallow(settings, &seen.version, first.iter().chain(&rest))?;
    Ok(Plan {
        number,
        first,
        rest,
        details: details(settings, &machine),
    })
}

/// The version's own number, if it is what was asked for.
fn number(settings: &PublishSettings, version: &ImageVersion) -> Result<VersionNumber> {
    let number = version.id.number();
    match number {
        Some(number) if settings.version.admits(Some(number)) => Ok(number),
        _ => {
            let text = format!(
                "version {} is there already and keeps its number, {} is asked for",
                version.id.name(),
                settings.version
            );
            Err(Error::new(ErrorKind::BadInput, text).with_hint(format!(
                "set image_version = \"{}\", or leave it out",
                version.id.name()
            )))
        }
    }
}

/// A shallow version is for tests: Azure gives it neither further regions nor further replicas.
fn refuse_shallow<'a>(
    settings: &PublishSettings,
    version: &ImageVersion,
    needs: impl Iterator<Item = &'a RegionNeed>,
) -> Result<()> {
    let mode = json::text(version.body(), "/properties/publishingProfile/replicationMode").unwrap_or_default();
    let needs: Vec<RegionNeed> = needs.cloned().collect();
    let storage = settings.version_settings.storage.as_str();
    let is_enough = version.merged_regions(&needs, storage, &[]).is_none();
    if is_enough || !mode.eq_ignore_ascii_case("Shallow") {
        return Ok(());
    }
    let text = format!(
        "version {} was published with replication mode Shallow, which takes neither regions nor replicas, and {} are needed",
        version.id.name(),
        regions_of(&needs)
    );
    Err(Error::new(ErrorKind::Refused, text).with_hint("build it anew with replication mode Full"))
}

/// What the version has to say of itself. Whose it was first, it goes on saying.
fn details(settings: &PublishSettings, machine: &Machine) -> Details {
    let fingerprint = machine.fingerprint();
    let ours = [
        (TOOL_TAG, TOOL),
        (RUN_TAG, &settings.run_id),
        (FINGERPRINT_TAG, fingerprint.as_str()),
    ];
    Details {
        tags: settings.temporaries.tags.clone(),
        first_tags: ours.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        end_of_life: settings.version_settings.end_of_life,
        exclude_from_latest: settings.version_settings.exclude_from_latest,
    }
}

fn announce(settings: &PublishSettings, plan: &Plan, progress: &Progress) {
    let number = plan.number;
    progress.note(format!(
        "Version {number} is of the wanted definition: it is adopted and nothing is copied"
    ));
    if settings.reuse == Reuse::Never {
        progress.note("What is adopted is not made anew, also when a new version is asked for");
    }
    for need in plan.first.iter().chain(&plan.rest) {
        progress.note(&need.formula);
    }
}

async fn ensure(
    client: &Client,
    settings: &PublishSettings,
    id: &ImageVersionId,
    plan: &Plan,
    needs: &[RegionNeed],
) -> Result<ImageVersion> {
    let wish = Wish {
        needs,
        storage: settings.version_settings.storage.as_str(),
        details: &plan.details,
    };
    version::ensure(client, id, &wish).await
}

fn published(
    settings: &PublishSettings,
    definition: &ImageDefinition,
    plan: &Plan,
    version: &ImageVersion,
) -> Result<Published> {
    let machine = whole::of_version(version, definition)?;
    let security_type = definition.security_type().unwrap_or(machine.security.as_str());
    Ok(Published {
        version: version.id.clone(),
        number: plan.number,
        definition: settings.definition.clone(),
        source: settings.source.to_string(),
        fingerprint: version.tag(FINGERPRINT_TAG).unwrap_or_default().to_owned(),
        outcome: Outcome::Adopted,
        security_type: security_type.to_owned(),
        data_disk_luns: machine.luns(),
        os_type: machine.os_type,
        hyper_v_generation: machine.generation,
        architecture: machine.architecture,
        regions: version.regions().into_iter().map(PublishedRegion::from).collect(),
        kept: Vec::new(),
        steps: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
