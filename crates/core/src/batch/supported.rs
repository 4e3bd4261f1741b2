//! The marketplace images and node agents that Batch supports, and until when.
//!
//! Which agent fits an image is not decided here.

use std::fmt;

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
    /// Whether Batch has tried the agent on it.
    pub verification: Verification,
    /// When Batch ends its support; absent when no date is set.
    pub end_of_life: Option<Timestamp>,
}

/// Whether Batch has tried an agent on an image (`verificationType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It has, or says nothing of it.
    Verified,
    /// It has not: it expects the agent to work there.
    Unverified,
}

/// Whether Batch supports a base image, by its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSupport {
    /// It does.
    Listed {
        /// Until when; absent when no date is set.
        ends: Option<Timestamp>,
    },
    /// It supports other SKUs of the same offer.
    OtherSku,
    /// Nothing of the offer is in the list.
    Unlisted,
}

/// What is wrong with a node agent that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentFault {
    /// Batch has another one for the image that the pool's image was made of.
    OfAnotherImage {
        /// That image.
        base: String,
        /// Its agent.
        right: String,
    },
    /// It is for another operating system than the one that the image definition says.
    OfAnotherSystem {
        /// What the definition says: `Linux` or `Windows`.
        system: String,
    },
    /// Batch does not list it, or not any more.
    Unlisted {
        /// The next of its kind.
        successor: Option<String>,
    },
    /// Its support is over.
    Ended {
        /// Since when.
        ended: Timestamp,
        /// The next of its kind.
        successor: Option<String>,
    },
}

/// What is wrong, as what follows the agent's name.
impl fmt::Display for AgentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = |successor: &Option<String>| {
            let next = successor.as_ref();
            next.map_or_else(String::new, |next| {
                format!("; the next of its kind is {next:?}, which needs an image of that system")
            })
        };
        match self {
            Self::OfAnotherImage { base, right } => {
                write!(
                    f,
                    "does not fit the image, which was made of {base}: Batch has {right:?} for it"
                )
            }
            Self::OfAnotherSystem { system } => {
                write!(f, "does not fit the image, whose definition has the osType {system}")
            }
            Self::Unlisted { successor } => write!(f, "is not a node agent that Batch has{}", next(successor)),
            Self::Ended { ended, successor } => {
                write!(
                    f,
                    "is without support since {}{}",
                    ended.strftime("%Y-%m-%d"),
                    next(successor)
                )
            }
        }
    }
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
            verification: match json::text(item, "/verificationType") {
                Some(word) if word.eq_ignore_ascii_case("unverified") => Verification::Unverified,
                _ => Verification::Verified,
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

/// Until when Batch supports a node agent or an image, as a sentence.
#[must_use]
pub fn until(what: &str, end: Timestamp) -> String {
    format!("Batch supports {what} until {}", end.strftime("%F"))
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
    list.iter().find(|known| known.image.is_same_sku(image))?.end_of_life
}

/// The entry for a marketplace image; of several the one that is supported longest.
#[must_use]
pub fn for_image<'a>(list: &'a [Supported], image: &MarketplaceImage) -> Option<&'a Supported> {
    list.iter()
        .filter(|known| known.image.is_same_sku(image))
        .max_by_key(|known| (known.end_of_life.is_none(), known.end_of_life))
}

/// The agent after another one: of the same system, with the next higher number of those whose support goes on.
#[must_use]
pub fn successor<'a>(list: &'a [Supported], agent: &str, now: Timestamp) -> Option<&'a str> {
    let (system, number) = numbered(agent)?;
    let agents = list.iter().map(|known| known.agent.as_str());
    let goes_on = |agent: &&str| end_of_agent(list, agent).is_none_or(|end| end > now);
    agents
        .filter(goes_on)
        .filter_map(|agent| Some((numbered(agent)?, agent)))
        .filter(|((of, _), _)| of.eq_ignore_ascii_case(system))
        .filter(|((_, higher), _)| *higher > number)
        .min_by(|((_, one), _), ((_, other), _)| one.cmp(other))
        .map(|(_, agent)| agent)
}

/// What is wrong with a node agent for an image that was made of this base; nothing when the list is empty.
#[must_use]
pub fn fault(list: &[Supported], agent: &str, base: Option<&MarketplaceImage>, now: Timestamp) -> Option<AgentFault> {
    let of_base = base.and_then(|base| for_image(list, base));
    if let (Some(base), Some(right)) = (base, of_base) {
        let is_for_base = |known: &Supported| known.image.is_same_sku(base) && known.agent.eq_ignore_ascii_case(agent);
        if !list.iter().any(is_for_base) {
            return Some(AgentFault::OfAnotherImage {
                base: base.to_string(),
                right: right.agent.clone(),
            });
        }
    }
    let successor = || successor(list, agent, now).map(str::to_owned);
    if !list.is_empty() && !list.iter().any(|known| known.agent.eq_ignore_ascii_case(agent)) {
        return Some(AgentFault::Unlisted { successor: successor() });
    }
    let ended = end_of_agent(list, agent).filter(|end| *end <= now)?;
    Some(AgentFault::Ended {
        ended,
        successor: successor(),
    })
}

/// Whether a node agent is for another operating system than this `osType`. Names that are new to us fit all.
#[must_use]
pub fn is_of_other_system(agent: &str, os_type: &str) -> bool {
    let Some(system) = agent
        .to_ascii_lowercase()
        .strip_prefix("batch.node.")
        .map(str::to_owned)
    else {
        return false;
    };
    let is_windows = system.starts_with("windows");
    match os_type.to_ascii_lowercase().as_str() {
        "windows" => !is_windows,
        "linux" => is_windows,
        _ => false,
    }
}

