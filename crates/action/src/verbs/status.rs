//! `status`: which pool runs which image, how far it is behind, and what ends next.
//!
//! What there is to act on is decided in core; this file only shows it.

use azure_batch_core::{
    settings,
    status::{self, ImageStatus, PoolStatus, StatusReport},
};
use jiff::Timestamp;

use super::asking::ask;
use crate::{
    console::{Console, table::Table},
    environment::Environment,
    github::runner::Runner,
    report::{SOMETHING_TO_ACT_ON, answer::Answer},
    values::Given,
};

/// The exit code when nothing was found, and not everything could be read.
const PARTLY_SEEN: u8 = 5;

/// Looks and shows; returns the exit code.
pub async fn run(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let look = async |client: &_, settings: &_| status::run(client, settings).await;
    ask(given, (runner, environment), console, settings::status, (look, answer)).await
}

fn answer(report: &StatusReport) -> Answer {
    let (word, exit_code) = match (report.has_findings(), report.unseen.is_empty()) {
        (true, _) => ("to-act-on", SOMETHING_TO_ACT_ON),
        (false, false) => ("partly-read", PARTLY_SEEN),
        (false, true) => ("nothing-to-act-on", 0),
    };
    let findings = report.pools.iter().filter(|pool| !pool.findings.is_empty());
    let answer = Answer::new(word, exit_code, report.headline())
        .table(table(report))
        .lines(&report.notes)
        .output("findings", findings.count());
    let next: Vec<&str> = report.pools.iter().filter_map(|pool| pool.next.as_deref()).collect();
    let answer = if next.is_empty() {
        answer
    } else {
        answer.commands(next.join("\n"))
    };
    report.unseen.iter().fold(answer, |answer, unseen| {
        answer.warning(format!("{} could not be read: {}", unseen.what, unseen.why))
    })
}

fn table(report: &StatusReport) -> Table {
    let mut table = Table::new([
        "account",
        "pool",
        "image",
        "runs",
        "latest",
        "nodes",
        "age",
        "expires",
        "next end",
        "to act on",
    ])
    .remarking_on(1);
    for pool in &report.pools {
        table.row([
            pool.account.clone(),
            pool.pool.to_string(),
            image_name(&pool.image),
            runs(&pool.image),
            pool.image.latest.clone().unwrap_or_default(),
            nodes(pool),
            pool.age_days.map(|days| format!("{days} d")).unwrap_or_default(),
            expires(pool),
            next_end(pool),
            pool.findings
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        ]);
    }
    table
}

/// The name by which people know an image: a gallery's definition, else the last part of its id.
fn image_name(image: &ImageStatus) -> String {
    let mut parts = image.id.rsplit('/');
    match image.kind {
        "version" => parts.nth(2),
        _ => parts.next(),
    }
    .unwrap_or_default()
    .to_owned()
}

fn runs(image: &ImageStatus) -> String {
    match (&image.version, image.nodes.is_empty()) {
        (Some(version), _) => version.clone(),
        (None, true) if image.kind == "definition" => "latest".to_owned(),
        (None, true) => String::new(),
        (None, false) => {
            let each = image
                .nodes
                .iter()
                .map(|(version, count)| format!("{count} on {version}"));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Nodes that take tasks, of those that are wanted.
fn nodes(pool: &PoolStatus) -> String {
    let wanted = pool.nodes.target.total();
    let by = if pool.autoscale.is_some() { " (autoscale)" } else { "" };
    match pool.nodes.ready {
        Some(ready) => format!("{ready} of {wanted}{by}"),
        None => format!("? of {wanted}{by}"),
    }
}

/// Until when it is wanted; of a former pool until when it is kept, and for what.
fn expires(pool: &PoolStatus) -> String {
    let own = pool.expires.map(day);
    let kept = pool.former.as_ref().map(|former| {
        let until = former.kept_until.map(|until| format!("{}, ", day(until)));
        format!(
            "{}kept for a return from {}",
            until.unwrap_or_default(),
            former.successor
        )
    });
    own.into_iter().chain(kept).collect::<Vec<_>>().join("; ")
}

fn next_end(pool: &PoolStatus) -> String {
    pool.retirements.first().map(|next| day(next.date)).unwrap_or_default()
}

fn day(date: Timestamp) -> String {
    date.strftime("%Y-%m-%d").to_string()
}
