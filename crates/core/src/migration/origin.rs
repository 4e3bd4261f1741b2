//! Which image version was made of a managed image: by the image's tags, by the version's source, or by the snapshots that
//! both were made of.
//!
//! A gallery is read once for many images. What Azure does not remember is not guessed: an image that was captured again
//! under its name looks like the one before.

use std::{collections::BTreeMap, fmt};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::{
    client::Client,
    compute::{
        gallery, image,
        version::{self, ImageVersion},
    },
    error::{Error, ErrorKind, Result},
    ids::{
        Location, SubscriptionId,
        resource::{GalleryId, ImageDefinitionId, ImageId, ImageVersionId},
    },
    json,
    operation::Status,
    options::pool::{IMAGE_DEFINITION, IMAGE_VERSION},
    request::Request,
    rights::{self, Part, Whole},
    settings::SoughtVersion,
    tags::TemporaryTags,
    typing::Command,
    usage::GALLERIES,
    versions::{self, is_usable_in},
    words,
};

/// How many galleries and definitions are read at one time.
const AT_ONCE: usize = 8;

/// What publishes an image.
const PUBLISH: &str = "packer-plugin-azure-batch publish --settings image.yaml";

/// The version that was made of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The image.
    pub image: ImageId,
    /// The version.
    pub version: ImageVersionId,
    /// How that is known.
    pub tie: Tie,
}

/// How it is known that a version was made of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// The version names the image as its source.
    Source,
    /// The image's tags name the version: a publish made both.
    Tags,
    /// Both were made of the same snapshots.
    Snapshots,
}

/// Versions that were read, and what could not be.
#[derive(Debug, Default)]
struct Read {
    versions: Vec<ImageVersion>,
    unseen: Vec<Hidden>,
    /// Where galleries may be out of sight.
    parts: Vec<Part>,
    /// The subscription in which no gallery is in sight.
    without_gallery: Option<SubscriptionId>,
}

/// A list that could not be read.
#[derive(Debug)]
struct Hidden {
    what: String,
    why: String,
    kind: ErrorKind,
}

/// Looks for versions, and remembers what was read.
#[derive(Debug)]
pub(super) struct Search<'c> {
    client: &'c Client,
    within: Option<ImageDefinitionId>,
    read: BTreeMap<String, Read>,
}

/// Why no version follows from an image.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lack {
    /// None was made of it.
    None,
    /// Those that were made of it cannot be used; each with the reason.
    Unusable(Vec<String>),
    /// They are of several definitions.
    Several(Vec<String>),
}

impl Origin {
    /// The version and how it is known, in one sentence.
    pub(super) fn sentence(&self) -> String {
        let definition = self.version.definition();
        let (definition, number) = (definition.name(), self.version.name());
        format!("the image version is {definition} {number}: {}", self.how())
    }

    /// How it is known, as the end of a sentence.
    #[must_use]
    pub fn how(&self) -> String {
        let image = self.image.name();
        match self.tie {
            Tie::Source => format!("managed image {image} is its source"),
            Tie::Tags => format!("the tags of managed image {image} name it"),
            Tie::Snapshots => format!("it was made of the same snapshots as managed image {image}"),
        }
    }
}

impl fmt::Display for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Tags => "tags",
            Self::Snapshots => "snapshots",
        })
    }
}

impl<'c> Search<'c> {
    /// Nothing was read yet. Without a definition all galleries of an image's subscription count.
    pub(super) const fn new(client: &'c Client, within: Option<ImageDefinitionId>) -> Self {
        Self {
            client,
            within,
            read: BTreeMap::new(),
        }
    }

    /// The same for a version that is sought so; one that is named needs no search.
    pub(super) fn wanting(client: &'c Client, version: &SoughtVersion) -> Self {
        let within = match version {
            SoughtVersion::Named(_) => None,
            SoughtVersion::MadeOfImage(within) => within.clone(),
        };
        Self::new(client, within)
    }

