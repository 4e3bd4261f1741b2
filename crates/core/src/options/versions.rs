//! The options of looking at versions and keeping them in order.

use super::{COLLECTING, Kind, LOOKING_AT_POOLS, MOVING_LATEST, ON_DEFINITION, OPERATOR_DOORS, Standard, rows};

rows! {
    /// Which versions.
    OF_DEFINITION [ON_DEFINITION, OPERATOR_DOORS]:
    IMAGE_DEFINITION: "image_definition", Version, Kind::Text, Standard::Required, [],
        "Resource id of the image definition.";
}

rows! {
    /// Which version, and where.
    OF_LATEST [MOVING_LATEST, OPERATOR_DOORS]:
    IMAGE_VERSION: "image_version", Version, Kind::Text, Standard::Required, [],
        "Resource id of the image version.";
    REGIONS: "regions", Version, Kind::Texts, Standard::Rule("every region of the version"), [],
        "Regions in which it changes, with commas between them.";
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
    /// Whose pools count.
    OF_SIGHT [LOOKING_AT_POOLS, OPERATOR_DOORS]:
    SUBSCRIPTIONS: "subscriptions", Pool, Kind::Texts, Standard::Rule("every subscription that the identity can see"), [],
        "Ids of the subscriptions whose Batch accounts are looked at, with commas between them.";
}
