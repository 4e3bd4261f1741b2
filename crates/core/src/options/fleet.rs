//! The options of looking at many pools: where, and how far ahead.

use super::{Kind, POOL_DOORS, STATUS, Standard, rows};

rows! {
    /// All rows of this file.
    ROWS [STATUS, POOL_DOORS]:
    SUBSCRIPTIONS: "subscriptions", Pool, Kind::Texts, Standard::Rule("every account in sight"), [],
        "Ids of the subscriptions whose Batch accounts are looked at, with commas between them. Give this or {account}.";
    WITHIN_DAYS: "within_days", Waiting, Kind::Number, Standard::Value("180", "half a year, in which an image can be moved"), [],
        "An image, node agent or VM size that ends within so many days is something to act on.";
}
