//! Spot nodes that Azure has no room for: after a time, dedicated nodes stand in for as many of them as the user allows.
//!
//! The pool's targets are the only record of it: fewer spot nodes than asked for and as many more dedicated ones. Nothing
//! stands in for a spot node without the option, and never without a word.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    RolloutReport,
    counted::counted,
    decide::Intent,
    explain::refused,
    follow,
    pool::PoolAccess,
    size::Sizing,
    verdict::{Census, Goal, Verdict, Waited},
};
use crate::{
    batch::pool::{Pool, Scaling},
    error::Result,
    ids::NodeCounts,
    progress::Span,
    settings::{RolloutSettings, SpotCounts, SpotFallback, Targets},
    words::plural,
};

/// The state of a spot node that Azure has taken away.
const PREEMPTED: &str = "preempted";
/// The pause between two looks for spot nodes; a look costs two requests.
const PAUSE: Duration = Duration::from_secs(30);

/// How many nodes stand in for spot nodes in a pool that has those targets, when the option explains them.
fn standing_in(asked: NodeCounts, fallback: SpotFallback, targets: NodeCounts) -> Option<u32> {
    let nodes = targets.dedicated.checked_sub(asked.dedicated)?;
    let is_shift = targets.spot.checked_add(nodes) == Some(asked.spot);
    (is_shift && (1..=fallback.most.of(asked.spot)).contains(&nodes)).then_some(nodes)
}

/// How many more nodes are to stand in for spot nodes, of which so many are wanted and there, when so many more may.
fn due(wanted: u32, there: u32, may: u32) -> u32 {
    wanted.saturating_sub(there).min(may)
}

/// The spot nodes that Azure has given, also those that are on their way to being ready: a long start task is no
/// shortage. Those that it has taken away are in the lists and may come back, and are not there.
fn spot_there(census: &Census) -> u32 {
    let given = census.ready.spot + census.coming.spot + census.late.spot;
    let taken = census.states.get(PREEMPTED).copied().unwrap_or_default();
    given.saturating_sub(taken)
}

const fn shifted(targets: NodeCounts, nodes: u32) -> NodeCounts {
    NodeCounts {
        dedicated: targets.dedicated.saturating_add(nodes),
        spot: targets.spot.saturating_sub(nodes),
    }
}

/// What is needed of those targets. A pool of spot nodes alone needs those that nothing stands in for.
fn goal_of(targets: NodeCounts, settings: &RolloutSettings) -> Goal {
    let asked = settings.pool.targets;
    let spot_counts = match (asked.spot_counts, asked.dedicated) {
        (SpotCounts::WhenAlone, 0) => SpotCounts::Yes,
        (said, _) => said,
    };
    let targets = Targets {
        dedicated: targets.dedicated,
        spot: targets.spot,
        spot_counts,
    };
    Goal::new(targets, settings.policy.readiness)
}

/// The intent for a pool in which dedicated nodes stand in for spot nodes since an earlier run: its targets are those of
/// the pool. No spot node is needed as long as others may yet stand in. Says what has happened, and what may happen.
pub(super) fn aware(
    access: &PoolAccess<'_>,
    pool: Option<&Pool>,
    (intent, settings): (Intent, &RolloutSettings),
) -> Intent {
    let Some(fallback) = settings.policy.spot_fallback else {
        return intent;
    };
    let found = pool.filter(|pool| pool.scaling == Scaling::Fixed);
    let nodes = found.and_then(|pool| standing_in(intent.goal.targets, fallback, pool.targets));
    tell(access, (settings, fallback), nodes);
    let targets = shifted(intent.goal.targets, nodes.unwrap_or(0));
    let mut goal = goal_of(targets, settings);
    goal.needed.spot = 0;
    Intent { goal, ..intent }
}

fn tell(access: &PoolAccess<'_>, (settings, fallback): (&RolloutSettings, SpotFallback), nodes: Option<u32>) {
    let (client, pool) = (access.client(), access.id());
    let most = fallback.most.of(settings.pool.targets.spot);
    match nodes {
        Some(nodes) => client.warn(format!(
            "an earlier run gave pool {pool} {} in place of spot nodes; a roll-out without this option asks for the spot \
             nodes again",
            plural(u64::from(nodes), "dedicated node")
        )),
        None => client.note(format!(
            "if Azure gives pool {pool} too few spot nodes in {}, up to {} stand in for them",
            Span(fallback.after.as_secs()),
            plural(u64::from(most), "dedicated node")
        )),
    }
}

