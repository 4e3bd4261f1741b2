//! The options of looking at many pools: where, and how far ahead; and of deleting one.

use super::{DELETE, Kind, POOL_DOORS, STATUS, Standard, rows};

rows! {
    /// All rows of this file.
    ROWS [STATUS, POOL_DOORS]:
    SUBSCRIPTIONS: "subscriptions", Pool, Kind::Texts, Standard::Rule("every account in sight"), [],
        "Ids of the subscriptions whose Batch accounts are looked at, with commas between them. Give this or {account}.";
    WITHIN_DAYS: "within_days", Waiting, Kind::Number, Standard::Value("180", "half a year, in which an image can be moved"), [],
        "An image, node agent or VM size that ends within so many days is something to act on.";
}

rows! {
    /// What may be deleted.
    OF_DELETION [DELETE, POOL_DOORS]:
    ANY_POOL: "any_pool", Pool, Kind::Bool, Standard::Value("false", "another tool or person may need it"), [],
        "Delete also a pool that no roll-out has made.";
    WITH_JOBS: "with_jobs", Pool, Kind::Bool, Standard::Value("false", "no running task is lost by mistake"), [],
        "Delete the pool although jobs are active on it. Their running tasks go back into the queue and wait for another pool.";
    YES: "yes", Pool, Kind::Bool, Standard::Value("false", "the plan is shown first"), [],
        "Carry the plan out. Without this it is shown, and nothing is changed.";
}
