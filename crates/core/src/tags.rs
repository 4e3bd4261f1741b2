//! The tags that we write on what we make: their names, their values as types, and the one way to read and write them.
//!
//! Azure compares the names of tags without case and keeps the case of the first writer, so names are read and replaced
//! in any case of letters. Who may delete what is decided by the flows; names of resources are in `names`.

mod given_out;
mod tested;

pub use given_out::GivenOut;
pub use tested::{TestMark, TestOutcome};

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    ids::{
        VersionNumber,
        resource::{GalleryId, ImageDefinitionId, ImageVersionId, ResourceGroupId},
    },
    settings::Source,
};

/// What we write into [`Tag::Tool`].
pub const TOOL: &str = concat!("azure-batch-core/", env!("CARGO_PKG_VERSION"));

/// The longest value that a tag may have, in characters (Azure's limits of resource tags).
pub const LONGEST_VALUE: usize = 256;

/// The metadata item by which a pool of ours is known; its value is the mark of the specification it was made from.
pub const POOL_MARK: &str = "azure-batch-spec";

/// A tag of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// Which program made it.
    Tool,
    /// Which run made it.
    Run,
    /// What the source was: [`Fingerprint`].
    Fingerprint,
    /// On a temporary: the version it is for, as `gallery/definition/number`.
    Version,
    /// On a temporary: the resource group of the gallery in [`Tag::Version`]. Both in one value could be longer than
    /// [`LONGEST_VALUE`].
    Gallery,
    /// On a temporary: which source it was made of, whatever state that was in: [`SourceKey`].
    Source,
    /// On a temporary: which runs use it and until when: [`Lease`], several joined by `;`.
    Lease,
    /// On a temporary: after when no run needs it.
    Expires,
    /// On a temporary that the user asked to keep: the run that was asked. It is never deleted by us.
    Kept,
    /// On a version: the marketplace image that its machine was made of in the end, as `publisher:offer:sku:version`.
    BaseImage,
    /// On a version: regions that a repair took out and has not put back yet.
    TakenOut,
    /// On a version: which test it has passed or failed: [`TestMark`].
    Tested,
    /// On a definition: the numbers that its versions ever had: [`GivenOut`].
    Numbers,
}

/// A hash of what a source was. Only a leftover with today's fingerprint is used again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// Which source it is, whatever state it is in: a hash of its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceKey(String);

/// A run's use of a temporary: until the time has passed, no other run deletes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: String,
    /// The number of the version that the run makes of it.
    pub number: VersionNumber,
    /// Until when, if it is not renewed.
    pub until: Timestamp,
}

/// What a temporary says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryTags {
    /// The run that made it.
    pub run: String,
    /// The version it was made for.
    pub version: ImageVersionId,
    /// The source it was made of.
    pub source: SourceKey,
    /// What the source was then.
    pub fingerprint: Fingerprint,
    /// Who uses it.
    pub leases: Vec<Lease>,
    /// After when no run needs it; `None` when the tag cannot be read.
    pub expires: Option<Timestamp>,
    /// Whether the user asked to keep it.
    pub keeping: Keeping,
}

/// Whether a temporary outlives its run.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Keeping {
    /// It is removed when no run needs it any more.
    #[default]
    Temporary,
    /// This run was asked to keep it.
    By(String),
}

