//! Which pools follow each other under one pool id, which of them does the work, and which may go. Pure.
//!
//! A roll-out is given one id, always the same; the pools that it makes have ids of their own.

use jiff::Timestamp;

use crate::{
    batch::pool::{Pool, PoolLife},
    ids::PoolId,
    rollout::{
        decide::Refusal,
        pair::{self, Kin, PairRecord, Shift},
        record::Phase,
    },
};

/// The most letters of a pool's id.
const LONGEST: usize = 64;

/// Where a family stands.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::rollout) enum Standing<'p> {
    /// It has no pool.
    Nothing,
    /// A roll-out from this pool has not come to its end.
    UnderWay(&'p Pool, Box<PairRecord>),
    /// This pool does the work.
    Working(&'p Pool),
}

/// The family that a pool id means.
pub(in crate::rollout) fn family_of(pools: &[Pool], given: &PoolId) -> PoolId {
    let record = pools.iter().find(|pool| pool.is_called(given)).and_then(record);
    record.map_or_else(|| given.clone(), |record| record.family)
}

/// Where it stands.
///
/// # Errors
/// When it has more than one pool that could do the work, or a record that this version cannot read.
pub(in crate::rollout) fn standing<'p>(pools: &'p [Pool], family: &PoolId) -> Result<Standing<'p>, Refusal> {
    let members: Vec<&Pool> = members(pools, family).collect();
    if members.iter().any(|pool| PairRecord::of(pool) == Kin::Unreadable) {
        return Err(Refusal {
            why: "has a record of a roll-out that this version cannot read".to_owned(),
            remedy: "finish that roll-out with the version that began it",
        });
    }
    let shifts = || members.iter().filter_map(|pool| Some((*pool, record(pool)?)));
    let under_way = shifts().find(|(_, record)| record.shift.as_ref().is_some_and(Shift::is_under_way));
    if let Some((pool, record)) = under_way {
        return Ok(Standing::UnderWay(pool, Box::new(record)));
    }
    let is_left_behind = |pool: &Pool| {
        shifts()
            .filter_map(|(_, record)| record.shift)
            .any(|shift| match shift.phase {
                Phase::Returned => pool.is_called(&shift.new),
                Phase::Forward | Phase::Back | Phase::Done => false,
            })
    };
    let works = |pool: &&&Pool| {
        let is_done = record(pool)
            .and_then(|record| record.shift)
            .is_some_and(|shift| shift.phase == Phase::Done);
        pool.life == PoolLife::Active && !is_done && !is_left_behind(pool)
    };
    let working: Vec<&Pool> = members.iter().filter(works).copied().collect();
    match working.as_slice() {
        [] if members.iter().any(|pool| pool.life == PoolLife::Active) => Err(Refusal {
            why: "was replaced by a pool that is not there any more".to_owned(),
            remedy: "go back to it with azure-batch-pool rollback, or roll out to another pool id",
        }),
        [] => Ok(Standing::Nothing),
        [one] => Ok(Standing::Working(one)),
        several => {
            let ids: Vec<String> = several
                .iter()
                .filter_map(|pool| pool.id())
                .map(|id| id.to_string())
                .collect();
            Err(Refusal {
                why: format!("has more than one pool that could do its work: {}", ids.join(", ")),
                remedy: "delete all but the one that does",
            })
        }
    }
}

/// The pool that a change without a second pool is about, under the id that never changes: the one that does the work, or
/// that a move has begun with; where the family has none, the one of that id.
///
/// # Errors
/// As [`standing`], unless the pool that was named does its own work.
pub(in crate::rollout) fn meant(pools: &[Pool], given: &PoolId) -> Result<PoolId, Refusal> {
    let pool = match standing(pools, &family_of(pools, given)) {
        Ok(Standing::UnderWay(pool, _) | Standing::Working(pool)) => Some(pool),
        Ok(Standing::Nothing) => None,
        Err(refusal) => {
            let own = pools.iter().find(|pool| pool.is_called(given));
            let is_readable = |pool: &&Pool| PairRecord::of(pool) != Kin::Unreadable;
            Some(
                own.filter(|pool| does_its_own_work(pool))
                    .filter(is_readable)
                    .ok_or(refusal)?,
            )
        }
    };
    Ok(pool.and_then(Pool::id).unwrap_or_else(|| given.clone()))
}

