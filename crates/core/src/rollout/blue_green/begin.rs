//! How a roll-out to a second pool begins: whether it can, and what is remembered of both before anything is changed.
//!
//! Pure. What comes after is decided in `next`.

use jiff::Timestamp;

use super::{
    family::{new_id, works_for},
    stages::stages,
};
use crate::{
    batch::{
        pool::{Pool, Scaling},
        resource,
    },
    ids::{NodeCounts, PoolId},
    judgement::Tasks,
    rollout::{
        as_found,
        counted::counted,
        decide::Refusal,
        other::Begun,
        pair::Shift,
        record::{Phase, Record, Remembered},
        spec::{Maker, Spec, When},
    },
    settings::{Adopt, BlueGreen, RolloutSettings},
};

const ELSE: &str = "give {strategy=in-place}, or roll out to another pool id";
const ADOPT: &str = "give {adopt} to let this roll-out shrink the pool, or roll out to another pool id";
const LOST: &str = "give that part in {pool_json}, give {strategy=in-place}, or roll out to another pool id";
const BY_ID: &str =
    "give the resource id of the account in {account}, give {strategy=in-place}, or roll out to another pool id";
const ROOM: &str = "ask for more quota, give {strategy=in-place}, or make {max_surge} larger";
const ANOTHER: &str =
    "run that roll-out again to its end, or go back with azure-batch-pool rollback; then run this one";
const WORKING: &str = "give another id in {new_pool_id}";
const TAKEN: &str = "delete it if it is not needed, or give another id in {new_pool_id}";

/// What a pool has to do with what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Fit {
    /// It has the image, and all else can be changed while it has nodes.
    Fits,
    /// It takes an empty pool, or another one.
    Differs,
}

/// How the account is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Reach {
    /// By its resource id, so that the resource manager can make pools in it.
    ById,
    /// By its endpoint alone.
    ByEndpoint,
}

/// Whether the pool must be emptied or replaced for what is asked for.
pub(in crate::rollout) fn fit(spec: &Spec, pool: &Pool) -> Fit {
    let difference = spec.compare(pool);
    let is_live = difference.image.is_none()
        && difference.of(When::Empty).next().is_none()
        && difference.of(When::NewPool).next().is_none();
    if is_live { Fit::Fits } else { Fit::Differs }
}

/// The id of the second pool.
pub(in crate::rollout) fn second(
    settings: &RolloutSettings,
    spec: &Spec,
    (family, former): (&PoolId, &PoolId),
) -> Result<PoolId, Refusal> {
    let name = spec.roll_out_id(settings.pool.targets.into(), None);
    let chosen = settings.change.blue_green.new_pool.clone();
    let chosen = chosen.or_else(|| new_id(family, spec.version().name(), (former, &name)));
    let is_other = |id: &PoolId| !id.as_str().eq_ignore_ascii_case(former.as_str());
    chosen.filter(is_other).ok_or_else(|| Refusal {
        why: "would be its own second pool".to_owned(),
        remedy: WORKING,
    })
}

