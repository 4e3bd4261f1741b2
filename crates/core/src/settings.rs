//! What a run is asked to do, valid by construction: the binaries parse into these types, the flows only read them.
//!
//! Defaults are named constants with their source. Nothing here looks at Azure.

mod autoscale;
mod change;
mod checked;
mod consent;
mod definition;
mod destination;
mod doctor;
mod document;
mod fallback;
pub mod fault;
mod fleet;
mod gates;
mod healing;
mod image;
mod image_security;
mod judgement;
mod judging;
pub(crate) mod luns;
mod manifest;
mod migration;
mod node_logs;
mod notify;
pub mod parts;
pub(crate) mod patience;
mod pool;
mod pool_file;
mod pool_json;
mod prices;
mod profile;
mod publish;
mod reader;
mod replica_rule;
mod retention;
mod returning;
mod rollout;
pub(crate) mod shape;
mod share;
mod sight;
mod sign_in;
mod source;
mod status;
mod temporaries;
mod trial;
mod upkeep;
mod values;
mod versions;
mod wanted_version;
mod word;
mod written;

pub use autoscale::Autoscale;
pub use change::{BlueGreen, Canary, Change, OnBad, OnCancel, RunningTasks, Strategy};
pub use checked::Checked;
pub use consent::Consent;
pub use definition::{DefinitionTraits, Recommended};
pub use doctor::DoctorSettings;
pub use document::Unreadable;
pub use fallback::SpotFallback;
pub use fleet::{AfterFailure, FleetSettings, MAX_PARALLEL};
pub use gates::{GateUrl, Gates};
pub use healing::{HealNodes, Healing};
pub use image::PublishContext;
pub use image_security::{ConfidentialDisks, ImageSecurity, SecurityFeature};
pub use judgement::JudgementSettings;
pub use judging::{FailureRule, Judge, Judging, OnInconclusive};
pub(crate) use migration::PoolAsFound;
pub use migration::{AllPools, MigrationListSettings, MigrationSettings, PoolsToMigrate, SoughtVersion};
pub use node_logs::{LogsSignIn, NodeLogs};
pub use notify::{Announcement, EVENT_TYPE, InvalidRepository, NotifySettings, RepositoryName};
pub use parts::Elevation;
pub use pool_file::{Spots, as_json as pool_file_as_json, holds_many as names_many_pools, schema as pool_file_schema};
pub use pool_json::PoolJson;
pub use prices::{NodePrices, Prices, schema as price_file_schema};
pub use publish::{
    Architecture, DiskKeys, EarlyDeletion, EndsWhen, Generalized, Generation, ImageTest, KeptKind, Keys, Latest, Lun,
    MachineHandling, ManagedImagePolicy, OnFailure, OsType, ProfileJson, PublishSettings, PurchasePlan, ReplicaStorage,
    ReplicationMode, Reuse, ShallowBy, Source, SourceDisk, Stopped, TEST_MINUTES, TargetRegion, Temporaries, UsedBy,
    VersionChoice, VersionSettings, VhdTraits, Vhds,
};
pub use replica_rule::{MAX_REPLICAS, NodesPerReplica, ReplicaRule};
pub use retention::{ProtectedTag, PruneSettings, RetentionRule, RuleOf};
pub use returning::{FleetReturnSettings, LeftVersion};
pub use rollout::{
    AccountRef, Adopt, NewRegion, PendingResize, PoolSpec, Readiness, Register, ResizePolicy, RollbackSettings,
    RolloutPolicy, RolloutSettings, SpotCounts, StartTask, Targets, UnresolvedRollout, WaitForSuccess,
};
pub use share::{InvalidShare, Share};
pub use sight::{Depth, Sight};
pub use sign_in::{CertificateNames, Connection, FromVariable, Login, Lookup, SignInMethod, complete};
pub use status::{StatusSettings, WITHIN_DAYS};
pub use temporaries::{LONGEST_PREFIX, MOST_TAGS};
pub use upkeep::{DeletionSettings, ExpirySettings, WaitSettings};
pub use values::{Stray, Value, Values};
pub use versions::{
    CollectionSettings, CompletionSettings, FailedTest, Fit, Goal, ListSettings, Place, PromotionSettings,
    ScaleSettings,
};
pub(crate) use wanted_version::MANAGED_IMAGE;
pub use wanted_version::{InvalidRule, VersionRule, WantedVersion};
pub use word::UnknownWord;
pub use written::{Member, What, Written};

