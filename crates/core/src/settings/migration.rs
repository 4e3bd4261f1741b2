//! Which pool leaves its managed image, for which version and how; or where pools on managed images are looked for.
//!
//! What the pool is made of is not said here: it is taken from the pool.

use super::{
    AccountRef, Adopt, AfterFailure, Autoscale, Change, Checked, Consent, FleetSettings, ImageSecurity, PoolJson,
    PoolSpec, Prices, Readiness, ReplicaRule, RolloutPolicy, RolloutSettings, Sight, SpotCounts, Spots, Strategy,
    Targets, UnresolvedRollout, WantedVersion,
    parts::PoolParts,
    pool, prices,
    reader::Reader,
    shape, status,
    wanted_version::{self, Named},
};
use crate::{
    ids::{NodeAgentSku, NodeCounts, PoolId, VmSize, resource::ImageDefinitionId},
    options::{
        self, Chapter, Opt, Verb, fleet,
        pool::{
            ACCOUNT, ACCOUNT_ENDPOINT, ACCOUNT_NAME, ANY_DEFINITION, DISPATCH_PAYLOAD, IMAGE_DEFINITION, IMAGE_VERSION,
            MANIFEST, NEW_POOL_ID, POOL_ID, POOL_JSON, REPORT_PATH, STRATEGY, SUBSCRIPTIONS,
        },
        run::DEADLINE,
    },
    words,
};

/// What the list of pools takes, besides how to sign in.
const OF_LIST: [&Opt; 7] = [
    ACCOUNT,
    ACCOUNT_NAME,
    ACCOUNT_ENDPOINT,
    SUBSCRIPTIONS,
    IMAGE_DEFINITION,
    DEADLINE,
    REPORT_PATH,
];

/// What says something of one pool, and so nothing of all pools of an account.
const OF_ONE: [&Opt; 6] = [
    IMAGE_VERSION,
    MANIFEST,
    DISPATCH_PAYLOAD,
    ANY_DEFINITION,
    NEW_POOL_ID,
    POOL_JSON,
];

/// Everything that the migration of one pool needs to know, or that of all pools of an account.
#[derive(Clone, Debug)]
pub struct MigrationSettings<Pools = PoolId> {
    /// The account.
    pub account: AccountRef,
    /// The pool, or all.
    pub pool: Pools,
    /// The version that it shall run.
    pub version: SoughtVersion,
    /// Whether its spot nodes must be ready.
    pub spot_counts: SpotCounts,
    /// What Batch does not show of the pool, and a change of the image needs: parts of Batch's own pool JSON.
    pub json: PoolJson,
    /// How to go about it.
    pub policy: RolloutPolicy,
    /// In which way the pool gets the version.
    pub change: Change,
    /// The user's own prices, for the plan.
    pub prices: Option<Prices>,
    /// Whether anything is written at all.
    pub act: Consent,
}

/// All pools of an account that are on managed images, and how they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllPools {
    /// How many of them move at one time, once the first one has.
    pub max_parallel: usize,
    /// What a failure means for those that have not begun.
    pub after_failure: AfterFailure,
}

/// Which pools are meant to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolsToMigrate {
    /// None: those on managed images are listed.
    None,
    /// One that is named.
    One,
    /// All of an account.
    All,
}

/// Where pools on managed images are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationListSettings {
    /// Whose pools.
    pub sight: Sight,
    /// The definition whose versions count; those of every gallery of the image's subscription when absent.
    pub within: Option<ImageDefinitionId>,
}

/// What a pool is in all that a migration leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolAsFound {
    /// Its VM size.
    pub(crate) vm_size: Option<VmSize>,
    /// Its node agent SKU.
    pub(crate) node_agent_sku: Option<NodeAgentSku>,
    /// How many nodes it shall have; none when a formula decides.
    pub(crate) size: NodeCounts,
    /// The formula that decides how many.
    pub(crate) autoscale: Option<Autoscale>,
}

