//! Reads everything that a publish needs to know.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    EarlyDeletion, EndsWhen, Generalized, Keys, Latest, MachineHandling, PublishSettings, ReplicaRule, ReplicaStorage,
    ReplicationMode, Reuse, ShallowBy, Source, Stopped, UsedBy, VersionSettings, definition, destination, pool, prices,
    profile, reader::Reader, source, temporaries, trial,
};
use crate::{
    options::{Opt, image},
    words,
};

/// The greatest headroom: three times what is needed, beyond which it is a slip of the pen.
const MOST_HEADROOM_PERCENT: u32 = 300;

/// What a publish is in addition to its settings.
#[derive(Clone, Copy, Debug)]
pub struct PublishContext<'a> {
    /// Names the run in tags.
    pub run_id: &'a str,
    /// Whether a version of the same source is the result.
    pub reuse: Reuse,
    /// When it is.
    pub now: Timestamp,
    /// The names of the preflight checks.
    pub checks: &'a [&'a str],
}

/// Reads the settings.
pub(super) fn read(reader: &mut Reader<'_, '_>, context: &PublishContext<'_>) -> Option<PublishSettings> {
    let source = source::source(reader);
    let made_from = source::made_from(reader);
    let destination = destination::destination(reader);
    let used_by = used_by(reader);
    let replica_rule = replica_rule(reader);
    let machine = handling(reader);
    let managed_image = reader.parsed_or_default(image::MANAGED_IMAGE);
    let temporaries =
        temporaries::temporaries(reader, (source.as_ref(), destination.as_ref().map(|it| &it.definition)));
    let version_settings = version(reader, context.now);
    let test = trial::test(reader);
    let ends = if reader.is_on(image::NO_WAIT) {
        EndsWhen::Accepted
    } else {
        EndsWhen::Complete
    };
    let ignore_checks = ignore_checks(reader, context.checks);
    let create_gallery = reader.is_on(image::CREATE_GALLERY);
    let traits = definition::traits(reader);
    let destination = destination?;
    let keys = if destination.target_regions.iter().any(|region| region.keys.is_some()) {
        Keys::Own
    } else {
        Keys::Azure
    };
    let settings = PublishSettings {
        source: source?,
        made_from,
        definition: destination.definition,
        create_gallery,
        traits: traits?,
        version: destination.version,
        used_by,
        target_regions: destination.target_regions,
        replica_rule: replica_rule?,
        managed_image: managed_image?,
        machine: MachineHandling { keys, ..machine? },
        ignore_checks,
        temporaries: temporaries?,
        version_settings: version_settings?,
        test: test?,
        ends,
        register: pool::register(reader),
        prices: prices::read(reader),
        reuse: context.reuse,
        run_id: context.run_id.to_owned(),
    };
    refuse_contradictions(reader, &settings);
    Some(settings)
}

/// What cannot be had together.
fn refuse_contradictions(reader: &mut Reader<'_, '_>, settings: &PublishSettings) {
    if settings.test.is_some() && settings.version_settings.replication == ReplicationMode::Shallow {
        reader.refuse(
            image::TEST,
            words![
                "contradicts ",
                settings.version_settings.shallow_by.option(),
                ": a shallow version takes no later change; remove one of the two"
            ],
        );
    }
    if settings.test.is_some() && settings.ends == EndsWhen::Accepted {
        let text = words![
            "contradicts ",
            image::TEST,
            ": a version that is not complete cannot be tested; remove one of the two"
        ];
        reader.refuse(image::NO_WAIT, text);
    }
    if matches!(settings.source, Source::Community(_)) && settings.target_regions.is_empty() {
        let text = words![
            "is missing: the version of a community gallery in ",
            image::SOURCE_IMAGE_VERSION,
            " shows no region, and the first block says where the new version is made of it"
        ];
        reader.refuse(image::DESTINATION_TARGET_REGION, text);
    }
    if let Some(text) = settings.refused_number() {
        reader.refuse(image::DESTINATION_IMAGE_VERSION, text);
    }
}