use std::time::Duration;

use self::reader::Reader;
use crate::{
    ids::resource::ImageDefinitionId,
    options::{Verb, fleet as fleet_options, pool::POOL_FILE, run},
    words,
};

/// Everything that a run was asked for.
#[derive(Clone, Debug)]
pub struct Asked<Settings> {
    /// What to do.
    pub settings: Checked<Settings>,
    /// As whom, and to which Azure.
    pub connection: Connection,
    /// How long it may take.
    pub deadline: Duration,
}

/// Reads what a publish was asked for. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn publish(values: &Values, context: &PublishContext<'_>) -> Result<Asked<PublishSettings>, Vec<fault::Fault>> {
    asked(values, |_| PUBLISH_DEADLINE, |reader| image::read(reader, context))
}

/// Reads what a roll-out was asked for. This is the only validation there is; nothing is asked of Azure. Of the manifest,
/// the pool file and the pool JSON the contents are given, not the files' paths.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn rollout(values: &Values) -> Result<Asked<UnresolvedRollout>, Vec<fault::Fault>> {
    one_pool(values, UnresolvedRollout::usual_deadline)
}

/// Reads what a plan of a roll-out was asked for: the same as the roll-out itself.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn plan(values: &Values) -> Result<Asked<UnresolvedRollout>, Vec<fault::Fault>> {
    one_pool(values, |_| LOOK_DEADLINE)
}

/// Reads what a roll-out of all pools of a file was asked for. This is the only validation there is; nothing is asked of
/// Azure.
///
/// # Errors
/// With all faults, those of the file with their lines; without any when a value is not known yet.
pub fn fleet(given: &Values) -> Result<Asked<FleetSettings>, Vec<fault::Fault>> {
    many_pools(given, FleetSettings::usual_deadline)
}

/// Reads what a plan for all pools of a file was asked for: the same as the roll-out itself.
///
/// # Errors
/// With all faults, those of the file with their lines; without any when a value is not known yet.
pub fn fleet_plan(given: &Values) -> Result<Asked<FleetSettings>, Vec<fault::Fault>> {
    many_pools(given, |_| LOOK_DEADLINE)
}

fn many_pools(
    given: &Values,
    usual_deadline: impl FnOnce(&FleetSettings) -> Duration,
) -> Result<Asked<FleetSettings>, Vec<fault::Fault>> {
    let file = pool_file::complete_all(given)?;
    let (pools, faults) = each_of(&file, |values, spots, found| {
        pool::read(&mut Reader::new(values, found), spots)
    });
    let read = |reader: &mut Reader<'_, '_>| Some(pool::read_fleet(reader, pools));
    together(faults, asked(&file.of_all, usual_deadline, read))
}

