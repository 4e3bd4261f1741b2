//! Which version a roll-out is asked for, in each of its forms.

use super::*;

fn wanted(image_version: &str, definition: Option<&str>) -> Result<String, Vec<String>> {
    let changes = json!({"image_version": image_version, "image_definition": definition});
    rolled_out(&changes).map(|asked| asked.settings.pool.version.to_string())
}

#[test]
fn a_version_is_named_by_id_by_number_or_by_a_rule() {
    let definition = format!("{GALLERY}/images/ubuntu");
    let id = format!("{definition}/versions/1.4.2");
    for (given, of, expected) in [
        (id.as_str(), None, id.clone()),
        (&id, Some(definition.as_str()), id.clone()),
        ("1.4.2", Some(&definition), id.clone()),
        ("latest", Some(&definition), format!("latest of {definition}")),
        ("~1.4", Some(&definition), format!("~1.4 of {definition}")),
        (
            "tag:release=stable",
            Some(&definition),
            format!("tag:release=stable of {definition}"),
        ),
        (
            &format!("{definition}/versions/latest"),
            None,
            format!("latest of {definition}"),
        ),
    ] {
        assert_eq!(wanted(given, of), Ok(expected), "{given}");
    }
}

#[test]
fn what_names_no_version_is_refused_with_what_to_write() {
    let definition = format!("{GALLERY}/images/ubuntu");
    assert_faults(
        rolled_out,
        &[
            (
                json!({"image_version": "latest"}),
                "image-definition: is needed: image-version is latest; give the resource id of the image definition that this is a version of",
            ),
            (
                json!({"image_version": "1.4.2"}),
                "image-definition: is needed: image-version is 1.4.2; give the resource id of the image definition that this is a version of",
            ),
            (
                json!({"image_version": "1.4", "image_definition": definition}),
                "image-version: \"1.4\" names part of a number; write all three (1.4.2), or ~ before it for the newest that begins so (~1.4)",
            ),
            (
                json!({"image_version": "tag:release", "image_definition": definition}),
                "image-version: \"tag:release\" is not a tag with a value; write tag:name=value",
            ),
            (
                json!({"image_version": "newest"}),
                "image-version: \"newest\" is not a version; write its resource id, a number such as 1.4.2, latest, a range such as ~1.4 or 1.4.x, or tag:name=value",
            ),
            (
                json!({"image_version": definition}),
                "image-version: is the id of an image definition, not of a version: write latest here, and the id in image-definition",
            ),
            (
                json!({"image_version": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/images/built"}),
                "image-version: is a managed image, and Batch has made no pools on managed images since 31 March 2026: publish it as a version of a gallery first (the post-processor azure-batch takes a managed image as its source), and give that version",
            ),
            (
                json!({"image_version": null, "image_definition": definition}),
                "image-version: is missing: write latest for the newest version of image-definition, or another rule",
            ),
        ],
    );
}
