//! What a roll-out needs and what of it is there, as lines of its plan: rights, registration, quotas, nodes, dates.
//!
//! It only reads, and nothing of it ends a plan. What stops the roll-out itself is in `before`, `room` and `agent`.

use super::{
    RolloutStep, agent,
    blue_green::Surge,
    cost::{Billed, HOURS_A_DAY, Nodes, Upkeep},
    fit,
    observe::{Site, subscriptions},
    pool::PoolAccess,
    room,
};
use crate::{
    error::{ErrorKind, Result},
    ids::{NodeCounts, VmSize},
    plan::{About, Fact, FactState},
    preflight,
    rights::{self, Naming, Need},
    settings::{Register, RolloutSettings, Strategy},
    words::plural,
};

/// What steps need, as lines of a plan.
pub(super) struct Outlook {
    /// The lines before those about quotas.
    pub(super) before: Vec<Fact>,
    /// The lines after them.
    pub(super) after: Vec<Fact>,
    /// The nodes that are billed afterwards, unless a formula decides.
    pub(super) upkeep: Option<Upkeep>,
}

/// Looks at what these steps need, quotas apart.
///
/// # Errors
/// Only when the run ends.
pub(super) async fn look(
    access: &PoolAccess<'_>,
    site: &Site,
    (settings, surge): (&RolloutSettings, Option<Surge>),
    needs: Vec<Need>,
) -> Result<Outlook> {
    let client = access.client();
    let mut before = preflight::rights_facts(client, needs).await?;
    if let (Some(image), _) = subscriptions(settings) {
        let fact = preflight::registration_fact(client, &image).await?;
        let stops = fact.state == FactState::Lacking && settings.policy.register == Register::No;
        before.push(if stops { fact.stopping(ErrorKind::Refused) } else { fact });
    }
    let size = vm_size(access, settings).await?;
    let billed = settings.prices.as_ref().map(|prices| Billed {
        prices,
        size: size.as_ref(),
        region: site.location.as_ref(),
    });
    let targets: NodeCounts = settings.pool.targets.into();
    let is_fixed = settings.pool.autoscale.is_none();
    let upkeep = is_fixed.then(|| Upkeep {
        nodes: targets.total(),
        day: billed.as_ref().and_then(|billed| billed.day(targets)),
    });
    let mut after = vec![nodes(settings, size.as_ref())];
    if let Some(billed) = billed {
        let all = match is_fixed {
            true => Nodes::Fixed(targets),
            false => Nodes::Formula(settings.policy.most_nodes),
        };
        after.extend(billed.facts(all, surge));
    }
    after.extend(other_sizes(settings));
    after.extend(fit::fact(settings));
    after.extend(ends(site));
    after.extend(agent::facts(client, settings, site).await?);
    Ok(Outlook { before, after, upkeep })
}

/// The rights that these steps of one pool need.
pub(super) fn needs(settings: &RolloutSettings, steps: &[RolloutStep]) -> Vec<Need> {
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
        needs.extend(rights::other_sizes(settings));
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

/// The sizes that may take the place of the first one.
fn other_sizes(settings: &RolloutSettings) -> Option<Fact> {
    let sizes: Vec<&str> = settings.pool.fallback_vm_sizes.iter().map(VmSize::as_str).collect();
    let text = format!(
        "where Azure has no room for a new pool, it gets another VM size, tried in this order: {}",
        sizes.join(", ")
    );
    (!sizes.is_empty()).then(|| Fact::plain(About::Nodes, text))
}

/// The end that the version's publisher has set.
fn ends(site: &Site) -> Option<Fact> {
    let version = site.version.as_ref()?;
    let end = version.end_of_life()?;
    let text = format!("image version {} ends on {}", version.title(), end.strftime("%F"));
    Some(Fact::plain(About::Dates, text))
}