/// The id under which a pool does the work that a roll-out has moved to it; nothing for any other pool.
#[must_use]
pub fn works_for(pools: &[Pool], id: &PoolId) -> Option<PoolId> {
    let family = family_of(pools, id);
    let is_other = !family.as_str().eq_ignore_ascii_case(id.as_str());
    match standing(pools, &family) {
        Ok(Standing::Working(pool)) if is_other && pool.is_called(id) => Some(family),
        Ok(_) | Err(_) => None,
    }
}

/// Whether no other pool has taken its work over.
pub(in crate::rollout) fn does_its_own_work(pool: &Pool) -> bool {
    pool.life == PoolLife::Active && pair::successor(pool).is_none()
}

/// The pool with a roll-out that a return can end or undo: the one that began last.
pub(in crate::rollout) fn to_return<'p>(pools: &'p [Pool], family: &PoolId) -> Option<(&'p Pool, PairRecord, Shift)> {
    let shifts = members(pools, family).filter_map(|pool| {
        let record = record(pool)?;
        let shift = record.shift.clone()?;
        Some((pool, record, shift))
    });
    shifts.max_by_key(|(_, _, shift)| (shift.is_under_way(), shift.since))
}

/// Former pools whose time is over, whoever made them.
pub(in crate::rollout) fn expired<'p>(
    pools: &'p [Pool],
    family: &PoolId,
    now: Timestamp,
) -> impl Iterator<Item = &'p Pool> {
    members(pools, family).filter(move |pool| {
        let shift = record(pool).and_then(|record| record.shift);
        let is_over =
            shift.is_some_and(|shift| shift.phase == Phase::Done && shift.until.is_some_and(|until| until <= now));
        is_over && pool.life == PoolLife::Active && pool.targets.total() + pool.current.total() == 0
    })
}

/// The id of the pool that comes after: that of the family with the version, which Batch takes; when that is the id of
/// the former pool, with the beginning of the roll-out's name too.
pub(in crate::rollout) fn new_id(family: &PoolId, version: &str, (former, name): (&PoolId, &str)) -> Option<PoolId> {
    let version: String = version
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let of = |end: &str| -> Option<PoolId> {
        let room = LONGEST.saturating_sub(end.len() + 1);
        let base: String = family.as_str().chars().take(room).collect();
        format!("{base}-{end}").parse().ok()
    };
    let is_free = |id: &PoolId| !id.as_str().eq_ignore_ascii_case(former.as_str());
    of(&version).filter(is_free).or_else(|| {
        let name: String = name.chars().take(4).collect();
        of(&format!("{version}-{name}")).filter(is_free)
    })
}

fn members<'p>(pools: &'p [Pool], family: &PoolId) -> impl Iterator<Item = &'p Pool> {
    pools.iter().filter(move |pool| {
        let is_of = |record: PairRecord| record.family.as_str().eq_ignore_ascii_case(family.as_str());
        record(pool).map_or_else(|| pool.is_called(family), is_of)
    })
}

