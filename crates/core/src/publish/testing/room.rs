//! Whether the pool of a test fits: asked before anything is made, since the test comes after the copies.
//!
//! What fits is decided in `quota`. What may not be read is a note and stops nothing. Where nodes use the quota of their
//! subscription, only the number of pools is asked here: Azure refuses by itself.

use serde_json::Value;

use super::PlannedTest;
use crate::{
    arm::subnet::{self, Network},
    batch::{
        account::{Account, Allocation},
        pool::{self, Pool},
        size::{self, SizeOffer},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{NodeCounts, SubscriptionId, resource::SubnetId},
    options::image::{TEST_BATCH_ACCOUNT, TEST_SUBNET_ID},
    quota::{self, Ask},
    request::Request,
    rights, words,
};

/// The node of a test.
const ONE_NODE: NodeCounts = NodeCounts { dedicated: 1, spot: 0 };

/// Checks.
///
/// # Errors
/// `Quota` when the pool, or its node, does not fit into the account or the subnet; `BadInput` when the subnet is not there,
/// or in another region than the account; when Azure fails, or the run ends.
pub(in crate::publish) async fn check(client: &Client, account: &Account, test: &PlannedTest) -> Result<()> {
    if let Some(id) = &test.subnet {
        check_subnet(client, account, id).await?;
    }
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
    Err(Error::new(ErrorKind::Quota, text).with_hint(words![
        "ask for more quota (portal: the Batch account's Quotas), free what others use, or give another account in ",
        TEST_BATCH_ACCOUNT
    ]))
}

async fn check_subnet(client: &Client, account: &Account, id: &SubnetId) -> Result<()> {
    let found = match client.find(&subnet::get_network(id)).await {
        Err(error) if error.kind() == ErrorKind::NoRights => {
            client.note(format!(
                "whether subnet {} has room is not known: {}",
                id.name(),
                rights::lack(&error)
            ));
            return Ok(());
        }
        found => found?,
    };
    let network = found.map(|answer| Network::read(&answer.value()));
    match unusable(account, id, network.as_ref()) {
        None => Ok(()),
        Some((kind, why)) => Err(Error::new(kind, words![TEST_SUBNET_ID, format!(": {why}")])),
    }
}

/// Why the node of a test cannot be in a subnet. Pure.
fn unusable(account: &Account, id: &SubnetId, network: Option<&Network>) -> Option<(ErrorKind, String)> {
    let Some(network) = network else {
        return Some((
            ErrorKind::BadInput,
            format!("there is no virtual network {}", id.network_name()),
        ));
    };
    if network
        .location
        .as_ref()
        .is_some_and(|location| *location != account.location)
    {
        let location = network.location.as_ref().map(ToString::to_string).unwrap_or_default();
        let text = format!(
            "virtual network {} lies in {location}, and Batch account {} in {}",
            id.network_name(),
            account.id.name(),
            account.location
        );
        return Some((ErrorKind::BadInput, text));
    }
    let Some(subnet) = network
        .subnets
        .iter()
        .find(|subnet| subnet.name.eq_ignore_ascii_case(id.name()))
    else {
        let names: Vec<&str> = network.subnets.iter().map(|subnet| subnet.name.as_str()).collect();
        let text = format!(
            "virtual network {} has no subnet {}; it has {}",
            id.network_name(),
            id.name(),
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        );
        return Some((ErrorKind::BadInput, text));
    };
    let room = quota::of_subnet(&subnet.name, &subnet.prefix, subnet.used)?;
    room.is_short(1).then(|| {
        (
            ErrorKind::Quota,
            format!("no address is free in subnet {} ({})", subnet.name, subnet.prefix),
        )
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";

    /// What is said of a subnet in a network of that region, with two subnets.
    fn said(subnet: &str, location: &str) -> Option<(ErrorKind, String)> {
        let id = format!("{GROUP}/Microsoft.Batch/batchAccounts/acct").parse().unwrap();
        let body = json!({"location": "East US 2", "properties": {"accountEndpoint": "acct.eastus2.batch.azure.com"}});
        let account = crate::batch::account::parse(&id, &body).unwrap();
        let interfaces: Vec<Value> = (0..3).map(|number| json!({"id": number})).collect();
        let network = Network::read(&json!({"location": location, "properties": {"subnets": [
            {"name": "nodes", "properties": {"addressPrefix": "10.0.0.0/24"}},
            {"name": "full", "properties": {"addressPrefix": "10.0.1.0/29", "ipConfigurations": interfaces}}]}}));
        let id = format!("{GROUP}/Microsoft.Network/virtualNetworks/net/subnets/{subnet}");
        unusable(&account, &id.parse().unwrap(), Some(&network))
    }

    #[test]
    fn a_subnet_is_there_near_the_account_and_has_an_address_free() {
        assert_eq!(said("Nodes", "eastus2"), None);
        let texts = [
            said("full", "eastus2"),
            said("gone", "eastus2"),
            said("nodes", "westus2"),
        ]
        .map(|said| said.map(|(kind, text)| format!("{kind:?}: {text}")).unwrap_or_default());
        insta::assert_snapshot!(texts.join("\n"), @r"
        Quota: no address is free in subnet full (10.0.1.0/29)
        BadInput: virtual network net has no subnet gone; it has nodes, full
        BadInput: virtual network net lies in westus2, and Batch account acct in eastus2
        ");
    }
}
