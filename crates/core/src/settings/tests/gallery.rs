//! What is refused of what a gallery is to say.

use super::*;

#[test]
fn slips_in_what_a_definition_says_are_named() {
    let of = |definition: Json| json!({"definition": definition});
    assert_faults(
        published,
        &[
            (
                of(json!({"min_recommended_vcpu_count": 8, "max_recommended_vcpu_count": 4})),
                "definition.min_recommended_vcpu_count: is 8, which is more than the greatest number, 4",
            ),
            (
                of(json!({"max_recommended_memory_in_gb": 641})),
                "definition.max_recommended_memory_in_gb: is 641; write 1 to 640",
            ),
            (
                of(json!({"features": {"SecurityType": "Standard", "securitytype": "TrustedLaunch"}})),
                "definition.features.securitytype: is the same feature as SecurityType: remove one of the two",
            ),
            (
                of(json!({"features": {"DiskControllerTypes": " "}})),
                "definition.features.DiskControllerTypes: is empty: give the feature's name and value, or remove it",
            ),
        ],
    );
}
