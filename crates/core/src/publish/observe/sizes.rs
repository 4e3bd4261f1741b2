//! Reads the VM sizes that pools and the test want: one list for each subscription and region.
//!
//! Whether they boot the images is decided in `boot`.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use crate::{
    batch::account::Account,
    client::Client,
    compute::sku::{self, Sku},
    error::{ErrorKind, Result},
    ids::{Location, SubscriptionId, VmSize},
    publish::boot::{FoundSize, SizeOf, WantedSize},
    rights,
};

/// A size that is wanted in the region of an account.
#[derive(Clone, Copy, Debug)]
pub(in crate::publish) struct Asked<'a> {
    /// Whose nodes are to have it.
    pub of: SizeOf,
    /// The size.
    pub name: &'a VmSize,
    /// Whose pool has the nodes.
    pub account: &'a Account,
}

/// What the regions of the pools say of the sizes that these want. An identity that may not list sizes is no failure.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(in crate::publish) async fn read(
    client: &Client,
    asked: impl Iterator<Item = Asked<'_>>,
) -> Result<Vec<WantedSize>> {
    let mut wanted: BTreeMap<(SubscriptionId, Location), Vec<(SizeOf, VmSize)>> = BTreeMap::new();
    for Asked { of, name, account } in asked {
        if let Ok(subscription) = account.id.group().subscription().parse() {
            let sizes = wanted.entry((subscription, account.location.clone())).or_default();
            let size = (of, name.clone());
            if !sizes.contains(&size) {
                sizes.push(size);
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
        let of_size = |(of, name): (SizeOf, VmSize)| WantedSize {
            of,
            found: found(&name),
            location: location.clone(),
            name,
        };
        Ok(sizes.into_iter().map(of_size).collect::<Vec<_>>())
    });
    Ok(try_join_all(lists).await?.into_iter().flatten().collect())
}