/// Which version a pool on a managed image shall run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoughtVersion {
    /// This one.
    Named(WantedVersion),
    /// The one that was made of the pool's image, of this definition or of any in the image's subscription.
    MadeOfImage(Option<ImageDefinitionId>),
}

impl Checked<MigrationSettings<AllPools>> {
    /// The same for one of the pools.
    pub(crate) fn of(&self, pool: PoolId) -> Checked<MigrationSettings> {
        Checked::new(MigrationSettings {
            account: self.account.clone(),
            pool,
            version: self.version.clone(),
            spot_counts: self.spot_counts,
            json: self.json.clone(),
            policy: self.policy,
            change: self.change.clone(),
            prices: self.prices.clone(),
            act: self.act,
        })
    }

    /// The pools that move, as pools that are rolled out together.
    pub(crate) fn as_fleet(&self, pools: Vec<Checked<UnresolvedRollout>>) -> Checked<FleetSettings> {
        let AllPools {
            max_parallel,
            after_failure,
        } = self.pool;
        Checked::new(FleetSettings {
            pools,
            max_parallel,
            after_failure,
        })
    }
}

impl Checked<MigrationSettings> {
    /// The migration as a roll-out: the pool as it was found, on another image.
    pub(crate) fn as_rollout(&self, version: WantedVersion, found: PoolAsFound) -> Checked<UnresolvedRollout> {
        Checked::new(RolloutSettings {
            account: self.account.clone(),
            pool: PoolSpec {
                id: self.pool.clone(),
                version,
                vm_size: found.vm_size,
                fallback_vm_sizes: Vec::new(),
                node_agent_sku: found.node_agent_sku,
                targets: Targets {
                    dedicated: found.size.dedicated,
                    spot: found.size.spot,
                    spot_counts: self.spot_counts,
                },
                autoscale: found.autoscale,
                start_task: None,
                image_security: ImageSecurity::default(),
                expires_after: None,
                parts: PoolParts::default(),
                json: self.json.clone(),
                spots: Spots::default(),
            },
            policy: self.policy,
            change: self.change.clone(),
            node_logs: None,
            prices: self.prices.clone(),
        })
    }
}

/// Reads the settings of one pool's migration.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<MigrationSettings> {
    if reader.has(SUBSCRIPTIONS) {
        let text = words!["is only for the list of pools; leave it out, or leave out ", POOL_ID];
        reader.refuse(SUBSCRIPTIONS, text);
    }
    if reader.is_on(fleet::ALL_POOLS) {
        reader.refuse_both(fleet::ALL_POOLS, POOL_ID);
    }
    pool::refuse_turns(reader, &words!["move all pools of the account with ", fleet::ALL_POOLS]);
    let pool = reader.parsed::<PoolId>(POOL_ID);
    let version = version(reader);
    read_of(reader, (pool, version))
}

/// Reads the settings of a migration of all pools of an account.
pub(super) fn read_all(reader: &mut Reader<'_, '_>) -> Option<MigrationSettings<AllPools>> {
    if reader.has(POOL_ID) {
        reader.refuse_both(fleet::ALL_POOLS, POOL_ID);
    }
    if reader.has(SUBSCRIPTIONS) {
        let text = words![
            "is only for the list of pools; those that move are in one account: name it in ",
            ACCOUNT
        ];
        reader.refuse(SUBSCRIPTIONS, text);
    }
    for opt in OF_ONE {
        if reader.has(opt) {
            let text = words![
                "is about one pool, and ",
                fleet::ALL_POOLS,
                " moves many; leave it out, or name the pool in ",
                POOL_ID
            ];
            reader.refuse(opt, text);
        }
    }
    let (max_parallel, after_failure) = pool::turns(reader);
    let all = AllPools {
        max_parallel,
        after_failure,
    };
    let version = within(reader);
    read_of(reader, (Some(all), version))
}

