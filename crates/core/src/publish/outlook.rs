//! What a publish needs and what of it is there, as lines of its plan: rights, registration, tenant, checks of the source,
//! the node agent with its ends, and how long it takes.
//!
//! It only reads, and nothing of it ends a plan. What stops the publish itself is in `rights`, `before` and `checks`.

use jiff::Timestamp;

use super::{before, check::Check, observe::Seen, origin::NodeAgent, plan::Goal, rights, step::Step};
use crate::{
    batch::{
        image::MarketplaceImage,
        supported::{self, AgentFault},
    },
    client::Client,
    error::Result,
    options::{Door, image},
    plan::{About, Fact},
    preflight,
    progress::CheckOutcome,
    settings::PublishSettings,
    words::plural,
};

/// Why there are no times. The numbers are those of Microsoft's page on galleries and of one recorded replication.
const NO_TIMES: &str = "Azure does not say how fast it copies: a version of 50 GB was in one region after 7 minutes, and \
                        large ones took up to 6 hours";

/// Looks at what these steps need; a publish without steps needs nothing.
///
/// # Errors
/// When the run ends.
pub(super) async fn facts(
    client: &Client,
    settings: &PublishSettings,
    (seen, goal): (&Seen, &Goal),
    (steps, skipped): (&[Step], Vec<String>),
) -> Result<Vec<Fact>> {
    let mut facts = preflight::rights_facts(client, rights::needs(seen, goal, steps)).await?;
    facts.extend(before::facts(client, settings, skipped).await?);
    facts.extend(of_checks(&seen.checks));
    facts.extend(of_agent(settings, seen, client.run().now()));
    facts.extend(times(settings, steps));
    Ok(facts)
}

fn of_checks(checks: &[Check]) -> Vec<Fact> {
    let of = |outcome| checks.iter().filter(move |check| check.outcome == outcome);
    let about = About::Checks;
    let passed = of(CheckOutcome::Pass).count();
    let mut facts = vec![Fact::plain(
        about,
        format!("{} of the source passed", plural(passed, "check")),
    )];
    let ignored = of(CheckOutcome::Ignored);
    facts.extend(ignored.map(|check| Fact::lacking(about, format!("{}: {}", check.name, check.text))));
    let open: Vec<&str> = of(CheckOutcome::CannotKnow).map(|check| check.name).collect();
    if !open.is_empty() {
        let text = format!("this kind of source does not show {}", open.join(", "));
        facts.push(Fact::unknown(about, text));
    }
    facts
}

/// The agent that the image needs with its ends, and what is to be said of the one that the test names.
fn of_agent(settings: &PublishSettings, seen: &Seen, now: Timestamp) -> Vec<Fact> {
    let named = settings.test.as_ref().and_then(|test| test.node_agent.as_ref());
    let ended = match (named, &seen.agents.fault) {
        (Some(given), Some(fault @ AgentFault::Ended { .. })) => Some(Fact::plain(
            About::Dates,
            format!("node agent {given} of the test {fault}"),
        )),
        _ => None,
    };
    let mut facts = match (&seen.agents.inferred, &seen.base) {
        (Some(agent), Some(base)) => known(agent, base, now),
        (_, None) => vec![Fact::unknown(
            About::Agent,
            "the source does not show the marketplace image that it was made of",
        )],
        (None, Some(base)) => vec![unknown_for(settings, base)],
    };
    facts.extend(ended);
    facts
}

fn known(agent: &NodeAgent, base: &MarketplaceImage, now: Timestamp) -> Vec<Fact> {
    let sku = &agent.sku;
    let next = agent.successor.as_ref().filter(|_| agent.ends.is_some());
    let next = next.map(|next| format!("; the next of its kind is {next}, which needs an image of that system"));
    let until = |what: &str, end: Option<Timestamp>| {
        let text = match end {
            None => format!("no end is set for Batch's support of {what}"),
            Some(end) if end <= now => format!("Batch has ended its support of {what} on {}", end.strftime("%F")),
            Some(end) => supported::until(what, end),
        };
        Fact::plain(About::Dates, text)
    };
    vec![
        Fact::plain(About::Agent, format!("{sku}, for {base}{}", next.unwrap_or_default())),
        until(&format!("node agent {sku}"), agent.ends),
        until(&format!("base image {base}"), agent.base_image_ends),
    ]
}

/// Why the agent for a base image is not known.
fn unknown_for(settings: &PublishSettings, base: &MarketplaceImage) -> Fact {
    let text = match (settings.used_by.is_empty(), &settings.test) {
        (true, None) => format!(
            "the one for {base} is in the list of a Batch account, and none is named in {}",
            image::USED_BY.spelled(Door::Template)
        ),
        _ => format!("the list of the Batch account that is named does not say the one for {base}, or may not be read"),
    };
    Fact::unknown(About::Agent, text)
}

/// How long it takes, as far as that can be said.
fn times(settings: &PublishSettings, steps: &[Step]) -> Vec<Fact> {
    let copies = |step: &Step| {
        matches!(
            step,
            Step::CopyDisk { .. } | Step::CreateImage { .. } | Step::CreateVersion { .. } | Step::Replicate { .. }
        )
    };
    let mut facts = Vec::new();
    if steps.iter().any(copies) {
        facts.push(Fact::unknown(About::Times, NO_TIMES));
    }
    let is_test = |step: &Step| matches!(step, Step::Test { .. });
    if let (Some(test), true) = (&settings.test, steps.iter().any(is_test)) {
        let minutes = plural(test.longest.as_secs() / 60, "minute");
        let text = format!("the command of the test may run {minutes}, after its node has started");
        facts.push(Fact::plain(About::Times, text));
    }
    facts
}
