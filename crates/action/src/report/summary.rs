//! The job summary in Markdown: what happened, what is left, what to type, then numbers, then everything else folded.
//!
//! Text from services is shown as text, whatever it contains, and nothing of it is cut. `outputs` writes the file.

mod folded;
mod gates;
mod healed;
mod judged;
mod markdown;
mod rounds;
mod starts;

use std::path::Path;

use azure_batch_core::{
    batch::node,
    failure::{Failure, Step},
    progress::Span,
    rollout::{MadeBy, PoolAction, RolloutReport},
    typing::Form,
    words::{node_state, plural},
};

use self::markdown::{bar, code};
use super::{Asked, Report};

pub(super) use self::markdown::{Page, text};

/// GitHub shows no summary of a step that is longer than 1 MiB.
pub(super) const LONGEST_SUMMARY: usize = 1024 * 1024;

/// The summary of a report, which may also be in a file; only its head when GitHub would refuse the whole.
#[must_use]
pub fn markdown(report: &Report, file: Option<&Path>) -> String {
    let page = whole(report, file);
    if page.len() <= LONGEST_SUMMARY {
        page
    } else {
        head(report, file)
    }
}

fn head(report: &Report, file: Option<&Path>) -> String {
    let mut page = Page::default();
    headline(&mut page, report);
    page.paragraph("The whole summary is longer than the 1 MiB that GitHub shows: everything is in the report file.");
    footer(&mut page, report, file);
    page.done()
}

fn whole(report: &Report, file: Option<&Path>) -> String {
    let mut page = Page::default();
    headline(&mut page, report);
    match &report.failure {
        Some(failure) => explain(&mut page, failure),
        None => account(&mut page, report),
    }
    if let Some(times) = report.times() {
        page.paragraph(&format!("**Times.** {}.", text(&times)));
    }
    if let Some(changed) = report.changed_live() {
        page.paragraph(&format!("**Changed settings.** {}.", text(&changed)));
    }
    if let (Some(asked), Some(rollout)) = (&report.asked, &report.rollout) {
        nodes(&mut page, asked, rollout);
        healed::all(&mut page, rollout);
        judged::all(&mut page, rollout);
        gates::all(&mut page, rollout);
        rounds::warn(&mut page, asked, rollout);
        starts::warn(&mut page, rollout);
    }
    folded::all(&mut page, report);
    footer(&mut page, report, file);
    page.done()
}

fn headline(page: &mut Page, report: &Report) {
    let sign = if report.failure.is_some() { "❌" } else { "✅" };
    page.paragraph(&format!("### {sign} {}", text(&report.headline())));
}

/// Three paragraphs at most before the commands; one without a fact is left out.
pub(super) fn explain(page: &mut Page, failure: &Failure) {
    let mut say = |begin: &str, sentences: &[String]| {
        if !sentences.is_empty() {
            page.paragraph(&format!("**{begin}** {}", text(&sentences.join(" "))));
        }
    };
    say("What happened.", &failure.facts);
    for fault in failure.listed_faults() {
        page.item(&text(fault));
    }
    let mut say = |begin: &str, sentences: &[String]| {
        if !sentences.is_empty() {
            page.paragraph(&format!("**{begin}** {}", text(&sentences.join(" "))));
        }
    };
    say("State now.", &failure.kept);
    for (number, step) in failure.next.iter().enumerate() {
        next(page, step, number == 0);
    }
    if let Some(address) = &failure.page {
        page.paragraph(&format!("[More about it]({address})"));
    }
}

fn next(page: &mut Page, step: &Step, is_first: bool) {
    let begin = if is_first { "**What to do.** " } else { "" };
    page.paragraph(&format!("{begin}{}", text(&step.text)));
    if !step.command.is_empty() {
        let language = match step.form {
            Form::Shell => "sh",
            Form::Yaml => "yaml",
        };
        page.fenced(language, &step.command.join("\n"));
    }
}

