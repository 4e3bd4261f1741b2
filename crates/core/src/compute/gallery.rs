//! Galleries and image definitions.

use http::Method;
use serde_json::{Value, json};

use crate::{
    ids::{
        Location,
        resource::{GalleryId, ImageDefinitionId},
    },
    json as read_json,
    operation::{Status, read_resource},
    request::Request,
};

/// The api-version of galleries, definitions and versions: azure-mgmt-compute 39.0.0 sends it.
pub const API_VERSION: &str = "2026-03-03";

/// A definition as the service describes it.
#[derive(Clone, Debug)]
pub struct ImageDefinition {
    body: Value,
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
    Request::arm(Method::GET, id, API_VERSION, format!("read gallery {}", id.name()))
}

/// The request that creates a gallery.
#[must_use]
pub fn create(id: &GalleryId, location: &Location) -> Request {
    Request::arm(Method::PUT, id, API_VERSION, format!("create gallery {}", id.name()))
        .with_body(json!({"location": location}))
}

/// The request that reads a definition.
#[must_use]
pub fn get_definition(id: &ImageDefinitionId) -> Request {
    Request::arm(
        Method::GET,
        id,
        API_VERSION,
        format!("read image definition {}", id.name()),
    )
}

/// The request that creates a definition.
#[must_use]
pub fn create_definition(id: &ImageDefinitionId, body: Value) -> Request {
    Request::arm(
        Method::PUT,
        id,
        API_VERSION,
        format!("create image definition {}", id.name()),
    )
    .with_body(body)
}
