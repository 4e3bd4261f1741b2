//! Galleries and image definitions.

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    api::Api,
    ids::{
        Location, SubscriptionId,
        resource::{GalleryId, ImageDefinitionId},
    },
    json as read_json,
    operation::{Status, read_resource},
    request::Request,
};

/// The retention of a policy that names none, in days: what Microsoft documents.
const USUAL_RETENTION_DAYS: u32 = 7;

/// What a definition's body has that only the service says, by the place of it.
const REPORTED: [(&str, &[&str]); 2] = [
    ("", &["id", "name", "type", "systemData", "etag"]),
    ("/properties", &["provisioningState"]),
];

/// A gallery as the service describes it.
#[derive(Clone, Debug)]
pub struct Gallery {
    body: Value,
}

/// How long a gallery keeps versions that were deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SoftDeletion {
    /// For how many days nodes can be made from them by their exact id.
    pub usable_days: u32,
    /// For how many days after that they can be restored.
    pub restorable_days: u32,
}

/// A definition as the service describes it.
#[derive(Clone, Debug)]
pub struct ImageDefinition {
    body: Value,
}

impl Gallery {
    /// A gallery from its body.
    #[must_use]
    pub const fn new(body: Value) -> Self {
        Self { body }
    }

    /// How long it keeps versions that were deleted; nothing when it does not.
    #[must_use]
    pub fn soft_deletion(&self) -> Option<SoftDeletion> {
        let policy = read_json::at(&self.body, "/properties/softDeletePolicy");
        let days = |pointer| read_json::number(policy, pointer).and_then(|days| u32::try_from(days).ok());
        (read_json::at(policy, "/isSoftDeleteEnabled").as_bool() == Some(true)).then(|| SoftDeletion {
            usable_days: days("/retentionPeriodInDays").unwrap_or(USUAL_RETENTION_DAYS),
            restorable_days: days("/gracePeriodInDays").unwrap_or(0),
        })
    }

    /// Where it lies.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        read_json::text(&self.body, "/location")?.parse().ok()
    }

    /// Whether it keeps versions that are deleted, or may have done so earlier: one whose policy was switched off shows it.
    #[must_use]
    pub fn has_soft_deletion_policy(&self) -> bool {
        read_json::at(&self.body, "/properties/softDeletePolicy").is_object()
    }

    /// With whom beyond its own tenant's roles it is shared: `Groups` or `Community`; nothing when it is private.
    #[must_use]
    pub fn shared_with(&self) -> Option<&str> {
        let with = read_json::text(&self.body, "/properties/sharingProfile/permissions");
        with.filter(|with| !with.eq_ignore_ascii_case("Private"))
    }

    /// The names under which everybody sees it, when it is a community gallery.
    pub fn public_names(&self) -> impl Iterator<Item = &str> {
        let names = read_json::items(
            &self.body,
            "/properties/sharingProfile/communityGalleryInfo/publicNames",
        );
        names.filter_map(Value::as_str)
    }
}

impl ImageDefinition {
    /// A definition from its body.
    #[must_use]
    pub const fn new(body: Value) -> Self {
        Self { body }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        read_json::text(&self.body, pointer)
    }

    /// All of it.
    #[must_use]
    pub const fn body(&self) -> &Value {
        &self.body
    }

    /// The body that writes it as it is: all of it but what only the service says.
    #[must_use]
    pub fn as_it_is(&self) -> Value {
        let mut body = self.body.clone();
        for (place, names) in REPORTED {
            if let Some(object) = body.pointer_mut(place).and_then(Value::as_object_mut) {
                names.iter().for_each(|name| drop(object.remove(*name)));
            }
        }
        body
    }

    /// How far its creation or last update is.
    #[must_use]
    pub fn status(&self) -> Status {
        read_resource(&self.body)
    }

    /// `Linux` or `Windows`.
    #[must_use]
    pub fn os_type(&self) -> &str {
        self.text("/properties/osType").unwrap_or_default()
    }

