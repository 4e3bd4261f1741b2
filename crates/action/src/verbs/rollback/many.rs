//! `rollback` of all pools of a file: the plan of all, or a run with a result for each.
//!
//! Which of them go back, and when each has its turn, is decided in core.

use std::sync::Arc;

use azure_batch_core::{
    client::Client,
    connect::connect,
    error::{Error, Result},
    failure::Failure,
    fleet::{self, FleetReturnPlan, PoolReturn, PoolReturnPlan, Prospect, ReturnEnd},
    ids::PoolId,
    options::Door,
    rollout::ReturnPlan,
    settings::{self, Checked, FleetReturnSettings},
    words::plural,
};
use serde::Serialize;

use crate::{
    console::Console,
    environment::Environment,
    github::runner::Runner,
    report::{
        Report, SOMETHING_TO_ACT_ON, account_of,
        answer::Answer,
        fleet::{BackTo, FleetReport, PoolOfFleet, Work, untouched},
    },
    run::{Watch, hide_secrets},
    values::Given,
    verbs::{
        asking::ask,
        rollout::{Desk, Request, close_fleet, open, report_path},
    },
};

/// The exit code of a pool that is left alone for a reason of its own.
const REFUSED: u8 = 7;

/// What would be done with all of them.
#[derive(Serialize)]
struct Planned {
    changes: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<String>,
    pools: Vec<PlannedPool>,
    /// The exit codes of those that cannot go back.
    #[serde(skip)]
    failed: Vec<u8>,
}

/// What would be done with one of them.
#[derive(Serialize)]
struct PlannedPool {
    pool: PoolId,
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<ReturnPlan>,
    /// Why it stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Planned {
    fn of(plan: FleetReturnPlan, door: Door) -> Self {
        let FleetReturnPlan { facts, pools } = plan;
        let code = |pool: &PoolReturnPlan| Some(pool.prospect.as_ref().err()?.kind().exit_code().0);
        let failed = pools.iter().filter_map(code).collect();
        let pools: Vec<PlannedPool> = pools.into_iter().map(|pool| PlannedPool::of(pool, door)).collect();
        let plans = pools.iter().filter_map(|pool| pool.plan.as_ref());
        Self {
            changes: plans.map(|plan| plan.plan.changes().count()).sum(),
            facts,
            failed,
            pools,
        }
    }

    /// How it ends: a pool that could not be looked at counts first, then what there is to do.
    fn ending(&self) -> (&'static str, u8) {
        let unseen = self.failed.iter().find(|code| **code != REFUSED);
        match (unseen, self.changes, self.failed.first()) {
            (Some(code), ..) | (None, 0, Some(code)) => ("failed", *code),
            (None, 1.., _) => ("planned", SOMETHING_TO_ACT_ON),
            (None, 0, None) => ("unchanged", 0),
        }
    }
}

impl PlannedPool {
    fn of(plan: PoolReturnPlan, door: Door) -> Self {
        let (mut going, mut stays, mut failure) = (None, None, None);
        match plan.prospect {
            Ok(Prospect::Goes(plan)) => going = Some(plan),
            Ok(Prospect::Stays(why)) => stays = Some(why),
            Err(error) => failure = Some(Failure::of(&error, door)),
        }
        Self {
            pool: plan.pool,
            account: account_of(&plan.account),
            plan: going,
            stays,
            failure,
        }
    }

    fn shown(&self, answer: Answer) -> Answer {
        let pool = &self.pool;
        let answer = match &self.plan {
            Some(plan) => answer.steps(Some(format!("Pool {pool}")), &plan.plan),
            None => answer,
        };
        let resized = self.plan.as_ref().and_then(|plan| plan.resized.as_ref());
        let answer = match resized.filter(|resized| resized.is_news()) {
            Some(resized) => answer.warning(resized),
            None => answer,
        };
        let answer = answer.lines(
            self.stays
                .iter()
                .map(|why| format!("Pool {pool} stays as it is: {why}")),
        );
        match &self.failure {
            Some(failure) => answer.failed(format!("Pool {pool}"), failure.clone()),
            None => answer,
        }
    }
}

/// Shows the plan of all; returns the exit code.
pub(super) async fn show(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let door = given.door();
    let look = async |client: &Client, settings: &Checked<FleetReturnSettings>| {
        Ok(Planned::of(fleet::plan_returns(client, settings).await?, door))
    };
    let read = settings::fleet_return;
    ask(given, (runner, environment), console, read, (look, answer)).await
}

fn answer(planned: &Planned) -> Answer {
    let (word, exit_code) = planned.ending();
    let going = planned.pools.iter().filter(|pool| pool.plan.is_some()).count();
    let all = plural(planned.pools.len(), "pool");
    let headline = match (planned.changes, planned.failed.len()) {
        (0, 0) => format!("Nothing to bring back in {all}."),
        (0, failed) => format!("None of {all} goes back, and {failed} cannot."),
        (changes, _) => format!("{} in {going} of {all}. Nothing was done.", plural(changes, "change")),
    };
    let answer = Answer::new(word, exit_code, headline)
        .output("changes", planned.changes)
        .lines(&planned.facts);
    planned.pools.iter().fold(answer, |answer, pool| pool.shown(answer))
}

