//! The job summary: what was asked, what came, why, and how long it took, in Markdown.
//!
//! Text from services is shown as text, whatever it contains. `outputs` writes the file.

use azure_batch_core::{
    ids::resource::ImageVersionId,
    progress::Span,
    progress::StepTime,
    rollout::{FormerPool, PoolAction, RolloutReport, Round},
};

use super::{Asked, Failure, Report};

/// GitHub shows no summary of a step that is longer than 1 MiB.
const LONGEST_SUMMARY: usize = 1024 * 1024;

#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// The page as far as GitHub shows it.
    pub(super) fn within_limit(self) -> String {
        let mut text = self.0;
        if text.len() > LONGEST_SUMMARY {
            let end = text.floor_char_boundary(LONGEST_SUMMARY - 100);
            text.truncate(end);
            text.push_str("\n\nThe rest is in the report file.\n");
        }
        text
    }

    fn headline(&mut self, report: &Report) {
        let sign = if report.failure.is_some() { "❌" } else { "✅" };
        self.line(&format!("### {sign} {}", report.headline()));
    }

    pub(super) fn table(&mut self, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        self.line("");
        self.line(&format!("| {} |", heads.join(" | ")));
        self.line(&format!("|{}", " --- |".repeat(heads.len())));
        for row in rows {
            self.line(&format!("| {} |", row.join(" | ")));
        }
    }

    pub(super) fn failure(&mut self, failure: &Failure) {
        let reason = failure.text();
        let fence = fence_around(&reason);
        self.line("");
        self.line(&format!("{fence}text\n{reason}\n{fence}"));
    }

    fn asked_and_came(&mut self, asked: &Asked, rollout: Option<&RolloutReport>) {
        let came = |of: &dyn Fn(&RolloutReport) -> String| rollout.map_or_else(|| "–".to_owned(), of);
        // A pool that was left as it was has what was asked for; there was no round to count its nodes.
        let last = |of: fn(&Round) -> u32, asked: u32| {
            came(&|rollout| match rollout.rounds.last() {
                Some(round) => of(round).to_string(),
                None if rollout.action == PoolAction::Unchanged => asked.to_string(),
                None => "–".to_owned(),
            })
        };
        let ready = |rollout: &RolloutReport| format!("{} ({} needed)", rollout.ready, rollout.needed);
        let pool = rollout.map_or(&asked.pool, |rollout| &rollout.pool);
        let mut rows = vec![row(
            "pool",
            code(pool.as_str()),
            came(&|rollout| action(rollout).to_owned()),
        )];
        rows.extend(rollout.and_then(|rollout| rollout.former_pool.as_ref()).map(former));
        rows.extend([
            row("account", code(account_name(&asked.account)), String::new()),
            row("image version", version_name(&asked.version), String::new()),
        ]);
        rows.extend(
            asked
                .vm_size
                .iter()
                .map(|size| row("VM size", code(size.as_str()), String::new())),
        );
        rows.extend(
            asked
                .node_agent_sku
                .iter()
                .map(|sku| row("node agent", code(sku.as_str()), String::new())),
        );
        let targets = asked.targets;
        rows.push(row(
            "dedicated nodes",
            targets.dedicated.to_string(),
            last(|round| round.dedicated, targets.dedicated),
        ));
        if targets.spot > 0 {
            rows.push(row("spot nodes", spot(asked), last(|round| round.spot, targets.spot)));
        }
        rows.push(row("nodes ready", asked.wanted().to_string(), came(&ready)));
        let rounds = came(&|rollout| rollout.rounds.len().to_string());
        rows.push(row("resize rounds", format!("up to {}", asked.rounds), rounds));
        self.table(&["", "asked", "came"], rows.into_iter());
    }

    fn rounds(&mut self, rounds: &[Round]) {
        if rounds.is_empty() {
            return;
        }
        let cells = |round: &Round| {
            let said = round
                .errors
                .iter()
                .map(|error| text(error))
                .collect::<Vec<_>>()
                .join("<br>");
            vec![
                round.number.to_string(),
                format!("{} min", round.timeout_minutes),
                round.dedicated.to_string(),
                round.spot.to_string(),
                if said.is_empty() { "all came".to_owned() } else { said },
            ]
        };
        let heads = ["resize round", "timeout", "dedicated", "spot", "what Batch said"];
        self.table(&heads, rounds.iter().map(cells));
    }

    fn states(&mut self, rollout: &RolloutReport) {
        if rollout.states.is_empty() {
            return;
        }
        let cells = |(state, count): (&String, &u32)| vec![text(state), count.to_string()];
        self.table(&["node state", "nodes"], rollout.states.iter().map(cells));
    }

    fn steps(&mut self, steps: &[StepTime]) {
        if steps.is_empty() {
            return;
        }
        let total: u64 = steps.iter().map(|step| step.seconds).sum();
        let mut before = 0;
        let cells = steps.iter().map(|step| {
            let bar = timeline(before, step.seconds, total);
            before += step.seconds;
            vec![text(&step.step), Span(step.seconds).to_string(), format!("`{bar}`")]
        });
        self.table(&["step", "took", "when"], cells);
    }

    fn ending(&mut self, report: &Report) {
        if let Some(asked) = &report.asked {
            self.line(&format!("\nImage version {}<br>", code(&asked.version.to_string())));
            self.line(&format!("Account {}", code(&asked.account)));
        }
        let (at, took, code) = (report.ended_at, Span(report.seconds), report.exit_code);
        self.line(&format!("\nEnded at {at} after {took}, exit code {code}."));
    }

    fn skipped_checks(&mut self, checks: &[String]) {
        if checks.is_empty() {
            return;
        }
        self.line("\nNot checked:\n");
        for check in checks {
            self.line(&format!("- {}", text(check)));
        }
    }
}