fn record(pool: &Pool) -> Option<PairRecord> {
    match PairRecord::of(pool) {
        Kin::Member(record) => Some(*record),
        Kin::Nothing | Kin::Unreadable => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ids::NodeCounts, rollout::pair::PAIR};

    fn id(text: &str) -> PoolId {
        text.parse().unwrap()
    }

    fn shift(phase: Phase, new: &str) -> Shift {
        let nodes = NodeCounts { dedicated: 5, spot: 0 };
        Shift {
            phase,
            id: String::new(),
            new: id(new),
            to: String::new(),
            size: nodes,
            first: NodeCounts::default(),
            sample: NodeCounts::default(),
            was: nodes,
            together: nodes,
            since: Timestamp::UNIX_EPOCH,
            before: None,
            why: None,
            until: Some(Timestamp::UNIX_EPOCH),
        }
    }

    fn pool(name: &str, record: Option<PairRecord>) -> Pool {
        let items: Vec<_> = record
            .iter()
            .map(|record| json!({"name": PAIR, "value": record.text()}))
            .collect();
        Pool::new(json!({"id": name, "state": "active", "metadata": items}))
    }

    fn from(name: &str, phase: Phase, new: &str) -> Pool {
        pool(
            name,
            Some(PairRecord::from(&pool(name, None), id("render"), shift(phase, new))),
        )
    }

    fn made(name: &str, former: &str) -> Pool {
        pool(name, Some(PairRecord::after(id("render"), id(former))))
    }

    fn working(pools: &[Pool]) -> String {
        match standing(pools, &id("render")) {
            Ok(Standing::Working(pool)) => pool.id().unwrap().to_string(),
            Ok(Standing::UnderWay(pool, _)) => format!("from {}", pool.id().unwrap()),
            Ok(Standing::Nothing) => "nothing".to_owned(),
            Err(refusal) => refusal.why,
        }
    }

    #[test]
    fn the_pool_that_does_the_work_is_found_under_the_id_that_never_changes() {
        let other = pool("other", None);
        assert_eq!(working(std::slice::from_ref(&other)), "nothing");
        assert_eq!(working(&[other.clone(), pool("render", None)]), "render");
        let done = [from("render", Phase::Done, "render-1"), made("render-1", "render")];
        assert_eq!(working(&done), "render-1");
        assert_eq!(
            working(&[made("render-1", "render")]),
            "render-1",
            "the former one is gone"
        );
        let going = [from("render", Phase::Forward, "render-1"), made("render-1", "render")];
        assert_eq!(working(&going), "from render");
        let returned = [from("render", Phase::Returned, "render-1"), made("render-1", "render")];
        assert_eq!(working(&returned), "render", "what a return left behind does no work");
        assert_eq!(
            working(&[from("render", Phase::Done, "render-1")]),
            "was replaced by a pool that is not there any more"
        );
        let both = [pool("render", None), made("render-1", "render")];
        assert!(working(&both).contains("render, render-1"));
        assert_eq!(family_of(&done, &id("render-1")), id("render"));
        assert_eq!(family_of(&done, &id("other")), id("other"));
    }

    #[test]
    fn a_change_without_a_second_pool_is_of_the_one_that_does_the_work() {
        let meant = |pools: &[Pool], given: &str| match meant(pools, &id(given)) {
            Ok(pool) => pool.to_string(),
            Err(refusal) => refusal.why,
        };
        assert_eq!(meant(&[], "render"), "render");
        let family = |phase| [from("render", phase, "render-1"), made("render-1", "render")];
        for given in ["render", "render-1"] {
            assert_eq!(meant(&family(Phase::Done), given), "render-1");
            assert_eq!(meant(&family(Phase::Forward), given), "render");
            assert_eq!(meant(&family(Phase::Returned), given), "render");
        }
        assert_eq!(
            meant(&[made("render-1", "render")], "render"),
            "render-1",
            "the former one is gone"
        );
        let gone = "was replaced by a pool that is not there any more";
        assert_eq!(meant(&[from("render", Phase::Done, "render-1")], "render"), gone);
        let both = [pool("render", None), made("render-1", "render")];
        assert_eq!(meant(&both, "render"), "render", "the one that was named is meant");
    }

    #[test]
    fn a_pool_works_for_the_id_that_a_roll_out_has_moved_the_work_from() {
        let family = |phase| [from("render", phase, "render-1"), made("render-1", "render")];
        let of = |phase, name| works_for(&family(phase), &id(name));
        assert_eq!(of(Phase::Done, "render-1"), Some(id("render")));
        assert_eq!(
            [of(Phase::Done, "render"), of(Phase::Returned, "render-1")],
            [None, None]
        );
        assert_eq!(works_for(&[pool("other", None)], &id("other")), None);
    }

    #[test]
    fn a_former_pool_goes_only_without_nodes_and_after_its_time() {
        let done = [from("render", Phase::Done, "render-1")];
        let count =
            |pools: &[Pool], seconds| expired(pools, &id("render"), Timestamp::from_second(seconds).unwrap()).count();
        assert_eq!([count(&done, -1), count(&done, 0)], [0, 1]);
        let mut body = done[0].body().clone();
        body["currentDedicatedNodes"] = json!(1);
        assert_eq!(count(&[Pool::new(body)], 0), 0);
        assert_eq!(count(&[from("render", Phase::Returned, "render-1")], 0), 0);
    }

    #[test]
    fn the_new_id_is_of_family_and_version_and_never_the_former_one() {
        let of = |family: &str, former: &str| {
            new_id(&id(family), "1.4.2", (&id(former), "abcdef"))
                .unwrap()
                .to_string()
        };
        assert_eq!(of("render", "render"), "render-1-4-2");
        assert_eq!(of("render", "render-1-4-2"), "render-1-4-2-abcd");
        let long = of(&"x".repeat(64), "render");
        assert!(long.len() == 64 && long.ends_with("x-1-4-2"), "{long}");
    }
}