    /// The version that was made of an image, for nodes in a region.
    ///
    /// # Errors
    /// `BadInput` when there is none, or there are several and nothing says which; when the run ends.
    pub(super) async fn of(&mut self, id: &ImageId, region: Option<&Location>) -> Result<Origin> {
        let body = match self.client.find(&image::get(id)).await {
            Ok(answer) => answer.map(|answer| answer.value()),
            // The versions' sources may show it all the same.
            Err(error) => {
                let why = rights::lack(&unless_over(error)?);
                self.client.note(format!(
                    "tags and snapshots of managed image {} are not compared: {why}",
                    id.name()
                ));
                None
            }
        };
        let key = id.group().subscription().to_ascii_lowercase();
        if !self.read.contains_key(&key) {
            let read = self.read(id).await?;
            self.read.insert(key.clone(), read);
        }
        let nothing = Read::default();
        let read = self.read.get(&key).unwrap_or(&nothing);
        let made = made_of((id, body.as_ref()), &read.versions);
        choose(id, &made, region).map_err(|lack| lack.error(id, read))
    }

    /// The subscriptions searched so far of whose galleries only a part may be in sight.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.read.values().flat_map(|read| &read.parts)
    }

    /// Says of which galleries only a part was searched.
    pub(super) fn warn_of_parts(&self) {
        for part in self.parts() {
            self.client
                .warn(format!("what else was made of the managed image is not known: {part}"));
        }
    }

    async fn read(&self, id: &ImageId) -> Result<Read> {
        let mut read = Read::default();
        let definitions = match &self.within {
            Some(definition) => vec![definition.clone()],
            None => self.definitions(id, &mut read).await?,
        };
        let lists = stream::iter(definitions).map(|definition| async move {
            let list = self.list(&version::list(&definition)).await?;
            Ok::<_, Error>((definition, list))
        });
        let lists: Vec<_> = lists.buffered(AT_ONCE).try_collect().await?;
        for (definition, list) in lists {
            let versions = read.known(list);
            let of = |body: Value| {
                let number = json::text(&body, "/name")?.parse().ok()?;
                Some(ImageVersion::new(definition.version(number), body))
            };
            read.versions.extend(versions.into_iter().filter_map(of));
        }
        Ok(read)
    }

    async fn definitions(&self, id: &ImageId, read: &mut Read) -> Result<Vec<ImageDefinitionId>> {
        let Ok(subscription) = id.group().subscription().parse::<SubscriptionId>() else {
            return Ok(Vec::new());
        };
        let listed = self.list(&gallery::list(&subscription)).await?;
        if listed.is_ok() {
            let whole = Whole {
                scope: format!("/subscriptions/{subscription}"),
                right: GALLERIES,
                kind: "galleries",
            };
            read.parts = rights::parts(self.client, &[whole]).await?;
        }
        let galleries = read.known(listed);
        let galleries: Vec<GalleryId> = galleries
            .iter()
            .filter_map(|body| json::text(body, "/id")?.parse().ok())
            .collect();
        read.without_gallery = galleries.is_empty().then_some(subscription);
        let lists = stream::iter(galleries).map(|gallery| async move {
            let list = self.list(&gallery::list_definitions(&gallery)).await?;
            Ok::<_, Error>((gallery, list))
        });
        let lists: Vec<_> = lists.buffered(AT_ONCE).try_collect().await?;
        let mut definitions = Vec::new();
        for (gallery, list) in lists {
            let bodies = read.known(list);
            let names = bodies.iter().filter_map(|body| json::text(body, "/name"));
            definitions.extend(names.map(|name| gallery.definition(name)));
        }
        Ok(definitions)
    }

    /// A list, or why it cannot be read.
    async fn list(&self, request: &Request) -> Result<Result<Vec<Value>, Hidden>> {
        match self.client.list(request).await {
            Ok(items) => Ok(Ok(items)),
            Err(error) => {
                let error = unless_over(error)?;
                let why = match error.kind() {
                    ErrorKind::NoRights => rights::lack(&error),
                    _ => error.report().replace('\n', "; "),
                };
                let (what, kind) = (request.doing.clone(), error.kind());
                Ok(Err(Hidden { what, why, kind }))
            }
        }
    }
}

impl Read {
    fn known(&mut self, list: Result<Vec<Value>, Hidden>) -> Vec<Value> {
        list.unwrap_or_else(|hidden| {
            self.unseen.push(hidden);
            Vec::new()
        })
    }

    /// The kind of an error that no version was found: what may not be read may be it.
    fn kind(&self) -> ErrorKind {
        let is_hidden = self.unseen.iter().any(|hidden| hidden.kind == ErrorKind::NoRights);
        match is_hidden {
            true => ErrorKind::NoRights,
            false => ErrorKind::BadInput,
        }
    }
}

