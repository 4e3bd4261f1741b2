//! What a publish says while it works, as sentences.
//!
//! Nothing is decided here.

use serde_json::Value;

use super::{
    definition, layout,
    next::{Batch, Stage},
    number::Number,
    observe::Seen,
    plan::Goal,
    regions,
    report::Published,
    testing, unused,
    way::Way,
};
use crate::{
    batch::supported::AgentFault,
    client::Client,
    error::{Error, ErrorKind},
    ids::NodeAgentSku,
    json,
    options::{Door, image::LATEST_NOW, versions::IMAGE_VERSION},
    progress::Event,
    replicas::RegionNeed,
    replication,
    settings::{Latest, PublishSettings},
};

/// What a run that failed could not do.
#[must_use]
pub(super) fn cannot(settings: &PublishSettings) -> String {
    let source = &settings.source;
    match settings.adopted() {
        Some(_) => format!("cannot adopt {source}"),
        None => format!("cannot publish {source} to {}", settings.definition.name()),
    }
}

/// The failure of a run that did the same so many times: other runs, or Azure, undo it.
pub(super) fn always_again(batch: &Batch, rounds: u32) -> Error {
    let first = batch.steps.first().map(ToString::to_string).unwrap_or_default();
    let text = format!("cannot {first}: it was done {rounds} times, and each time it had to be done again");
    Error::new(ErrorKind::Azure, text)
        .with_hint("see what other runs do with the same machine and definition, then run it again")
}

/// Says what is decided, and why.
pub(super) fn announce(client: &Client, settings: &PublishSettings, seen: &Seen, goal: &Goal) {
    let progress = &client.run().progress;
    progress.tell(Event::Goal {
        text: intent(settings, goal),
    });
    match goal.number {
        Number::New(_) => {}
        Number::Found(number) => progress.note(format!(
            "Version {number} was made of this very source: nothing is copied"
        )),
        Number::Adopted(number) => progress.note(format!(
            "Version {number} is of the wanted definition: it is adopted and nothing is copied"
        )),
    }
    if let (Number::New(_), Way::Snapshots { why }) = (goal.number, &goal.way) {
        progress.note(format!("No managed image: {why}"));
    }
    caveats(client, settings, seen, goal);
    agents(client, settings, seen);
    for formula in goal.formulas() {
        progress.note(formula);
    }
}

/// Says which node agent the image needs, and until when Batch supports it.
pub(super) fn agents(client: &Client, settings: &PublishSettings, seen: &Seen) {
    let progress = &client.run().progress;
    if let Some(agent) = &seen.agents.inferred {
        let until =
            |end: Option<jiff::Timestamp>| end.map_or_else(|| "no end is set".to_owned(), |end| format!("until {end}"));
        progress.note(format!(
            "The image's node agent is {} ({}); Batch supports its base image ({})",
            agent.sku,
            until(agent.ends),
            until(agent.base_image_ends)
        ));
        if let (Some(successor), Some(_)) = (&agent.successor, agent.ends) {
            progress.note(format!(
                "The next node agent of its kind is {successor}; it needs an image of that system"
            ));
        }
    }
    if let (Some(fault @ AgentFault::Ended { .. }), Some(given)) = (&seen.agents.fault, &test_agent(settings)) {
        progress.warn(format!("node agent {given} {fault}"));
    }
}

/// The node agent that the test names.
fn test_agent(settings: &PublishSettings) -> Option<&NodeAgentSku> {
    settings.test.as_ref()?.node_agent.as_ref()
}

/// Says what is left when a run ends that does not wait for the version, and how it goes on.
pub(super) fn tell_left(client: &Client, published: &Published) {
    if published.remaining.steps.is_empty() {
        return;
    }
    let regions: Vec<String> = published
        .regions
        .iter()
        .map(|it| format!("{} {}", it.location, it.word()))
        .collect();
    client.note(format!(
        "Azure has accepted image version {} and goes on by itself: {}",
        published.number,
        regions.join(", ")
    ));
    for step in &published.remaining.steps {
        client.note(format!("Still to do: {step}"));
    }
    client.note(format!(
        "`packer-plugin-azure-batch wait {} {}` waits for it; the same publish again does what is left",
        IMAGE_VERSION.spelled(Door::Flag),
        published.version
    ));
}

/// From where to where, in one line.
fn intent(settings: &PublishSettings, goal: &Goal) -> String {
    let definition = goal.version.definition();
    let regions: Vec<String> = goal
        .needs()
        .map(|need| format!("{} ×{}", need.location, need.replicas))
        .collect();
    format!(
        "{} → {}/{} {}: {}",
        settings.source,
        definition.gallery().name(),
        definition.name(),
        goal.version.name(),
        regions.join(", ")
    )
}