/// Each pool of a file as `read` reads it, and the faults of the file and of all of them.
fn each_of<Settings>(
    file: &pool_file::CompletedFleet,
    read: impl Fn(&Values, &Spots, &mut Vec<fault::Fault>) -> Option<Settings>,
) -> (Vec<Checked<Settings>>, Vec<fault::Fault>) {
    let mut faults = file.faults.clone();
    let mut pools = Vec::new();
    for pool in &file.pools {
        let mut found = Vec::new();
        let settings = read(&pool.values, &pool.spots, &mut found);
        for fault in found.into_iter().map(|fault| pool.spots.placed(fault)) {
            // A fault of an input is one fault, however many pools there are.
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        pools.extend(settings.map(Checked::new));
    }
    (pools, faults)
}

/// What was asked for, unless there are faults in it or elsewhere.
fn together<Settings>(
    mut faults: Vec<fault::Fault>,
    asked: Result<Asked<Settings>, Vec<fault::Fault>>,
) -> Result<Asked<Settings>, Vec<fault::Fault>> {
    let asked = asked.map_err(|found| faults.extend(found));
    asked.ok().filter(|_| faults.is_empty()).ok_or(faults)
}

/// Reads which pool to bring back to what it was. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn rollback(given: &Values) -> Result<Asked<RollbackSettings>, Vec<fault::Fault>> {
    let pool_file::Completed { values, spots, faults } = pool_file::complete(given)?;
    let found = asked(&values.of(Verb::Rollback), |_| ROLLOUT_DEADLINE, returning::read_one);
    together(
        faults,
        found.map_err(|found| found.into_iter().map(|fault| spots.placed(fault)).collect()),
    )
}

/// Reads which pools of a file to bring back to what they were. This is the only validation there is; nothing is asked of
/// Azure.
///
/// # Errors
/// With all faults, those of the file with their lines; without any when a value is not known yet.
pub fn fleet_return(given: &Values) -> Result<Asked<FleetReturnSettings>, Vec<fault::Fault>> {
    let file = pool_file::complete_all(given)?;
    let (pools, faults) = each_of(&file, |values, _spots, found| {
        returning::read_pool(&mut Reader::new(&values.clone().of(Verb::Rollback), found))
    });
    let deadline = |settings: &FleetReturnSettings| match settings.plan_only {
        Consent::Yes => LOOK_DEADLINE,
        Consent::No => settings.usual_deadline(),
    };
    let of_all = file.of_all.of(Verb::Rollback);
    together(
        faults,
        asked(&of_all, deadline, |reader| returning::read_fleet(reader, pools)),
    )
}

/// Reads which pool leaves its managed image, and how. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn migration(values: &Values) -> Result<Asked<MigrationSettings>, Vec<fault::Fault>> {
    let deadline = |settings: &MigrationSettings| match settings.act {
        Consent::Yes => MIGRATION_DEADLINE,
        Consent::No => LOOK_DEADLINE,
    };
    asked(values, deadline, migration::read)
}

/// Reads how all pools of an account leave their managed images. This is the only validation there is; nothing is asked of
/// Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn migration_of_all(values: &Values) -> Result<Asked<MigrationSettings<AllPools>>, Vec<fault::Fault>> {
    let deadline = |settings: &MigrationSettings<AllPools>| match settings.act {
        Consent::Yes => MIGRATIONS_DEADLINE,
        Consent::No => LOOK_DEADLINE,
    };
    asked(values, deadline, migration::read_all)
}

/// Which pools a migration is meant for. Without any those on managed images are listed. What is wrong with the values is
/// said by whoever reads the rest.
#[must_use]
pub fn pools_to_migrate(values: &Values) -> PoolsToMigrate {
    migration::meant(&mut Reader::new(values, &mut Vec::new()))
}

/// Reads where to look for pools on managed images. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn migration_list(values: &Values) -> Result<Asked<MigrationListSettings>, Vec<fault::Fault>> {
    asked(values, |_| LOOK_DEADLINE, migration::read_list)
}

/// Reads which pools to look at. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn status(values: &Values) -> Result<Asked<StatusSettings>, Vec<fault::Fault>> {
    asked(values, |_| LOOK_DEADLINE, status::read)
}

/// Reads what a doctor looks at. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn doctor(values: &Values) -> Result<Asked<DoctorSettings>, Vec<fault::Fault>> {
    asked(values, |_| LOOK_DEADLINE, doctor::read)
}

/// Reads which versions to list. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn list(values: &Values) -> Result<Asked<ListSettings>, Vec<fault::Fault>> {
    asked(values, |_| LOOK_DEADLINE, versions::list)
}

