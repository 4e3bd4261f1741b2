//! The tags of a pool that is there: compared with those that are asked for, and changed while it has nodes.
//!
//! Batch itself does not show them, the resource manager does. Tags that were not asked for stay. A pool that is made gets
//! its tags with its body, and a second pool those of the first; that Azure takes tags of a pool with nodes is a guess.

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
    batch::{
        account::Account,
        pool::Pool,
        resource::{self, Described},
    },
    client::Client,
    error::{ErrorKind, Result},
    ids::PoolId,
    plan::{About, Fact},
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

/// The tags of a pool that another pool gets too.
#[derive(Debug)]
pub(super) enum Carried {
    /// These.
    Known(Map<String, Value>),
    /// They cannot be seen, for this reason.
    Unseen(String),
}

impl Carried {
    /// Of a pool that is there already.
    pub(super) fn none() -> Self {
        Self::Known(Map::new())
    }

    /// The tags, if they are known.
    pub(super) const fn known(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Known(tags) => Some(tags),
            Self::Unseen(_) => None,
        }
    }

    /// What could not be seen of a pool, and what that means.
    pub(super) fn unseen(&self, pool: &PoolId) -> Option<String> {
        match self {
            Self::Known(_) => None,
            Self::Unseen(why) => Some(format!(
                "tags of pool {pool}, so the second pool gets none of them: {why}"
            )),
        }
    }

    /// The same as a line of a plan.
    pub(super) fn fact(&self, pool: &PoolId) -> Option<Fact> {
        match self {
            Self::Known(_) => None,
            Self::Unseen(why) => Some(Fact::unknown(
                About::Tags,
                format!("the second pool gets none of those of pool {pool}: {why}"),
            )),
        }
    }
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

/// Reads the tags of a pool for another one.
///
/// # Errors
/// When it cannot be read for another reason than a missing right.
pub(super) async fn carried(client: &Client, account: Option<&Account>, pool: &PoolId) -> Result<Carried> {
    let Some(account) = account else {
        return Ok(Carried::Unseen("the account is given by its endpoint".to_owned()));
    };
    match client.find(&resource::get(&account.id, pool)).await {
        Ok(found) => {
            let tags = found.map(|answer| Described::new(answer.value()).tags());
            Ok(tags.map_or_else(Carried::none, Carried::Known))
        }
        Err(error) if error.kind() == ErrorKind::NoRights => Ok(Carried::Unseen(rights::lack(&error))),
        Err(error) => Err(error),
    }
}

/// These tags with what is asked for over them.
pub(super) fn with_asked(found: Option<&Map<String, Value>>, spec: &Spec) -> Map<String, Value> {
    let found = found.cloned().unwrap_or_default();
    let all = asked(spec).and_then(|asked| changed(&asked, &found));
    all.map_or(found, |(tags, _)| tags)
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