/// Says which wishes have no effect on a version that is there, and what cannot be known of it.
pub(super) fn caveats(client: &Client, settings: &PublishSettings, seen: &Seen, goal: &Goal) {
    let progress = &client.run().progress;
    match goal.number {
        Number::New(_) => {}
        Number::Found(_) if seen.machine.is_known_by_name() => progress.warn(
            "The disks that the image was captured from are gone, so an image captured later under the same names looks the same. If this is one, build with -force, or give it another name",
        ),
        Number::Found(_) => {}
        Number::Adopted(_) => unused::notes(settings).iter().for_each(|text| progress.note(text)),
    }
    if let Some(version) = seen.version(&goal.version) {
        for text in replication::kept(version, &goal.wanted_first()) {
            progress.warn(text);
        }
        if let Some(text) = testing::note_failed(settings, version) {
            progress.warn(text);
        }
        let needs: Vec<RegionNeed> = goal.needs().cloned().collect();
        for (region, _) in regions::passed_over(version, &needs, &goal.layout) {
            progress.note(format!(
                "Latest passes the version over in {region} too: {LATEST_NOW} = true admits it there, and so does promote"
            ));
        }
    }
    if let (Number::New(_), Latest::Keep | Latest::Exclude) = (goal.number, goal.details.latest) {
        progress.note("The version will be excluded from latest: no pool takes it by itself until it is promoted");
    }
    if let (Number::New(_), Some(profile)) = (goal.number, seen.machine.uefi_keys()) {
        let keys = uefi_keys(profile);
        progress.note(format!(
            "The version gets the keys for UEFI that its source has: {keys}"
        ));
    }
    for text in &goal.notes {
        progress.warn(text.clone());
    }
}

/// Which keys for UEFI a security profile has, without the keys themselves.
fn uefi_keys(profile: &Value) -> String {
    let settings = json::at(profile, "/uefiSettings");
    let templates = json::items(settings, "/signatureTemplateNames").filter_map(Value::as_str);
    let own = json::at(settings, "/additionalSignatures").as_object();
    let own: Vec<&str> = own.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let own = (!own.is_empty()).then(|| format!("signatures of its own in {}", own.join(", ")));
    let all: Vec<String> = templates.map(str::to_owned).chain(own).collect();
    if all.is_empty() {
        "without a name".to_owned()
    } else {
        all.join(", ")
    }
}

/// What a new definition and a new version can never have otherwise.
#[must_use]
pub(super) fn permanent(settings: &PublishSettings, seen: &Seen, goal: &Goal) -> Vec<String> {
    let mut lines = Vec::new();
    if seen.definition.is_none() {
        let definition = definition::existing_or_planned(settings, seen);
        let plan = if definition.plan().is_some() {
            ", its purchase plan"
        } else {
            ""
        };
        lines.push(format!(
            "definition {}: {}, {}, {}, its identifier{plan}",
            settings.definition.name(),
            definition.os_type(),
            definition.hyper_v_generation(),
            definition.architecture()
        ));
    }
    if matches!(goal.number, Number::New(_)) {
        let what = layout::permanent(&goal.layout).join(", ");
        lines.push(format!("version {}: {what}, its disks", goal.number.number()));
    }
    lines
}

fn copying(snapshots: usize) -> String {
    match snapshots {
        1 => "creating a snapshot".to_owned(),
        _ => format!("creating {snapshots} snapshots at the same time"),
    }
}

/// What a batch does, as a sentence.
#[must_use]
pub(super) fn of_batch(batch: &Batch, goal: &Goal) -> String {
    let definition = goal.version.definition();
    match batch.stage {
        Stage::Destination => format!("creating image definition {}", definition.name()),
        Stage::Machine => "preparing the machine".to_owned(),
        Stage::Snapshots => copying(goal.snapshots.len()),
        Stage::Image => "creating the managed image".to_owned(),
        Stage::Version => format!(
            "creating image version {} in {}",
            goal.version.name(),
            regions::names(&goal.at_first())
        ),
        Stage::Numbers => format!("noting which numbers the versions of {} have", definition.name()),
        Stage::Test => format!("testing image version {} on one node", goal.version.name()),
        Stage::First => format!("completing {} first", regions::names(&goal.first)),
        Stage::Later(phase) => {
            let needs = goal.later.get(phase).map(Vec::as_slice).unwrap_or_default();
            format!("replicating to {}", regions::names(needs))
        }
        Stage::Cleanup => "removing temporary copies".to_owned(),
    }
}