/// What was done, in one line.
fn account(page: &mut Page, report: &Report) {
    let (Some(asked), Some(rollout)) = (&report.asked, &report.rollout) else {
        return;
    };
    let span = Span(report.seconds);
    let done = match rollout.action {
        PoolAction::None | PoolAction::Unchanged => "Nothing was changed.".to_owned(),
        PoolAction::Created => format!("Created in {span}."),
        PoolAction::Resized => format!("Resized in {span}."),
        PoolAction::Autoscaled => format!("Given an autoscale formula in {span}."),
        PoolAction::Healed => format!("Ill nodes were healed in {span}."),
        PoolAction::Moved => format!("Took over the work of {} in {span}.{}", former(rollout), kept(rollout)),
        PoolAction::Updated => format!("Its settings were changed in {span}."),
        PoolAction::Joined => format!("Another run was resizing it already; this one waited for {span}."),
        PoolAction::Replaced => format!("Changed in place in {span}: emptied, given the image, and filled again."),
        PoolAction::Returned => format!("Brought back to what it was in {span}."),
    };
    let size = asked.vm_size.as_ref().map(|size| format!(", {}", code(size.as_str())));
    let size = match (&rollout.vm_size, size) {
        (Some(other), Some(asked)) => Some(format!("{asked} had no room: it has {}", code(other.as_str()))),
        (_, size) => size,
    };
    page.paragraph(&format!(
        "{done} Account {}{}.",
        account_link(asked),
        size.unwrap_or_default()
    ));
}

/// The pool that did the work before.
fn former(rollout: &RolloutReport) -> String {
    match &rollout.former_pool {
        Some(former) => format!("pool {}", code(former.pool.as_str())),
        None => "another pool".to_owned(),
    }
}

/// What becomes of the pool that did the work before.
fn kept(rollout: &RolloutReport) -> String {
    let Some(former) = &rollout.former_pool else {
        return String::new();
    };
    let nodes = plural(former.nodes.total(), "node");
    match former.kept_until {
        Some(_) if former.made_by == MadeBy::Others => {
            format!(" That pool is kept with {nodes}. No roll-out deletes it, as none has made it.")
        }
        Some(until) => format!(
            " That pool is kept with {nodes} until {}.",
            until.strftime("%Y-%m-%d %H:%M UTC")
        ),
        None => format!(" That pool has {nodes}."),
    }
}

fn account_link(asked: &Asked) -> String {
    let name = code(account_name(&asked.account));
    match &asked.page {
        Some(address) => format!("[{name}]({address})"),
        None => name,
    }
}

/// How many nodes are ready, and what the others are in.
fn nodes(page: &mut Page, asked: &Asked, rollout: &RolloutReport) {
    let Some(ready) = rollout.ready else { return };
    let wanted = asked.wanted_in(rollout);
    let needed = if wanted.is_none_or(|wanted| wanted == rollout.needed) {
        String::new()
    } else {
        format!(", {} needed", rollout.needed)
    };
    let of = wanted.map_or_else(String::new, |wanted| format!(" of {wanted}"));
    // A bar of what is not known would be empty or full.
    let bar = |part| wanted.map_or_else(String::new, |wanted| bar(part, wanted));
    let mut rows = vec![vec![
        "ready".to_owned(),
        format!("**{ready}**{of}{}{needed}", asked.by_formula()),
        bar(ready),
    ]];
    if let Some(targets) = asked.targets_in(rollout)
        && targets.spot > 0
        && !targets.counts_spot()
        && let Some(round) = rollout.rounds.last()
    {
        let spot = targets.spot;
        rows.push(vec![
            "spot, not required".to_owned(),
            format!("{} of {spot}", round.spot),
            markdown::bar(round.spot, spot),
        ]);
    }
    if rollout.stand_ins > 0 {
        rows.push(vec![
            "dedicated in place of spot".to_owned(),
            rollout.stand_ins.to_string(),
            bar(rollout.stand_ins),
        ]);
    }
    let others = rollout.states.iter().filter(|(state, _)| !node::takes_tasks(state));
    rows.extend(others.map(|(state, count)| vec![text(node_state(state)), count.to_string(), bar(*count)]));
    page.table(&["", "nodes", ""], rows);
}

fn footer(page: &mut Page, report: &Report, file: Option<&Path>) {
    let mut parts = vec![
        report.ended_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Span(report.seconds).to_string(),
        match &report.failure {
            Some(failure) => format!("exit code {} ({})", report.exit_code, failure.kind),
            None => "exit code 0".to_owned(),
        },
        concat!("azure-batch-pool ", env!("CARGO_PKG_VERSION")).to_owned(),
    ];
    let name = file.and_then(Path::file_name).map(|name| name.to_string_lossy());
    parts.extend(name.map(|name| format!("report: {}", text(&name))));
    page.paragraph(&format!("<sub>{}</sub>", parts.join(" · ")));
}

/// The last part of an id; an endpoint is shown whole.
fn account_name(account: &str) -> &str {
    account
        .strip_prefix('/')
        .and_then(|id| id.rsplit('/').next())
        .unwrap_or(account)
}

#[cfg(test)]
mod tests;
