//! Which image of the marketplace a pool stands on: its own, or the one that its version was made of. Pure.
//!
//! Which versions the marketplace has is read in `catalogue`.

use crate::{
    batch::image::{MarketplaceImage, PoolImage},
    compute::version::ImageVersion,
    estate::{NodeImages, SeenPool},
    ids::VersionNumber,
    tags::Tag,
};

/// The base of what a pool runs; of nodes on several versions that of the oldest. Nothing for a pool that gets the
/// marketplace's newest by itself, and where a version does not say it.
pub(super) fn of(pool: &SeenPool, versions: &[ImageVersion]) -> Option<MarketplaceImage> {
    match &pool.image {
        PoolImage::Marketplace(image) => image.is_exact().then(|| image.clone()),
        PoolImage::Version(_) | PoolImage::Definition(_) => {
            let number = oldest(pool)?;
            let version = versions.iter().find(|version| version.id.number() == Some(number))?;
            let urn = Tag::BaseImage.read(version.body())?;
            MarketplaceImage::of_urn(urn).filter(MarketplaceImage::is_exact)
        }
        PoolImage::Managed(_) | PoolImage::Other(_) | PoolImage::Unknown => None,
    }
}

/// The number of the version that a pool names, else the lowest of its nodes.
pub(super) fn oldest(pool: &SeenPool) -> Option<VersionNumber> {
    numbers(pool).into_iter().min()
}

/// The numbers of the versions that a pool names or its nodes run.
pub(super) fn numbers(pool: &SeenPool) -> Vec<VersionNumber> {
    let number = |image: &PoolImage| match image {
        PoolImage::Version(id) => id.number(),
        _ => None,
    };
    match (number(&pool.image), &pool.nodes) {
        (Some(own), _) => vec![own],
        (None, NodeImages::Listed(nodes)) => nodes.iter().filter_map(|(image, _)| number(image)).collect(),
        (None, NodeImages::AsPool | NodeImages::Unread) => Vec::new(),
    }
}

/// What images that differ in their version only have in common, for maps.
pub(super) fn key(image: &MarketplaceImage) -> String {
    format!("{}:{}:{}", image.publisher, image.offer, image.sku).to_ascii_lowercase()
}
