//! A formula that decides a pool's size, and what cannot be said beside it.

use super::*;

#[test]
fn a_formula_takes_the_place_of_the_targets() {
    let formula = "$TargetDedicatedNodes = 4;";
    let given = json!({"target_dedicated_nodes": null, "autoscale_formula": formula, "autoscale_minutes": 30,
        "min_ready": "90%"});
    let pool = rolled_out(&given).unwrap().settings.pool.clone();
    let scale = Autoscale {
        formula: formula.to_owned(),
        minutes: Some(30),
    };
    assert_eq!((pool.autoscale, pool.targets.dedicated), (Some(scale), 0));
}

#[test]
fn what_a_formula_decides_cannot_be_said_beside_it() {
    let with = |field: &str, value: Json| {
        let mut given = json!({"target_dedicated_nodes": null, "autoscale_formula": "$TargetDedicatedNodes = 4;"});
        given[field] = value;
        given
    };
    let long = json!({"target_dedicated_nodes": null, "autoscale_formula": "x".repeat(8193)});
    assert_faults(
        rolled_out,
        &[
            (
                with("target_dedicated_nodes", json!(7)),
                "target-dedicated-nodes: contradicts autoscale-formula: remove one of the two",
            ),
            (
                with("target_spot_nodes", json!(7)),
                "target-spot-nodes: contradicts autoscale-formula: remove one of the two",
            ),
            (
                with("resize_timeout", json!("30m")),
                "resize-timeout: contradicts autoscale-formula: remove one of the two",
            ),
            (
                with("min_ready", json!("5")),
                "min-ready: is 5, but autoscale-formula decides how many nodes there are; give a percentage",
            ),
            (
                with("autoscale_minutes", json!(4)),
                "autoscale-minutes: 4 is out of range; write 5 to 10080",
            ),
            (
                json!({"autoscale_minutes": 30}),
                "autoscale-minutes: there is no formula; give it in autoscale-formula",
            ),
            (long, "autoscale-formula: has 8193 characters, and Batch takes 8192"),
        ],
    );
}