/// The summary of a report; only its head when GitHub would refuse the whole.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let page = whole(report);
    if page.len() <= LONGEST_SUMMARY {
        page
    } else {
        head(report)
    }
}

fn head(report: &Report) -> String {
    let mut page = Page::default();
    page.headline(report);
    page.line("\nThe whole summary is longer than the 1 MiB that GitHub shows: everything is in the report file.");
    page.ending(report);
    page.0
}

fn whole(report: &Report) -> String {
    let mut page = Page::default();
    page.headline(report);
    if let Some(failure) = &report.failure {
        page.failure(failure);
    }
    if let Some(asked) = &report.asked {
        page.asked_and_came(asked, report.rollout.as_ref());
    }
    if let Some(rollout) = &report.rollout {
        page.rounds(&rollout.rounds);
        page.states(rollout);
        page.steps(&rollout.steps);
        page.skipped_checks(&rollout.skipped_checks);
    }
    page.ending(report);
    page.0
}

/// The last part of an id; an endpoint is shown whole.
fn account_name(account: &str) -> &str {
    account
        .strip_prefix('/')
        .and_then(|id| id.rsplit('/').next())
        .unwrap_or(account)
}

fn version_name(version: &ImageVersionId) -> String {
    let definition = version.definition();
    let (number, name, gallery) = (version.name(), definition.name(), definition.gallery());
    format!("{} of {} in {}", code(number), code(name), code(gallery.name()))
}

fn row(what: &str, asked: String, came: String) -> Vec<String> {
    vec![what.to_owned(), asked, came]
}

/// The pool that did the work before.
fn former(pool: &FormerPool) -> Vec<String> {
    let nodes = pool.nodes.total();
    let came = match pool.kept_until {
        Some(until) => format!("{nodes} nodes, kept until {}", until.strftime("%Y-%m-%d %H:%M UTC")),
        None => format!("{nodes} nodes"),
    };
    row("former pool", code(pool.pool.as_str()), came)
}

const fn action(rollout: &RolloutReport) -> &'static str {
    match rollout.action {
        PoolAction::None => "nothing done",
        PoolAction::Created => "created",
        PoolAction::Resized => "resized",
        PoolAction::Autoscaled => "given an autoscale formula",
        PoolAction::Healed => "ill nodes healed",
        PoolAction::Updated => "settings updated",
        PoolAction::Joined => "joined a resize",
        PoolAction::Replaced => "changed in place",
        PoolAction::Returned => "brought back",
        PoolAction::Moved => "took the work over",
        PoolAction::Unchanged => "unchanged",
    }
}