/// Why the work of a pool cannot move to a second one, whatever the quotas are.
pub(in crate::rollout) fn refusal(
    (settings, spec): (&RolloutSettings, &Spec),
    (former, reach): (&Pool, Reach),
    (second, pools, schedules): (&PoolId, &[Pool], &[String]),
) -> Option<Refusal> {
    let refuse = |why: String, remedy| Some(Refusal { why, remedy });
    let size = (settings.pool.targets.into(), settings.pool.autoscale.as_ref());
    if let Some(refusal) = as_found::changed(settings.policy.adopt, size, Some(former)) {
        return Some(refusal);
    }
    if settings.pool.autoscale.is_some() || former.scaling == Scaling::Auto {
        return refuse(
            "follows an autoscale formula or shall do so, so its nodes cannot be given to a second pool".to_owned(),
            ELSE,
        );
    }
    if former.is_upgraded_by_platform() {
        return refuse("has automatic OS upgrades (upgradePolicy)".to_owned(), ELSE);
    }
    if spec.compare(former).maker == Maker::Another && settings.policy.adopt == Adopt::No {
        return refuse(
            "was not made by a roll-out, and would lose its nodes to a second pool".to_owned(),
            ADOPT,
        );
    }
    match Record::of(former) {
        Remembered::Change(record) if record.is_under_way() => {
            return refuse(
                format!("is being changed since {}, to {}", record.since, record.to),
                ANOTHER,
            );
        }
        Remembered::Change(_) | Remembered::Nothing | Remembered::Unreadable => {}
    }
    if let Some(lost) = spec.lost_by_twin(former) {
        return refuse(format!("has {lost}, which a second pool cannot get from it"), LOST);
    }
    if reach == Reach::ByEndpoint && !resource::identities(former.body()).is_empty() {
        return refuse(
            "has a managed identity, which only the resource manager gives a pool, and the account is given by its endpoint"
                .to_owned(),
            BY_ID,
        );
    }
    if !schedules.is_empty() {
        let ids = schedules.join(", ");
        return refuse(
            format!("gets jobs of schedules ({ids}), which would wait for its nodes for ever"),
            ELSE,
        );
    }
    pools.iter().find(|pool| pool.is_called(second))?;
    Some(match works_for(pools, second) {
        Some(other) => Refusal {
            why: format!("cannot get the second pool {second}: that one does the work of pool {other}"),
            remedy: WORKING,
        },
        None => Refusal {
            why: format!("cannot get the second pool {second}: one of that id is there"),
            remedy: TAKEN,
        },
    })
}

/// The roll-out, as it is remembered.
///
/// # Errors
/// When there is no room for a node beside the former pool, or not for the new one alone.
pub(in crate::rollout) fn shift(
    (settings, spec): (&RolloutSettings, &Spec),
    former: &Pool,
    second: PoolId,
    (beside, before, now): (Option<NodeCounts>, Option<Tasks>, Timestamp),
) -> Result<Shift, Refusal> {
    let size = NodeCounts::from(settings.pool.targets);
    let shift = Shift {
        phase: Phase::Forward,
        id: spec.roll_out_id_on(former, (size, None)),
        new: second,
        to: spec.version().to_string(),
        size,
        first: settings.first_nodes(),
        sample: settings.sampled_nodes(),
        was: former.targets,
        together: together(&settings.change.blue_green, (former.targets, size), beside),
        since: now,
        before,
        why: None,
        until: None,
    };
    let is_other_size = !spec.is_size_of(former);
    let fits_at_once = shift.together.dedicated >= size.dedicated.saturating_add(former.targets.dedicated)
        && shift.together.spot >= size.spot.saturating_add(former.targets.spot);
    if is_other_size && !fits_at_once {
        return Err(Refusal {
            why: "has another VM size than the second pool, and the quotas do not hold both at once".to_owned(),
            remedy: ROOM,
        });
    }
    if stages(&shift).is_none() {
        let free = beside.map_or_else(String::new, |free| format!("; {} more fit", counted(free)));
        return Err(Refusal {
            why: format!("leaves no room for the first nodes of a second pool{free}"),
            remedy: ROOM,
        });
    }
    Ok(shift)
}

/// How many nodes both pools may have together.
fn together(way: &BlueGreen, (was, size): (NodeCounts, NodeCounts), beside: Option<NodeCounts>) -> NodeCounts {
    let of = |was: u32, size: u32, beside: Option<u32>| {
        let room = beside.map_or_else(|| was.saturating_add(size), |beside| was.saturating_add(beside));
        let larger = was.max(size);
        let surge = way.max_surge.map_or(u32::MAX, |surge| surge.of(larger).max(1));
        room.min(larger.saturating_add(surge)).min(was.saturating_add(size))
    };
    NodeCounts {
        dedicated: of(was.dedicated, size.dedicated, beside.map(|nodes| nodes.dedicated)),
        spot: of(was.spot, size.spot, beside.map(|nodes| nodes.spot)),
    }
}

