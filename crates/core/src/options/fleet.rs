//! The options of looking at many pools, and of deleting some.

use super::{DELETE, Kind, MIGRATING, PLANNING_FIRST, POOL_DOORS, RETURNING, STATUS, Standard, rows};

rows! {
    /// All rows of this file.
    ROWS [STATUS, POOL_DOORS]:
    WITHIN_DAYS: "within_days", Waiting, Kind::Number, Standard::Value("180", "half a year, in which an image can be moved"), [],
        "An image, node agent or VM size that ends within so many days is something to act on.";
    AGENT_VERSIONS: "agent_versions", Waiting, Kind::Bool, Standard::Value("false", "it takes a request more for 1,000 nodes of each pool"), [],
        "Also read which version of Batch's node agent every node has.";
}

rows! {
    /// What may be deleted.
    OF_DELETION [DELETE, POOL_DOORS]:
    EXPIRED: "expired", Pool, Kind::Bool, Standard::Value("false", "one pool is named"), [],
        "Delete every pool in sight that is past the expiry which a roll-out gave it, instead of {pool_id}. A pool that a job or a job schedule uses stays, and so does one that no roll-out has made.";
    ANY_POOL: "any_pool", Pool, Kind::Bool, Standard::Value("false", "another tool or person may need it"), [],
        "Delete also a pool that no roll-out has made, such as one that a roll-out has adopted or a migration has moved.";
    WITH_JOBS: "with_jobs", Pool, Kind::Bool, Standard::Value("false", "no running task is lost by mistake"), [],
        "Delete the pool although jobs are active on it or job schedules make jobs for it. Running tasks go back into the queue and wait for another pool, and so do the jobs of schedules.";
}

rows! {
    /// How many pools leave their managed images.
    OF_MIGRATION [MIGRATING, POOL_DOORS]:
    ALL_POOLS: "all_pools", Pool, Kind::Bool, Standard::Value("false", "one pool is named"), [],
        "Move every pool of the account that is on a managed image, instead of {pool_id}: one first, then the rest. Each gets the version that was made of its own image.";
}

rows! {
    /// Which pools go back, and whether that is only shown.
    OF_RETURN [RETURNING, POOL_DOORS]:
    PLAN_ONLY: "plan_only", Pool, Kind::Bool, Standard::Value("false", "a return is often urgent"), [],
        "Show what the return would do, and change nothing: exit code 10 when it would change something.";
    FROM_VERSION: "from_version", Pool, Kind::Texts, Standard::Rule("the version that came last to a pool of {pool_file}"), [],
        "Which image versions are taken back from the pools of {pool_file}: numbers or resource ids, with commas between them. A pool that got another version last stays as it is.";
}

rows! {
    /// Whether a plan is carried out.
    OF_CONSENT [PLANNING_FIRST, POOL_DOORS]:
    YES: "yes", Pool, Kind::Bool, Standard::Value("false", "the plan is shown first"), [],
        "Carry the plan out. Without this it is shown, and nothing is changed.";
}
