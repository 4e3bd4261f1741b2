//! Galleries as those see them who have no role on them: shared directly with subscriptions and tenants, or with everybody
//! as a community gallery. They are read by region, with less than their owner sees, and machines are made of them.
//!
//! Whom a gallery is shared with directly is not compared with the caller, since its groups are few and the world is small.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    state::{Compute, Parts},
    version::VersionFacts,
};
use crate::{
    call::Call,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit, region,
    resource::Item,
};

/// What others see of a definition.
const OF_DEFINITION: [&str; 11] = [
    "osType",
    "osState",
    "endOfLifeDate",
    "identifier",
    "recommended",
    "disallowed",
    "hyperVGeneration",
    "features",
    "purchasePlan",
    "architecture",
    "eula",
];

/// What others see of a version's publishing.
const OF_PUBLISHING: [&str; 3] = ["publishedDate", "endOfLifeDate", "excludeFromLatest"];

/// In which of the two ways a gallery is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    Direct,
    Community,
}

/// A shared gallery, seen from a region.
struct Place<'a> {
    sharing: Sharing,
    name: &'a str,
    location: String,
}

impl Sharing {
    /// By the first part of an id, or the part of a path behind the region.
    fn parse(text: &str) -> Option<Self> {
        match text.to_lowercase().as_str() {
            "sharedgalleries" => Some(Self::Direct),
            "communitygalleries" => Some(Self::Community),
            _ => None,
        }
    }

    /// Azure's spelling in ids.
    const fn word(self) -> &'static str {
        match self {
            Self::Direct => "SharedGalleries",
            Self::Community => "CommunityGalleries",
        }
    }

    /// Whether that gallery is shared so under that name.
    fn is_name_of(self, gallery: &Item<()>, name: &str) -> bool {
        let permissions = gallery.property("/sharingProfile/permissions").unwrap_or_default();
        let is = |own: &str| own.eq_ignore_ascii_case(name);
        match self {
            Self::Direct => {
                permissions.eq_ignore_ascii_case("Groups") && gallery.property("/identifier/uniqueName").is_some_and(is)
            }
            Self::Community => {
                let names = edit::list(
                    &gallery.body,
                    "/properties/sharingProfile/communityGalleryInfo/publicNames",
                );
                permissions.eq_ignore_ascii_case("Community") && names.iter().filter_map(Value::as_str).any(is)
            }
        }
    }
}

impl Place<'_> {
    /// Name, region and identifier of what lies there.
    fn view(&self, name: &str, below: &[(&str, &str)]) -> Value {
        let below: String = below.iter().map(|(kind, name)| format!("/{kind}/{name}")).collect();
        json!({
            "name": name,
            "location": self.location,
            "identifier": {"uniqueId": format!("/{}/{}{below}", self.sharing.word(), self.name)},
        })
    }

    fn definition(&self, item: &Item<()>) -> Value {
        let mut shown = self.view(item.name(), &[("Images", item.name())]);
        let properties = item.body.pointer("/properties");
        copy(&mut shown, properties, &OF_DEFINITION);
        shown
    }

    /// Nothing where the version has not arrived.
    fn version(&self, item: &Item<VersionFacts>, image: &str, now: Timestamp) -> Option<Value> {
        if !item.facts.is_complete(&self.location, now) {
            return None;
        }
        let mut shown = self.view(item.name(), &[("Images", image), ("Versions", item.name())]);
        copy(
            &mut shown,
            item.body.pointer("/properties/publishingProfile"),
            &OF_PUBLISHING,
        );
        let disk = |disk: &Value| {
            let mut shown = json!({"diskSizeGB": disk.get("sizeInGB"), "hostCaching": disk.get("hostCaching")});
            if let Some(lun) = disk.get("lun") {
                edit::set(&mut shown, &["lun"], lun.clone());
            }
            shown
        };
        let profile = item
            .body
            .pointer("/properties/storageProfile")
            .cloned()
            .unwrap_or_default();
        let data: Vec<Value> = edit::list(&profile, "/dataDiskImages").iter().map(disk).collect();
        let os = profile.get("osDiskImage").map(disk);
        let storage = json!({"osDiskImage": os, "dataDiskImages": data});
        edit::set(&mut shown, &["properties", "storageProfile"], storage);
        Some(shown)
    }
}

