//! A client whose clock is ten minutes off: what it compares with times of Azure, it compares with Azure's own time.
//!
//! How the difference is learned from answers is tested next to `Lead`.

use std::time::Duration;

use azure_batch_core::{
    deletion,
    doctor::{self, State},
    expiry,
    judgement::{self, JudgementReport, Outcome},
    options::fleet::{EXPIRED, YES},
    settings::{self, Elevation, ROLLOUT_DEADLINE, StartTask, Values, WaitForSuccess},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    judgement::{of_green, two_pools, work},
    rollout::{client, foreign_pool, good, roll_out, settings as usual, world},
    support::Azure,
};

/// Behind and ahead.
const OFF: [i64; 2] = [-10, 10];

/// Tasks fail more often on the new pool, and those that have ended before the watch begins do so too.
async fn judged(minutes_ahead: i64) -> JudgementReport {
    let azure = two_pools(0.12).await.seen_from_ahead(minutes_ahead);
    work(&azure, "render-1", "blue", 300, "true").await;
    work(&azure, "render-2", "green", 300, "true").await;
    // Half a minute away from the ends of tasks of a minute each: a `Date` shows whole seconds.
    tokio::time::advance(Duration::from_secs(330)).await;
    let asked = settings::judgement(&of_green()).unwrap();
    let report = judgement::run(&client(&azure, asked.deadline).await, &asked.settings).await;
    report.unwrap_or_else(|error| panic!("{}", error.report()))
}

#[tokio::test(start_paused = true)]
async fn a_judgement_counts_the_same_tasks_whatever_the_clients_clock_shows() {
    let right = judged(0).await;
    assert_eq!(right.outcome, Outcome::Bad, "{}", right.why);
    for minutes in OFF {
        let found = judged(minutes).await;
        assert_eq!(
            (found.why, found.jobs),
            (right.why.clone(), right.jobs.clone()),
            "{minutes}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_has_its_time_by_the_services_clock() {
    for minutes in OFF {
        let azure = world(|_| ()).seen_from_ahead(minutes);
        let mut settings = usual("acct1", 5);
        settings.pool.start_task = Some(StartTask {
            command: "true".to_owned(),
            elevation: Elevation::Admin,
            wait_for_success: WaitForSuccess::Yes,
            max_retries: 0,
        });
        // Longer than each state of a node's way and shorter than the whole way.
        settings.policy.readiness.node_timeout = Duration::from_secs(25);
        let report = good(roll_out(&azure, &settings).await);
        assert_eq!(report.ready, Some(5), "{minutes}");
    }
}

/// A pool of ours that is wanted until five minutes after the start.
fn expiring() -> Azure {
    world(|seed| {
        let mut pool = foreign_pool("1.0.0", 2);
        pool["metadata"] = json!([{"name": "azure-batch-spec", "value": "v0:example"},
            {"name": expiry::ITEM, "value": r#"{"v":1,"at":"2026-01-01T00:05:00Z","after":3600}"#}]);
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    })
}

#[tokio::test(start_paused = true)]
async fn a_pool_goes_when_its_time_is_over_for_the_service() {
    let asked = settings::expired(&Values::default().with(EXPIRED, true).with(YES, true)).unwrap();
    for minutes in OFF {
        for (passed, deletions) in [(0, 0), (6, 1)] {
            let azure = expiring().seen_from_ahead(minutes);
            tokio::time::advance(Duration::from_secs(60 * passed)).await;
            let client = client(&azure, ROLLOUT_DEADLINE).await;
            deletion::expired::run(&client, &asked.settings).await.unwrap();
            assert_eq!(
                azure.writes().len(),
                deletions,
                "{minutes} {passed}: {:?}",
                azure.writes()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_expiry_counts_from_the_services_time() {
    for minutes in OFF {
        let azure = world(|_| ()).seen_from_ahead(minutes);
        let begun = azure.emulator(|_, now| now);
        let mut settings = usual("acct1", 2);
        settings.pool.expires_after = Some(Duration::from_secs(3600));
        good(roll_out(&azure, &settings).await);
        let made = azure
            .journal()
            .into_iter()
            .find(|entry| entry.method == "POST" && entry.path == "/pools");
        let made = made.unwrap();
        let items = made.request["metadata"].as_array().unwrap();
        let item = items.iter().find(|item| item["name"] == expiry::ITEM).unwrap();
        let item: Value = serde_json::from_str(item["value"].as_str().unwrap()).unwrap();
        let until: Timestamp = item["at"].as_str().unwrap().parse().unwrap();
        let counted = until.duration_since(begun).as_secs();
        assert!((3600..=3660).contains(&counted), "{minutes}: {counted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_doctor_names_a_clock_that_is_off() {
    let asked = settings::doctor(&Values::default()).unwrap();
    for (minutes, expected) in [
        (
            -10,
            Some("this machine's clock is 10 min behind Azure's; runs go by Azure's"),
        ),
        (0, None),
        (
            10,
            Some("this machine's clock is 10 min ahead of Azure's; runs go by Azure's"),
        ),
    ] {
        let azure = world(|_| ()).seen_from_ahead(minutes);
        let report = doctor::run(&client(&azure, ROLLOUT_DEADLINE).await, &asked.settings).await;
        let report = report.unwrap_or_else(|error| panic!("{}", error.report()));
        let said = report.checks.iter().find(|check| check.check == "clock");
        assert_eq!(said.map(|said| said.text.as_str()), expected);
        assert!(said.is_none_or(|said| said.state == State::Limited));
    }
}
