//! The marketplace images and node agents that Batch supports, and until when.
//!
//! Which agent fits an image is not decided here.

use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    batch::{API_VERSION, image::MarketplaceImage},
    ids::BatchEndpoint,
    json,
    request::Request,
};

/// One image with the agent that runs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supported {
    /// The node agent SKU.
    pub agent: String,
    /// The image.
    pub image: MarketplaceImage,
    /// When Batch ends its support; absent when no date is set.
    pub end_of_life: Option<Timestamp>,
}

impl Supported {
    /// Reads one item of the list.
    #[must_use]
    pub fn read(item: &Value) -> Self {
        let text = |pointer| json::text(item, pointer).unwrap_or_default().to_owned();
        Self {
            agent: text("/nodeAgentSKUId"),
            image: MarketplaceImage {
                publisher: text("/imageReference/publisher"),
                offer: text("/imageReference/offer"),
                sku: text("/imageReference/sku"),
                version: text("/imageReference/version"),
            },
            end_of_life: json::time(item, "/batchSupportEndOfLife"),
        }
    }
}

/// The request for the whole list.
#[must_use]
pub fn list(endpoint: &BatchEndpoint) -> Request {
    Request::batch(
        endpoint,
        Method::GET,
        "/supportedimages",
        API_VERSION,
        "list the images that Batch supports",
    )
}

/// When Batch ends the support of a node agent: with the last of its images. Nothing when one of them has no end, or the
/// agent is not in the list.
#[must_use]
pub fn end_of_agent(list: &[Supported], agent: &str) -> Option<Timestamp> {
    let own = || list.iter().filter(|known| known.agent.eq_ignore_ascii_case(agent));
    let has_end = own().all(|known| known.end_of_life.is_some());
    own().filter_map(|known| known.end_of_life).max().filter(|_| has_end)
}

/// When Batch ends the support of a marketplace image.
#[must_use]
pub fn end_of_image(list: &[Supported], image: &MarketplaceImage) -> Option<Timestamp> {
    let is_it = |known: &&Supported| {
        let pairs = [
            (&known.image.publisher, &image.publisher),
            (&known.image.offer, &image.offer),
            (&known.image.sku, &image.sku),
        ];
        pairs.iter().all(|(known, asked)| known.eq_ignore_ascii_case(asked))
    };
    list.iter().find(is_it)?.end_of_life
}
