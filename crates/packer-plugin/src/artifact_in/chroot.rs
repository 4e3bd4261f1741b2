//! What azure-chroot left: the text of its artifact lists the resources that it made, one id a line, in small letters.
//!
//! Disks and snapshots, which it lists with `skip_cleanup` only, do not show their LUNs and are no source.

use azure_batch_core::{ids::resource::ImageDefinitionId, options::image, settings::Values};

use super::{Whole, better, of_version};

/// For a build that names neither an image nor a version.
const NOTHING: &str = "azure-batch: azure-chroot made neither a version nor a managed image\n  hint: set \
     shared_image_destination or image_resource_id in the source block; or name what to publish with source { … }";

/// The source among the resources, for a version of that definition.
///
/// # Errors
/// When there is none, with the remedy: a text for the user.
pub(super) fn source(text: &str, wanted: Option<&ImageDefinitionId>) -> Result<Values, String> {
    let ids = || text.lines().map(str::trim);
    let version = ids().find_map(|id| id.parse().ok());
    let captured = ids().find_map(|id| id.parse().ok());
    match better(version, captured, wanted) {
        Some(Whole::Version(version)) => Ok(of_version(&version)),
        Some(Whole::Image(id)) => Ok(Values::default().with(image::SOURCE_MANAGED_IMAGE, id.to_string())),
        None => Err(NOTHING.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use azure_batch_core::settings::Value;

    use super::*;

    const COMPUTE: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg/providers/microsoft.compute";

    fn of(ids: &[&str], definition: &str) -> Result<String, String> {
        let lines: String = ids.iter().map(|id| format!("{COMPUTE}{id}\n")).collect();
        let wanted = format!("{COMPUTE}/galleries/gal1/images/{definition}").parse().unwrap();
        let source = source(&format!("Azure resources created:\n{lines}\n"), Some(&wanted))?;
        let of = |opt| match source.get(opt) {
            Some(Value::Text(id)) => id.rsplit_once("/Microsoft.Compute").unwrap().1.to_owned(),
            _ => String::new(),
        };
        Ok(of(image::SOURCE_IMAGE_VERSION) + &of(image::SOURCE_MANAGED_IMAGE))
    }

    #[test]
    fn a_version_of_the_definition_comes_before_the_image_and_the_image_before_another_version() {
        const VERSION: &str = "/galleries/gal1/images/ubuntu/versions/1.4.2";
        let table: [(&[&str], &str, &str); 5] = [
            (&["/images/built"], "ubuntu", "/images/built"),
            (&[VERSION], "Ubuntu", VERSION),
            (&[VERSION], "other", VERSION),
            (&[VERSION, "/images/built"], "ubuntu", VERSION),
            (
                &["/disks/os", VERSION, "/images/built", "/snapshots/os"],
                "other",
                "/images/built",
            ),
        ];
        for (ids, definition, expected) in table {
            assert_eq!(of(ids, definition).as_deref(), Ok(expected), "{ids:?} for {definition}");
        }
    }

    #[test]
    fn disks_and_snapshots_alone_are_refused_with_the_remedy() {
        for ids in [&["/disks/os", "/snapshots/os"] as &[&str], &[]] {
            let refusal = of(ids, "ubuntu").unwrap_err();
            assert!(refusal.contains("shared_image_destination"), "{refusal}");
        }
    }
}
