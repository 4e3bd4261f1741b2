//! The tags of a pool that is there: compared with those that are asked for, and changed while it has nodes.
//!
//! Batch itself does not show them, the resource manager does. Tags that were not asked for stay. A pool that is made gets
//! its tags with its body; that Azure takes tags of a pool with nodes is a guess.

use serde_json::{Map, Value};

use super::{
    attempts::Attempts,
    decide::{ADOPTING, Intent, Refusal},
    explain::refused,
    pool::PoolAccess,
    report::{PoolAction, RolloutReport},
    spec::{Maker, Spec},
    step::RolloutStep,
};
use crate::{
    batch::pool::Pool,
    error::{ErrorKind, Result},
    ids::PoolId,
    rights,
    settings::{Adopt, parts::TAGS},
};

/// Tags that a pool lacks, or has with other values.
#[derive(Debug)]
pub(super) struct Retag {
    asked: Map<String, Value>,
    /// Their names.
    names: Vec<String>,
}

impl Retag {
    async fn carry_out(&self, access: &mut PoolAccess<'_>, report: &mut RolloutReport) -> Result<()> {
        let doing = format!("change the tags of pool {}", access.id());
        let mut attempts = Attempts::new(access.client(), &doing);
        while let Some(found) = access.described().await? {
            let Some((tags, _)) = changed(&self.asked, &found.tags()) else {
                break;
            };
            let sent = access.retag(tags, &found).await;
            attempts.after(access, sent).await?;
        }
        if report.action == PoolAction::None {
            report.action = PoolAction::Updated;
        }
        Ok(())
    }

    /// The step of a plan.
    pub(super) fn step(&self, pool: &PoolId) -> RolloutStep {
        RolloutStep::TagPool {
            pool: pool.clone(),
            tags: self.names.clone(),
        }
    }
}

/// Compares; nothing when no tag is asked for, the pool is yet to be made, or all are there.
///
/// # Errors
/// `Refused` for a pool of others that may not be written to; when the pool cannot be read.
pub(super) async fn look(access: &PoolAccess<'_>, pool: Option<&Pool>, intent: &Intent) -> Result<Option<Retag>> {
    let asked = intent.spec.asked().and_then(asked);
    let (Some(asked), Some(pool)) = (asked, pool) else {
        return Ok(None);
    };
    let found = match access.described().await {
        Ok(Some(found)) => found,
        Ok(None) => {
            access
                .client()
                .note("not compared, as the account is given by its endpoint: tags of the pool");
            return Ok(None);
        }
        Err(error) if error.kind() == ErrorKind::NoRights => {
            access
                .client()
                .warn(format!("not checked: tags of the pool: {}", rights::lack(&error)));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let Some((_, names)) = changed(&asked, &found.tags()) else {
        return Ok(None);
    };
    if intent.adopt == Adopt::No && intent.spec.compare(pool).maker == Maker::Another {
        let why = format!(
            "was not made by a roll-out, and it differs in the tags {}",
            names.join(", ")
        );
        let refusal = Refusal { why, remedy: ADOPTING };
        return Err(refused(access.at(), refusal));
    }
    Ok(Some(Retag { asked, names }))
}

/// Changes tags where some are to change.
///
/// # Errors
/// When Azure refuses it, or the run ends.
pub(super) async fn carry_out(
    retag: Option<Retag>,
    access: &mut PoolAccess<'_>,
    report: &mut RolloutReport,
) -> Result<()> {
    match retag {
        Some(retag) => retag.carry_out(access, report).await,
        None => Ok(()),
    }
}

fn asked(spec: &Spec) -> Option<Map<String, Value>> {
    spec.body()
        .get(TAGS)?
        .as_object()
        .filter(|tags| !tags.is_empty())
        .cloned()
}

/// All tags as they are to be, and the names of those that differ. Azure compares names without case and keeps its own.
fn changed(asked: &Map<String, Value>, found: &Map<String, Value>) -> Option<(Map<String, Value>, Vec<String>)> {
    let (mut tags, mut names) = (found.clone(), Vec::new());
    for (name, value) in asked {
        let own = found.keys().find(|own| own.eq_ignore_ascii_case(name)).unwrap_or(name);
        if found.get(own) != Some(value) {
            tags.insert(own.clone(), value.clone());
            names.push(name.clone());
        }
    }
    (!names.is_empty()).then_some((tags, names))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_of_others_stay_and_names_have_no_case() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let found = map(json!({"Team": "render", "cost": "7"}));
        for (asked, expected) in [
            (json!({"team": "render"}), None),
            (json!({}), None),
            (
                json!({"team": "Render"}),
                Some((json!({"Team": "Render", "cost": "7"}), vec!["team"])),
            ),
            (
                json!({"team": "render", "env": "prod"}),
                Some((json!({"Team": "render", "cost": "7", "env": "prod"}), vec!["env"])),
            ),
        ] {
            let expected = expected.map(|(tags, names)| (map(tags), names.into_iter().map(str::to_owned).collect()));
            assert_eq!(changed(&map(asked.clone()), &found), expected, "{asked}");
        }
    }
}
