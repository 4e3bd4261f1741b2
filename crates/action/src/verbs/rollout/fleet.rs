//! The roll-out of all pools of a file: the same as of one pool, with a report for each.
//!
//! Whose turn it is is decided in core.

use std::sync::Arc;

use azure_batch_core::{connect::connect, error::Error, fleet, https::Https, settings::FleetSettings};

use super::{Desk, Request, begin_deployment, remark_changed, warn_of};
use crate::{
    console::{Console, Grade},
    report::{Asked, Report, fleet::FleetReport, outputs},
    run::Watch,
};

/// The last JSON line.
#[derive(serde::Serialize)]
struct Ended<'a> {
    event: &'static str,
    #[serde(flatten)]
    report: &'a FleetReport,
}

/// Rolls all of them out; returns the exit code.
pub(super) async fn carry_out(
    request: &Request<FleetSettings>,
    https: &Https,
    desk: &Desk<'_>,
    watch: &mut Watch<'_>,
) -> u8 {
    let description = format!("{} Azure Batch pools", request.asked.settings.pools.len());
    let (repository, wanted) = (desk.runner.repository.as_ref(), request.deployment.as_ref());
    let deployment = begin_deployment(wanted, repository, https, watch, &description).await;
    let (settings, connection) = (&request.asked.settings, &request.asked.connection);
    let run = watch.run(request.asked.deadline);
    let work = async {
        let client = connect(&connection.login, &connection.cloud, Arc::new(https.clone()), run).await?;
        Ok::<_, Error>(fleet::run(&client, settings).await)
    };
    let runs = match watch.over(work).await.and_then(|ended| ended) {
        Ok(runs) => runs,
        Err(error) => {
            let report = Report::of_error(&error, desk.stopwatch.ending(), desk.door);
            return desk.close(&report, watch.console());
        }
    };
    let asked = settings
        .pools
        .iter()
        .map(|pool| Asked::of(pool, &connection.cloud))
        .collect();
    let report = FleetReport::of(asked, runs, desk.stopwatch.ending(), desk.door);
    close(&report, desk, watch.console());
    if let Some(deployment) = deployment {
        let headline = report.headline();
        let end = deployment.end_as(report.exit_code, &headline, report.result);
        let ended = watch.shortly(end).await.map_err(|error| error.to_string());
        let ended = ended.and_then(|answer| answer.map_err(|error| error.to_string()));
        warn_of(ended, watch.console());
    }
    report.exit_code
}

/// The last words and the files.
pub(in crate::verbs) fn close(report: &FleetReport, desk: &Desk<'_>, console: &mut Console) {
    console.end_frame();
    console.end_group();
    let redactor = console.redactor().clone();
    for unwritten in outputs::write_fleet(report, desk.report_path, desk.runner, &redactor) {
        console.annotate(Grade::Warning, "Azure Batch pools", &unwritten.to_string());
    }
    for pool in &report.pools {
        remark_changed(&pool.report, console);
        if let Some(failure) = &pool.report.failure {
            console.fail(&pool.headline(), failure);
        }
    }
    if report.exit_code == 0 {
        console.annotate_rounds(None);
    }
    console.table(&report.table());
    console.line(report.headline());
    console.object(&Ended {
        event: "result",
        report,
    });
}
