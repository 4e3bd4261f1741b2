//! How a roll-out of many pools ended: one report a pool, and what they come to together.
//!
//! The words of one pool are `report`'s; only `outputs` writes.

use azure_batch_core::{error::ErrorKind, fleet::PoolRun, ids::PoolId, options::Door, rollout::PoolAction};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Asked, Ending, Report, SCHEMA,
    summary::{self, Page},
    title,
};
use crate::console::table::Table;

/// How a roll-out of many pools ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetReport {
    /// The schema of this report; it grows when a field is removed or changes its meaning.
    pub schema_version: u32,
    /// `reached`; after a failure the word of the worst one.
    pub result: &'static str,
    /// The exit code: that of the worst failure.
    pub exit_code: u8,
    /// Each pool, in the order of the file.
    pub pools: Vec<PoolOfFleet>,
    /// What was done with them.
    #[serde(skip)]
    pub work: Work,
}

/// What is done with the pools of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// They get a version.
    RollOut,
    /// They leave their managed images.
    Migration,
    /// They go back to what they were.
    Return,
}

/// One of the pools.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolOfFleet {
    /// The pool that was asked for.
    pub pool: PoolId,
    /// 1 for the pool that went first, 2 for the rest; of a migration or a return 0 for one that had no turn.
    pub wave: usize,
    /// How its roll-out ended; its result is `not-begun` when another one had failed before its turn.
    #[serde(flatten)]
    pub report: Report,
    /// Why it was not touched, when its roll-out was not begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untouched: Option<String>,
    /// What it goes back to, in a return.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub back: Option<BackTo>,
}

/// What a pool goes back to, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackTo {
    /// The account: its id or its endpoint.
    pub account: String,
    /// The image, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// A pool, what it goes back to in a return, and its report.
pub type PoolOutput<'a> = (Option<&'a PoolId>, Option<&'a BackTo>, &'a Report);

/// The exit codes of failures, the worst first: what stops every pool before what concerns one of them.
const WORST_FIRST: [u8; 10] = [130, 3, 2, 7, 4, 8, 9, 5, 6, 1];

/// Where an overview has the reasons of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reasons {
    /// Each in a part of its own below.
    Below,
    /// In a list, since there is no room for more.
    Listed,
}

impl Work {
    const fn done(self) -> &'static str {
        match self {
            Self::RollOut => "rolled out",
            Self::Migration => "moved",
            Self::Return => "brought back",
        }
    }

    /// The result when no pool has failed.
    fn reached(self, pools: &[PoolOfFleet]) -> &'static str {
        let returned = PoolAction::Returned.word();
        match self {
            Self::RollOut | Self::Migration => "reached",
            Self::Return if pools.iter().any(|pool| pool.report.result == returned) => returned,
            Self::Return => PoolAction::Unchanged.word(),
        }
    }
}

impl PoolOfFleet {
    /// What outputs are made of.
    #[must_use]
    pub fn output(&self) -> PoolOutput<'_> {
        (Some(&self.pool), self.back.as_ref(), &self.report)
    }

    /// The line that says it all of it. A pool that had no turn is named too.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.report.failure {
            Some(failure) => title(Some(self.report.pool().unwrap_or(&self.pool).as_str()), failure),
            None => self.report.headline(),
        }
    }
}

impl FleetReport {
    /// The report of what core ran, pool by pool as they were asked for.
    #[must_use]
    pub fn of(asked: Vec<Asked>, runs: Vec<PoolRun>, ending: Ending, door: Door) -> Self {
        let failed = |run: &PoolRun| Some((run.pool.clone(), run.outcome.as_ref()?.result.as_ref().err()?.kind()));
        let failures: Vec<(PoolId, ErrorKind)> = runs.iter().filter_map(failed).collect();
        let why = untouched(&failures);
        let one = |(asked, run): (Asked, PoolRun)| PoolOfFleet {
            pool: run.pool,
            wave: run.wave,
            untouched: run.outcome.is_none().then(|| why.clone()),
            back: None,
            report: match run.outcome {
                Some(outcome) => Report::of_outcome(asked, outcome, ending, door),
                None => Report::not_begun(Some(asked), ending),
            },
        };
        Self::of_pools(asked.into_iter().zip(runs).map(one).collect(), Work::RollOut)
    }

