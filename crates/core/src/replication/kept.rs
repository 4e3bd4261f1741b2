//! What a version keeps although something else is wanted. Pure.
//!
//! Nothing is changed or refused here; whoever asked is warned.

use super::Wanted;
use crate::{compute::version::ImageVersion, json, settings::ReplicationMode};

/// One sentence for each thing that stays as it is. A storage that is the default may not have been asked for at all,
/// so it is not mentioned.
#[must_use]
pub fn kept(version: &ImageVersion, wanted: &Wanted) -> Vec<String> {
    let mut sentences = Vec::new();
    let title = version.title();
    let later = wanted.details.later_end_of_life(version.body());
    if let (Some(later), Some(end)) = (later, wanted.details.end_of_life) {
        sentences.push(format!(
            "image version {title} keeps the end of its life at {later}, which is later than {end}"
        ));
    }
    let other = wanted.layout.with_other_storage(version);
    if !other.is_empty() {
        let regions: Vec<String> = other.iter().map(|(it, _)| it.to_string()).collect();
        let mut asked: Vec<&str> = other.iter().map(|(_, storage)| storage.as_str()).collect();
        asked.dedup();
        sentences.push(format!(
            "image version {title} keeps the storage of its replicas in {}: {} is for regions that are added, and the storage of a region cannot be changed: that needs a new version",
            regions.join(", "),
            asked.join(", ")
        ));
    }
    let mode = json::text(version.body(), "/properties/publishingProfile/replicationMode").unwrap_or("Full");
    if wanted.layout.mode == ReplicationMode::Shallow && !mode.eq_ignore_ascii_case("Shallow") {
        sentences.push(format!(
            "image version {title} is replicated in full, and that cannot be changed: Shallow needs a new version"
        ));
    }
    let not_said = wanted.layout.not_said(version);
    if !not_said.is_empty() {
        sentences.push(format!(
            "image version {title} keeps its publishing profile: other {} need a new version",
            not_said.join(", ")
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::{super::tests::version, *};
    use crate::{
        compute::version::ImageVersion,
        replication::{Details, Layout, StorageChoice},
        settings::ReplicaStorage,
    };

    #[test]
    fn what_cannot_be_changed_is_named() {
        let mut body = version().body().clone();
        body["properties"]["publishingProfile"]["endOfLifeDate"] = "2027-06-30T00:00:00Z".into();
        let version = ImageVersion::new(version().id, body);
        let sentences = |end: &str, storage| {
            let details = Details {
                end_of_life: end.parse().ok(),
                ..Details::default()
            };
            let wanted = Wanted {
                regions: Vec::new(),
                layout: Layout {
                    storage: StorageChoice::Type(storage),
                    ..Layout::default()
                },
                details,
            };
            kept(&version, &wanted)
        };
        assert_eq!(
            sentences("2027-01-01T00:00:00Z", ReplicaStorage::PremiumLrs),
            [
                "image version 1.0.0 of d keeps the end of its life at 2027-06-30T00:00:00Z, which is later than 2027-01-01T00:00:00Z",
                "image version 1.0.0 of d keeps the storage of its replicas in eastus2, westus2: Premium_LRS is for regions that are added, and the storage of a region cannot be changed: that needs a new version",
            ]
        );
        assert_eq!(sentences("2027-06-30T00:00:00Z", ReplicaStorage::StandardLrs), [""; 0]);
    }
}
