//! What a version says of itself that decides who gets it: when it was published, where `latest` passes it over.
//!
//! Which version is latest follows from all versions together, in `versions`.

use jiff::Timestamp;

use super::{ImageVersion, location_of};
use crate::{ids::Location, json as read_json};

impl ImageVersion {
    /// When it was published.
    #[must_use]
    pub fn published(&self) -> Option<Timestamp> {
        read_json::text(self.body(), "/properties/publishingProfile/publishedDate")?
            .parse()
            .ok()
    }

    /// Whether `latest` passes it over everywhere.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        read_json::at(self.body(), "/properties/publishingProfile/excludeFromLatest").as_bool() == Some(true)
    }

    /// Whether `latest` passes it over in a region, or it is not there.
    #[must_use]
    pub fn is_excluded_in(&self, region: &Location) -> bool {
        let regions = self.target_regions();
        let own = regions.iter().find(|entry| location_of(entry).as_ref() == Some(region));
        self.is_excluded() || own.is_none_or(|entry| read_json::at(entry, "/excludeFromLatest").as_bool() == Some(true))
    }
}
