//! The options of looking at versions and keeping them in order.

use super::{Kind, LOOKING_AT_POOLS, MOVING_LATEST, ON_DEFINITION, OPERATOR_DOORS, Standard, rows};

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
    /// Whose pools count.
    OF_SIGHT [LOOKING_AT_POOLS, OPERATOR_DOORS]:
    SUBSCRIPTIONS: "subscriptions", Pool, Kind::Texts, Standard::Rule("every subscription that the identity can see"), [],
        "Ids of the subscriptions whose Batch accounts are looked at, with commas between them.";
}
