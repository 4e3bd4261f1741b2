//! The options of judging new nodes by the tasks that run on them.

use super::{CHANGING_AN_IMAGE, JUDGE, JUDGING, Kind, POOL_DOORS, Standard, rows};

rows! {
    /// Against which nodes.
    OF_VERB [JUDGE, POOL_DOORS]:
    AGAINST: "against", Pool, Kind::Text, Standard::Rule("the pool's own nodes: those on its newest image version are compared with the others"), [],
        "Id of the pool with which {pool_id} is compared: the one that was there, of the same account.";
}

rows! {
    /// What a roll-out does with it.
    OF_ROLLOUT [CHANGING_AN_IMAGE, POOL_DOORS]:
    JUDGE_TASKS: "judge", Change, Kind::Text, Standard::Value("no", "a comparison takes time and running tasks"), [],
        "Whether the tasks on the new nodes are compared with those on the former ones before the roll-out goes on: after each step of blue-green, and at the end; in place at the end only, with what the pool did before. `no`: not at all. `report`: the comparison is shown, and nothing follows from it. `act`: when more tasks fail, the image is bad, and {on_failure} says what happens.";
    ON_INCONCLUSIVE: "on_inconclusive", Change, Kind::Text, Standard::Value("wait", "what is not known is not taken for good"), [],
        "What happens when too few tasks have ended after {window} to judge. `wait`: they are watched further, until it is known or the deadline ends the run. `proceed`: the roll-out goes on. `return`: the image counts as bad.";
}

rows! {
    /// When nodes count as worse.
    OF_RULE [JUDGING, POOL_DOORS]:
    MAX_FAILURE_INCREASE: "max_failure_increase", Change, Kind::Text, Standard::Value("1%", "less is not worth a return"), [],
        "By how many points more of the tasks may fail on the new nodes.";
    MIN_TASKS: "min_tasks", Change, Kind::Number, Standard::Value("50", "with fewer, eight points more do not show"), [],
        "How many tasks must have ended on each side before anything is said.";
    CONFIDENCE: "confidence", Change, Kind::Text, Standard::Value("99.5%", "of 200 good images one is called bad"), [],
        "How sure it must be that the new nodes are worse, over all looks together.";
    WINDOW: "window", Waiting, Kind::Duration, Standard::Value("30m", "time for tasks of some minutes to end"), [],
        "How long both sides are watched at most, in a roll-out after each step. It ends sooner when the new nodes are surely worse.";
}
