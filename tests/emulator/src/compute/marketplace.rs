//! The marketplace: publishers, offers, SKUs and versions of platform images.
//!
//! A small selection, one or more of each sort that matters here: both generations, both architectures, Windows.
//! Every region offers them all. One SKU has a purchase plan; its terms count as accepted.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::plan::PurchasePlan;
use crate::{
    call::Call,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
};

/// One SKU of an offer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Platform {
    publisher: &'static str,
    offer: &'static str,
    sku: &'static str,
    /// `Linux` or `Windows`.
    pub(super) os: &'static str,
    /// `V1` or `V2`.
    pub(super) generation: &'static str,
    /// `x64` or `Arm64`.
    pub(super) architecture: &'static str,
    /// The size of the OS disk in GiB.
    pub(super) size_gb: u32,
    /// Oldest first; `latest` is the last.
    versions: &'static [&'static str],
    /// Whether it is sold under a plan, which is then named like the SKU.
    is_sold: bool,
}

impl Platform {
    /// The image that a VM's `imageReference` names, with its exact version.
    pub(super) fn find(reference: &Value) -> Result<(Self, &'static str), ArmError> {
        let text = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
        let (publisher, offer, sku, version) = (text("publisher"), text("offer"), text("sku"), text("version"));
        let found = PLATFORMS
            .into_iter()
            .find(|platform| platform.is(publisher, offer, sku))
            .and_then(|platform| Some((platform, platform.version(version)?)));
        found.ok_or_else(|| {
            let message = format!(
                "The platform image '{publisher}:{offer}:{sku}:{version}' is not available. Verify that all fields in \
                 the storage profile are correct. For more details about storage profile information, please refer \
                 to https://aka.ms/storageprofile"
            );
            ArmError::new(StatusCode::NOT_FOUND, "PlatformImageNotFound", message)
        })
    }

    /// The plan that a machine from it must name.
    pub(super) fn plan(&self) -> Option<PurchasePlan> {
        self.is_sold
            .then(|| PurchasePlan::new(self.sku, self.publisher, self.offer))
    }

    fn is(&self, publisher: &str, offer: &str, sku: &str) -> bool {
        let own = [self.publisher, self.offer, self.sku];
        own.iter()
            .zip([publisher, offer, sku])
            .all(|(own, asked)| own.eq_ignore_ascii_case(asked))
    }

    fn version(&self, asked: &str) -> Option<&'static str> {
        if asked.eq_ignore_ascii_case("latest") {
            self.versions.last().copied()
        } else {
            self.versions.iter().copied().find(|version| *version == asked)
        }
    }

    fn matches(&self, names: &[String]) -> bool {
        let own = [self.publisher, self.offer, self.sku];
        own.iter()
            .zip(names)
            .all(|(own, asked)| own.eq_ignore_ascii_case(asked))
    }
}

const fn linux(publisher: &'static str, offer: &'static str, sku: &'static str) -> Platform {
    Platform {
        publisher,
        offer,
        sku,
        os: "Linux",
        generation: "V2",
        architecture: "x64",
        size_gb: 30,
        versions: &["22.04.202512010", "22.04.202601010"],
        is_sold: false,
    }
}

const UBUNTU: &str = "0001-com-ubuntu-server-jammy";

/// Names and disk sizes are those of the marketplace; versions are two of many.
const PLATFORMS: [Platform; 11] = [
    linux("Canonical", UBUNTU, "22_04-lts-gen2"),
    Platform {
        generation: "V1",
        ..linux("Canonical", UBUNTU, "22_04-lts")
    },
    Platform {
        architecture: "Arm64",
        ..linux("Canonical", UBUNTU, "22_04-lts-arm64")
    },
    Platform {
        versions: &["24.04.202601010"],
        ..linux("Canonical", "ubuntu-24_04-lts", "server")
    },
    Platform {
        versions: &["22.04.2025121501"],
        ..linux("microsoft-dsvm", "ubuntu-hpc", "2204")
    },
    Platform {
        versions: &["9.5.202511190"],
        ..linux("almalinux", "almalinux-x86_64", "9-gen2")
    },
    Platform {
        versions: &["9.6.20250531"],
        is_sold: true,
        ..linux("resf", "rockylinux-x86_64", "9-base")
    },
    windows("2022-datacenter-g2", "V2"),
    windows("2022-datacenter", "V1"),
    Platform {
        versions: &["26100.7171.251107", "26100.7462.251207"],
        ..windows("2025-datacenter-g2", "V2")
    },
    Platform {
        versions: &["26100.7171.251107", "26100.7462.251207"],
        ..windows("2025-datacenter-azure-edition", "V2")
    },
];

