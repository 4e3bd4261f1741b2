//! `status`: which pool runs which image, how far it is behind, and what ends next.
//!
//! What there is to act on is decided in core; this file only shows it.

use azure_batch_core::{
    settings,
    status::{self, ImageStatus, PoolStatus, StatusReport},
};

use super::asking::{ask, show_result};
use crate::{
    console::{Console, Grade, table::Table},
    environment::Environment,
    github::runner::Runner,
    report::SOMETHING_TO_ACT_ON,
    values::Given,
};

/// The exit code when nothing was found, and not everything could be read.
const PARTLY_SEEN: u8 = 5;

/// Looks and shows; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let look = async |client: &_, settings: &_| status::run(client, settings).await;
    let report = match ask(&mut given, (runner, environment), console, settings::status, look).await {
        Ok(report) => report,
        Err(exit_code) => return exit_code,
    };
    show(&report, console);
    match (report.has_findings(), report.unread.is_empty()) {
        (true, _) => SOMETHING_TO_ACT_ON,
        (false, false) => PARTLY_SEEN,
        (false, true) => 0,
    }
}

fn show(report: &StatusReport, console: &mut Console) {
    console.remove_bars();
    console.end_group();
    console.table(&table(report));
    for unread in &report.unread {
        let text = format!("{} could not be read: {}", unread.what, unread.why);
        console.annotate(Grade::Warning, "Azure Batch pools", &text);
    }
    console.line(report.headline());
    show_result(report, console);
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
        "next end",
        "to act on",
    ]);
    for pool in &report.pools {
        table.row([
            pool.account.clone(),
            pool.pool.to_string(),
            image_name(&pool.image),
            runs(&pool.image),
            pool.image.latest.clone().unwrap_or_default(),
            nodes(pool),
            pool.age_days.map(|days| format!("{days} d")).unwrap_or_default(),
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

fn next_end(pool: &PoolStatus) -> String {
    let date = |next: &status::Retirement| next.date.strftime("%Y-%m-%d").to_string();
    pool.retirements.first().map(date).unwrap_or_default()
}