impl Tag {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Tool,
        Self::Run,
        Self::Fingerprint,
        Self::Version,
        Self::Gallery,
        Self::Source,
        Self::Lease,
        Self::Expires,
        Self::Kept,
        Self::BaseImage,
        Self::TakenOut,
        Self::Tested,
        Self::Numbers,
    ];

    /// How many of them one resource carries at most: a temporary has all but those of versions and definitions, and `Kept` takes the place
    /// of `Lease` and `Expires`. Users' tags have to leave room for them.
    pub const MOST: usize = 8;

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tool => "azure-batch-tool",
            Self::Run => "azure-batch-run",
            Self::Fingerprint => "azure-batch-fingerprint",
            Self::Version => "azure-batch-version",
            Self::Gallery => "azure-batch-gallery",
            Self::Source => "azure-batch-source",
            Self::Lease => "azure-batch-lease",
            Self::Expires => "azure-batch-expires",
            Self::Kept => "azure-batch-kept",
            Self::BaseImage => "azure-batch-base-image",
            Self::TakenOut => "azure-batch-taken-out",
            Self::Tested => "azure-batch-tested",
            Self::Numbers => "azure-batch-numbers",
        }
    }

    /// The tag of ours that has this name, in any case of letters.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| tag.name().eq_ignore_ascii_case(name))
    }

    /// Its value on a resource, from the resource's body.
    #[must_use]
    pub fn read(self, body: &Value) -> Option<&str> {
        read(body, self.name())
    }

    /// Its value among tags.
    #[must_use]
    pub fn find(self, tags: &Map<String, Value>) -> Option<&str> {
        find(tags, self.name())
    }

    /// Writes it, in the place of a value that it has in any case of letters.
    pub fn write(self, tags: &mut Map<String, Value>, value: impl Into<String>) {
        self.remove(tags);
        tags.insert(self.name().to_owned(), Value::String(value.into()));
    }

    /// Removes it; `true` when it was there.
    pub fn remove(self, tags: &mut Map<String, Value>) -> bool {
        let before = tags.len();
        tags.retain(|name, _| !name.eq_ignore_ascii_case(self.name()));
        tags.len() < before
    }
}

impl Fingerprint {
    /// One that was read, or computed by [`short_hash`].
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The one that a resource's body shows.
    #[must_use]
    pub fn read(body: &Value) -> Option<Self> {
        Tag::Fingerprint.read(body).map(Self::new)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SourceKey {
    /// The key of a source.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        Self(short_hash([match source {
            Source::Vm(vm) => vm.to_string(),
            Source::Disks { os, .. } => os.to_string(),
            Source::Snapshots { os, .. } | Source::Captured { os, .. } => os.to_string(),
            Source::ManagedImage(image) => image.to_string(),
            Source::ImageVersion(version) => version.to_string(),
            Source::Community(version) => version.to_string(),
            Source::Vhds(vhds) => vhds.os.to_string(),
        }]))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Lease {
    /// Whether it still holds.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.until, self.number, self.run)
    }
}

impl Lease {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, ' ');
        Some(Self {
            until: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            run: parts.next()?.to_owned(),
        })
    }
}

impl TemporaryTags {
    /// Reads them from a resource's body; `None` when one is missing that every temporary of ours has.
    #[must_use]
    pub fn read(body: &Value) -> Option<Self> {
        let tags = body.get("tags")?.as_object()?;
        Tag::Tool.find(tags)?;
        let leases = Tag::Lease.find(tags).unwrap_or_default();
        let keeping = Tag::Kept.find(tags).map(|run| Keeping::By(run.to_owned()));
        Some(Self {
            run: Tag::Run.find(tags)?.to_owned(),
            version: read_version(Tag::Gallery.find(tags)?, Tag::Version.find(tags)?)?,
            source: SourceKey(Tag::Source.find(tags)?.to_owned()),
            fingerprint: Fingerprint::new(Tag::Fingerprint.find(tags)?),
            leases: leases.split(';').filter_map(Lease::read).collect(),
            expires: Tag::Expires.find(tags).and_then(|time| time.parse().ok()),
            keeping: keeping.unwrap_or_default(),
        })
    }

    /// Writes them among other tags.
    pub fn write(&self, tags: &mut Map<String, Value>) {
        let definition = self.version.definition();
        let gallery = definition.gallery();
        let names = format!("{}/{}/{}", gallery.name(), definition.name(), self.version.name());
        Tag::Tool.write(tags, TOOL);
        Tag::Run.write(tags, &self.run);
        Tag::Version.write(tags, names);
        Tag::Gallery.write(tags, gallery.group().to_string());
        Tag::Source.write(tags, self.source.as_str());
        Tag::Fingerprint.write(tags, self.fingerprint.as_str());
        for tag in [Tag::Lease, Tag::Expires, Tag::Kept] {
            tag.remove(tags);
        }
        match (&self.keeping, self.expires) {
            (Keeping::By(run), _) => Tag::Kept.write(tags, run),
            (Keeping::Temporary, expires) => {
                if !self.leases.is_empty() {
                    Tag::Lease.write(tags, leases_text(&self.leases));
                }
                if let Some(expires) = expires {
                    Tag::Expires.write(tags, expires.to_string());
                }
            }
        }
    }

    /// The definition whose version it was made for.
    #[must_use]
    pub fn definition(&self) -> ImageDefinitionId {
        self.version.definition()
    }

