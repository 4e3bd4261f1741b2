//! Sizes that may take the place of the first.

use super::*;

#[test]
fn sizes_are_read_in_their_order_and_refused_where_they_mean_nothing() {
    let sizes = |given: Json| {
        let mut all = json!({"vm_size": "Standard_D4s_v5"});
        all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let settings = rolled_out(&all).map(|it| it.settings.pool.fallback_vm_sizes.clone());
        let settings = settings.map_err(|faults| faults.join("; "));
        settings.map(|sizes| sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    let size = "Standard_D8s_v5, Standard_E4s_v5";
    assert_eq!(sizes(json!({})), Ok(String::new()));
    assert_eq!(
        sizes(json!({"fallback_vm_sizes": [size]})),
        Ok("Standard_D8s_v5 Standard_E4s_v5".to_owned())
    );
    for (given, said) in [
        (
            json!({"strategy": "auto"}),
            "fallback-vm-sizes: works only with strategy create-only or in-place: remove one of the two",
        ),
        (json!({"canary_nodes": "1"}), "fallback-vm-sizes"),
        (
            json!({"fallback_vm_sizes": ["Standard_E4s_v5,standard_e4s_v5"]}),
            "fallback-vm-sizes: names standard_e4s_v5 twice",
        ),
        (json!({"fallback_vm_sizes": ["no size!"]}), "fallback-vm-sizes"),
    ] {
        let mut all = json!({"fallback_vm_sizes": [size]});
        all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let faults = sizes(all).unwrap_err();
        assert!(faults.contains(said), "{given}: {faults}");
    }
}
