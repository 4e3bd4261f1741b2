//! Which pools to look at, and how far ahead.

use super::{Depth, Sight, pool, reader::Reader};
use crate::{
    ids::SubscriptionId,
    options::{fleet, pool as options},
    words,
};

/// How far ahead an end counts when it is not given: half a year, in which a base image can be moved.
pub const WITHIN_DAYS: u32 = 180;

/// Everything that a look at pools needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSettings {
    /// Where to look.
    pub sight: Sight,
    /// An end within so many days is something to act on.
    pub within_days: u32,
    /// Of which pools the nodes are read.
    pub depth: Depth,
}

/// Reads the settings.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<StatusSettings> {
    let sight = sight(reader);
    let within_days = reader.number(fleet::WITHIN_DAYS).unwrap_or(WITHIN_DAYS);
    let depth = match reader.is_on(fleet::AGENT_VERSIONS) {
        true => Depth::EveryNode,
        false => Depth::WhereTheyDiffer,
    };
    Some(StatusSettings {
        sight: sight?,
        within_days,
        depth,
    })
}

/// Which accounts: one that is named, those of subscriptions, or all in sight. Nothing after a fault.
pub(super) fn sight(reader: &mut Reader<'_, '_>) -> Option<Sight> {
    let names_account = reader.has(options::ACCOUNT) || reader.has(options::ACCOUNT_ENDPOINT);
    match (names_account, reader.has(options::SUBSCRIPTIONS)) {
        (true, true) => {
            let text = words![options::ACCOUNT, " names one account; give one of the two"];
            reader.refuse(options::SUBSCRIPTIONS, text);
            None
        }
        (true, false) => pool::account(reader).map(|account| Sight::Accounts(vec![account])),
        (false, true) => subscriptions(reader).map(Sight::Subscriptions),
        (false, false) => Some(Sight::Everything),
    }
}

fn subscriptions(reader: &mut Reader<'_, '_>) -> Option<Vec<SubscriptionId>> {
    let mut all = Vec::new();
    let mut is_good = true;
    for text in reader.listed(options::SUBSCRIPTIONS) {
        match text.parse() {
            Ok(id) => all.push(id),
            Err(cause) => {
                let cause: crate::ids::InvalidId = cause;
                reader.refuse(options::SUBSCRIPTIONS, cause.to_string());
                is_good = false;
            }
        }
    }
    is_good.then_some(all)
}
