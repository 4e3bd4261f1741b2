//! Which pools go back to what they were, and how: one that is named, or all of a file.
//!
//! What each was before is not said here: the pools themselves know it.

use std::{fmt, str::FromStr, time::Duration};

use super::{Checked, Consent, ROLLOUT_DEADLINE, RollbackSettings, pool, reader::Reader};
use crate::{
    ids::{InvalidId, PoolId, VersionNumber, resource::ImageVersionId},
    options::{
        fleet::{FROM_VERSION, PLAN_ONLY},
        pool::{MAX_PARALLEL, POOL_FILE, POOL_ID, RUNNING_TASKS},
    },
    words,
};

/// Everything that a return of many pools needs to know.
#[derive(Clone, Debug)]
pub struct FleetReturnSettings {
    /// The pools, in the order of the file.
    pub pools: Vec<Checked<RollbackSettings>>,
    /// How many of them go back at one time.
    pub max_parallel: usize,
    /// The versions that are taken back; when none is named, the one that came last to any of the pools.
    pub from: Vec<LeftVersion>,
    /// Whether it is only shown what the return would do.
    pub plan_only: Consent,
}

/// A version that pools leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftVersion {
    /// This one.
    Id(ImageVersionId),
    /// The one of that number, of whichever definition.
    Number(VersionNumber),
}

impl FleetReturnSettings {
    /// How long all of them may take when nothing is said: as many turns as there are.
    #[must_use]
    pub fn usual_deadline(&self) -> Duration {
        let turns = self.pools.len().div_ceil(self.max_parallel.max(1)).max(1);
        ROLLOUT_DEADLINE * u32::try_from(turns).unwrap_or(u32::MAX)
    }
}

impl LeftVersion {
    /// Whether the resource id of a version names it.
    #[must_use]
    pub fn is_meant_by(&self, id: &str) -> bool {
        match (self, id.parse::<ImageVersionId>()) {
            (Self::Id(own), Ok(id)) => *own == id,
            (Self::Number(own), Ok(id)) => id.name().parse() == Ok(*own),
            (_, Err(_)) => false,
        }
    }
}

impl FromStr for LeftVersion {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.contains('/') {
            true => text.parse().map(Self::Id),
            false => text.parse().map(Self::Number),
        }
    }
}

impl fmt::Display for LeftVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Reads the settings of one pool's return.
pub(super) fn read_one(reader: &mut Reader<'_, '_>) -> Option<RollbackSettings> {
    // What is said of a file's pools together stays right when one of them is named.
    if !reader.has(POOL_FILE) && reader.has(MAX_PARALLEL) {
        let text = words!["is only for many pools; leave it out, or name them in ", POOL_FILE];
        reader.refuse(MAX_PARALLEL, text);
    }
    if reader.has(FROM_VERSION) {
        let text = words![
            "chooses among many pools, and one is named; leave it out, or give ",
            POOL_FILE,
            " without ",
            POOL_ID
        ];
        reader.refuse(FROM_VERSION, text);
    }
    let plan_only = plan_only(reader);
    Some(RollbackSettings {
        plan_only,
        ..read_pool(reader)?
    })
}

/// Reads what is said of one pool that goes back, whether others do so too or not.
pub(super) fn read_pool(reader: &mut Reader<'_, '_>) -> Option<RollbackSettings> {
    let account = pool::account(reader);
    let pool = reader
        .required(POOL_ID, "give the id of the pool that goes back")
        .and_then(|_| reader.parsed::<PoolId>(POOL_ID));
    let running_tasks = reader.parsed_or_default(RUNNING_TASKS);
    let (resize, readiness) = (pool::resize(reader), pool::readiness(reader));
    Some(RollbackSettings {
        account: account?,
        pool: pool?,
        running_tasks: running_tasks?,
        resize,
        readiness,
        plan_only: Consent::No,
    })
}

/// Reads what is said of all of them together.
pub(super) fn read_fleet(
    reader: &mut Reader<'_, '_>,
    pools: Vec<Checked<RollbackSettings>>,
) -> Option<FleetReturnSettings> {
    let max_parallel = pool::max_parallel(reader);
    let named = reader.listed(FROM_VERSION).into_iter().map(str::parse::<LeftVersion>);
    let from: Vec<Result<LeftVersion, InvalidId>> = named.collect();
    let from = from.into_iter().filter_map(|named| reader.checked(FROM_VERSION, named));
    Some(FleetReturnSettings {
        pools,
        max_parallel,
        from: from.collect(),
        plan_only: plan_only(reader),
    })
}

