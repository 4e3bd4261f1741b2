//! The options of judging new nodes by the tasks that run on them.

use super::{JUDGE, Kind, POOL_DOORS, Standard, rows};

rows! {
    /// All rows of this file.
    ROWS [JUDGE, POOL_DOORS]:
    AGAINST: "against", Pool, Kind::Text, Standard::Rule("the pool's own nodes: those on its newest image version are compared with the others"), [],
        "Id of the pool with which {pool_id} is compared: the one that was there, of the same account.";
    MAX_FAILURE_INCREASE: "max_failure_increase", Change, Kind::Text, Standard::Value("1%", "less is not worth a return"), [],
        "By how many points more of the tasks may fail on the new nodes.";
    MIN_TASKS: "min_tasks", Change, Kind::Number, Standard::Value("50", "with fewer, eight points more do not show"), [],
        "How many tasks must have ended on each side before anything is said.";
    CONFIDENCE: "confidence", Change, Kind::Text, Standard::Value("99.5%", "of 200 good images one is called bad"), [],
        "How sure it must be that the new nodes are worse, over all looks together.";
    WINDOW: "window", Waiting, Kind::Duration, Standard::Value("30m", "time for tasks of some minutes to end"), [],
        "How long both sides are watched at most. It ends sooner when the new nodes are surely worse.";
}