    /// `Generalized` or `Specialized`.
    #[must_use]
    pub fn os_state(&self) -> &str {
        self.text("/properties/osState").unwrap_or_default()
    }

    /// `V1` or `V2`; the service's default is the first.
    #[must_use]
    pub fn hyper_v_generation(&self) -> &str {
        self.text("/properties/hyperVGeneration").unwrap_or("V1")
    }

    /// `x64` or `Arm64`; the service's default is the first.
    #[must_use]
    pub fn architecture(&self) -> &str {
        self.text("/properties/architecture").unwrap_or("x64")
    }

    /// A member of its properties that is text, by its JSON pointer there, such as `/identifier/offer`.
    #[must_use]
    pub fn property(&self, pointer: &str) -> Option<&Value> {
        self.body.pointer("/properties")?.pointer(pointer)
    }

    /// The value of a feature, whose name has no case; `None` when it has no such feature.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&str> {
        read_json::items(&self.body, "/properties/features")
            .find(|feature| read_json::text(feature, "/name").is_some_and(|own| own.eq_ignore_ascii_case(name)))
            .and_then(|feature| read_json::text(feature, "/value"))
    }

    /// The `SecurityType` feature; `None` when it has none.
    #[must_use]
    pub fn security_type(&self) -> Option<&str> {
        self.feature("SecurityType")
    }

    /// Its purchase plan as it stands.
    #[must_use]
    pub fn plan(&self) -> Option<&Value> {
        self.body
            .pointer("/properties/purchasePlan")
            .filter(|plan| plan.is_object())
    }
}

/// The request that reads a gallery.
#[must_use]
pub fn get(id: &GalleryId) -> Request {
    Request::arm(Method::GET, id, Api::Galleries, format!("read gallery {}", id.name()))
}

/// The request that lists a subscription's galleries.
#[must_use]
pub fn list(subscription: &SubscriptionId) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Compute/galleries"),
        Api::Galleries,
        format!("list the galleries of subscription {subscription}"),
    )
}

/// The request that lists a gallery's definitions.
#[must_use]
pub fn list_definitions(id: &GalleryId) -> Request {
    let doing = format!("list the image definitions of gallery {}", id.name());
    Request::arm(Method::GET, format!("{id}/images"), Api::Galleries, doing)
}

/// The request that creates a gallery.
#[must_use]
pub fn create(id: &GalleryId, location: &Location) -> Request {
    Request::arm(Method::PUT, id, Api::Galleries, format!("create gallery {}", id.name()))
        .with_body(json!({"location": location}))
}

/// The request that reads a definition.
#[must_use]
pub fn get_definition(id: &ImageDefinitionId) -> Request {
    Request::arm(
        Method::GET,
        id,
        Api::Galleries,
        format!("read image definition {}", id.name()),
    )
}

/// The request that gives a definition other tags. They take the place of all it has.
#[must_use]
pub fn tag_definition(id: &ImageDefinitionId, tags: Map<String, Value>) -> Request {
    Request::arm(
        Method::PATCH,
        id,
        Api::Galleries,
        format!("write the tags of image definition {}", id.name()),
    )
    .with_body(json!({"tags": tags}))
}

/// The request that writes a definition again as it is, which is how Azure leaves the state `Failed`.
#[must_use]
pub fn write_again(id: &ImageDefinitionId, definition: &ImageDefinition) -> Request {
    Request::arm(
        Method::PUT,
        id,
        Api::Galleries,
        format!("write image definition {} again", id.name()),
    )
    .with_body(definition.as_it_is())
}

/// The request that creates a definition.
#[must_use]
pub fn create_definition(id: &ImageDefinitionId, body: Value) -> Request {
    Request::arm(
        Method::PUT,
        id,
        Api::Galleries,
        format!("create image definition {}", id.name()),
    )
    .with_body(body)
}
