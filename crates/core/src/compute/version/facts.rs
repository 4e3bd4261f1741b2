//! What a version says of itself that decides who gets it: when it was published, where `latest` passes it over.
//!
//! Which version is latest follows from all versions together, in `versions`.

use jiff::Timestamp;

use super::{ImageVersion, location_of};
use crate::{ids::Location, json as read_json, operation::Status, settings::Lun};

impl ImageVersion {
    /// Whether it is being made, so that what it is made of has to stay.
    #[must_use]
    pub fn is_in_the_making(&self) -> bool {
        matches!(self.status(), Status::Running(_) | Status::Forgotten)
            && !self.provisioning_state().eq_ignore_ascii_case("Updating")
    }

    /// The ids of what it is made of: snapshots, disks, a managed image, a version or a machine.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let of_all = [
            "/properties/storageProfile/source/id",
            "/properties/storageProfile/source/virtualMachineId",
        ];
        let of_os = ["/properties/storageProfile/osDiskImage/source/id"];
        let data = read_json::items(self.body(), "/properties/storageProfile/dataDiskImages");
        let of_data = data.filter_map(|disk| read_json::text(disk, "/source/id"));
        let pointers = of_all.into_iter().chain(of_os);
        pointers
            .filter_map(|pointer| read_json::text(self.body(), pointer))
            .chain(of_data)
    }

    /// LUNs of its data disks.
    #[must_use]
    pub fn data_disks(&self) -> Vec<Lun> {
        read_json::items(self.body(), "/properties/storageProfile/dataDiskImages")
            .filter_map(|disk| u32::try_from(read_json::number(disk, "/lun")?).ok()?.try_into().ok())
            .collect()
    }

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