    /// The report of pools of which each has its own.
    #[must_use]
    pub fn of_pools(pools: Vec<PoolOfFleet>, work: Work) -> Self {
        let failed = |code: u8| pools.iter().find(|pool| pool.report.exit_code == code);
        let worst = WORST_FIRST.iter().find_map(|code| failed(*code));
        let not_begun = pools.iter().any(|pool| pool.report.result == Report::NOT_BEGUN);
        let (result, exit_code) = match worst {
            Some(pool) => (pool.report.result, pool.report.exit_code),
            // A pool whose turn did not come has no version, whatever kept it from that.
            None if not_begun => (ErrorKind::PartlyReached.code(), ErrorKind::PartlyReached.exit_code().0),
            None => (work.reached(&pools), 0),
        };
        Self {
            schema_version: SCHEMA,
            result,
            exit_code,
            pools,
            work,
        }
    }

    /// One line that says it all.
    #[must_use]
    pub fn headline(&self) -> String {
        let all = self.pools.len();
        let count = |is: fn(&Report) -> bool| self.pools.iter().filter(|pool| is(&pool.report)).count();
        let failed = count(|report| report.failure.is_some());
        let not_begun = count(|report| report.result == Report::NOT_BEGUN);
        let done = self.work.done();
        if self.work == Work::Return {
            let stay = count(|report| report.result == PoolAction::Unchanged.word());
            return returned(all, (failed, not_begun, stay));
        }
        match (failed, not_begun) {
            (0, 0) if all == 1 => format!("1 pool {done}"),
            (0, 0) => format!("All {all} pools {done}"),
            (failed, 0) => format!("{} of {all} pools {done}, {failed} failed", all - failed),
            (failed, not_begun) => format!(
                "{} of {all} pools {done}, {failed} failed, {not_begun} not begun",
                all - failed - not_begun
            ),
        }
    }

    /// The pools as a table for people.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = Table::new(["pool", "wave", "result", "ready", "image version", "reason"]).remarking_on(0);
        for pool in &self.pools {
            table.row(cells(pool));
        }
        table
    }

    /// The job summary; without the reasons when GitHub would refuse the whole.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = self.overview(Reasons::Below);
        let failures = self
            .pools
            .iter()
            .filter_map(|pool| Some((pool, pool.report.failure.as_ref()?)));
        for (pool, failure) in failures {
            page.paragraph(&format!("#### {}", summary::text(&pool.headline())));
            summary::explain(&mut page, failure);
        }
        let whole = page.done();
        if whole.len() <= summary::LONGEST_SUMMARY {
            return whole;
        }
        let mut page = self.overview(Reasons::Listed);
        page.paragraph("The reasons are longer than the 1 MiB that GitHub shows: they are in the report file.");
        page.done()
    }

    fn overview(&self, reasons: Reasons) -> Page {
        let mut page = Page::default();
        let sign = if self.exit_code == 0 { "✅" } else { "❌" };
        page.paragraph(&format!("### {sign} {}", self.headline()));
        let table = self.table();
        for pool in &self.pools {
            let [name, .., reason] = cells(pool);
            let is_below = reasons == Reasons::Below && pool.report.failure.is_some();
            if !reason.is_empty() && !is_below {
                page.item(&format!("**{}**: {}", summary::text(&name), summary::text(&reason)));
            }
            if let Some(times) = pool.report.times() {
                page.item(&format!("**{}**: {}", summary::text(&name), summary::text(&times)));
            }
        }
        let (heads, rows) = table.beside_remarks();
        let rows = rows.into_iter().map(|row| row.into_iter().map(summary::text).collect());
        page.table(&heads, rows.collect());
        page
    }
}

/// Why pools were not begun: the failure of another one, or the end of the run.
#[must_use]
pub fn untouched(failures: &[(PoolId, ErrorKind)]) -> String {
    let is_end = |kind: ErrorKind| matches!(kind, ErrorKind::Cancelled | ErrorKind::Deadline);
    match failures.iter().find(|(_, kind)| !is_end(*kind)) {
        Some((pool, _)) => format!("not touched: pool {pool} failed before its turn"),
        None => "not touched: the run ended before its turn".to_owned(),
    }
}

/// The headline of a return of so many pools.
fn returned(all: usize, (failed, not_begun, stay): (usize, usize, usize)) -> String {
    let back = all - failed - not_begun - stay;
    match all {
        1 if back == 1 => return "1 pool brought back".to_owned(),
        all if back == all => return format!("All {all} pools brought back"),
        _ => {}
    }
    let parts = [(failed, "failed"), (stay, "as before"), (not_begun, "not begun")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: String = parts.map(|(count, what)| format!(", {count} {what}")).collect();
    format!("{back} of {all} pools brought back{parts}")
}

/// What an output tells of each pool, as JSON in one line.
#[must_use]
pub fn pools<'a>(reports: impl Iterator<Item = PoolOutput<'a>>) -> String {
    let one = |(pool, back, report): PoolOutput<'_>| {
        let asked = report.asked.as_ref();
        let mut one = json!({
            "pool": pool,
            "account": asked.map(|asked| &asked.account).or(back.map(|back| &back.account)),
            "version": report.image_version().or_else(|| rule(report)),
            "vm-size": report.vm_size(),
            "result": report.result,
            "exit-code": report.exit_code,
            "action": report.action(),
            // How many a return brings is said by the pool alone.
            "nodes-wanted": report.wanted().filter(|_| back.is_none()),
            "nodes-ready": report.ready(),
        });
        if let (Some(back), Some(one)) = (back, one.as_object_mut()) {
            one.insert("image".to_owned(), json!(back.image));
        }
        one
    };
    reports.map(one).collect::<Value>().to_string()
}

