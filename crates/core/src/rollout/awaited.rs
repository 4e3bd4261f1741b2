//! What a wait under a pool id is for: the nodes of the pool that does the work, or the end of a change. Pure.
//!
//! How long it may take is decided in `standing`.

use super::{
    blue_green::family::{self, Standing},
    decide::Refusal,
    under_way::{LeftEmpty, UnderWay, left_empty, under_way},
};
use crate::{
    batch::pool::{Pool, PoolLife},
    ids::PoolId,
};

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Awaited<'p> {
    /// The nodes of this pool.
    Nodes(&'p Pool),
    /// The end of a change of this pool.
    Change(&'p Pool, UnderWay),
    /// Nothing: a roll-out left the pool without nodes.
    Left(LeftEmpty),
    /// Nothing: the pool is being deleted.
    Deleting,
    /// Nothing: the account has no such pool.
    Missing,
    /// Nothing: which pool does the work cannot be said.
    Unclear(Refusal),
}

/// What a wait for the pool of that id is for. A pool that a roll-out has moved the work away from stands for the one
/// that has it now.
pub(super) fn awaited<'p>(pools: &'p [Pool], given: &PoolId) -> Awaited<'p> {
    let own = pools.iter().find(|pool| pool.is_called(given));
    let is_deleting = own.is_some_and(|pool| pool.life == PoolLife::Deleting);
    match family::standing(pools, &family::family_of(pools, given)) {
        Ok(Standing::UnderWay(former, _)) => of_one(former),
        Ok(Standing::Working(pool)) => of_one(pool),
        Ok(Standing::Nothing) if is_deleting => Awaited::Deleting,
        Ok(Standing::Nothing) => Awaited::Missing,
        Err(refusal) => match own.filter(|pool| family::does_its_own_work(pool)) {
            Some(pool) => of_one(pool),
            None => Awaited::Unclear(refusal),
        },
    }
}

fn of_one(pool: &Pool) -> Awaited<'_> {
    if let Some(change) = under_way(pool) {
        return Awaited::Change(pool, change);
    }
    left_empty(pool).map_or(Awaited::Nodes(pool), Awaited::Left)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pool(id: &str, pair: Option<&str>) -> Pool {
        let items: Vec<_> = pair
            .iter()
            .map(|text| json!({"name": super::super::pair::PAIR, "value": text}))
            .collect();
        Pool::new(json!({"id": id, "state": "active", "metadata": items}))
    }

    /// The record of a pool whose work went to another one.
    fn shift(phase: &str) -> String {
        json!({"v": 1, "family": "render", "shift": {"phase": phase, "id": "r", "new": "render-1", "to": "/x/1.4.2",
            "size": {"dedicated": 2, "spot": 0}, "first": {"dedicated": 0, "spot": 0}, "was": {"dedicated": 2, "spot": 0},
            "together": {"dedicated": 4, "spot": 0}, "since": "1970-01-01T00:00:00Z"}})
        .to_string()
    }

    fn found(pools: &[Pool], given: &str) -> String {
        match awaited(pools, &given.parse().unwrap()) {
            Awaited::Nodes(pool) => format!("nodes of {}", pool.id().unwrap()),
            Awaited::Change(pool, change) => format!("{} of {}", change, pool.id().unwrap()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_wait_follows_the_work_under_the_id_that_stays_the_same() {
        let second = pool("render-1", Some(r#"{"v":1,"family":"render","after":"render"}"#));
        let from = |phase| [pool("render", Some(&shift(phase))), second.clone()];
        for given in ["render", "render-1"] {
            assert_eq!(found(&from("done"), given), "nodes of render-1");
            assert_eq!(found(&from("returned"), given), "nodes of render");
            let moving = "the move to pool render-1 on 1.4.2, begun on 1970-01-01 00:00 UTC of render";
            assert_eq!(found(&from("forward"), given), moving);
        }
        assert_eq!(
            found(std::slice::from_ref(&second), "render"),
            "nodes of render-1",
            "the former one is gone"
        );
        let gone = found(&[pool("render", Some(&shift("done")))], "render");
        assert!(
            gone.contains("was replaced by a pool that is not there any more"),
            "{gone}"
        );
    }

    #[test]
    fn a_pool_without_a_roll_out_is_waited_for_as_it_is() {
        assert_eq!(found(&[pool("render", None)], "render"), "nodes of render");
        assert_eq!(found(&[], "render"), "Missing");
        // Two pools that could do the work: the one that was named is meant.
        let both = [
            pool("render", None),
            pool("render-1", Some(r#"{"v":1,"family":"render","after":"render"}"#)),
        ];
        assert_eq!(found(&both, "render"), "nodes of render");
    }
}