impl Lack {
    fn error(&self, image: &ImageId, read: &Read) -> Error {
        let error = match self {
            Self::None => none(image, read),
            Self::Unusable(why) => {
                let text = format!("no usable image version was made of managed image {}", image.name());
                listing(Error::plain(ErrorKind::BadInput, text), why).with_next(
                    words!["publish the image again, or give another version in ", IMAGE_VERSION],
                    None,
                )
            }
            Self::Several(versions) => {
                let text = format!(
                    "versions of several image definitions were made of managed image {}",
                    image.name()
                );
                listing(Error::plain(ErrorKind::BadInput, text), versions)
                    .with_next(words!["say which in ", IMAGE_DEFINITION, " or ", IMAGE_VERSION], None)
            }
        };
        let error = read.unseen.iter().fold(error, |error, hidden| {
            error.with_fact(format!("could not {}: {}", hidden.what, hidden.why))
        });
        let error = read
            .parts
            .iter()
            .fold(error, |error, part| error.with_fact(part.to_string()));
        error.with_kept("nothing was changed")
    }
}

fn listing(error: Error, lines: &[String]) -> Error {
    lines.iter().fold(error, |error, line| error.with_fact(line.clone()))
}

fn none(image: &ImageId, read: &Read) -> Error {
    let compared = match read.versions.len() {
        1 => "1 image version in sight was".to_owned(),
        count => format!("{count} image versions in sight were"),
    };
    let error = Error::plain(
        read.kind(),
        format!("no image version was made of managed image {}", image.name()),
    )
    .with_fact(format!("{compared} compared with it, by source, tags and snapshots"));
    let error = match &read.without_gallery {
        Some(subscription) => error.with_fact(format!("no gallery of subscription {subscription} is in sight")),
        None => error,
    };
    error
        .with_next(
            format!("publish the image first: the settings file names {image} as the source"),
            Command::new(PUBLISH, &[]),
        )
        .with_next(
            words!["or give the version that the pool shall run in ", IMAGE_VERSION],
            None,
        )
}

/// What was made of an image, each with how it is known.
fn made_of<'v>((id, body): (&ImageId, Option<&Value>), versions: &'v [ImageVersion]) -> Vec<(&'v ImageVersion, Tie)> {
    let id = id.to_string();
    let named = body.and_then(TemporaryTags::read).map(|tags| tags.version);
    let snapshots = sorted(body.into_iter().flat_map(image::snapshots));
    let tie = |version: &ImageVersion| {
        let sources = sorted(version.sources());
        if sources.iter().any(|source| source.eq_ignore_ascii_case(&id)) {
            Some(Tie::Source)
        } else if named.as_ref() == Some(&version.id) {
            Some(Tie::Tags)
        } else {
            (!snapshots.is_empty() && sources == snapshots).then_some(Tie::Snapshots)
        }
    };
    versions
        .iter()
        .filter_map(|version| Some((version, tie(version)?)))
        .collect()
}

/// The newest one that can be used, in that region if there is one there.
fn choose(image: &ImageId, made: &[(&ImageVersion, Tie)], region: Option<&Location>) -> Result<Origin, Lack> {
    let bad = |version: &ImageVersion| match version.status() {
        Status::Succeeded => version.objections().into_iter().next().or_else(|| {
            let failure = versions::failed_test(version)?;
            Some(format!("it {failure}"))
        }),
        _ => Some(format!("its state is {}", version.provisioning_state())),
    };
    let (usable, unusable): (Vec<_>, Vec<_>) = made.iter().partition(|(version, _)| bad(version).is_none());
    if usable.is_empty() && unusable.is_empty() {
        return Err(Lack::None);
    }
    if usable.is_empty() {
        let line =
            |(version, _): &(&ImageVersion, Tie)| format!("{}: {}", version.title(), bad(version).unwrap_or_default());
        return Err(Lack::Unusable(unusable.iter().map(line).collect()));
    }
    let here = |(version, _): &&(&ImageVersion, Tie)| region.is_none_or(|region| is_usable_in(version, region));
    let in_region: Vec<_> = usable.iter().copied().filter(|made| here(&made)).collect();
    // Where none is there, the roll-out says what adds the region.
    let all = if in_region.is_empty() { usable } else { in_region };
    let mut definitions: Vec<String> = all
        .iter()
        .map(|(version, _)| version.id.definition().to_string().to_ascii_lowercase())
        .collect();
    definitions.sort();
    definitions.dedup();
    if definitions.len() > 1 {
        let ids = all.iter().map(|(version, _)| version.id.to_string());
        return Err(Lack::Several(ids.collect()));
    }
    let newest = all.into_iter().max_by_key(|(version, _)| version.id.number());
    newest.map_or(Err(Lack::None), |(version, tie)| {
        Ok(Origin {
            image: image.clone(),
            version: version.id.clone(),
            tie,
        })
    })
}

