//! Reads the VM sizes that pools want: one list for each subscription and region.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use crate::{
    batch::account::Account,
    client::Client,
    compute::sku::{self, Sku},
    error::{ErrorKind, Result},
    ids::{Location, SubscriptionId, VmSize},
    publish::boot::{FoundSize, WantedSize},
    rights,
    settings::UsedBy,
};

/// What the regions of the pools say of the sizes that these want. An identity that may not list sizes is no failure.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(in crate::publish) async fn read(
    client: &Client,
    used_by: &[UsedBy],
    accounts: &[(Account, u32)],
) -> Result<Vec<WantedSize>> {
    let mut wanted: BTreeMap<(SubscriptionId, Location), Vec<VmSize>> = BTreeMap::new();
    for (pool, (account, _)) in used_by.iter().zip(accounts) {
        if let (Some(size), Ok(subscription)) = (&pool.vm_size, account.id.group().subscription().parse()) {
            let sizes = wanted.entry((subscription, account.location.clone())).or_default();
            if !sizes.contains(size) {
                sizes.push(size.clone());
            }
        }
    }
    let lists = wanted.into_iter().map(|((subscription, location), sizes)| async move {
        let listed = match client.list(&sku::list(&subscription, &location)).await {
            Err(error) if error.kind() == ErrorKind::NoRights => {
                client.note(format!(
                    "VM sizes of {location} are not compared: {}",
                    rights::lack(&error)
                ));
                None
            }
            listed => Some(listed?),
        };
        let skus: Option<Vec<Sku>> = listed.map(|items| items.iter().filter_map(Sku::read).collect());
        let found = |name: &VmSize| match &skus {
            None => FoundSize::Unread,
            Some(skus) => {
                let is_it = |sku: &&Sku| sku.name.as_str().eq_ignore_ascii_case(name.as_str());
                skus.iter()
                    .find(is_it)
                    .cloned()
                    .map_or(FoundSize::Missing, FoundSize::Sku)
            }
        };
        let of_size = |name: VmSize| WantedSize {
            found: found(&name),
            location: location.clone(),
            name,
        };
        Ok(sizes.into_iter().map(of_size).collect::<Vec<_>>())
    });
    Ok(try_join_all(lists).await?.into_iter().flatten().collect())
}
