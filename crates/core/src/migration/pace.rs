//! How long a pool takes to be steady and its nodes to be idle, before and after a move: what Batch shows of it.
//!
//! It changes nothing. A look that fails leaves its time out: the move does not depend on it.

use super::Move;
use crate::{
    client::Client,
    ids::{BatchEndpoint, PoolId},
    judgement,
    rollout::{self, Pace, PoolAction, RolloutOutcome},
    settings::{Checked, UnresolvedRollout},
};

/// Moves a pool, and notes in the report how long it and its nodes took.
pub async fn run(client: &Client, moves: &Move) -> RolloutOutcome {
    let before = before(client, &moves.settings).await;
    let mut outcome = rollout::run(client, &moves.settings).await;
    note(client, before, &mut outcome).await;
    outcome
}

/// How long the nodes took that are there, in seconds.
pub(super) async fn before(client: &Client, settings: &Checked<UnresolvedRollout>) -> Option<u64> {
    let located = rollout::located(client, &settings.account, &mut Vec::new()).await;
    idle_after(client, &located.ok()?.0, &settings.pool.id).await
}

/// Notes it in the report, with how long the nodes took that came.
pub(super) async fn note(client: &Client, before: Option<u64>, outcome: &mut RolloutOutcome) {
    let report = &mut outcome.report;
    let has_moved = outcome.result.is_ok() && !matches!(report.action, PoolAction::None | PoolAction::Unchanged);
    let Some(endpoint) = report.endpoint.clone().filter(|_| has_moved) else {
        return;
    };
    let rounds: Vec<u64> = report.rounds.iter().map(|round| round.seconds).collect();
    let pace = Pace {
        steady_seconds: (!rounds.is_empty()).then(|| rounds.iter().sum()),
        idle_seconds: idle_after(client, &endpoint, &report.pool).await,
        idle_seconds_before: before,
    };
    report.pace = Some(pace);
}

async fn idle_after(client: &Client, endpoint: &BatchEndpoint, pool: &PoolId) -> Option<u64> {
    judgement::idle_after(client, endpoint, pool).await.ok()?
}
