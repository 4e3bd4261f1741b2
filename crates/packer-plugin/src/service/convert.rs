//! From the service's settings to what core works with: the only validation there is.
//!
//! It finds all faults at once, each with the setting's path and the remedy, and asks nobody:
//! whether things exist is for Azure to say later.

mod destination;
mod faults;
mod login;
mod machine;
mod source;
mod version;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use azure_batch_core::{
    cloud::CloudChoice,
    ids::resource::ImageDefinitionId,
    publish::CHECK_NAMES,
    settings::{Fault, Login, NodesPerReplica, PUBLISH_DEADLINE, PublishSettings, ReplicaRule, Reuse, UsedBy},
};
use jiff::{SignedDuration, Timestamp};

use self::faults::Faults;
use crate::imaging::v1;

/// Everything a publish needs: what, as whom, where, for how long.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to publish.
    pub settings: PublishSettings,
    /// How to sign in.
    pub login: Login,
    /// Which Azure.
    pub cloud: CloudChoice,
    /// A file with certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How long it may take.
    pub limit: Duration,
}

/// Stands for a subscription that is not given, so that what stands beside it is checked too.
const NO_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// What a run is beside its settings.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Names the run in tags.
    pub run_id: &'a str,
    /// What is made of a version of the same source.
    pub reuse: Reuse,
    /// When it is.
    pub now: Timestamp,
}

/// Makes a job of settings.
///
/// # Errors
/// With all faults of the settings.
pub fn job(settings: &v1::Settings, context: &Context<'_>) -> Result<Job, Vec<Fault>> {
    let mut faults = Faults::default();
    let login = login::login(&mut faults, settings);
    let cloud = login::cloud(&mut faults, settings);
    let publish = publish_settings(&mut faults, settings, context);
    let limit = limit(&mut faults, settings.timeout.as_deref());
    let ca_file = faults::filled(settings.ca_file.as_deref()).map(PathBuf::from);
    match (faults.into_result(), login, cloud, publish, limit) {
        (Ok(()), Some(login), Some(cloud), Some(settings), Some(limit)) => Ok(Job {
            settings,
            login,
            cloud,
            ca_file,
            limit,
        }),
        (Err(faults), ..) => Err(faults),
        // A value that is missing without a fault would be a fault of this module.
        (Ok(()), ..) => Err(vec![Fault::new(
            "settings",
            "cannot be read, and the reason is not known",
        )]),
    }
}

/// The definition that settings name; `None` when what they name is none.
#[must_use]
pub fn definition(settings: &v1::Settings) -> Option<ImageDefinitionId> {
    let mut told_later = Faults::default();
    destination::destination(&mut told_later, settings).map(|destination| destination.definition)
}

fn publish_settings(faults: &mut Faults, settings: &v1::Settings, context: &Context<'_>) -> Option<PublishSettings> {
    let source = source::source(faults, settings);
    let destination = destination::destination(faults, settings);
    let used_by = used_by(faults, &settings.used_by);
    let replica_rule = replica_rule(faults, settings);
    let machine = machine::handling(faults, settings);
    let managed_image = faults.parse_or_default("managed_image", settings.managed_image.as_deref());
    let temporaries = machine::temporaries(faults, settings, source.as_ref());
    let version_settings = version::settings(faults, settings, context.now);
    let ignore_checks = ignore_checks(faults, &settings.ignore_checks);
    let (source, destination) = (source?, destination?);
    let settings = PublishSettings {
        source,
        definition: destination.definition,
        create_gallery: faults::is_on(settings.create_gallery),
        traits: version::traits(settings.definition.as_ref()),
        version: destination.version,
        used_by,
        target_regions: destination.target_regions,
        replica_rule: replica_rule?,
        managed_image: managed_image?,
        machine: machine?,
        ignore_checks,
        temporaries: temporaries?,
        version_settings: version_settings?,
        reuse: context.reuse,
        run_id: context.run_id.to_owned(),
    };
    destination::refuse_other_number(faults, &settings);
    Some(settings)
}

fn ignore_checks(faults: &mut Faults, names: &[String]) -> BTreeSet<String> {
    for (index, name) in names.iter().enumerate() {
        if !CHECK_NAMES.contains(&name.as_str()) {
            let text = format!("{name:?} is no check; the checks are {}", CHECK_NAMES.join(", "));
            faults.add(format!("ignore_checks[{index}]"), text);
        }
    }
    names.iter().cloned().collect()
}

fn used_by(faults: &mut Faults, blocks: &[v1::UsedBy]) -> Vec<UsedBy> {
    let mut accounts = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let path = format!("used_by[{index}]");
        let account = faults.required(
            &format!("{path}.batch_account"),
            block.batch_account.as_deref(),
            "give the resource id of the pool's Batch account",
        );
        let account = account.and_then(|account| faults.parse(&format!("{path}.batch_account"), account));
        let nodes = block.nodes.filter(|nodes| *nodes > 0);
        if nodes.is_none() {
            let text = "must be 1 or more: give the greatest number of nodes that the pool will have";
            faults.add(format!("{path}.nodes"), text);
        }
        if let (Some(account), Some(nodes)) = (account, nodes) {
            accounts.push(UsedBy { account, nodes });
        }
    }
    accounts
}

/// Percent beyond which headroom is a slip of the pen: three times what is needed.
const MAX_HEADROOM_PERCENT: u32 = 300;

fn replica_rule(faults: &mut Faults, settings: &v1::Settings) -> Option<ReplicaRule> {
    let nodes_per_replica = match settings.nodes_per_replica {
        None | Some(300) => Some(NodesPerReplica::ThreeHundred),
        Some(600) => Some(NodesPerReplica::SixHundred),
        Some(other) => {
            let text = format!("is {other}; write 300, or 600 as Microsoft's page had it in 2019");
            faults.add("nodes_per_replica", text);
            None
        }
    };
    let headroom_percent = settings
        .replica_headroom_percent
        .unwrap_or(ReplicaRule::default().headroom_percent);
    if headroom_percent > MAX_HEADROOM_PERCENT {
        let text = format!("is {headroom_percent}; write 0 to {MAX_HEADROOM_PERCENT}");
        faults.add("replica_headroom_percent", text);
        return None;
    }
    Some(ReplicaRule {
        nodes_per_replica: nodes_per_replica?,
        headroom_percent,
    })
}

fn limit(faults: &mut Faults, text: Option<&str>) -> Option<Duration> {
    let Some(text) = faults::filled(text) else {
        return Some(PUBLISH_DEADLINE);
    };
    let limit = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|limit| Duration::try_from(limit).ok())
        .filter(|limit| !limit.is_zero());
    if limit.is_none() {
        faults.add(
            "timeout",
            format!("{text:?} is not a duration; write one such as 90m or 6h"),
        );
    }
    limit
}

#[cfg(test)]
mod tests;
