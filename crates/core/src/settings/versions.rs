//! Reads what looking at versions and keeping them in order needs to know.

use super::{Sight, reader::Reader};
use crate::{
    ids::{InvalidId, SubscriptionId, resource::ImageDefinitionId},
    options::versions,
};

/// Everything that a list of versions needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSettings {
    /// The definition.
    pub definition: ImageDefinitionId,
    /// Whose pools count.
    pub sight: Sight,
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
fn sight(reader: &mut Reader<'_, '_>) -> Option<Sight> {
    let opt = versions::SUBSCRIPTIONS;
    let listed = reader.listed(opt);
    if listed.is_empty() {
        return Some(Sight::Everything);
    }
    let ids: Result<Vec<SubscriptionId>, InvalidId> = listed.iter().map(|id| id.parse()).collect();
    reader.checked(opt, ids).map(Sight::Subscriptions)
}
