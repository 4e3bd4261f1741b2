//! The marketplace's versions of an image: the request, and which of them is newer than another.
//!
//! Whether Batch supports the image is in `batch::supported`.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    batch::image::MarketplaceImage,
    ids::{Location, SubscriptionId},
    json,
    request::Request,
};

/// The request for all versions of an image that a region offers; nothing when a part of its name is no name. The
/// answer is a bare list, without `value`.
#[must_use]
pub fn versions(subscription: &SubscriptionId, location: &Location, image: &MarketplaceImage) -> Option<Request> {
    let (publisher, offer, sku) = (&image.publisher, &image.offer, &image.sku);
    if ![publisher, offer, sku].into_iter().all(|part| is_name(part)) {
        return None;
    }
    let path = format!(
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/publishers/{publisher}\
         /artifacttypes/vmimage/offers/{offer}/skus/{sku}/versions"
    );
    let doing = format!("list the versions of marketplace image {publisher}:{offer}:{sku}");
    Some(Request::arm(Method::GET, path, Api::Machines, doing).for_list())
}

/// The numbers in an answer, the oldest first; what is no number is left out.
#[must_use]
pub fn read(answer: &Value) -> Vec<String> {
    let mut all: Vec<(Vec<u64>, &str)> = json::items(answer, "")
        .filter_map(|item| json::text(item, "/name"))
        .filter_map(|name| Some((numbers(name)?, name)))
        .collect();
    all.sort();
    all.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// Those of the versions that are newer than one.
#[must_use]
pub fn newer<'a>(all: &'a [String], than: &str) -> Vec<&'a str> {
    let Some(own) = numbers(than) else {
        return Vec::new();
    };
    let is_newer = |name: &&String| numbers(name).is_some_and(|other| other > own);
    all.iter().filter(is_newer).map(String::as_str).collect()
}

/// The parts of a version's number: `22.04.202601010` is newer than `22.04.202512010`.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// Names of publishers, offers and SKUs; they come from tags too, which anyone can write.
fn is_name(part: &str) -> bool {
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    !part.is_empty() && part.chars().all(is_good) && !part.chars().all(|letter| letter == '.')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_compared_by_number_and_not_by_letter() {
        let answer =
            json!([{"name": "22.04.202601010"}, {"name": "9.4.1"}, {"name": "latest"}, {"name": "22.4.202512010"}]);
        let all = read(&answer);
        assert_eq!(all, ["9.4.1", "22.4.202512010", "22.04.202601010"]);
        assert_eq!(newer(&all, "22.04.202512010"), ["22.04.202601010"]);
        assert!(newer(&all, "latest").is_empty());
    }

    #[test]
    fn a_tag_with_another_address_in_it_asks_for_nothing() {
        let ask = |urn: &str| {
            let image = MarketplaceImage::of_urn(urn).unwrap();
            let subscription = "11111111-1111-1111-1111-111111111111".parse().unwrap();
            versions(&subscription, &"eastus2".parse().unwrap(), &image).is_some()
        };
        assert!(ask("Canonical:0001-com-ubuntu:22_04-lts.gen2:1.2.3"));
        for urn in ["a/b:c:d:1", "a:..:d:1", "a:c:d?e:1", "::d:1"] {
            assert!(!ask(urn), "{urn}");
        }
    }
}
