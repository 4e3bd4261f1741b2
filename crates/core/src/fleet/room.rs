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
    error::{Error, ErrorKind, Result},
    ids::SubscriptionId,
    memory::{OF_RUN, RECENT},
    options::pool::{CONTINUE_AFTER_FAILURE, TARGET_DEDICATED_NODES},
    plan::{About, Fact},
    quota::{self, Ask, Fits, Sum},
    rights,
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
        // Each pool says when its turn comes what could not be read, and that the run is over if it is.
        let found = sums((client, looks), &group).await.unwrap_or_default();
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

/// The pools whose nodes do not all fit into the quotas at one time, with what they ask of them, quota by quota.
pub(super) async fn crowded<'a>(
    (client, looks): (&Client, &Looks),
    demands: &'a [Demand],
) -> Vec<(String, Vec<&'a Demand>)> {
    let mut crowded = Vec::new();
    for group in groups(demands).into_iter().filter(|group| group.len() > 1) {
        let found = sums((client, looks), &group).await.unwrap_or_else(|error| {
            client.note(unchecked(&error));
            Vec::new()
        });
        for sum in found.into_iter().filter(|sum| sum.fits != Fits::All) {
            let of_sum = group.iter().copied().filter(|demand| sum.pools.contains(&demand.pool));
            let demands = of_sum.collect();
            crowded.push((sum.text, demands));
        }
    }
    crowded
}

/// What is said where it is not known whether they fit.
fn unchecked(error: &Error) -> String {
    let why = match error.kind() {
        ErrorKind::NoRights => rights::lack(error),
        _ => error.to_string(),
    };
    format!("not checked: whether these pools fit into the quotas together: {why}")
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

/// What the group asks for together.
async fn sums((client, looks): (&Client, &Looks), group: &[&Demand]) -> Result<Vec<Sum>> {
    let Some(first) = group.first() else {
        return Ok(Vec::new());
    };
    let account = &first.account;
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Ok(Vec::new());
    };
    let request = size::list(&subscription, &account.location);
    let sizes = client.recalling(OF_RUN).list(&request).await?;
    let sizes: Vec<SizeOffer> = sizes.iter().map(SizeOffer::read).collect();
    let asks: Vec<Ask<'_>> = group.iter().filter_map(|demand| ask(demand, &sizes)).collect();
    Ok(match account.allocation {
        Allocation::UserSubscription => {
            let request = usage::list(&subscription, &account.location);
            let usages = client.recalling(RECENT).list(&request).await?;
            let usages: Vec<Usage> = usages.iter().map(Usage::read).collect();
            let place = format!("in {} of subscription {subscription}", account.location);
            quota::of_usages(&usages, &place, &asks)
        }
        Allocation::BatchService => {
            let watch = looks.watch(client, account.endpoint.clone(), first.pool.clone());
            let look = watch.look(None).await?;
            quota::together(&account.quotas, look.pools(), &sizes, &asks)
        }
    })
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
