//! What a roll-out needs and what of it is there, as lines of its plan: rights, registration, quotas, nodes, dates.
//!
//! It only reads, and nothing of it ends a plan. What stops the roll-out itself is in `before`, `room` and `agent`.

use super::{
    RolloutStep, agent,
    blue_green::Surge,
    cost::{Billed, HOURS_A_DAY, Nodes},
    decide::Intent,
    fit,
    observe::{Site, subscriptions},
    pool::PoolAccess,
    room,
};
use crate::{
    error::Result,
    ids::VmSize,
    plan::{About, Fact, Step as _},
    preflight,
    rights::{self, Naming, Need},
    settings::{RolloutSettings, Strategy},
    words::plural,
};

/// Looks at what these steps need; nothing when they change nothing.
///
/// # Errors
/// Only when the run ends.
pub(super) async fn facts(
    access: &PoolAccess<'_>,
    site: &Site,
    (settings, intent, surge): (&RolloutSettings, &Intent, Option<Surge>),
    steps: &[RolloutStep],
) -> Result<Vec<Fact>> {
    if !steps.iter().any(|step| step.effect().is_change()) {
        return Ok(Vec::new());
    }
    let client = access.client();
    let mut facts = preflight::rights_facts(client, needs(settings, steps)).await?;
    if let (Some(image), _) = subscriptions(settings) {
        facts.push(preflight::registration_fact(client, &image).await?);
    }
    // How many nodes two pools may have together is found out with the way itself.
    if matches!(settings.change.strategy, Strategy::CreateOnly | Strategy::InPlace) && intent.follows.is_none() {
        let look = access.watch().look(None).await?;
        facts.extend(room::facts(client, (settings, intent.goal), (site, look.pools())).await?);
    }
    let size = vm_size(access, settings).await?;
    facts.push(nodes(settings, size.as_ref()));
    facts.extend(cost(settings, (site, size.as_ref()), surge));
    facts.extend(fit::fact(settings));
    facts.extend(ends(site));
    facts.extend(agent::fact(client, settings, site).await?);
    Ok(facts)
}

fn needs(settings: &RolloutSettings, steps: &[RolloutStep]) -> Vec<Need> {
    let creates = steps.iter().any(RolloutStep::is_creation);
    let naming = if creates { Naming::Named } else { Naming::Kept };
    let has_canary = settings.change.canary.command.is_some();
    let mut needs = match (settings.change.strategy, creates) {
        (Strategy::CreateOnly | Strategy::InPlace, true) if has_canary => rights::trial(settings),
        (Strategy::CreateOnly | Strategy::InPlace, true) | (Strategy::CreateOnly, false) => {
            rights::rollout(settings, naming)
        }
        (Strategy::InPlace, false) | (Strategy::BlueGreen | Strategy::Auto, _) => rights::replacement(settings),
    };
    if creates {
        needs.extend(rights::identities(settings));
    }
    needs
}

/// The size of the pool's nodes: as it was asked for, else that of the pool that is there.
async fn vm_size(access: &PoolAccess<'_>, settings: &RolloutSettings) -> Result<Option<VmSize>> {
    if let Ok(asked) = room::vm_size(settings, None).parse() {
        return Ok(Some(asked));
    }
    let look = access.watch().look(None).await?;
    let there = look.pools().iter().find(|pool| pool.is_called(access.id()));
    Ok(room::vm_size(settings, there).parse().ok())
}

/// What they cost, by the user's own prices; nothing without prices.
fn cost(settings: &RolloutSettings, (site, size): (&Site, Option<&VmSize>), surge: Option<Surge>) -> Vec<Fact> {
    let Some(prices) = &settings.prices else {
        return Vec::new();
    };
    let billed = Billed {
        prices,
        size,
        region: site.location.as_ref(),
    };
    let nodes = match settings.pool.autoscale {
        Some(_) => Nodes::Formula(settings.policy.most_nodes),
        None => Nodes::Fixed(settings.pool.targets.into()),
    };
    billed.facts(nodes, surge)
}

/// The nodes that are billed once the roll-out is over.
fn nodes(settings: &RolloutSettings, size: Option<&VmSize>) -> Fact {
    if settings.pool.autoscale.is_some() {
        let text = "the formula decides how many there are, so their hours are not known";
        return Fact::unknown(About::Nodes, text);
    }
    let targets = settings.pool.targets;
    let all = targets.dedicated + targets.spot;
    let of_size = size.map(|size| format!(" of {size}")).unwrap_or_default();
    let hours = all.saturating_mul(HOURS_A_DAY);
    let spot = match targets.spot {
        0 => String::new(),
        spot => format!(" ({spot} of them spot)"),
    };
    let text = format!("{}{of_size}{spot}, {hours} node-hours a day", plural(all, "node"));
    Fact::plain(About::Nodes, text)
}

/// The end that the version's publisher has set.
fn ends(site: &Site) -> Option<Fact> {
    let version = site.version.as_ref()?;
    let end = version.end_of_life()?;
    let text = format!("image version {} ends on {}", version.title(), end.strftime("%F"));
    Some(Fact::plain(About::Dates, text))
}
