//! Reads how large the disks of a pool's nodes are, as far as Azure says.
//!
//! Nothing is guessed: what may not be read, or is not said, is absent. The words are in `disks`.

use super::{disks::Disks, pool::PoolAccess};
use crate::{
    batch::{image::PoolImage, pool::Pool, size},
    client::Client,
    compute::{sku::Sku, version},
    ids::SubscriptionId,
    json,
    memory::OF_RUN,
};

/// Reads them. A pool that cannot be read has none that are known.
pub(super) async fn look(access: &PoolAccess<'_>) -> Disks {
    let Ok(Some(pool)) = access.find().await else {
        return Disks::default();
    };
    let sku = offered(access, pool.vm_size()).await;
    Disks {
        temporary_mb: sku.as_ref().and_then(Sku::temporary_mb),
        os_gb: os(access.client(), &pool).await,
        // A pool has its size in small letters.
        size: sku.map_or_else(|| pool.vm_size().to_owned(), |sku| sku.name.to_string()),
    }
}

/// The size as Batch offers it.
async fn offered(access: &PoolAccess<'_>, size: &str) -> Option<Sku> {
    let account = access.at().account?;
    let subscription: SubscriptionId = account.id.group().subscription().parse().ok()?;
    let request = size::list(&subscription, &account.location);
    let offered = access.client().recalling(OF_RUN).list(&request).await.ok()?;
    let mut sizes = offered.iter().filter_map(Sku::of_batch);
    sizes.find(|sku| sku.name.as_str().eq_ignore_ascii_case(size))
}

/// The size that the pool asks for, else that of its image.
async fn os(client: &Client, pool: &Pool) -> Option<u64> {
    let own = json::number(pool.body(), "/virtualMachineConfiguration/osDisk/diskSizeGB");
    if own.is_some() {
        return own;
    }
    let PoolImage::Version(image) = pool.image() else {
        return None;
    };
    let found = client.recalling(OF_RUN).find(&version::get(&image)).await.ok()??;
    json::number(&found.value(), "/properties/storageProfile/osDiskImage/sizeInGB")
}