/// The rule of a pool whose version is not known yet; nothing of one that went back.
fn rule(report: &Report) -> Option<String> {
    let is_back = report.rollout.as_ref().is_some_and(|rollout| rollout.back_on.is_some());
    let asked = report.asked.as_ref().filter(|_| !is_back)?;
    Some(asked.version.to_string())
}

fn cells(pool: &PoolOfFleet) -> [String; 6] {
    let report = &pool.report;
    let asked = report.asked.as_ref();
    let ready = match report.result {
        Report::NOT_BEGUN => String::new(),
        _ => report.ready_of_wanted().unwrap_or_else(|| "–".to_owned()),
    };
    [
        pool.pool.to_string(),
        match pool.wave {
            0 => "–".to_owned(),
            wave => wave.to_string(),
        },
        report.result.to_owned(),
        ready,
        asked
            .map(|asked| asked.version.name())
            .or_else(|| pool.back.as_ref()?.image.clone())
            .unwrap_or_default(),
        report
            .failure
            .as_ref()
            .map(|failure| failure.happened.clone())
            .or_else(|| pool.untouched.clone())
            .or_else(|| other_size(report))
            .or_else(|| second_pool(report))
            .or_else(|| report.changed_live().map(|changed| format!("changed {changed}")))
            .unwrap_or_default(),
    ]
}

/// What became of the second pool from which the work went back.
fn second_pool(report: &Report) -> Option<String> {
    let second = report.rollout.as_ref()?.second_pool.as_ref()?;
    Some(second.fate.says(&second.pool))
}

/// What there is to remark on a pool that has another VM size than was asked for.
fn other_size(report: &Report) -> Option<String> {
    let size = report.other_vm_size()?;
    Some(match report.asked.as_ref().and_then(|asked| asked.vm_size.as_ref()) {
        Some(first) => format!("{first} had no room: it has {size}"),
        None => format!("it has {size}"),
    })
}

#[cfg(test)]
mod tests {
    use azure_batch_core::error::Error;

    use super::super::tests::{created, quota_reached};
    use super::*;

    fn fleet() -> FleetReport {
        let asked = created().asked.unwrap();
        let not_begun = Report::not_begun(Some(asked), super::super::tests::ENDING);
        let pools = [created(), quota_reached(), not_begun].into_iter().enumerate();
        FleetReport {
            schema_version: SCHEMA,
            result: "quota",
            exit_code: 4,
            pools: pools
                .map(|(number, report)| PoolOfFleet {
                    pool: "render_a".parse().unwrap(),
                    wave: 1 + usize::from(number > 0),
                    untouched: (number == 2).then(|| "not touched: pool render_b failed before its turn".to_owned()),
                    report,
                    back: None,
                })
                .collect(),
            work: Work::RollOut,
        }
    }

    #[test]
    fn many_pools_have_one_headline_and_a_row_each() {
        let fleet = fleet();
        assert_eq!(fleet.headline(), "1 of 3 pools rolled out, 1 failed, 1 not begun");
        let text = fleet.markdown();
        assert_eq!(text.matches("| render&#95;a | ").count(), 3, "{text}");
        assert!(text.contains("| 2 | not-begun |"), "{text}");
        assert!(
            text.contains("not touched: pool render&#95;b failed before its turn"),
            "{text}"
        );
        assert!(
            text.contains("#### Pool render&#95;a: Batch refused 700 dedicated nodes"),
            "{text}"
        );
    }

