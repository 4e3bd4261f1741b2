//! Purchase plans: what a Marketplace image is sold under, and whoever is made from it must name.
//!
//! Nothing is bought here: no terms are accepted or asked for.

use serde_json::{Value, json};

use crate::{
    envelope::{ArmError, ArmPath},
    json as edit,
};

/// A purchase plan; its parts compare with case, as the service warns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PurchasePlan {
    name: String,
    publisher: String,
    product: String,
}

impl PurchasePlan {
    pub(super) fn new(name: &str, publisher: &str, product: &str) -> Self {
        Self {
            name: name.to_owned(),
            publisher: publisher.to_owned(),
            product: product.to_owned(),
        }
    }

    /// The plan at a JSON pointer, e.g. `/plan` of a VM; `None` when nothing there has a name.
    pub(super) fn at(body: &Value, pointer: &str) -> Option<Self> {
        let plan = body.pointer(pointer)?;
        let text = |field: &str| edit::text(plan, field).unwrap_or_default();
        let name = edit::text(plan, "/name")?;
        Some(Self::new(name, text("/publisher"), text("/product")))
    }

    pub(super) fn view(&self) -> Value {
        json!({"name": self.name, "publisher": self.publisher, "product": self.product})
    }

    /// Refuses a VM that does not name the plan of its image.
    pub(super) fn require_on_vm(&self, body: &Value, path: &ArmPath) -> Result<(), ArmError> {
        let message = match Self::at(body, "/plan") {
            Some(asked) if asked == *self => return Ok(()),
            None => format!(
                "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image \
                 requires Plan information in the request. VM: '{}'.",
                path.id()
            ),
            Some(_) => format!(
                "The Plan information in the request is not that of the image: it must be {}. VM: '{}'.",
                self.view(),
                path.id()
            ),
        };
        Err(ArmError::bad_request("VMMarketplaceInvalidInput", message))
    }
}