/// Reads which version becomes latest. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn promote(values: &Values) -> Result<Asked<PromotionSettings>, Vec<fault::Fault>> {
    asked(
        values,
        |_| PROMOTION_DEADLINE,
        |reader| versions::promotion(reader, Goal::Admit),
    )
}

/// Reads which version to wait for. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn completion(values: &Values) -> Result<Asked<CompletionSettings>, Vec<fault::Fault>> {
    asked(values, |_| PUBLISH_DEADLINE, versions::completion)
}

/// Reads which version is latest no more. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn demote(values: &Values) -> Result<Asked<PromotionSettings>, Vec<fault::Fault>> {
    asked(
        values,
        |_| PROMOTION_DEADLINE,
        |reader| versions::promotion(reader, Goal::Exclude),
    )
}

/// Reads which nodes to judge. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn judgement(values: &Values) -> Result<Asked<JudgementSettings>, Vec<fault::Fault>> {
    asked(
        values,
        |settings| JUDGEMENT_DEADLINE.max(settings.window + LOOK_DEADLINE),
        judgement::read,
    )
}

/// Reads where to look for what dead runs left. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn collection(values: &Values) -> Result<Asked<CollectionSettings>, Vec<fault::Fault>> {
    asked(values, |_| COLLECTION_DEADLINE, versions::collection)
}

/// Reads which versions may be deleted; of a file with rules the content is given. This is the only validation there is;
/// nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn prune(values: &Values, file: Option<&Written>) -> Result<Asked<PruneSettings>, Vec<fault::Fault>> {
    asked(values, |_| PRUNE_DEADLINE, |reader| retention::read(reader, file))
}

/// Reads which version gets as many replicas as its pools need. This is the only validation there is; nothing is asked
/// of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn scale(values: &Values) -> Result<Asked<ScaleSettings>, Vec<fault::Fault>> {
    asked(values, |_| PUBLISH_DEADLINE, versions::scale)
}

/// Reads which pool to wait for. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn wait(values: &Values) -> Result<Asked<WaitSettings>, Vec<fault::Fault>> {
    asked(values, |_| WAIT_DEADLINE, upkeep::read_wait)
}

/// Reads which pool to delete. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn deletion(values: &Values) -> Result<Asked<DeletionSettings>, Vec<fault::Fault>> {
    asked(values, |_| DELETION_DEADLINE, upkeep::read_deletion)
}

/// Whether a deletion is meant for all expired pools. What is wrong with the value is said by whoever reads the rest.
#[must_use]
pub fn names_expired(values: &Values) -> bool {
    let mut reported_later = Vec::new();
    Reader::new(values, &mut reported_later).is_on(fleet_options::EXPIRED)
}

/// Reads where to look for expired pools. This is the only validation there is; nothing is asked of Azure.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn expired(values: &Values) -> Result<Asked<ExpirySettings>, Vec<fault::Fault>> {
    asked(values, |_| DELETION_DEADLINE, upkeep::read_expired)
}

/// Reads which version is announced on GitHub, and how. This is the only validation there is; nothing is asked.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn notify(values: &Values) -> Result<NotifySettings, Vec<fault::Fault>> {
    let mut faults = Vec::new();
    let settings = notify::read(&mut Reader::new(values, &mut faults));
    settings.filter(|_| faults.is_empty()).ok_or(faults)
}

/// Reads how to sign in and to which Azure, and nothing else.
///
/// # Errors
/// With all faults; without any when a value is not known yet.
pub fn connection(values: &Values) -> Result<Connection, Vec<fault::Fault>> {
    let mut faults = Vec::new();
    let connection = sign_in::connection(&mut Reader::new(values, &mut faults));
    connection.filter(|_| faults.is_empty()).ok_or(faults)
}