/// Brings all of them back; returns the exit code.
pub(super) async fn carry_out(
    mut given: Given,
    runner: &Runner,
    environment: &dyn Environment,
    console: &mut Console,
) -> u8 {
    let path = report_path(&given, runner);
    let desk = Desk::open(&given, runner, path.as_deref());
    let signals = match Watch::listen() {
        Ok(signals) => signals,
        Err(error) => return desk.close_with(&error, console),
    };
    let request = Request::<FleetReturnSettings>::read(&mut given, runner);
    // The files that were read now may hold secrets.
    hide_secrets(&given, console);
    let (request, https, mut watch) = match open(request, (&given, environment), &desk, (console, signals)) {
        Ok(opened) => opened,
        Err(exit_code) => return exit_code,
    };
    let (settings, connection) = (&request.asked.settings, &request.asked.connection);
    let run = watch.run(request.asked.deadline);
    let work = async {
        let client = connect(&connection.login, &connection.cloud, Arc::new(https), run).await?;
        fleet::return_all(&client, settings).await
    };
    let ends: Result<Vec<PoolReturn>, Error> = watch.over(work).await.and_then(|ended| ended);
    match ends {
        Ok(ends) => {
            let report = report(ends, &desk);
            close_fleet(&report, &desk, watch.console());
            report.exit_code
        }
        Err(error) => desk.close_with(&error, watch.console()),
    }
}

fn report(ends: Vec<PoolReturn>, desk: &Desk<'_>) -> FleetReport {
    let (ending, door) = (desk.ending(), desk.door());
    let one = |end: PoolReturn| {
        let (wave, report, untouched) = match end.end {
            ReturnEnd::Ran(outcome) => (1, Report::of_work(*outcome, ending, door), None),
            ReturnEnd::NotBegun => (0, Report::not_begun(None, ending), Some(untouched(&[]))),
            ReturnEnd::Stays(why) => (0, Report::unchanged(ending), Some(why)),
            ReturnEnd::Refused(error) => (0, Report::of_error(&error, ending, door), None),
        };
        PoolOfFleet {
            pool: end.pool,
            wave,
            report,
            untouched,
            back: Some(BackTo {
                account: account_of(&end.account),
                image: end.image,
            }),
        }
    };
    FleetReport::of_pools(ends.into_iter().map(one).collect(), Work::Return)
}

#[cfg(test)]
mod tests {
    use azure_batch_core::{
        error::ErrorKind, ids::BatchEndpoint, plan::Plan, rollout::ReturnStep, settings::AccountRef,
    };

    use super::*;

    fn planned(pools: Vec<(&str, Result<Prospect>)>) -> Planned {
        let account = AccountRef::Endpoint(BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap());
        let pools = pools.into_iter().map(|(pool, prospect)| PoolReturnPlan {
            pool: pool.parse().unwrap(),
            account: account.clone(),
            prospect,
        });
        let plan = FleetReturnPlan {
            facts: Vec::new(),
            pools: pools.collect(),
        };
        Planned::of(plan, Door::Flag)
    }

    fn goes(pool: &str) -> Prospect {
        let step = ReturnStep::DeletePool {
            pool: pool.parse().unwrap(),
        };
        Prospect::Goes(ReturnPlan {
            pool: pool.parse().unwrap(),
            plan: Plan::new(vec![step]),
            resized: None,
        })
    }

    #[test]
    fn a_plan_of_many_returns_ends_with_10_when_one_goes_and_each_other_has_its_reason() {
        let stays = || Prospect::Stays("no roll-out has changed it".to_owned());
        let refused = |kind| Err(Error::new(kind, "it may not"));
        let all = planned(vec![
            ("a", Ok(goes("a"))),
            ("b", Ok(stays())),
            ("c", refused(ErrorKind::Refused)),
        ]);
        let shown = answer(&all);
        assert_eq!((shown.word, shown.exit_code), ("planned", 10));
        assert_eq!(shown.headline, "1 change in 1 of 3 pools. Nothing was done.");
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["pools"][1]["stays"], "no roll-out has changed it");
        assert!(json["pools"][2]["failure"].is_object(), "{json}");
        let ending = |pools| planned(pools).ending();
        assert_eq!(ending(vec![("b", Ok(stays()))]), ("unchanged", 0));
        let none = planned(vec![("b", Ok(stays())), ("c", refused(ErrorKind::Refused))]);
        assert_eq!(none.ending(), ("failed", 7));
        assert_eq!(answer(&none).headline, "None of 2 pools goes back, and 1 cannot.");
        let unseen = vec![("a", Ok(goes("a"))), ("d", refused(ErrorKind::Azure))];
        assert_eq!(
            ending(unseen),
            ("failed", 8),
            "what could not be looked at is no small thing"
        );
    }
}
