//! Whether the pools of one run fit together into the quotas, before the first of them is written.
//!
//! What fits is decided in `quota`. Whether a pool fits alone is looked at again when its turn comes.

use super::{Looked, common::SharedFact};
use crate::{
    batch::{
        account::{Account, Allocation},
        size::{self, SizeOffer},
    },
    client::Client,
    compute::usage::{self, Usage},
    error::{Error, ErrorKind},
    ids::SubscriptionId,
    memory::{OF_RUN, RECENT},
    options::pool::{CONTINUE_AFTER_FAILURE, TARGET_DEDICATED_NODES},
    plan::{About, Fact},
    quota::{self, Ask, Fits, Sum},
    rollout::Demand,
    settings::{AfterFailure, FleetSettings},
    watch::Looks,
    words,
};

/// Holds the pools that get nodes against the quotas, account by account. Where they do not fit together, the first pool of
/// the account is refused, so that none begins; where the others have their turn after a failure, it is a warning. Returns
/// the sums as lines of a plan.
pub(super) async fn check(
    client: &Client,
    (fleet, looks): (&FleetSettings, &Looks),
    looked: &mut [Looked],
) -> Vec<SharedFact> {
    let mut facts = Vec::new();
    let demands: Vec<Demand> = looked
        .iter()
        .filter_map(|looked| looked.as_ref().ok()?.1.demand.clone())
        .collect();
    for group in groups(&demands) {
        let found = sums((client, looks), &group).await;
        facts.extend(found.iter().map(fact));
        for short in found.iter().filter(|sum| sum.fits == Fits::Enough) {
            client.warn(format!("not all nodes will come: {}", short.text));
        }
        let stopping: Vec<Sum> = found.into_iter().filter(|sum| sum.fits == Fits::TooLittle).collect();
        match (stopping.as_slice(), fleet.after_failure) {
            ([], _) => {}
            (stopping, AfterFailure::Continue) => {
                for excess in stopping {
                    client.warn(format!("not every pool will get its nodes: {}", excess.text));
                }
            }
            (stopping, AfterFailure::Stop) => refuse(looked, &group, stopping),
        }
    }
    facts
}

fn fact(sum: &Sum) -> SharedFact {
    SharedFact {
        fact: match sum.fits {
            Fits::All => Fact::plain(About::Quota, sum.text.as_str()),
            Fits::Enough | Fits::TooLittle => Fact::lacking(About::Quota, sum.text.as_str()),
        },
        pools: sum.pools.clone(),
    }
}

/// The demands that share a ceiling: of one account, or of accounts whose nodes use the quota of one subscription in one
/// region.
fn groups(demands: &[Demand]) -> Vec<Vec<&Demand>> {
    let is_together = |one: &Account, other: &Account| {
        let is_shared = [one, other]
            .iter()
            .all(|it| it.allocation == Allocation::UserSubscription);
        let is_place =
            one.location == other.location && one.id.group().subscription() == other.id.group().subscription();
        one.endpoint == other.endpoint || (is_shared && is_place)
    };
    let mut groups: Vec<Vec<&Demand>> = Vec::new();
    for demand in demands {
        let known = groups
            .iter_mut()
            .find(|group| group.iter().any(|it| is_together(&it.account, &demand.account)));
        match known {
            Some(group) => group.push(demand),
            None => groups.push(vec![demand]),
        }
    }
    groups
}

/// What the group asks for together. Nothing where that cannot be seen: each pool says so when its turn comes, and that the
/// run is over if it is.
async fn sums((client, looks): (&Client, &Looks), group: &[&Demand]) -> Vec<Sum> {
    let Some(first) = group.first() else {
        return Vec::new();
    };
    let account = &first.account;
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Vec::new();
    };
    let request = size::list(&subscription, &account.location);
    let Ok(sizes) = client.recalling(OF_RUN).list(&request).await else {
        return Vec::new();
    };
    let sizes: Vec<SizeOffer> = sizes.iter().map(SizeOffer::read).collect();
    let asks: Vec<Ask<'_>> = group.iter().filter_map(|demand| ask(demand, &sizes)).collect();
    match account.allocation {
        Allocation::UserSubscription => {
            let request = usage::list(&subscription, &account.location);
            let usages = client.recalling(RECENT).list(&request).await.unwrap_or_default();
            let usages: Vec<Usage> = usages.iter().map(Usage::read).collect();
            let place = format!("in {} of subscription {subscription}", account.location);
            quota::of_usages(&usages, &place, &asks)
        }
        Allocation::BatchService => {
            let watch = looks.watch(client, account.endpoint.clone(), first.pool.clone());
            let look = watch.look(None).await;
            look.map_or_else(
                |_unread| Vec::new(),
                |look| quota::together(&account.quotas, look.pools(), &sizes, &asks),
            )
        }
    }
}

fn ask<'a>(demand: &'a Demand, sizes: &'a [SizeOffer]) -> Option<Ask<'a>> {
    Some(Ask {
        pool: &demand.pool,
        size: sizes.iter().find(|size| size.is_called(&demand.vm_size))?,
        wanted: demand.wanted,
        needed: demand.needed,
        present: demand.present.as_ref(),
    })
}

/// Puts the refusal in place of what the group's first pool would do.
fn refuse(looked: &mut [Looked], group: &[&Demand], stopping: &[Sum]) {
    let is_of_group = |looked: &Looked| {
        let demand = looked.as_ref().ok().and_then(|(_, foreseen)| foreseen.demand.as_ref());
        demand.is_some_and(|own| {
            group
                .iter()
                .any(|it| it.pool == own.pool && it.account.id == own.account.id)
        })
    };
    if let Some(first) = looked.iter_mut().find(|looked| is_of_group(looked)) {
        *first = Err(refusal(stopping));
    }
}

fn refusal(stopping: &[Sum]) -> Error {
    let error =
        Error::plain(ErrorKind::Quota, "the pools of this file do not fit together").with_kept("nothing was changed");
    let error = stopping
        .iter()
        .fold(error, |error, excess| error.with_fact(excess.text.clone()));
    error
        .with_next(
            words![
                "ask for more, free what others use, or lower ",
                TARGET_DEDICATED_NODES,
                " of some pools; the portal takes requests under Quotas of the Batch account, and under Usage + quotas of the \
                 subscription"
            ],
            None,
        )
        .with_next(
            words!["or let as many pools have their nodes as fit, with ", CONTINUE_AFTER_FAILURE],
            None,
        )
}