fn ignore_checks(reader: &mut Reader<'_, '_>, checks: &[&str]) -> BTreeSet<String> {
    let opt = image::IGNORE_CHECKS;
    let names = reader.texts(opt);
    for (index, name) in names.iter().enumerate() {
        if !checks.contains(&name.as_str()) {
            let text = format!("{name:?} is not a check; the checks are {}", checks.join(", "));
            reader.refuse_item(opt, index, text);
        }
    }
    names.iter().cloned().collect()
}

fn used_by(reader: &mut Reader<'_, '_>) -> Vec<UsedBy> {
    reader.blocks(image::USED_BY, |pool, _| {
        let remedy = "give the resource id of the pool's Batch account";
        let account = pool
            .required(image::USED_BY_BATCH_ACCOUNT, remedy)
            .and_then(|_| pool.parsed(image::USED_BY_BATCH_ACCOUNT));
        let nodes = pool.number(image::USED_BY_NODES);
        if nodes == Some(0) || !pool.has(image::USED_BY_NODES) {
            let text = "must be 1 or more: give the greatest number of nodes that the pool will have";
            pool.refuse(image::USED_BY_NODES, text);
        }
        let vm_size = pool.parsed(image::USED_BY_VM_SIZE);
        Some(UsedBy {
            account: account?,
            nodes: nodes?,
            vm_size,
        })
    })
}

pub(super) fn replica_rule(reader: &mut Reader<'_, '_>) -> Option<ReplicaRule> {
    let nodes_per_replica = pool::nodes_per_replica(reader);
    let opt = image::REPLICA_HEADROOM_PERCENT;
    let standard = ReplicaRule::default().headroom_percent;
    let headroom_percent = reader.number(opt).unwrap_or(standard);
    if headroom_percent > MOST_HEADROOM_PERCENT {
        let text = format!("is {headroom_percent}; write 0 to {MOST_HEADROOM_PERCENT}");
        reader.refuse(opt, text);
    }
    Some(ReplicaRule {
        nodes_per_replica: nodes_per_replica?,
        headroom_percent,
    })
}

/// Reads what may be done to a source VM.
fn handling(reader: &mut Reader<'_, '_>) -> Option<MachineHandling> {
    let if_running = match (reader.is_on(image::DEALLOCATE), reader.is_on(image::ALLOW_RUNNING_VM)) {
        (false, false) => Some(Stopped::Required),
        (true, false) => Some(Stopped::Deallocate),
        (false, true) => Some(Stopped::AllowRunning),
        (true, true) => {
            reader.refuse_both(image::ALLOW_RUNNING_VM, image::DEALLOCATE);
            None
        }
    };
    let generalized = match (reader.is_on(image::GENERALIZE), reader.is_on(image::GENERALIZED)) {
        (false, false) => Some(Generalized::Required),
        (false, true) => Some(Generalized::Declared),
        (true, false) => Some(Generalized::Mark),
        (true, true) => {
            reader.refuse_both(image::GENERALIZED, image::GENERALIZE);
            None
        }
    };
    let purchase_plan = reader.parsed_or_default(image::PURCHASE_PLAN);
    Some(MachineHandling {
        if_running: if_running?,
        generalized: generalized?,
        purchase_plan: purchase_plan?,
        keys: Keys::default(),
    })
}

/// Reads what the version says of itself.
fn version(reader: &mut Reader<'_, '_>, now: Timestamp) -> Option<VersionSettings> {
    let (storage, replication) = match reader.block(image::SHARED_IMAGE_GALLERY_DESTINATION) {
        None => (
            Some(ReplicaStorage::default()),
            Some((ReplicationMode::default(), ShallowBy::default())),
        ),
        Some(mut block) => (
            block.parsed_or_default(image::DESTINATION_STORAGE_ACCOUNT_TYPE),
            replication(&mut block),
        ),
    };
    let latest = latest(reader);
    let end_of_life = end_of_life(reader, now);
    let early_deletion = early_deletion(reader);
    let profile = profile::profile(reader);
    let (replication, shallow_by) = replication?;
    Some(VersionSettings {
        latest,
        end_of_life,
        storage: storage?,
        replication,
        shallow_by,
        early_deletion,
        profile: profile?,
    })
}