    /// The leases of other runs that still hold.
    pub fn other_users(&self, run: &str, now: Timestamp) -> impl Iterator<Item = &Lease> {
        let others = self.leases.iter().filter(move |lease| lease.run != run);
        others.filter(move |lease| lease.is_live(now))
    }

    /// Until when this run's lease holds; `None` when it has none.
    #[must_use]
    pub fn leased_until(&self, run: &str) -> Option<Timestamp> {
        let own = self.leases.iter().filter(|lease| lease.run == run);
        own.map(|lease| lease.until).max()
    }

    /// The same with a lease taken or renewed, without leases that have ended, and with an expiry that is not earlier
    /// than `expires`.
    #[must_use]
    pub fn leased(&self, lease: Lease, expires: Timestamp, now: Timestamp) -> Self {
        let others = self.leases.iter().filter(|it| it.run != lease.run && it.is_live(now));
        Self {
            leases: others.cloned().chain([lease.clone()]).collect(),
            expires: self.expires.max(Some(expires)),
            ..self.clone()
        }
    }
}

/// The value of a tag by its name, in any case of letters, from a resource's body.
#[must_use]
pub fn read<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    find(body.get("tags")?.as_object()?, name)
}

fn find<'a>(tags: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let (_, value) = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    value.as_str()
}

/// 64 bits of a hash of texts that Azure compares without case, as 16 hexadecimal letters: different for each
/// build, and short enough for the name of a resource.
#[must_use]
pub fn short_hash(parts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_ref().to_ascii_lowercase());
        // Keeps "ab", "c" apart from "a", "bc".
        hash.update([0]);
    }
    let bytes = hash.finalize();
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// As many leases as fit into a tag, those that hold longest.
fn leases_text(leases: &[Lease]) -> String {
    let mut leases: Vec<&Lease> = leases.iter().collect();
    leases.sort_by_key(|lease| std::cmp::Reverse(lease.until));
    let mut text = String::new();
    for lease in leases {
        let longer = if text.is_empty() {
            lease.to_string()
        } else {
            format!("{text};{lease}")
        };
        if longer.chars().count() <= LONGEST_VALUE {
            text = longer;
        }
    }
    text
}