fn spot(asked: &Asked) -> String {
    let counts = if asked.targets.counts_spot() {
        "must be ready"
    } else {
        "need not be ready"
    };
    format!("{} ({counts})", asked.targets.spot)
}

/// Text that Markdown and HTML take for text, in one line.
pub(super) fn text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '@' => {
                shown.push_str(&format!("&#{};", u32::from(letter)));
            }
            letter if letter.is_control() => shown.push(' '),
            letter => shown.push(letter),
        }
    }
    shown
}

/// A value of ours whose letters are known to be harmless.
fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A fence longer than any in the text.
fn fence_around(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    fence
}

/// Columns of the timeline: they fit next to the other columns of the table.
const COLUMNS: u64 = 30;

/// A step's place in the run: dots before and after, blocks for its own time, one at least.
fn timeline(before: u64, own: u64, total: u64) -> String {
    let column = |seconds: u64| (seconds * COLUMNS).checked_div(total).unwrap_or(0);
    let start = column(before).min(COLUMNS - 1);
    let end = column(before + own).clamp(start + 1, COLUMNS);
    (0..COLUMNS)
        .map(|at| if (start..end).contains(&at) { '█' } else { '·' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bad_inputs, created, partly_reached, quota_reached};
    use super::*;

    #[test]
    fn a_good_roll_out_reads_well() {
        insta::assert_snapshot!(markdown(&created()));
    }

    #[test]
    fn a_partly_reached_roll_out_says_what_came_and_how_to_go_on() {
        insta::assert_snapshot!(markdown(&partly_reached()));
    }

    #[test]
    fn a_quota_is_the_first_thing_one_reads() {
        insta::assert_snapshot!(markdown(&quota_reached()));
    }

    #[test]
    fn bad_inputs_are_listed() {
        insta::assert_snapshot!(markdown(&bad_inputs()));
    }

    #[test]
    fn a_pool_that_was_left_as_it_was_has_the_nodes_that_were_asked_for() {
        let mut report = created();
        let rollout = report.rollout.as_mut().unwrap();
        (rollout.action, rollout.rounds) = (PoolAction::Unchanged, Vec::new());
        assert!(markdown(&report).contains("| dedicated nodes | 700 | 700 |"));
    }

    #[test]
    fn a_long_text_of_the_service_is_shown_whole() {
        let mut report = partly_reached();
        let long = format!("{} and the remedy at its end", "x".repeat(5000));
        report.rollout.as_mut().unwrap().rounds[0].errors = vec![long.clone()];
        report.rollout.as_mut().unwrap().skipped_checks = vec![long.clone()];
        assert_eq!(markdown(&report).matches(&long).count(), 2);
    }

    #[test]
    fn a_summary_that_github_would_refuse_points_to_the_report() {
        let mut report = quota_reached();
        report.rollout.as_mut().unwrap().skipped_checks = vec!["x".repeat(LONGEST_SUMMARY)];
        let page = markdown(&report);
        assert!(
            page.len() < LONGEST_SUMMARY && page.starts_with("### ❌ Pool render_a: quota"),
            "{page}"
        );
        assert!(page.contains("everything is in the report file"), "{page}");
    }

    #[test]
    fn text_of_a_service_is_shown_as_text() {
        assert_eq!(
            text("a|b\n<img> `x` [y](z)"),
            "a&#124;b &#60;img&#62; &#96;x&#96; &#91;y&#93;(z)"
        );
        assert_eq!(fence_around("a ```` b"), "`````");
    }

    #[test]
    fn every_step_has_its_place_in_the_timeline() {
        assert_eq!(timeline(0, 0, 0).chars().filter(|c| *c == '█').count(), 1);
        assert_eq!(timeline(0, 50, 100), format!("{}{}", "█".repeat(15), "·".repeat(15)));
        assert_eq!(timeline(100, 0, 100), format!("{}█", "·".repeat(29)));
    }
}