/// The resource id behind `/SharedGalleries/…` or `/CommunityGalleries/…`; `None` when nothing is shared so.
pub(super) fn resource_id(compute: &Compute, shared: &str) -> Option<String> {
    let mut parts = shared.trim_start_matches('/').split('/');
    let (sharing, name) = (Sharing::parse(parts.next()?)?, parts.next()?);
    let gallery = compute.galleries.iter().find(|item| sharing.is_name_of(item, name))?;
    let rest: Vec<&str> = parts.collect();
    Some(format!("{}/{}", gallery.id, rest.join("/")))
}

/// Whether a request reads galleries of others, by the kind of its path.
pub(super) fn is_asked_for(kind: &str) -> bool {
    ["locations/sharedgalleries", "locations/communitygalleries"]
        .iter()
        .any(|start| kind.starts_with(start))
}

/// `GET …/locations/{l}/sharedGalleries/{g}` and `…/communityGalleries/{g}`, their images and versions.
pub(super) fn respond(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let [(_, location), (word, name), rest @ ..] = path.parts.as_slice() else {
        return Err(unsupported(call.request));
    };
    let Some(sharing) = Sharing::parse(word).filter(|_| call.request.method == Method::GET) else {
        return Err(unsupported(call.request));
    };
    let mut galleries = parts.compute.galleries.iter();
    let gallery = galleries.find(|item| sharing.is_name_of(item, name));
    let gallery = gallery.ok_or_else(|| missing(path))?;
    let place = Place {
        sharing,
        name,
        location: region::normalise(location),
    };
    let id = |rest: &[(String, String)]| {
        let rest: String = rest.iter().map(|(kind, name)| format!("/{kind}/{name}")).collect();
        format!("{}{rest}", gallery.id).to_lowercase()
    };
    let compute = &*parts.compute;
    match (rest, path.action().as_str()) {
        ([], "") => Ok(Response::json(StatusCode::OK, &place.view(name, &[]))),
        ([], "images") => {
            let below = format!("{}/images/", id(&[]));
            let own = compute.definitions.iter();
            let own = own.filter(|item| item.id.to_lowercase().starts_with(&below));
            let values: Vec<Value> = own.map(|item| place.definition(item)).collect();
            Ok(envelope::page(call.request, &values, parts.engine.page_size))
        }
        ([_], "") => {
            let found = compute.definitions.find(&id(rest)).map(|item| place.definition(item));
            found
                .map(|body| Response::json(StatusCode::OK, &body))
                .ok_or_else(|| missing(path))
        }
        ([(_, image)], "versions") => {
            let below = format!("{}/versions/", id(rest));
            let own = compute.versions.iter();
            let own = own.filter(|item| item.id.to_lowercase().starts_with(&below));
            let values: Vec<Value> = own.filter_map(|item| place.version(item, image, call.now)).collect();
            Ok(envelope::page(call.request, &values, parts.engine.page_size))
        }
        ([(_, image), _], "") => {
            let found = compute.versions.find(&id(rest));
            let found = found.and_then(|item| place.version(item, image, call.now));
            found
                .map(|body| Response::json(StatusCode::OK, &body))
                .ok_or_else(|| missing(path))
        }
        _ => Err(unsupported(call.request)),
    }
}

fn copy(into: &mut Value, from: Option<&Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = from.and_then(|from| from.get(*name)) {
            edit::set(into, &["properties", name], value.clone());
        }
    }
}

fn missing(path: &ArmPath) -> ArmError {
    let message = format!("The resource {} was not found.", path.id());
    ArmError::new(StatusCode::NOT_FOUND, "NotFound", message)
}