fn read_version(group: &str, names: &str) -> Option<ImageVersionId> {
    let group: ResourceGroupId = group.parse().ok()?;
    let [gallery, definition, number] = names.split('/').collect::<Vec<_>>().try_into().ok()?;
    let id = format!("{group}/providers/Microsoft.Compute/galleries/{gallery}");
    let gallery: GalleryId = id.parse().ok()?;
    Some(gallery.definition(definition).version(number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/gal/images/def/versions/1.0.0";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn lease(run: &str, until: &str) -> Lease {
        Lease {
            run: run.to_owned(),
            number: "1.0.0".parse().unwrap(),
            until: time(until),
        }
    }

    fn temporary() -> TemporaryTags {
        TemporaryTags {
            run: "run-1".to_owned(),
            version: VERSION.parse().unwrap(),
            source: SourceKey("0123".to_owned()),
            fingerprint: Fingerprint::new("4567"),
            leases: vec![lease("run-1", "2026-01-01T01:00:00Z")],
            expires: Some(time("2026-01-02T00:00:00Z")),
            keeping: Keeping::Temporary,
        }
    }

    fn written(temporary: &TemporaryTags) -> Map<String, Value> {
        let mut tags = Map::new();
        temporary.write(&mut tags);
        tags
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let kept = TemporaryTags {
            leases: Vec::new(),
            expires: None,
            keeping: Keeping::By("run-2".to_owned()),
            ..temporary()
        };
        for temporary in [temporary(), kept] {
            let tags = written(&temporary);
            assert!(tags.len() <= Tag::MOST, "{tags:?}");
            assert_eq!(TemporaryTags::read(&json!({"tags": tags})), Some(temporary));
        }
    }

    #[test]
    fn tags_have_stable_names_and_values() {
        let mut tags = written(&temporary());
        assert!(Tag::Tool.remove(&mut tags));
        let expected = json!({
            "azure-batch-run": "run-1",
            "azure-batch-version": "gal/def/1.0.0",
            "azure-batch-gallery": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg",
            "azure-batch-source": "0123",
            "azure-batch-fingerprint": "4567",
            "azure-batch-lease": "2026-01-01T01:00:00Z 1.0.0 run-1",
            "azure-batch-expires": "2026-01-02T00:00:00Z",
        });
        assert_eq!(Value::Object(tags), expected);
    }

    #[test]
    fn names_are_read_and_replaced_in_any_case_of_letters() {
        let mut tags = Map::new();
        tags.insert("Azure-Batch-Fingerprint".to_owned(), json!("mine"));
        tags.insert("owner".to_owned(), json!("me"));
        assert_eq!(Tag::Fingerprint.find(&tags), Some("mine"));
        Tag::Fingerprint.write(&mut tags, "ours");
        assert_eq!(
            Value::Object(tags),
            json!({"owner": "me", "azure-batch-fingerprint": "ours"})
        );
        assert_eq!(Tag::of_name("AZURE-BATCH-LEASE"), Some(Tag::Lease));
        assert_eq!(Tag::of_name("owner"), None);
    }

    #[test]
    fn what_lacks_a_tag_of_ours_is_not_a_temporary() {
        for lacking in [
            Tag::Tool,
            Tag::Run,
            Tag::Version,
            Tag::Gallery,
            Tag::Source,
            Tag::Fingerprint,
        ] {
            let mut tags = written(&temporary());
            assert!(lacking.remove(&mut tags), "{lacking:?}");
            assert_eq!(TemporaryTags::read(&json!({"tags": tags})), None, "{lacking:?}");
        }
        assert_eq!(TemporaryTags::read(&json!({"tags": null})), None);
    }

    #[test]
    fn a_lease_holds_until_its_time_and_is_renewed_for_its_run_alone() {
        let now = time("2026-01-01T00:30:00Z");
        let first = temporary();
        let others = |run: &str, now| first.other_users(run, now).count();
        assert_eq!((others("run-1", now), others("run-2", now)), (0, 1));
        assert_eq!(others("run-2", time("2026-01-01T01:00:00Z")), 0);
        let both = first.leased(
            lease("run-2", "2026-01-01T01:30:00Z"),
            time("2026-01-01T23:00:00Z"),
            now,
        );
        assert_eq!(both.leases.len(), 2);
        assert_eq!(both.expires, first.expires, "an expiry never gets earlier");
        let renewed = both.leased(
            lease("run-1", "2026-01-01T02:30:00Z"),
            time("2026-01-03T00:00:00Z"),
            time("2026-01-01T01:30:00Z"),
        );
        assert_eq!(renewed.leases, [lease("run-1", "2026-01-01T02:30:00Z")]);
        assert_eq!(renewed.expires, Some(time("2026-01-03T00:00:00Z")));
    }

    #[test]
    fn more_leases_than_a_tag_holds_lose_the_shortest() {
        let mut many = temporary();
        many.leases = (0..20)
            .map(|n| lease(&format!("run-{n}"), &format!("2026-01-01T{n:02}:00:00Z")))
            .collect();
        let tags = written(&many);
        let text = Tag::Lease.find(&tags).unwrap();
        assert!(text.chars().count() <= LONGEST_VALUE, "{text}");
        assert!(text.starts_with("2026-01-01T19:00:00Z 1.0.0 run-19;"), "{text}");
    }

    #[test]
    fn what_makes_no_sense_in_a_lease_or_an_expiry_is_no_lease_and_no_expiry() {
        let mut tags = written(&temporary());
        Tag::Lease.write(
            &mut tags,
            "tomorrow 1.0.0 me;;2026-01-01T01:00:00Z run-8;2026-01-01T01:00:00Z 1.0.0 run-9",
        );
        Tag::Expires.write(&mut tags, "never");
        let read = TemporaryTags::read(&json!({"tags": tags})).unwrap();
        assert_eq!(read.leases, [lease("run-9", "2026-01-01T01:00:00Z")]);
        assert_eq!(read.expires, None);
    }

    #[test]
    fn the_longest_ids_fit_into_tags() {
        let long = "g".repeat(80);
        let group = "r".repeat(90);
        let version = format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{long}/images/{long}/versions/2147483647.2147483647.2147483647"
        );
        let tags = written(&TemporaryTags {
            version: version.parse().unwrap(),
            ..temporary()
        });
        for (name, value) in &tags {
            assert!(
                value.as_str().unwrap().chars().count() <= LONGEST_VALUE,
                "{name}: {value}"
            );
        }
    }
}