/// The mode, by its own name or by azure-arm's, and which of them it is.
fn replication(block: &mut Reader<'_, '_>) -> Option<(ReplicationMode, ShallowBy)> {
    let (opt, of_azure_arm) = (
        image::DESTINATION_REPLICATION_MODE,
        image::DESTINATION_USE_SHALLOW_REPLICATION,
    );
    refuse_twice(block, of_azure_arm, opt);
    match block.switch(of_azure_arm) {
        Some(true) => Some((ReplicationMode::Shallow, ShallowBy::UseShallowReplication)),
        Some(false) => Some((ReplicationMode::Full, ShallowBy::default())),
        None => Some((block.parsed_or_default(opt)?, ShallowBy::default())),
    }
}

/// Whether `latest` may be the version, in our words or in azure-arm's opposite.
fn latest(reader: &mut Reader<'_, '_>) -> Latest {
    let excluded = image::SHARED_GALLERY_IMAGE_VERSION_EXCLUDE_FROM_LATEST;
    refuse_twice(reader, excluded, image::LATEST_NOW);
    let is_excluded = reader.switch(excluded);
    match reader.switch(image::LATEST_NOW).or(is_excluded.map(|it| !it)) {
        None => Latest::Keep,
        Some(true) => Latest::Admit,
        Some(false) => Latest::Exclude,
    }
}

/// One thing is said in azure-arm's words or in ours.
fn refuse_twice(reader: &mut Reader<'_, '_>, of_azure_arm: &'static Opt, ours: &'static Opt) {
    if reader.has(of_azure_arm) && reader.has(ours) {
        reader.refuse(
            of_azure_arm,
            words!["says the same as ", ours, ": remove one of the two"],
        );
    }
}

fn early_deletion(reader: &mut Reader<'_, '_>) -> EarlyDeletion {
    let opt = image::BLOCK_DELETION_BEFORE_END_OF_LIFE;
    let is_blocked = reader.switch(opt);
    let dates = [
        image::END_OF_LIFE_DATE,
        image::SHARED_GALLERY_IMAGE_VERSION_END_OF_LIFE_DATE,
    ];
    if is_blocked == Some(true) && !dates.iter().any(|date| reader.has(date)) {
        reader.refuse(
            opt,
            words!["has no effect without ", image::END_OF_LIFE_DATE, ": give both"],
        );
    }
    match is_blocked {
        None => EarlyDeletion::Keep,
        Some(true) => EarlyDeletion::Block,
        Some(false) => EarlyDeletion::Permit,
    }
}

fn end_of_life(reader: &mut Reader<'_, '_>, now: Timestamp) -> Option<Timestamp> {
    let (ours, of_azure_arm) = (
        image::END_OF_LIFE_DATE,
        image::SHARED_GALLERY_IMAGE_VERSION_END_OF_LIFE_DATE,
    );
    refuse_twice(reader, of_azure_arm, ours);
    let opt = if reader.has(ours) { ours } else { of_azure_arm };
    let text = reader.text(opt)?;
    let date = text.parse().ok().or_else(|| midnight(text));
    match date {
        None => reader.refuse(
            opt,
            format!("{text:?} is not a date; write one such as 2027-06-30 or 2027-06-30T12:00:00Z"),
        ),
        Some(date) if date <= now => reader.refuse(opt, format!("{text} has passed: give a date in the future")),
        Some(_) => {}
    }
    date
}

/// The beginning of a day in UTC.
fn midnight(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
