//! What a version stores, and what that costs each month by the user's own prices: its replicas, and snapshots that stay.
//! Pure.
//!
//! Prices come from a file of the user's; what the file does not have stays unknown, and is never counted as nothing.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{machine::Machine, plan::Goal};
use crate::{
    compute::version::{ImageVersion, location_of},
    ids::Location,
    json,
    money::{Cost, Currency, Money, Per},
    replicas::RegionNeed,
    settings::{KeptKind, Prices, PublishSettings, ReplicaStorage},
    words::plural,
};

/// The storage of a snapshot for which none is asked: Azure's own default.
const OF_SNAPSHOTS: ReplicaStorage = ReplicaStorage::StandardLrs;

/// What the replicas of a version store. Azure bills each replica by month and GiB, as a snapshot of the image's disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The size of all disks of the image together, in GiB: one replica stores no more than this.
    pub gib_per_replica: u64,
    /// The replicas of each region.
    pub regions: Vec<StoredRegion>,
}

/// The replicas of one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredRegion {
    /// The region.
    pub region: Location,
    /// Its replicas.
    pub replicas: u32,
}

/// What is stored each month, with its prices. `Display` is a line with the sum, then one for each part, moved in.
///
/// The serde form is `{"currency", "per": "month", "parts": [{"what", "region", "storage", "copies", "gib_per_copy",
/// "price", "amount"}], "total", "known"}`: prices and amounts are texts with every digit, `null` where a price is
/// missing; `total` is `null` when one is, and `known` is what the others come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCost {
    currency: Currency,
    parts: Vec<StoredPart>,
}

/// One thing that is stored in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredPart {
    what: StoredThing,
    region: Location,
    /// Unknown where Azure chooses it.
    storage: Option<ReplicaStorage>,
    copies: u32,
    gib: u64,
    price: Option<Money>,
}

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum StoredThing {
    Replicas,
    Snapshots,
}

/// A part as programs read it.
#[derive(Serialize)]
struct Shown<'a> {
    what: StoredThing,
    region: &'a Location,
    storage: Option<&'static str>,
    copies: u32,
    gib_per_copy: u64,
    price: Option<Money>,
    amount: Option<Money>,
}

impl Stored {
    /// What so large an image stores in these regions.
    #[must_use]
    pub(super) fn new<'a>(gib_per_replica: u64, needs: impl IntoIterator<Item = &'a RegionNeed>) -> Self {
        let region = |need: &RegionNeed| StoredRegion {
            region: need.location.clone(),
            replicas: need.replicas,
        };
        Self {
            gib_per_replica,
            regions: needs.into_iter().map(region).collect(),
        }
    }

    /// All replicas of all regions.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.regions.iter().map(|region| region.replicas).sum()
    }

    /// What all replicas together store at most, in GiB.
    #[must_use]
    pub fn total_gib(&self) -> u64 {
        self.gib_per_replica.saturating_mul(u64::from(self.replicas()))
    }
}

impl StoredPart {
    fn amount(&self) -> Option<Money> {
        Some(self.price?.times(self.gib.saturating_mul(u64::from(self.copies))))
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            what: self.what,
            region: &self.region,
            storage: self.storage.map(ReplicaStorage::as_str),
            copies: self.copies,
            gib_per_copy: self.gib,
            price: self.price,
            amount: self.amount(),
        }
    }

    fn line(&self, currency: &Currency) -> String {
        let (region, gib) = (&self.region, self.gib);
        let what = match self.what {
            StoredThing::Replicas => format!("{region}: {} × {gib} GiB", plural(self.copies, "replica")),
            StoredThing::Snapshots => format!("{region}: snapshots that stay, {gib} GiB"),
        };
        match (self.price.zip(self.amount()), self.storage) {
            (Some((price, amount)), Some(storage)) => {
                let (price, storage) = (price.exact(), storage.as_str());
                format!("{what} × {price} {currency} ({storage}) = {amount} {currency}")
            }
            (_, Some(storage)) => {
                let storage = storage.as_str();
                format!("{what} × – = –: the price file has no price of {storage} in {region}")
            }
            (_, None) => format!("{what} × – = –: Azure chooses the storage, so its price is not known"),
        }
    }
}

impl StoredCost {
    /// What the version and the snapshots that stay cost.
    #[must_use]
    pub(super) fn new(
        (settings, prices): (&PublishSettings, &Prices),
        (machine, goal, version): (&Machine, &Goal, Option<&ImageVersion>),
        stored: &Stored,
    ) -> Self {
        let part = |what, region: &Location, storage: Option<ReplicaStorage>, copies| StoredPart {
            what,
            region: region.clone(),
            storage,
            copies,
            gib: stored.gib_per_replica,
            price: storage.and_then(|storage| prices.gib_month(storage, region)),
        };
        let replicas = stored.regions.iter().map(|there| {
            let storage = storage_in(&there.region, goal, version);
            part(StoredThing::Replicas, &there.region, storage, there.replicas)
        });
        let keeps = settings.temporaries.keep.contains(&KeptKind::Snapshots) && !goal.snapshots.is_empty();
        let snapshots = keeps.then(|| part(StoredThing::Snapshots, &machine.location, Some(OF_SNAPSHOTS), 1));
        Self {
            currency: prices.currency().clone(),
            parts: replicas.chain(snapshots).collect(),
        }
    }

    /// The sum of what has a price.
    fn known(&self) -> Money {
        let amounts = self.parts.iter().filter_map(StoredPart::amount);
        amounts.fold(Money::default(), Money::plus)
    }

    /// The sum of all; nothing when a price is missing.
    fn total(&self) -> Option<Money> {
        let has_all = self.parts.iter().all(|part| part.price.is_some());
        has_all.then(|| self.known())
    }

    fn of_month(&self, amount: Money) -> Cost {
        Cost {
            amount,
            currency: self.currency.clone(),
            per: Per::Month,
        }
    }
}

impl fmt::Display for StoredCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cost by your own prices: ")?;
        match self.total() {
            Some(total) => write!(f, "{} at most", self.of_month(total))?,
            None => write!(
                f,
                "– (prices are missing; the others come to {} at most)",
                self.of_month(self.known())
            )?,
        }
        for part in &self.parts {
            write!(f, "\n  {}", part.line(&self.currency))?;
        }
        Ok(())
    }
}

impl Serialize for StoredCost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts: Vec<Shown<'_>> = self.parts.iter().map(StoredPart::shown).collect();
        let mut cost = serializer.serialize_struct("StoredCost", 5)?;
        cost.serialize_field("currency", &self.currency)?;
        cost.serialize_field("per", &Per::Month)?;
        cost.serialize_field("parts", &parts)?;
        cost.serialize_field("total", &self.total())?;
        cost.serialize_field("known", &self.known())?;
        cost.end()
    }
}

/// The storage of a region: what the version has there, since that never changes, else what it will get.
fn storage_in(region: &Location, goal: &Goal, version: Option<&ImageVersion>) -> Option<ReplicaStorage> {
    let entries = version.map(ImageVersion::target_regions).unwrap_or_default();
    let entry = entries.iter().find(|entry| location_of(entry).as_ref() == Some(region));
    match entry {
        Some(entry) => match json::text(entry, "/storageAccountType") {
            Some(storage) => storage.parse().ok(),
            None => Some(ReplicaStorage::default()),
        },
        None => goal.layout.storage_of(region),
    }
}
