//! What a summary folds away: the services' own words, where the time went, what was asked for, what was not checked.
//!
//! Nothing in it is needed to go on.

use azure_batch_core::{
    progress::{Span, StepTime},
    settings::Targets,
};

use super::{
    super::{Asked, Report},
    markdown::{Page, code, text, timeline},
};

/// A step as a reader knows it, and how long it took.
struct Stretch {
    what: String,
    seconds: u64,
}

/// All parts that have something in them.
pub(super) fn all(page: &mut Page, report: &Report) {
    said(page, report);
    if let Some(rollout) = &report.rollout {
        let stretches = stretches(&rollout.steps, rollout.rounds.len());
        if report.seconds > 0 && !stretches.is_empty() {
            let title = format!("Where the {} went", Span(report.seconds));
            page.folded(&title, |page| times(page, &stretches));
        }
        list(page, "Not checked", &rollout.skipped_checks);
    }
    if let Some(asked) = &report.asked {
        page.folded("Asked for, and ids", |page| ids(page, report, asked));
    }
}

/// What Azure said, whole.
fn said(page: &mut Page, report: &Report) {
    let failure = report.failure.iter().flat_map(|failure| failure.said.iter().cloned());
    let rounds = report.rollout.iter().flat_map(|rollout| &rollout.rounds);
    let of_rounds = rounds.flat_map(|round| {
        let line = move |error: &String| format!("round {}: {error}", round.number);
        round.errors.iter().map(line)
    });
    let canary = report.rollout.iter().flat_map(|rollout| &rollout.canary);
    let of_canary = canary
        .filter(|task| !task.output.trim().is_empty())
        .map(|task| format!("{} wrote: {}", task.task, task.output.trim()));
    let lines: Vec<String> = failure.chain(of_rounds).chain(of_canary).collect();
    if !lines.is_empty() {
        page.folded("What Azure said", |page| page.fenced("text", &lines.join("\n")));
    }
}

fn list(page: &mut Page, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    page.folded(title, |page| {
        for line in lines {
            page.item(&text(line));
        }
    });
}

/// The steps that took time, the looks at what is there as one.
fn stretches(steps: &[StepTime], rounds: usize) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for step in steps {
        let what = in_words(&step.step, rounds);
        match all.last_mut() {
            Some(last) if last.what == what => last.seconds += step.seconds,
            _ => all.push(Stretch {
                what,
                seconds: step.seconds,
            }),
        }
    }
    all.retain(|stretch| stretch.seconds > 0);
    all
}

fn in_words(step: &str, rounds: usize) -> String {
    match step {
        "observe" | "plan" => "looking at what is there".to_owned(),
        "replicas" => "replicas of the image version".to_owned(),
        "resize" if rounds > 1 => format!("resize, {rounds} rounds"),
        "nodes" => "nodes starting".to_owned(),
        "in-place" => "changing the pool in place".to_owned(),
        "return" => "bringing the pool back".to_owned(),
        other => other.to_owned(),
    }
}

fn times(page: &mut Page, stretches: &[Stretch]) {
    let total: u64 = stretches.iter().map(|stretch| stretch.seconds).sum();
    let mut before = 0;
    let rows = stretches.iter().map(|stretch| {
        let place = timeline(before, stretch.seconds, total);
        before += stretch.seconds;
        vec![text(&stretch.what), Span(stretch.seconds).to_string(), place]
    });
    page.table(&["", "took", ""], rows.collect());
}

fn ids(page: &mut Page, report: &Report, asked: &Asked) {
    let mut parts = if asked.autoscale.is_some() {
        vec![formula(report, asked)]
    } else {
        sizes(asked.targets)
    };
    parts.extend(asked.vm_size.iter().map(|size| code(size.as_str())));
    let other = report.other_vm_size().map(|size| code(size.as_str()));
    parts.extend(other.map(|size| format!("in its place {size}")));
    parts.extend(asked.node_agent_sku.iter().map(|sku| code(sku.as_str())));
    parts.push(match asked.rounds {
        1 => "one resize round".to_owned(),
        rounds => format!("up to {rounds} resize rounds"),
    });
    page.paragraph(&format!("{}.", parts.join(", ")));
    page.fenced("text", &format!("{}\n{}", asked.version, asked.account));
}

/// The nodes of a fixed size.
fn sizes(targets: Targets) -> Vec<String> {
    let mut parts = vec![format!("{} dedicated nodes", targets.dedicated)];
    if targets.spot > 0 {
        let counts = if targets.counts_spot() {
            "required"
        } else {
            "not required"
        };
        parts.push(format!("{} spot nodes ({counts})", targets.spot));
    }
    parts
}

/// The nodes of a formula, as far as they are known.
fn formula(report: &Report, asked: &Asked) -> String {
    let targets = report.rollout.as_ref().and_then(|rollout| asked.targets_in(rollout));
    let last = targets.map(|targets| format!(" ({} when it was last looked at)", sizes(targets).join(", ")));
    format!("the nodes of an autoscale formula{}", last.unwrap_or_default())
}