/// Waits for the spot nodes that are missing, then asks for dedicated ones in their place, and waits for these. A pool
/// whose other nodes are not good is left as it is: dedicated nodes would be no better.
///
/// # Errors
/// As the roll-out's own resize and wait.
pub(super) async fn replace_missing(
    access: &mut PoolAccess<'_>,
    (intent, settings): (&Intent, &RolloutSettings),
    mut waited: Waited,
    report: &mut RolloutReport,
) -> Result<Waited> {
    let Some(fallback) = settings.policy.spot_fallback else {
        return Ok(waited);
    };
    let (asked, targets) = (NodeCounts::from(settings.pool.targets), intent.goal.targets);
    let before = targets.dedicated.saturating_sub(asked.dedicated);
    let may = fallback.most.of(asked.spot).saturating_sub(before);
    if waited.verdict != Verdict::Good {
        return Ok(waited);
    }
    if due(targets.spot, spot_there(&waited.census), may) > 0 {
        await_spot(access, intent, (may, fallback.after)).await?;
        waited = follow::nodes(access, intent, settings.policy.readiness, report).await?;
    }
    let nodes = due(targets.spot, spot_there(&waited.census), may);
    report.stand_ins = before + nodes;
    let goal = goal_of(shifted(targets, nodes), settings);
    (report.targets.dedicated, report.targets.spot) = (goal.targets.dedicated, goal.targets.spot);
    if goal == intent.goal {
        return Ok(waited);
    }
    if nodes > 0 {
        access.client().warn(format!(
            "Azure has given {} of {} in {}: pool {} is resized from {} to {}",
            spot_there(&waited.census),
            plural(u64::from(targets.spot), "spot node"),
            Span(fallback.after.as_secs()),
            access.id(),
            counted(targets),
            counted(goal.targets)
        ));
    }
    report.needed = goal.needed.total();
    let intent = intent.sized(goal, targets);
    let doing = format!("let dedicated nodes of pool {} stand in for spot nodes", access.id());
    let sizing = Sizing::new(access, &intent, settings.policy.resize.rounds, &doing, report);
    sizing.reach().await?;
    follow::nodes(access, &intent, settings.policy.readiness, report).await
}

/// Waits until no spot node is missing that others may stand in for, at most so long.
async fn await_spot(access: &PoolAccess<'_>, intent: &Intent, (may, at_most): (u32, Duration)) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < at_most {
        access.client().run().pause(PAUSE, "spot nodes").await?;
        let seen = access.look().await?;
        let unchanged = intent.unchanged(seen.pool.as_ref());
        unchanged.map_err(|refusal| refused(access.at(), refusal))?;
        let there = seen.counts.as_ref().map(|counts| spot_there(&Census::from(counts)));
        if there.is_some_and(|there| due(intent.goal.targets.spot, there, may) == 0) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Share;

    const fn nodes(dedicated: u32, spot: u32) -> NodeCounts {
        NodeCounts { dedicated, spot }
    }

    const HALF: SpotFallback = SpotFallback::of(Share::Percent(50));

    #[test]
    fn targets_that_the_option_explains_are_known_again() {
        for (targets, expected) in [
            (nodes(7, 15), Some(5)),
            (nodes(12, 10), Some(10)),
            (nodes(2, 20), None),
            (nodes(13, 9), None),
            (nodes(7, 20), None),
            (nodes(1, 21), None),
        ] {
            assert_eq!(standing_in(nodes(2, 20), HALF, targets), expected, "{targets:?}");
        }
    }

    #[test]
    fn a_spot_node_that_starts_is_there_and_one_that_was_taken_away_is_not() {
        let census = Census {
            ready: nodes(2, 1),
            coming: nodes(0, 3),
            late: nodes(0, 1),
            states: [("preempted".to_owned(), 2), ("idle".to_owned(), 3)].into(),
            ..Census::default()
        };
        assert_eq!(spot_there(&census), 3);
    }

    #[test]
    fn no_more_nodes_stand_in_than_may_nor_than_are_missing() {
        for (there, may, expected) in [(20, 10, 0), (17, 10, 3), (10, 10, 10), (0, 10, 10), (0, 4, 4)] {
            assert_eq!(due(20, there, may), expected, "{there} there, {may} may");
        }
    }
}