fn sorted<'s>(ids: impl Iterator<Item = &'s str>) -> Vec<String> {
    let mut ids: Vec<String> = ids.map(str::to_ascii_lowercase).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn unless_over(error: Error) -> Result<Error> {
    match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
        _ => Ok(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";

    fn image_id() -> ImageId {
        format!("{GROUP}/images/built").parse().unwrap()
    }

    fn version(definition: &str, number: &str, profile: Value) -> ImageVersion {
        let id = format!("{GROUP}/galleries/g/images/{definition}/versions/{number}");
        let body = json!({"name": number, "location": "eastus2", "properties": {"provisioningState": "Succeeded",
            "storageProfile": profile, "publishingProfile": {"targetRegions": [{"name": "East US 2"}]}}});
        ImageVersion::new(id.parse().unwrap(), body)
    }

    fn from_image() -> Value {
        // Azure writes ids in the case of whoever wrote them last.
        json!({"source": {"id": format!("{GROUP}/IMAGES/Built")}})
    }

    fn found(body: Option<&Value>, versions: &[ImageVersion], region: &str) -> Result<(String, Tie), Lack> {
        let made = made_of((&image_id(), body), versions);
        let origin = choose(&image_id(), &made, Some(&region.parse().unwrap()));
        origin.map(|origin| (origin.version.name().to_owned(), origin.tie))
    }

    #[test]
    fn a_version_is_known_by_its_source_by_tags_or_by_snapshots() {
        let snapshot = |name: &str| json!({"id": format!("{GROUP}/snapshots/{name}")});
        let of_snapshots = |names: [&str; 2]| {
            json!({"osDiskImage": {"source": snapshot(names[0])},
            "dataDiskImages": [{"lun": 0, "source": snapshot(names[1])}]})
        };
        let body = json!({"properties": {"storageProfile": {"osDisk": {"snapshot": snapshot("os")},
            "dataDisks": [{"lun": 0, "snapshot": snapshot("data")}]}}});
        let versions = [
            version("d", "1.0.0", from_image()),
            version("d", "1.0.1", of_snapshots(["os", "data"])),
            version("d", "1.0.2", of_snapshots(["os", "other"])),
            version("d", "1.0.3", json!({"source": {"id": format!("{GROUP}/images/other")}})),
        ];
        assert_eq!(found(None, &versions, "eastus2"), Ok(("1.0.0".to_owned(), Tie::Source)));
        assert_eq!(
            found(Some(&body), &versions, "eastus2"),
            Ok(("1.0.1".to_owned(), Tie::Snapshots))
        );
        assert_eq!(found(None, &versions[2..], "eastus2"), Err(Lack::None));
    }

    #[test]
    fn the_newest_one_that_the_region_has_is_taken_and_a_choice_between_definitions_is_the_users() {
        let mut newer = version("d", "1.10.0", from_image());
        let older = version("d", "1.9.0", from_image());
        let both = [older.clone(), newer.clone()];
        assert_eq!(found(None, &both, "eastus2").unwrap().0, "1.10.0");
        assert_eq!(
            found(None, &both, "westus2").unwrap().0,
            "1.10.0",
            "the roll-out says what is missing"
        );
        let mut body = newer.body().clone();
        body["properties"]["publishingProfile"]["targetRegions"][0]["name"] = json!("westus2");
        newer = ImageVersion::new(newer.id.clone(), body);
        assert_eq!(found(None, &[older.clone(), newer], "eastus2").unwrap().0, "1.9.0");
        let other = version("e", "1.0.0", from_image());
        assert!(matches!(found(None, &[older, other], "eastus2"), Err(Lack::Several(ids)) if ids.len() == 2));
    }

    #[test]
    fn a_version_that_failed_is_not_taken() {
        let mut body = version("d", "1.0.0", from_image()).body().clone();
        body["properties"]["provisioningState"] = json!("Failed");
        let failed = ImageVersion::new(version("d", "1.0.0", Value::Null).id, body);
        let lack = found(None, &[failed], "eastus2").unwrap_err();
        assert_eq!(lack, Lack::Unusable(vec!["1.0.0 of d: its state is Failed".to_owned()]));
    }
}
