//! What a value that is wrong, or a file that somebody else can write, must not bring about.

use super::*;

#[test]
fn a_token_for_batch_goes_to_the_chosen_cloud_only() {
    assert_faults(
        rolled_out,
        &[
            (
                json!({"account": null, "account_endpoint": "acct1.eastus2.batch.azure.co"}),
                "account-endpoint: acct1.eastus2.batch.azure.co does not end in .batch.azure.com, and a token for Batch would go there; correct it, or name the cloud in cloud-environment-name or metadata-host",
            ),
            (
                json!({"account": null, "account_endpoint": "127.0.0.2:8443/batch/acct1", "cloud_environment_name": "China"}),
                "account-endpoint: 127.0.0.2:8443/batch/acct1 does not end in .batch.chinacloudapi.cn, and a token for Batch would go there; correct it, or name the cloud in cloud-environment-name or metadata-host",
            ),
        ],
    );
    let elsewhere = json!({"account": null, "account_endpoint": "127.0.0.2:8443", "metadata_host": "127.0.0.1:8443"});
    rolled_out(&elsewhere).unwrap();
}

#[test]
fn a_secret_in_the_field_of_an_id_is_not_shown() {
    let secret = "Xq8Q~aVerySecretClientSecretValue_012345";
    for changes in [
        json!({"client_id": secret, "client_secret": "another"}),
        json!({"tenant_id": secret, "client_secret": "another"}),
    ] {
        let faults = rolled_out(&changes).unwrap_err().join("\n");
        assert!(faults.contains("the given text (40 letters, not shown"), "{faults}");
        assert!(!faults.contains("Secret"), "{faults}");
    }
    for source in [
        json!({"vm": "vm1", "resource_group": "rg"}),
        json!({"image_version": "x"}),
    ] {
        let faults = published(&json!({"subscription_id": secret, "source": source}))
            .unwrap_err()
            .join("\n");
        assert!(
            faults.contains("subscription_id: the given text (40 letters, not shown since it may be a secret) is not a subscription id"),
            "{faults}"
        );
        assert!(!faults.contains("Secret"), "{faults}");
    }
}

#[test]
fn the_gallery_is_in_the_subscription_of_the_source_unless_another_is_said() {
    let of = |changes: Json| {
        published(&changes)
            .unwrap()
            .settings
            .definition
            .group()
            .subscription()
            .to_owned()
    };
    let own = "22222222-2222-2222-2222-222222222222";
    let vm = format!("/subscriptions/{own}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1");
    let source = json!({"vm": vm});
    assert_eq!(of(json!({"subscription_id": null, "source": source})), own);
    let other = "33333333-3333-3333-3333-333333333333";
    assert_eq!(of(json!({"subscription_id": other, "source": source})), other);
}

#[test]
fn a_manifest_chooses_an_image_only_of_the_definition_that_was_said() {
    let evil = "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/attacker/providers/Microsoft.Compute/galleries/evil/images/backdoor";
    let manifest = json!({"image_version_id": format!("{evil}/versions/1.0.0")}).to_string();
    let with = |more: Json| {
        let mut changes = json!({"image_version": null, "manifest": manifest});
        merge(&mut changes, &more);
        rolled_out(&changes)
    };
    assert_faults(
        |changes| with(changes.clone()),
        &[
            (
                json!({}),
                &format!(
                    "image-definition: is missing: manifest names a version of {evil}; if that is the image that you expect, give this id, so that another manifest cannot choose another image (any-definition takes any)"
                ),
            ),
            (
                json!({"image_definition": format!("{GALLERY}/images/ubuntu")}),
                &format!(
                    "image-definition: the version belongs to {evil}, not to {GALLERY}/images/ubuntu; is the version the right one?"
                ),
            ),
            (
                json!({"image_definition": evil, "any_definition": true}),
                "any-definition: contradicts image-definition: remove one of the two",
            ),
        ],
    );
    let any = with(json!({"any_definition": true})).unwrap().settings;
    assert_eq!(any.pool.version.definition().to_string(), evil);
}
