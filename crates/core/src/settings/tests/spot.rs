//! Dedicated nodes in place of spot nodes.

use super::*;

#[test]
fn dedicated_nodes_stand_in_for_spot_nodes_only_where_a_roll_out_decides_the_size_alone() {
    let fallback = |given: Json| rolled_out(&given).map(|it| it.settings.policy.spot_fallback);
    let usual = SpotFallback::of(Share::Percent(50));
    let after = Duration::from_secs(300);
    assert_eq!(fallback(json!({})), Ok(None));
    assert_eq!(fallback(json!({"spot_fallback": "50%"})), Ok(Some(usual)));
    assert_eq!(
        fallback(json!({"spot_fallback": "50%", "spot_fallback_after": "5m"})),
        Ok(Some(SpotFallback { after, ..usual }))
    );
    assert_faults(
        rolled_out,
        &[
            (
                json!({"spot_fallback_after": "5m"}),
                "spot-fallback-after: no node stands in for a spot node; say how many may in spot-fallback",
            ),
            (
                json!({"spot_fallback": "3", "strategy": "in-place"}),
                "spot-fallback: works only with strategy create-only: remove one of the two",
            ),
        ],
    );
}
