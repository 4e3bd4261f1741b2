//! Community galleries as everybody sees them: read by region, with less than their owner sees.

use http::Method;

use crate::{
    api::Api,
    ids::{CommunityVersionId, Location},
    request::Request,
};

/// The request that reads a version, for callers of that subscription, in a region.
#[must_use]
pub fn get_version(subscription: &str, location: &Location, id: &CommunityVersionId) -> Request {
    let path = format!("{}/versions/{}", image(subscription, location, id), id.number());
    let doing = format!(
        "read image version {} of community gallery {}",
        id.number(),
        id.gallery()
    );
    Request::arm(Method::GET, path, Api::Galleries, doing)
}

/// The request that reads its image definition.
#[must_use]
pub fn get_definition(subscription: &str, location: &Location, id: &CommunityVersionId) -> Request {
    let doing = format!(
        "read image definition {} of community gallery {}",
        id.image(),
        id.gallery()
    );
    Request::arm(Method::GET, image(subscription, location, id), Api::Galleries, doing)
}

fn image(subscription: &str, location: &Location, id: &CommunityVersionId) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/communityGalleries/{}/images/{}",
        id.gallery(),
        id.image()
    )
}