fn read_of<Pools>(
    reader: &mut Reader<'_, '_>,
    (pool, version): (Option<Pools>, Option<SoughtVersion>),
) -> Option<MigrationSettings<Pools>> {
    let account = pool::account(reader);
    let spot_counts = pool::spot_counts(reader);
    let json = reader.json_object(POOL_JSON);
    reader.refuse_all(shape::faults(&json));
    let policy = policy(reader);
    let change = change(reader);
    let prices = prices::read(reader);
    let act = match reader.is_on(fleet::YES) {
        true => Consent::Yes,
        false => Consent::No,
    };
    Some(MigrationSettings {
        account: account?,
        pool: pool?,
        version: version?,
        spot_counts,
        json: json.into(),
        policy: policy?,
        change,
        prices,
        act,
    })
}

/// Reads where to look for pools to migrate.
pub(super) fn read_list(reader: &mut Reader<'_, '_>) -> Option<MigrationListSettings> {
    for opt in options::of(Verb::Migrate) {
        if reader.has(opt) && opt.chapter != Chapter::SignIn && !OF_LIST.contains(&opt) {
            let text = words![
                "is about pools that move, and none is named; name one in ",
                POOL_ID,
                ", or all of the account by ",
                fleet::ALL_POOLS,
                ", or leave this out to list the pools on managed images"
            ];
            reader.refuse(opt, text);
        }
    }
    let sight = status::sight(reader);
    let within = reader.parsed(IMAGE_DEFINITION);
    Some(MigrationListSettings { sight: sight?, within })
}

fn version(reader: &mut Reader<'_, '_>) -> Option<SoughtVersion> {
    if !wanted_version::is_named(reader) {
        return within(reader);
    }
    let Named { version, .. } = wanted_version::read(reader);
    version.map(SoughtVersion::Named)
}

/// The version that was made of a pool's image; nothing after a fault.
fn within(reader: &mut Reader<'_, '_>) -> Option<SoughtVersion> {
    let within = reader.parsed(IMAGE_DEFINITION);
    let is_read = within.is_some() || !reader.has(IMAGE_DEFINITION);
    is_read.then_some(SoughtVersion::MadeOfImage(within))
}

/// Naming the pool is the consent to change it, though no roll-out has made it.
fn policy(reader: &mut Reader<'_, '_>) -> Option<RolloutPolicy> {
    let resize = pool::resize(reader);
    let readiness: Readiness = pool::readiness(reader);
    let register = pool::register(reader);
    let new_region = pool::new_region(reader);
    Some(RolloutPolicy {
        resize,
        readiness,
        register,
        replica_rule: ReplicaRule {
            nodes_per_replica: pool::nodes_per_replica(reader)?,
            ..ReplicaRule::default()
        },
        new_region,
        adopt: Adopt::AsFound,
        ..RolloutPolicy::default()
    })
}

fn change(reader: &mut Reader<'_, '_>) -> Change {
    let change = pool::change(reader, Strategy::Auto);
    if change.strategy == Strategy::CreateOnly {
        let text = "changes no pool that is there; write auto, blue-green or in-place";
        reader.refuse(STRATEGY, text);
    }
    change
}

