//! The options that every run takes, whatever it does.

use super::{EVERY_DOOR, EVERY_VERB, Kind, MAKING_NODES, Standard, Verb, rows};

rows! {
    /// What follows from how many nodes there will be.
    OF_NODES [MAKING_NODES, EVERY_DOOR]:
    NODES_PER_REPLICA: "nodes_per_replica", Replicas, Kind::Number, Standard::Value("300", "Microsoft's page since the end of 2020"), [],
        "How many nodes one replica of the version serves: `300`, or `600`, the figure of the 2019 edition of Microsoft's page for Batch pools on gallery images.";
}

rows! {
    /// What every run takes.
    ROWS [EVERY_VERB, EVERY_DOOR]:
    DEADLINE: "deadline", Waiting, Kind::Duration, Standard::By(&[
            (Verb::Publish, "6h", "replication of large images took that long"),
            (Verb::Rollout, "", "by target size: all resize rounds with their pauses, and twice {node_ready_timeout}; 4h at least"),
            (Verb::Plan, "15m", "it only reads"),
            (Verb::Rollback, "4h", "resize rounds with their pauses, and the start of the nodes; of many pools, so long for each turn"),
            (Verb::Migrate, "12h", "tasks that run may take hours to end; 24h with {all_pools}, 15m without {yes}"),
            (Verb::Status, "15m", "it only reads"),
            (Verb::Doctor, "15m", "it only reads"),
            (Verb::List, "15m", "it only reads"),
            (Verb::Promote, "1h", "a version that is being replicated is waited for"),
            (Verb::Demote, "1h", "a version that is being replicated is waited for"),
            (Verb::Judge, "1h", "the time of watching, and some for the questions"),
            (Verb::Gc, "1h", "deletions take minutes"),
            (Verb::Scale, "6h", "replication of large images took that long"),
            (Verb::AwaitVersion, "6h", "replication of large images took that long"),
            (Verb::Prune, "4h", "each deletion takes minutes, and comes after a look of its own"),
            (Verb::Wait, "4h", "as long as a roll-out of a small pool"),
            (Verb::Delete, "1h", "nodes go within minutes"),
        ]), [],
        "How long the whole run may take, such as `90m` or `6h`. When this time is over, nothing is lost: the same run again goes on from there.";
}