const fn windows(sku: &'static str, generation: &'static str) -> Platform {
    Platform {
        os: "Windows",
        generation,
        size_gb: 127,
        versions: &["20348.4294.251104", "20348.4405.251206"],
        ..linux("MicrosoftWindowsServer", "WindowsServer", sku)
    }
}

/// `GET …/locations/{l}/publishers/{p}/artifactTypes/vmImage/offers/{o}/skus/{s}/versions/{v}` and every list on the
/// way.
pub(super) fn respond(call: &Call<'_>, path: &ArmPath) -> Answer {
    if call.request.method != Method::GET {
        return Err(unsupported(call.request));
    }
    let base = path.id();
    let names: Vec<String> = path
        .parts
        .iter()
        .filter(|(kind, _)| !matches!(kind.to_lowercase().as_str(), "locations" | "artifacttypes"))
        .map(|(_, name)| name.clone())
        .collect();
    let known: Vec<Platform> = PLATFORMS
        .into_iter()
        .filter(|platform| platform.matches(&names))
        .collect();
    let listed: Vec<&str> = match path.action().as_str() {
        "" => return one(path, &known, &names),
        "publishers" => known.iter().map(|platform| platform.publisher).collect(),
        "offers" => known.iter().map(|platform| platform.offer).collect(),
        "skus" => known.iter().map(|platform| platform.sku).collect(),
        "versions" => known
            .iter()
            .flat_map(|platform| platform.versions.iter().copied())
            .collect(),
        _ => return Err(unsupported(call.request)),
    };
    if listed.is_empty() {
        return Err(missing(path));
    }
    let mut names = listed;
    names.dedup();
    // az looks for the latest by the first of the names backwards.
    if call
        .request
        .query("$orderby")
        .is_some_and(|order| order.to_lowercase().ends_with(" desc"))
    {
        names.sort_unstable();
        names.reverse();
    }
    if let Some(top) = call.request.query("$top").and_then(|top| top.parse().ok()) {
        names.truncate(top);
    }
    let location = path.parts.first().map_or("", |(_, location)| location);
    let action = path.tail.as_deref().unwrap_or_default();
    let values: Vec<Value> = names
        .into_iter()
        .map(|name| json!({"location": location, "name": name, "id": format!("{base}/{action}/{name}")}))
        .collect();
    Ok(Response::json(StatusCode::OK, &Value::Array(values)))
}

fn one(path: &ArmPath, known: &[Platform], names: &[String]) -> Answer {
    let ([platform], [_, _, _, version]) = (known, names) else {
        return Err(missing(path));
    };
    if !platform.versions.contains(&version.as_str()) {
        return Err(missing(path));
    }
    let mut body = json!({
        "location": path.parts.first().map(|(_, location)| location),
        "name": version,
        "id": path.id(),
        "properties": {
            "architecture": platform.architecture,
            "hyperVGeneration": platform.generation,
            "osDiskImage": {"operatingSystem": platform.os, "sizeInGb": platform.size_gb},
            "dataDiskImages": [],
        },
    });
    if let Some(plan) = platform.plan() {
        edit::set(&mut body, &["properties", "plan"], plan.view());
    }
    Ok(Response::json(StatusCode::OK, &body))
}

fn missing(path: &ArmPath) -> ArmError {
    let message = format!("Artifact: VMImage was not found: {}.", path.id());
    ArmError::new(StatusCode::NOT_FOUND, "NotFound", message)
}