    #[test]
    fn pools_that_go_back_are_counted_by_what_became_of_them() {
        let ending = super::super::tests::ENDING;
        let pool = |name: &str, report: Report| PoolOfFleet {
            pool: name.parse().unwrap(),
            wave: 1,
            untouched: (report.result == "unchanged").then(|| "no roll-out has changed it".to_owned()),
            report,
            back: Some(BackTo {
                account: "acct1".to_owned(),
                image: Some("def1 0.9.0".to_owned()),
            }),
        };
        let mut returned = Report {
            result: "returned",
            asked: None,
            ..created()
        };
        returned.rollout.as_mut().unwrap().action = PoolAction::Returned;
        let all = |pools| FleetReport::of_pools(pools, Work::Return);
        let fleet = all(vec![pool("a", returned.clone()), pool("b", Report::unchanged(ending))]);
        assert_eq!((fleet.result, fleet.exit_code), ("returned", 0));
        assert_eq!(fleet.headline(), "1 of 2 pools brought back, 1 as before");
        let text = fleet.markdown();
        assert!(text.contains("| a | 1 | returned | 700 | def1 0.9.0 |"), "{text}");
        assert!(text.contains("- **b**: no roll-out has changed it"), "{text}");
        let report = serde_json::to_value(&fleet.pools[0]).unwrap();
        assert_eq!(
            (&report["image"], &report["result"]),
            (&json!("def1 0.9.0"), &json!("returned"))
        );
        let outputs: Value = serde_json::from_str(&pools(fleet.pools.iter().map(PoolOfFleet::output))).unwrap();
        for (number, image) in [(0, "def1 0.9.0"), (1, "def1 0.9.0")] {
            let output = &outputs[number];
            assert_eq!(
                (&output["account"], &output["image"], &output["nodes-wanted"]),
                (&json!("acct1"), &json!(image), &json!(null))
            );
        }

        let fleet = all(vec![pool("a", returned.clone()), pool("c", quota_reached())]);
        assert_eq!((fleet.result, fleet.exit_code), ("quota", 4));
        assert_eq!(fleet.headline(), "1 of 2 pools brought back, 1 failed");
        assert_eq!(all(vec![pool("a", returned)]).headline(), "1 pool brought back");
        let unread = Error::new(ErrorKind::NoRights, "this identity may not read the account");
        let unread = pool("d", Report::of_error(&unread, ending, Door::Flag));
        assert_eq!(unread.headline(), "Pool d: this identity may not read the account");
        let none = all(vec![pool("b", Report::unchanged(ending))]);
        assert_eq!((none.result, none.exit_code), ("unchanged", 0));
    }

    #[test]
    fn a_run_of_which_no_pool_was_begun_is_no_success() {
        let asked = created().asked.unwrap();
        let run = PoolRun {
            pool: "render_a".parse().unwrap(),
            wave: 1,
            outcome: None,
        };
        let report = FleetReport::of(vec![asked], vec![run], super::super::tests::ENDING, Door::Flag);
        assert_eq!((report.result, report.exit_code), ("partly-reached", 5));
    }

    #[test]
    fn a_pool_that_was_not_begun_says_whose_failure_or_which_end_came_before() {
        let why = |kind| {
            let failed = |pool: &str, kind| (pool.parse().unwrap(), kind);
            untouched(&[failed("a", ErrorKind::Deadline), failed("b", kind)])
        };
        assert_eq!(why(ErrorKind::Quota), "not touched: pool b failed before its turn");
        assert_eq!(why(ErrorKind::Cancelled), "not touched: the run ended before its turn");
    }

    #[test]
    fn the_outputs_of_many_pools_are_one_list_in_json() {
        let fleet = fleet();
        let pools: Value = serde_json::from_str(&pools(fleet.pools.iter().map(PoolOfFleet::output))).unwrap();
        let results: Vec<&Value> = pools.as_array().unwrap().iter().map(|pool| &pool["result"]).collect();
        assert_eq!(results, ["created", "quota", "not-begun"]);
        let json = serde_json::to_value(fleet).unwrap();
        assert_eq!(
            (&json["schema_version"], &json["pools"][1]["wave"]),
            (&json!(1), &json!(2))
        );
        assert_eq!(json["pools"][2]["result"], "not-begun");
    }
    #[test]
    fn a_pool_that_has_another_size_says_so_in_its_row_and_in_the_output() {
        let mut fleet = fleet();
        fleet.pools[0].report.rollout.as_mut().unwrap().vm_size = Some("Standard_D8s_v5".parse().unwrap());
        let text = fleet.markdown();
        let remark = "- **render&#95;a**: Standard&#95;D4s&#95;v5 had no room: it has Standard&#95;D8s&#95;v5";
        assert!(text.contains(remark), "{text}");
        let pools: Value = serde_json::from_str(&pools(fleet.pools.iter().map(PoolOfFleet::output))).unwrap();
        let sizes: Vec<&Value> = pools.as_array().unwrap().iter().map(|pool| &pool["vm-size"]).collect();
        assert_eq!(sizes, ["Standard_D8s_v5", "Standard_D4s_v5", "Standard_D4s_v5"]);
    }
}
