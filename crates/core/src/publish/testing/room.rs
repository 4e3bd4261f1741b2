//! Whether the pool of a test fits: asked before anything is made, since the test comes after the copies.
//!
//! What fits is decided in `quota`. What may not be read is a note and stops nothing. Where nodes use the quota of their
//! subscription, only the number of pools is asked here: Azure refuses by itself.

use serde_json::Value;

use super::PlannedTest;
use crate::{
    batch::{
        account::{Account, Allocation},
        pool::{self, Pool},
        size::{self, SizeOffer},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{NodeCounts, SubscriptionId},
    quota::{self, Ask},
    request::Request,
    rights,
};

/// The node of a test.
const ONE_NODE: NodeCounts = NodeCounts { dedicated: 1, spot: 0 };

/// Checks.
///
/// # Errors
/// `Quota` when the pool, or its node, does not fit into the account; when Azure fails, or the run ends.
pub(in crate::publish) async fn check(client: &Client, account: &Account, test: &PlannedTest) -> Result<()> {
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Ok(());
    };
    let lists = futures::try_join!(
        list(client, pool::survey(&account.endpoint)),
        list(client, size::list(&subscription, &account.location))
    );
    let (Some(pools), Some(sizes)) = lists? else {
        return Ok(());
    };
    let pools: Vec<Pool> = pools.into_iter().map(Pool::new).collect();
    let sizes: Vec<SizeOffer> = sizes.iter().map(SizeOffer::read).collect();
    let short = shortage(account, (&pools, &sizes), test);
    if short.is_empty() {
        return Ok(());
    }
    let text = format!("the pool of the test does not fit: {}", short.join("\n  "));
    Err(Error::new(ErrorKind::Quota, text).with_hint(
        "ask for more quota (portal: the Batch account's Quotas), free what others use, or give another account",
    ))
}

/// What does not fit. Pure. A size that Batch does not list is for the service to refuse: the list may lag behind.
fn shortage(account: &Account, (pools, sizes): (&[Pool], &[SizeOffer]), test: &PlannedTest) -> Vec<String> {
    let Some(size) = sizes.iter().find(|size| size.is_called(test.vm_size.as_str())) else {
        return Vec::new();
    };
    let ask = Ask {
        pool: &test.pool,
        size,
        wanted: ONE_NODE,
        needed: ONE_NODE,
        present: pools.iter().find(|pool| pool.is_called(&test.pool)),
    };
    let rooms = match account.allocation {
        Allocation::BatchService => quota::of_account(&account.quotas, pools, sizes, &ask),
        Allocation::UserSubscription => {
            let others = pools.iter().filter(|pool| !pool.is_called(&test.pool)).count();
            let limit = account.quotas.pools;
            limit
                .map(|limit| quota::pool_count(limit, others))
                .into_iter()
                .collect()
        }
    };
    let short = quota::shortages(&rooms, &ask);
    short.into_iter().map(|short| short.text).collect()
}

async fn list(client: &Client, request: Request) -> Result<Option<Vec<Value>>> {
    match client.list(&request).await {
        Err(error) if error.kind() == ErrorKind::NoRights => {
            let lack = rights::lack(&error);
            client.note(format!("whether the pool of the test fits is not known: {lack}"));
            Ok(None)
        }
        listed => listed.map(Some),
    }
}