/// The roll-out's end: until when the former pool is kept.
pub(in crate::rollout) fn kept_until(way: &BlueGreen, now: Timestamp) -> Option<Timestamp> {
    now.checked_add(way.keep_old).ok()
}

/// The return of a roll-out. Nothing when it has returned.
pub(in crate::rollout) fn back(shift: &Shift, new: Option<&Pool>) -> Option<Shift> {
    let mut back = shift.clone();
    match shift.phase {
        Phase::Returned => return None,
        Phase::Back => return Some(back),
        Phase::Forward => {}
        Phase::Done => {
            // Whoever resized the new pool since the roll-out was done was free to, and the return keeps that size.
            if let Some(new) = new.filter(|new| is_resized(shift, new)) {
                back.size = new.targets;
                back.was = new.targets;
                back.together = NodeCounts {
                    dedicated: beyond(shift, |nodes| nodes.dedicated).saturating_add(new.targets.dedicated),
                    spot: beyond(shift, |nodes| nodes.spot).saturating_add(new.targets.spot),
                };
                // They were parts of another size.
                (back.first, back.sample) = (NodeCounts::default(), NodeCounts::default());
            }
        }
    }
    back.phase = Phase::Back;
    back.until = None;
    Some(back)
}

/// Whether others gave the new pool another size since the roll-out had come to its end.
pub(in crate::rollout) fn is_resized(shift: &Shift, new: &Pool) -> bool {
    shift.phase == Phase::Done && new.scaling == Scaling::Fixed && new.targets != shift.size
}

/// How many nodes of a kind both pools had beyond the larger one, at least one: what there was room for then.
fn beyond(shift: &Shift, of: impl Fn(NodeCounts) -> u32) -> u32 {
    let larger = of(shift.size).max(of(shift.was));
    of(shift.together).saturating_sub(larger).max(1)
}

/// Why another roll-out cannot begin or go on while this one is under way. `asked` is what that one asks for, where it
/// is known.
pub(in crate::rollout) fn another(shift: &Shift, asked: Option<(&Spec, &Pool, NodeCounts)>) -> Refusal {
    let begun = Begun {
        id: &shift.id,
        to: &shift.to,
        size: shift.size,
        follows: None,
    };
    let differs = asked.map(|(spec, pool, targets)| begun.differs((spec, pool), (targets, None)));
    let differs = differs.map_or_else(String::new, |differs| format!("; {differs}"));
    Refusal {
        why: format!(
            "is being replaced by pool {} since {}, on {}{differs}",
            shift.new,
            shift.since,
            begun.brings()
        ),
        remedy: ANOTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Share;

    #[test]
    fn both_pools_have_what_the_quotas_and_the_surge_allow() {
        let nodes = |dedicated| NodeCounts { dedicated, spot: 0 };
        let of = |surge: Option<Share>, was, size, beside: Option<u32>| {
            let way = BlueGreen {
                max_surge: surge,
                ..BlueGreen::default()
            };
            together(&way, (nodes(was), nodes(size)), beside.map(nodes)).dedicated
        };
        assert_eq!(of(None, 10, 10, None), 20, "quotas that cannot be seen stop nothing");
        assert_eq!(of(None, 10, 10, Some(2)), 12);
        assert_eq!(of(None, 10, 10, Some(50)), 20);
        assert_eq!(of(Some(Share::Percent(10)), 10, 20, Some(50)), 22);
        assert_eq!(of(Some(Share::Nodes(3)), 10, 10, Some(50)), 13);
        assert_eq!(of(Some(Share::Percent(1)), 10, 10, Some(50)), 11, "at least one node");
        assert_eq!(of(Some(Share::Nodes(5)), 10, 10, Some(1)), 11);
    }
}
