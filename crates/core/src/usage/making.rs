//! Versions that are being made, in every gallery of a subscription: what they are made of has to stay meanwhile.
//!
//! What is made of something by others, in subscriptions out of sight, does not show.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::{Blind, How, Size, Usage, Use, User, seen::seen};
use crate::{
    client::Client,
    compute::{
        gallery,
        version::{self, ImageVersion},
    },
    error::Result,
    ids::{
        SubscriptionId,
        resource::{GalleryId, ImageDefinitionId},
    },
    json,
};

/// The rights that it needs: galleries, their definitions, the versions of these.
pub(crate) const GALLERIES: &str = "Microsoft.Compute/galleries/read";
const DEFINITIONS: &str = "Microsoft.Compute/galleries/images/read";
pub(super) const VERSIONS: &str = "Microsoft.Compute/galleries/images/versions/read";

/// How many galleries and definitions are read at one time.
const AT_ONCE: usize = 8;

/// A list with what it is of.
type Listed<T> = (T, Result<Vec<Value>, Blind>);

impl Usage {
    /// What a list shows; a blind spot is noted, and shows nothing.
    fn known(&mut self, list: Result<Vec<Value>, Blind>) -> Vec<Value> {
        list.unwrap_or_else(|blind| {
            self.blind.push(blind);
            Vec::new()
        })
    }
}

/// What the versions of a subscription that are being made are made of.
pub(super) async fn of_subscription(client: &Client, id: &SubscriptionId) -> Result<Usage> {
    let mut usage = Usage::default();
    let what = format!("galleries of subscription {id}");
    let galleries = seen(client, &gallery::list(id), (what, GALLERIES)).await?;
    let galleries = usage.known(galleries);
    let galleries = galleries
        .iter()
        .filter_map(|body| json::text(body, "/id")?.parse().ok());
    for (gallery, definitions) in definitions(client, galleries.collect()).await? {
        let definitions = usage.known(definitions);
        let names = definitions.iter().filter_map(|body| json::text(body, "/name"));
        let own = names.map(|name| gallery.definition(name)).collect();
        for (definition, versions) in versions(client, own).await? {
            let versions = usage.known(versions);
            usage
                .uses
                .extend(versions.into_iter().flat_map(|body| sources(&definition, body)));
        }
    }
    Ok(usage)
}

async fn definitions(client: &Client, galleries: Vec<GalleryId>) -> Result<Vec<Listed<GalleryId>>> {
    let lists = stream::iter(galleries).map(|gallery| async move {
        let what = format!("image definitions of gallery {}", gallery.name());
        let found = seen(client, &gallery::list_definitions(&gallery), (what, DEFINITIONS)).await?;
        Ok((gallery, found))
    });
    lists.buffered(AT_ONCE).try_collect().await
}

async fn versions(client: &Client, definitions: Vec<ImageDefinitionId>) -> Result<Vec<Listed<ImageDefinitionId>>> {
    let lists = stream::iter(definitions).map(|definition| async move {
        let what = format!("versions of {}", definition.name());
        let found = seen(client, &version::list(&definition), (what, VERSIONS)).await?;
        Ok((definition, found))
    });
    lists.buffered(AT_ONCE).try_collect().await
}

/// What a version is made of, while it is being made.
fn sources(definition: &ImageDefinitionId, body: Value) -> Vec<Use> {
    let number = json::text(&body, "/name").and_then(|name| name.parse().ok());
    let Some(version) = number.map(|number| ImageVersion::new(definition.version(number), body)) else {
        return Vec::new();
    };
    if !version.is_in_the_making() {
        return Vec::new();
    }
    let using = |source: &str| Use {
        user: User {
            name: format!("version {}", version.title()),
            region: version.location(),
            size: Size::Fixed(0),
        },
        how: How::Source,
        image: source.to_owned(),
        exact: None,
    };
    version.sources().map(using).collect()
}
