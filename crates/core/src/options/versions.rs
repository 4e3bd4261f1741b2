//! The options of looking at versions and keeping them in order.

use super::{
    ABOUT_A_VERSION, COLLECTING, Kind, LOOKING_AT_POOLS, ON_DEFINITION, OPERATOR_DOORS, PROMOTING, PRUNING, SCALING,
    Standard, rows,
};

rows! {
    /// Which versions.
    OF_DEFINITION [ON_DEFINITION, OPERATOR_DOORS]:
    IMAGE_DEFINITION: "image_definition", Version, Kind::Text, Standard::Required, [],
        "Resource id of the image definition.";
}

rows! {
    /// Which version, and where.
    OF_LATEST [ABOUT_A_VERSION, OPERATOR_DOORS]:
    IMAGE_VERSION: "image_version", Version, Kind::Text, Standard::Required, [],
        "Resource id of the image version.";
    REGIONS: "regions", Version, Kind::Texts, Standard::Rule("every region of the version"), [],
        "Regions that this is about, with commas between them.";
}

rows! {
    /// What may become latest.
    OF_ADMISSION [PROMOTING, OPERATOR_DOORS]:
    ALLOW_FAILED_TEST: "allow_failed_test", Version, Kind::Bool, Standard::Value("false", "a bad image is found cheaply before pools take it"), [],
        "Make the version latest although its last test failed. Without this it is refused with what failed.";
}

rows! {
    /// Where leftovers are looked for.
    OF_LEFTOVERS [COLLECTING, OPERATOR_DOORS]:
    RESOURCE_GROUPS: "resource_groups", Temporaries, Kind::Texts, Standard::Absent, [],
        "Resource ids of the resource groups that are looked at, with commas between them. Give these, {subscriptions} or both.";
    LEFTOVER_SUBSCRIPTIONS: "subscriptions", Temporaries, Kind::Texts, Standard::Absent, [],
        "Ids of the subscriptions that are looked at as a whole, with commas between them.";
    LEFTOVER_PREFIX: "temp_name_prefix", Temporaries, Kind::Text, Standard::Value("azure-batch", "what a publish calls them by itself"), [],
        "First part of the names of what is removed, as it was given to the publish.";
}

rows! {
    /// What is kept of a definition.
    OF_RETENTION [PRUNING, OPERATOR_DOORS]:
    PRUNED_DEFINITION: "image_definition", Version, Kind::Text, Standard::Absent, [],
        "Resource id of the image definition. Give this or {retention_file}.";
    RETENTION_FILE: "retention_file", Version, Kind::File, Standard::Absent, [],
        "File with rules for many definitions, in YAML or JSON; `-` is stdin. Its keys have the names of these options.";
    KEEP_NEWEST: "keep_newest", Version, Kind::Number, Standard::Value("3", "two are left to return to"), [],
        "How many of the newest versions that succeeded are kept, by their numbers.";
    KEEP_DAYS: "keep_days", Version, Kind::Number, Standard::Value("30", "who is out of sight has time to say so"), [],
        "Versions that were published within so many days are kept.";
    GRACE_DAYS: "grace_days", Version, Kind::Number, Standard::Rule("0 where the gallery keeps deleted versions, else 7"), [],
        "For how many days a version is deprecated before it is deleted: excluded from latest, with its end of life set. 0 deletes at once.";
    PROTECTED_TAGS: "protected_tags", Version, Kind::Texts, Standard::Absent, [],
        "Tags that keep a version, as `name` or `name=value`, with commas between them.";
    PROTECTED_VERSIONS: "protected_versions", Version, Kind::Texts, Standard::Absent, [],
        "Numbers of versions that are kept, with commas between them.";
}

rows! {
    /// How many replicas.
    OF_SCALE [SCALING, OPERATOR_DOORS]:
    FIT: "fit", Replicas, Kind::Bool, Standard::Value("false", "pools out of sight may need them"), [],
        "Also lower replicas that the pools in sight do not need. Without this they are only raised.";
    SCALE_HEADROOM_PERCENT: "replica_headroom_percent", Replicas, Kind::Number, Standard::Value("10", "and one replica at least: Microsoft's page says to keep more than the minimum"), [],
        "How many percent of replicas are added.";
    REMOVED_REGIONS: "remove_regions", Replicas, Kind::Texts, Standard::Absent, [],
        "Regions that the version is taken out of, with commas between them; no node starts from it there any more. Refused where something uses it or may return to it, and while that cannot be seen.";
}

rows! {
    /// Whose pools count.
    OF_SIGHT [LOOKING_AT_POOLS, OPERATOR_DOORS]:
    SUBSCRIPTIONS: "subscriptions", Pool, Kind::Texts, Standard::Rule("every subscription that the identity can see"), [],
        "Ids of the subscriptions whose Batch accounts are looked at, with commas between them.";
}