/// Whether Batch supports a base image.
#[must_use]
pub fn support(list: &[Supported], image: &MarketplaceImage) -> ImageSupport {
    let is_of_offer = |known: &Supported| {
        let pairs = [
            (&known.image.publisher, &image.publisher),
            (&known.image.offer, &image.offer),
        ];
        pairs.iter().all(|(known, asked)| known.eq_ignore_ascii_case(asked))
    };
    match for_image(list, image) {
        Some(known) => ImageSupport::Listed {
            ends: known.end_of_life,
        },
        None if list.iter().any(is_of_offer) => ImageSupport::OtherSku,
        None => ImageSupport::Unlisted,
    }
}

/// The system of an agent and its number: `batch.node.ubuntu 22.04`.
fn numbered(agent: &str) -> Option<(&str, Vec<u32>)> {
    let (system, number) = agent.rsplit_once(' ')?;
    let number: Result<Vec<u32>, _> = number.split('.').map(str::parse).collect();
    Some((system, number.ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(agent: &str, sku: &str, end: Option<&str>) -> Supported {
        Supported::read(&json!({"nodeAgentSKUId": agent, "batchSupportEndOfLife": end,
            "imageReference": {"publisher": "canonical", "offer": "Ubuntu", "sku": sku}}))
    }

    fn base(sku: &str) -> MarketplaceImage {
        MarketplaceImage::of_urn(&format!("Canonical:ubuntu:{sku}:1.2.3")).unwrap()
    }

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_agent_is_of_one_operating_system_and_one_that_is_new_to_us_fits_all() {
        for (agent, os_type, expected) in [
            ("batch.node.windows amd64", "Linux", true),
            ("Batch.Node.Windows amd64", "windows", false),
            ("batch.node.ubuntu 22.04", "Windows", true),
            ("batch.node.ubuntu 22.04", "Linux", false),
            ("batch.node.ubuntu 22.04", "", false),
            ("another", "Windows", false),
        ] {
            assert_eq!(is_of_other_system(agent, os_type), expected, "{agent} on {os_type}");
        }
    }

    #[test]
    fn of_several_entries_the_one_that_is_supported_longest_counts() {
        let list = [
            entry("a", "22_04", Some("2027-01-01T00:00:00Z")),
            entry("b", "22_04", Some("2028-01-01T00:00:00Z")),
            entry("c", "22_04", None),
        ];
        let agent = |list| for_image(list, &base("22_04")).map(|known| known.agent.as_str());
        assert_eq!(agent(&list), Some("c"));
        assert_eq!(agent(&list[..2]), Some("b"));
        assert_eq!(agent(&[]), None);
    }

    #[test]
    fn a_successor_is_the_next_of_its_system_that_goes_on() {
        let list = [
            entry("batch.node.ubuntu 20.04", "20_04", Some("2025-04-01T00:00:00Z")),
            entry("batch.node.ubuntu 24.04", "24_04", None),
            entry("batch.node.ubuntu 22.04", "22_04", Some("2027-04-01T00:00:00Z")),
            entry("batch.node.el 9", "9", None),
            entry("batch.node.windows amd64", "2022", None),
        ];
        for (agent, expected) in [
            ("batch.node.ubuntu 18.04", Some("batch.node.ubuntu 22.04")),
            ("Batch.node.Ubuntu 22.04", Some("batch.node.ubuntu 24.04")),
            ("batch.node.ubuntu 24.04", None),
            ("batch.node.debian 11", None),
            ("batch.node.windows amd64", None),
        ] {
            assert_eq!(successor(&list, agent, now()), expected, "{agent}");
        }
    }

    #[test]
    fn an_agent_is_held_against_the_base_image_the_list_and_its_end() {
        let list = [
            entry("batch.node.ubuntu 20.04", "20_04", Some("2025-04-01T00:00:00Z")),
            entry("batch.node.ubuntu 22.04", "22_04", None),
        ];
        let other = AgentFault::OfAnotherImage {
            base: "Canonical:ubuntu:22_04:1.2.3".to_owned(),
            right: "batch.node.ubuntu 22.04".to_owned(),
        };
        let successor = Some("batch.node.ubuntu 22.04".to_owned());
        let ended = AgentFault::Ended {
            ended: "2025-04-01T00:00:00Z".parse().unwrap(),
            successor: successor.clone(),
        };
        for (agent, image, expected) in [
            ("batch.node.ubuntu 22.04", Some(base("22_04")), None),
            ("BATCH.node.ubuntu 22.04", None, None),
            ("batch.node.ubuntu 20.04", Some(base("22_04")), Some(other)),
            ("batch.node.ubuntu 20.04", Some(base("20_04")), Some(ended.clone())),
            ("batch.node.ubuntu 20.04", None, Some(ended)),
            (
                "batch.node.ubuntu 18.04",
                Some(base("18_04")),
                Some(AgentFault::Unlisted { successor }),
            ),
        ] {
            assert_eq!(fault(&list, agent, image.as_ref(), now()), expected, "{agent}");
        }
        assert_eq!(
            fault(&[], "batch.node.ubuntu 18.04", None, now()),
            None,
            "nothing is known"
        );
    }
}