/// Which pools values mean.
pub(super) fn meant(reader: &mut Reader<'_, '_>) -> PoolsToMigrate {
    match (reader.is_on(fleet::ALL_POOLS), reader.has(POOL_ID)) {
        (true, _) => PoolsToMigrate::All,
        (false, true) => PoolsToMigrate::One,
        (false, false) => PoolsToMigrate::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        options::pool::IMAGE_VERSION,
        settings::{self, Values},
    };

    const DEFINITION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d";

    fn one() -> Values {
        Values::default()
            .with(ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com")
            .with(POOL_ID, "render")
    }

    #[test]
    fn a_pool_alone_is_enough_and_a_plan_comes_first() {
        let asked = settings::migration(&one()).unwrap().settings;
        assert_eq!(asked.version, SoughtVersion::MadeOfImage(None));
        assert_eq!((asked.change.strategy, asked.act), (Strategy::Auto, Consent::No));
        assert_eq!(asked.policy.adopt, Adopt::AsFound);
    }

    #[test]
    fn a_definition_alone_narrows_the_search_and_a_number_names_the_version() {
        let within = settings::migration(&one().with(IMAGE_DEFINITION, DEFINITION)).unwrap();
        let definition: ImageDefinitionId = DEFINITION.parse().unwrap();
        let sought = |asked: &settings::Asked<MigrationSettings>| asked.settings.version.clone();
        assert_eq!(sought(&within), SoughtVersion::MadeOfImage(Some(definition.clone())));
        let values = one().with(IMAGE_DEFINITION, DEFINITION).with(IMAGE_VERSION, "1.4.2");
        let named = settings::migration(&values).unwrap();
        let version = definition.version("1.4.2".parse().unwrap());
        assert_eq!(sought(&named), SoughtVersion::Named(WantedVersion::One(version)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_remedy() {
        let faults = |values: &Values| -> Vec<String> {
            let faults = match settings::pools_to_migrate(values) {
                PoolsToMigrate::One => settings::migration(values).err(),
                PoolsToMigrate::All => settings::migration_of_all(values).err(),
                PoolsToMigrate::None => settings::migration_list(values).err(),
            };
            let spelled = faults.unwrap_or_default().into_iter();
            spelled.map(|fault| fault.spelled(options::Door::Flag)).collect()
        };
        assert_eq!(
            faults(&one().with(STRATEGY, "create-only")),
            ["--strategy: changes no pool that is there; write auto, blue-green or in-place"]
        );
        assert_eq!(
            faults(&Values::default().with(fleet::YES, true)),
            [
                "--yes: is about pools that move, and none is named; name one in --pool-id, or all of the account by \
                 --all-pools, or leave this out to list the pools on managed images"
            ]
        );
        assert_eq!(
            faults(&one().with(SUBSCRIPTIONS, "11111111-1111-1111-1111-111111111111")),
            ["--subscriptions: is only for the list of pools; leave it out, or leave out --pool-id"]
        );
        assert_eq!(
            faults(&one().with(options::pool::MAX_PARALLEL, 2)),
            ["--max-parallel: is only for many pools; leave it out, or move all pools of the account with --all-pools"]
        );
        assert_eq!(
            faults(
                &one()
                    .with(fleet::ALL_POOLS, true)
                    .with(SUBSCRIPTIONS, "11111111-1111-1111-1111-111111111111")
                    .with(IMAGE_VERSION, "/x")
                    .with(options::pool::MAX_PARALLEL, 0)
            ),
            [
                "--all-pools: contradicts --pool-id: remove one of the two",
                "--subscriptions: is only for the list of pools; those that move are in one account: name it in --account",
                "--image-version: is about one pool, and --all-pools moves many; leave it out, or name the pool in \
                 --pool-id",
                "--max-parallel: 0 pools at a time would never end; write 1 or more"
            ]
        );
    }

    #[test]
    fn all_pools_need_an_account_and_take_turns() {
        let all = Values::default().with(fleet::ALL_POOLS, true);
        let faults = settings::migration_of_all(&all).unwrap_err();
        let text = faults[0].spelled(options::Door::Flag);
        assert!(text.starts_with("--account: is missing"), "{text}");
        let asked = settings::migration_of_all(&all.with(ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com")).unwrap();
        let expected = AllPools {
            max_parallel: 4,
            after_failure: AfterFailure::Stop,
        };
        assert_eq!(asked.settings.pool, expected);
        assert_eq!(
            (asked.settings.act, asked.deadline),
            (Consent::No, settings::LOOK_DEADLINE)
        );
    }
}