/// The image definition that values name; nothing when they name none.
#[must_use]
pub fn definition(values: &Values) -> Option<ImageDefinitionId> {
    let mut reported_later = Vec::new();
    let destination = destination::destination(&mut Reader::new(values, &mut reported_later));
    destination.map(|destination| destination.definition)
}

/// Whether values name what the image is made of. A block that only says what VHDs do not show of themselves does not.
#[must_use]
pub fn names_source(values: &Values) -> bool {
    source::is_named(values)
}

/// Reads a pool that inputs, a file, or both name. A fault of the file is shown at its place there.
fn one_pool(
    given: &Values,
    usual_deadline: impl FnOnce(&UnresolvedRollout) -> Duration,
) -> Result<Asked<UnresolvedRollout>, Vec<fault::Fault>> {
    let pool_file::Completed { values, spots, faults } = pool_file::complete(given)?;
    let read = |reader: &mut Reader<'_, '_>| {
        // What is said of a file's pools together stays right when one of them is named.
        if !reader.has(POOL_FILE) {
            pool::refuse_turns(reader, &words!["name them in ", POOL_FILE]);
        }
        pool::read(reader, &spots)
    };
    let found = asked(&values, usual_deadline, read);
    together(
        faults,
        found.map_err(|found| found.into_iter().map(|fault| spots.placed(fault)).collect()),
    )
}

fn asked<Settings>(
    values: &Values,
    usual_deadline: impl FnOnce(&Settings) -> Duration,
    read: impl FnOnce(&mut Reader<'_, '_>) -> Option<Settings>,
) -> Result<Asked<Settings>, Vec<fault::Fault>> {
    let mut faults = Vec::new();
    let mut reader = Reader::new(values, &mut faults);
    let settings = read(&mut reader);
    let connection = sign_in::connection(&mut reader);
    let deadline = reader.duration(run::DEADLINE);
    match (settings, connection) {
        (Some(settings), Some(connection)) if faults.is_empty() => Ok(Asked {
            deadline: deadline.unwrap_or_else(|| usual_deadline(&settings)),
            settings: Checked::new(settings),
            connection,
        }),
        _ => Err(faults),
    }
}

/// How long a publish may take when it is not given: replication of a large image took up to six hours, as Microsoft's
/// troubleshooting page says.
pub const PUBLISH_DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// How long the migration of a pool may take when it is not given: tasks that run may take hours to end, and how many
/// nodes there are is not known before the pool is read.
pub const MIGRATION_DEADLINE: Duration = Duration::from_secs(12 * 3600);

/// How long the migration of all pools of an account may take when it is not given: how many turns they take is not known
/// before they are read, and a day holds two of the longest.
pub const MIGRATIONS_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// How long moving `latest` may take when it is not given: a version that is being replicated is waited for.
pub const PROMOTION_DEADLINE: Duration = Duration::from_secs(3600);

/// How long removing leftovers may take when it is not given: deletions take minutes.
pub const COLLECTION_DEADLINE: Duration = Duration::from_secs(3600);

/// How long deleting versions may take when it is not given: each takes minutes, and comes after a look of its own.
pub const PRUNE_DEADLINE: Duration = Duration::from_secs(4 * 3600);

/// How long a wait for a pool may take when it is not given: as a roll-out with five rounds of a small pool.
pub const WAIT_DEADLINE: Duration = Duration::from_secs(4 * 3600);

/// How long a judgement may take when it is not given: the time of watching, and some for the questions.
pub const JUDGEMENT_DEADLINE: Duration = Duration::from_secs(3600);

/// How long the deletion of a pool may take when it is not given: nodes go within minutes.
pub const DELETION_DEADLINE: Duration = Duration::from_secs(3600);

/// How long a run that only reads may take when it is not given: it asks a few questions of each account.
pub const LOOK_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// How long a roll-out may take at least when it is not given; that of a large pool may take longer.
pub const ROLLOUT_DEADLINE: Duration = Duration::from_secs(4 * 3600);

#[cfg(test)]
mod tests;
