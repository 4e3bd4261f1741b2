//! A pool that gets another image and keeps all else as it was found: what others have made of it since. Pure.
//!
//! Pools that move together have their turns hours after they were found. A pool whose change has begun is looked after
//! in `replace` and `blue_green`.

use super::{
    counted::bare,
    decide::{Refusal, deleted, deleting},
    record::{Record, Remembered},
};
use crate::{
    batch::{
        autoscale,
        pool::{Pool, PoolLife},
    },
    ids::NodeCounts,
    settings::{Adopt, Autoscale},
};

const AGAIN: &str = "run again: the pool then keeps what it has by now";

/// Why the pool is left alone.
pub(super) fn changed(
    adopt: Adopt,
    (targets, scale): (NodeCounts, Option<&Autoscale>),
    pool: Option<&Pool>,
) -> Option<Refusal> {
    if adopt != Adopt::AsFound {
        return None;
    }
    let pool = match pool {
        None => return Some(deleted()),
        Some(pool) if pool.life == PoolLife::Deleting => return Some(deleting()),
        Some(pool) if matches!(Record::of(pool), Remembered::Change(record) if record.is_under_way()) => return None,
        Some(pool) => pool,
    };
    let why = match (scale, autoscale::of(pool)) {
        (None, None) if pool.targets == targets => return None,
        (None, None) => format!(
            "has other targets by now: {} nodes there, {} when it was found",
            bare(pool.targets),
            bare(targets)
        ),
        (Some(scale), Some(found)) if scale.is_met_by(&found) => return None,
        (Some(_), Some(_)) => "follows another autoscale formula by now".to_owned(),
        (None, Some(_)) => "follows an autoscale formula by now".to_owned(),
        (Some(_), None) => "follows no autoscale formula any more".to_owned(),
    };
    Some(Refusal { why, remedy: AGAIN })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const FORMULA: &str = "$TargetDedicatedNodes = 2;";

    fn pool(change: impl FnOnce(&mut Value)) -> Pool {
        let mut body = json!({"id": "p1", "state": "active", "targetDedicatedNodes": 2, "targetLowPriorityNodes": 0});
        change(&mut body);
        Pool::new(body)
    }

    #[test]
    fn a_pool_that_others_have_changed_since_it_was_found_is_left_alone() {
        let two = NodeCounts { dedicated: 2, spot: 0 };
        let scale = Autoscale {
            formula: FORMULA.to_owned(),
            minutes: None,
        };
        let follows = |formula: &str| {
            pool(|body| {
                body["enableAutoScale"] = json!(true);
                body["autoScaleFormula"] = json!(formula);
            })
        };
        let why = |scale: Option<&Autoscale>, pool: Option<&Pool>| {
            changed(Adopt::AsFound, (two, scale), pool).map(|refusal| refusal.why)
        };
        let (fixed, seven) = (pool(|_| ()), pool(|body| body["targetDedicatedNodes"] = json!(7)));
        let going = pool(|body| body["state"] = json!("deleting"));
        let (same, other) = (follows(FORMULA), follows("$TargetDedicatedNodes = 6;"));
        assert_eq!([why(None, Some(&fixed)), why(Some(&scale), Some(&same))], [None, None]);
        for (scale, pool, said) in [
            (None, None, "was deleted meanwhile"),
            (None, Some(&going), "is being deleted meanwhile"),
            (None, Some(&seven), "7 nodes there, 2 when it was found"),
            (None, Some(&same), "follows an autoscale formula by now"),
            (Some(&scale), Some(&other), "follows another autoscale formula by now"),
            (Some(&scale), Some(&fixed), "follows no autoscale formula any more"),
        ] {
            let why = why(scale, pool).unwrap();
            assert!(why.contains(said), "{why}");
        }
        for adopt in [Adopt::No, Adopt::Yes] {
            assert_eq!(
                changed(adopt, (two, None), Some(&seven)),
                None,
                "what was asked for counts"
            );
        }
    }
}
