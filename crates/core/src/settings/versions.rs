//! Reads what looking at versions and keeping them in order needs to know.

use super::{ReplicaRule, Sight, image::replica_rule, publish::USUAL_PREFIX, reader::Reader};
use crate::{
    ids::{
        InvalidId, Location, SubscriptionId,
        resource::{ImageDefinitionId, ImageVersionId, ResourceGroupId},
    },
    options::{Opt, versions},
    words,
};

/// Everything that a list of versions needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSettings {
    /// The definition.
    pub definition: ImageDefinitionId,
    /// Whose pools count.
    pub sight: Sight,
}

/// What becomes of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// New nodes of pools that follow the definition may get it.
    Admit,
    /// They do not get it any more.
    Exclude,
}

/// What becomes of a version that is to be latest and whose last test failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedTest {
    /// It is refused.
    #[default]
    Refused,
    /// It is made latest all the same.
    Allowed,
}

/// Everything that moving `latest` needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionSettings {
    /// The version.
    pub version: ImageVersionId,
    /// What becomes of it.
    pub goal: Goal,
    /// Also when its last test failed.
    pub failed_test: FailedTest,
    /// Where; everywhere when there is none.
    pub regions: Vec<Location>,
    /// Whose pools count.
    pub sight: Sight,
}

/// Everything that a wait for a version needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionSettings {
    /// The version.
    pub version: ImageVersionId,
    /// Where it has to be complete; everywhere when there is none.
    pub regions: Vec<Location>,
}

/// Whether replicas are also lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// They are raised where they are too few.
    RaiseOnly,
    /// They are lowered, too, where they are more than needed.
    Lower,
}

/// Everything that scaling a version needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleSettings {
    /// The version.
    pub version: ImageVersionId,
    /// Where; everywhere when there is none.
    pub regions: Vec<Location>,
    /// Whether replicas are also lowered.
    pub fit: Fit,
    /// The regions that it is taken out of.
    pub removed: Vec<Location>,
    /// How many nodes a replica carries.
    pub rule: ReplicaRule,
    /// Whose pools count.
    pub sight: Sight,
}

/// Where leftovers are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a resource group.
    Group(ResourceGroupId),
    /// In all groups of a subscription.
    Subscription(SubscriptionId),
}

/// Everything that removing leftovers needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionSettings {
    /// Where they are looked for; one place at least.
    pub places: Vec<Place>,
    /// The first part of their names.
    pub name_prefix: String,
}

/// Reads the settings of scaling a version.
pub(super) fn scale(reader: &mut Reader<'_, '_>) -> Option<ScaleSettings> {
    let version = version(reader);
    let regions = regions(reader);
    let fit = if reader.is_on(versions::FIT) {
        Fit::Lower
    } else {
        Fit::RaiseOnly
    };
    let removed = removed(reader);
    let rule = replica_rule(reader);
    let sight = sight(reader);
    Some(ScaleSettings {
        version: version?,
        regions: regions?,
        fit,
        removed: removed?,
        rule: rule?,
        sight: sight?,
    })
}

/// Reads the settings of a wait for a version.
pub(super) fn completion(reader: &mut Reader<'_, '_>) -> Option<CompletionSettings> {
    let version = version(reader);
    let regions = regions(reader);
    Some(CompletionSettings {
        version: version?,
        regions: regions?,
    })
}

/// Reads the settings of removing leftovers.
pub(super) fn collection(reader: &mut Reader<'_, '_>) -> Option<CollectionSettings> {
    let (groups, subscriptions) = (versions::RESOURCE_GROUPS, versions::LEFTOVER_SUBSCRIPTIONS);
    let in_groups: Result<Vec<Place>, InvalidId> = reader
        .listed(groups)
        .iter()
        .map(|id| id.parse().map(Place::Group))
        .collect();
    let in_groups = reader.checked(groups, in_groups);
    let in_all: Result<Vec<Place>, InvalidId> = reader
        .listed(subscriptions)
        .iter()
        .map(|id| id.parse().map(Place::Subscription))
        .collect();
    let in_all = reader.checked(subscriptions, in_all);
    let places = [in_groups?, in_all?].concat();
    if places.is_empty() {
        reader.refuse(groups, words!["say where to look: give this or ", subscriptions]);
        return None;
    }
    let prefix = reader.text(versions::LEFTOVER_PREFIX).unwrap_or(USUAL_PREFIX);
    Some(CollectionSettings {
        places,
        name_prefix: prefix.to_owned(),
    })
}

/// Reads the settings of a promotion, or of the contrary.
pub(super) fn promotion(reader: &mut Reader<'_, '_>, goal: Goal) -> Option<PromotionSettings> {
    let version = version(reader);
    let regions = regions(reader);
    let failed_test = match goal {
        Goal::Admit if reader.is_on(versions::ALLOW_FAILED_TEST) => FailedTest::Allowed,
        Goal::Admit | Goal::Exclude => FailedTest::Refused,
    };
    let sight = sight(reader);
    Some(PromotionSettings {
        version: version?,
        goal,
        failed_test,
        regions: regions?,
        sight: sight?,
    })
}

fn version(reader: &mut Reader<'_, '_>) -> Option<ImageVersionId> {
    let opt = versions::IMAGE_VERSION;
    let remedy = "give the resource id of the image version";
    let id: ImageVersionId = reader.required(opt, remedy).and_then(|_| reader.parsed(opt))?;
    if id.number().is_none() {
        reader.refuse(opt, format!("{} is no version number, such as 1.0.2", id.name()));
        return None;
    }
    Some(id)
}

/// The regions that a version is taken out of; nothing after a fault.
fn removed(reader: &mut Reader<'_, '_>) -> Option<Vec<Location>> {
    let opt = versions::REMOVED_REGIONS;
    let removed = locations(reader, opt)?;
    let kept = locations(reader, versions::REGIONS).unwrap_or_default();
    match removed.iter().find(|region| kept.contains(region)) {
        None => Some(removed),
        Some(both) => {
            reader.refuse(
                opt,
                words![
                    format!("{both} is also in "),
                    versions::REGIONS,
                    ": name it in one of them"
                ],
            );
            None
        }
    }
}

/// Where; nothing after a fault.
fn regions(reader: &mut Reader<'_, '_>) -> Option<Vec<Location>> {
    locations(reader, versions::REGIONS)
}

fn locations(reader: &mut Reader<'_, '_>, opt: &'static Opt) -> Option<Vec<Location>> {
    let regions: Result<Vec<Location>, InvalidId> = reader.listed(opt).iter().map(|name| name.parse()).collect();
    reader.checked(opt, regions)
}

/// Reads the settings of a list.
pub(super) fn list(reader: &mut Reader<'_, '_>) -> Option<ListSettings> {
    let definition = definition(reader);
    let sight = sight(reader);
    Some(ListSettings {
        definition: definition?,
        sight: sight?,
    })
}

fn definition(reader: &mut Reader<'_, '_>) -> Option<ImageDefinitionId> {
    let opt = versions::IMAGE_DEFINITION;
    let remedy = "give the resource id of the image definition";
    reader.required(opt, remedy).and_then(|_| reader.parsed(opt))
}

/// Whose pools count; nothing after a fault.
pub(super) fn sight(reader: &mut Reader<'_, '_>) -> Option<Sight> {
    let opt = versions::SUBSCRIPTIONS;
    let listed = reader.listed(opt);
    if listed.is_empty() {
        return Some(Sight::Everything);
    }
    let ids: Result<Vec<SubscriptionId>, InvalidId> = listed.iter().map(|id| id.parse()).collect();
    reader.checked(opt, ids).map(Sight::Subscriptions)
}