fn plan_only(reader: &mut Reader<'_, '_>) -> Consent {
    match reader.is_on(PLAN_ONLY) {
        true => Consent::Yes,
        false => Consent::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        options::{
            Door,
            pool::{ACCOUNT, SUBSCRIPTIONS},
        },
        settings::{self, RunningTasks, Values},
    };

    const ACCOUNT_ID: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/acct1";
    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.2.0";
    const FILE: &str = "
defaults: {vm-size: Standard_D4s_v5, min-ready: 5, running-tasks: requeue, resize-rounds: 2}
continue-after-failure: true
max-parallel: 3
pools:
  - {pool-id: a, target-dedicated-nodes: 3}
  - {pool-id: b, target-dedicated-nodes: 4, running-tasks: terminate}
";

    fn many() -> Values {
        Values::default().with(POOL_FILE, FILE).with(ACCOUNT, ACCOUNT_ID)
    }

    fn spelled(faults: Vec<settings::fault::Fault>) -> Vec<String> {
        faults.into_iter().map(|fault| fault.spelled(Door::Flag)).collect()
    }

    #[test]
    fn of_a_file_only_what_a_return_takes_counts() {
        let asked = settings::fleet_return(&many()).unwrap();
        assert_eq!(asked.deadline, ROLLOUT_DEADLINE);
        let settings = asked.settings;
        assert_eq!((settings.max_parallel, settings.plan_only), (3, Consent::No));
        let [a, b] = settings.pools.as_slice() else {
            panic!("{settings:?}")
        };
        assert_eq!((a.pool.as_str(), a.running_tasks), ("a", RunningTasks::Requeue));
        assert_eq!((b.pool.as_str(), b.running_tasks), ("b", RunningTasks::Terminate));
        assert_eq!(a.resize.rounds, 2);
        assert!(
            a.readiness.min_dedicated.is_none(),
            "a former pool may have been smaller"
        );
    }

    #[test]
    fn a_pool_of_a_file_has_the_account_of_the_file() {
        let file = FILE.replace("{vm-size", &format!("{{account: {ACCOUNT_ID}, vm-size"));
        let values = Values::default()
            .with(POOL_FILE, file.as_str())
            .with(SUBSCRIPTIONS, "11111111-1111-1111-1111-111111111111")
            .with(POOL_ID, "b");
        let one = settings::rollback(&values).unwrap().settings;
        assert_eq!((one.pool.as_str(), one.account.name().as_str()), ("b", "acct1"));
        let missing = settings::rollback(&values.with(POOL_ID, "c")).unwrap_err();
        assert_eq!(
            spelled(missing),
            ["--pool-id: \"c\" is not in the file; its pools are a, b"]
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_remedy() {
        let one = Values::default()
            .with(ACCOUNT, ACCOUNT_ID)
            .with(POOL_ID, "a")
            .with(MAX_PARALLEL, 2)
            .with(FROM_VERSION, "1.2.0");
        assert_eq!(
            spelled(settings::rollback(&one).unwrap_err()),
            [
                "--max-parallel: is only for many pools; leave it out, or name them in --pool-file",
                "--from-version: chooses among many pools, and one is named; leave it out, or give --pool-file without \
                 --pool-id"
            ]
        );
        let faults = settings::fleet_return(&many().with(FROM_VERSION, "1.2.0, latest")).unwrap_err();
        let [fault] = &spelled(faults)[..] else { panic!() };
        assert!(
            fault.starts_with("--from-version: \"latest\" is not an image version"),
            "{fault}"
        );
    }

    #[test]
    fn a_version_that_is_left_is_named_by_number_or_id() {
        let other = VERSION.replace("/d/", "/e/");
        let is = |left: &str, id: &str| left.parse::<LeftVersion>().unwrap().is_meant_by(id);
        assert!(is("1.2.0", VERSION) && is("1.2.0", &other) && is(VERSION, &VERSION.to_uppercase()));
        assert!(!is("1.2.1", VERSION) && !is(VERSION, &other) && !is("1.2.0", "a managed image"));
    }
}
