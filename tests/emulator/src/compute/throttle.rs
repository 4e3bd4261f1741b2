//! What the compute provider says is left of its own request budgets.
//!
//! The figures are those of a client alone in its subscription, as recorded; they never run out.

use http::Method;

use super::Kind;
use crate::arm::ArmPath;

/// The value of `x-ms-ratelimit-remaining-resource`; `None` for requests of which none was recorded.
pub(super) fn remaining(method: &Method, path: &ArmPath) -> Option<&'static str> {
    let kind = Kind::parse(&path.kind())?;
    Some(match (kind, method, path.action().as_str()) {
        (Kind::VirtualMachine | Kind::Disk, &Method::GET, "") => {
            "Microsoft.Compute/LowCostGet3Min;3999,Microsoft.Compute/LowCostGet30Min;31999"
        }
        (Kind::VirtualMachine, &Method::POST, "generalize") => {
            "Microsoft.Compute/UpdateVM3Min;239,Microsoft.Compute/UpdateVM30Min;1199"
        }
        (Kind::VirtualMachine, &Method::POST, "deallocate") => {
            "Microsoft.Compute/DeleteVM3Min;239,Microsoft.Compute/DeleteVM30Min;1199"
        }
        (Kind::Disk | Kind::Snapshot, &Method::PUT, _) => {
            "Microsoft.Compute/CreateUpdateDisks3Min;999,Microsoft.Compute/CreateUpdateDisks30Min;7999"
        }
        (Kind::Image, &Method::PUT, _) => {
            "Microsoft.Compute/CreateImages3Min;39,Microsoft.Compute/CreateImages30Min;199"
        }
        (Kind::Gallery, &Method::PUT, _) => {
            "Microsoft.Compute/CreateUpdateGallery3Min;49,Microsoft.Compute/CreateUpdateGallery30Min;298"
        }
        (Kind::Definition, &Method::PUT, _) => "Microsoft.Compute/CreateUpdateGalleryImage3Min;148",
        (Kind::Version, &Method::PUT, _) => {
            "Microsoft.Compute/CreateUpdateGalleryImageVersion3Min;374,\
             Microsoft.Compute/CreateUpdateGalleryImageVersion30Min;1198"
        }
        (Kind::Version, &Method::DELETE, _) => {
            "Microsoft.Compute/DeleteGalleryImageVersion3Min;149,Microsoft.Compute/DeleteGalleryImageVersion30Min;999"
        }
        (Kind::Version, &Method::GET, _) => "Microsoft.Compute/GetGalleryImageVersion3Min;1999",
        _ => return None,
    })
}
