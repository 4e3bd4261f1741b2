//! A roll-out that gets a real signal while its pool grows, as GitHub's runner sends it (finding R15).
//!
//! What a cancel does at each point is tested in core, with a clock that stands still.

use std::time::Duration;

use serde_json::Value;

use crate::{
    failure::{Failure, Result, ensure_equal, ensure_says},
    files,
    lab::Lab,
    pool,
    process::Signal,
    suite::Case,
    time::wait_for,
};

/// How long until the roll-out has asked for the pool.
const PLACE_LIMIT: Duration = Duration::from_secs(60);

/// The runner sends the next signal after 7.5 seconds; everything is written long before, also on a busy machine.
const BEFORE_THE_NEXT: Duration = Duration::from_secs(7);

pub(super) const CASES: &[Case] = &[Case {
    name: "cancelled_roll_out_stops_its_resize_and_has_written_all_before_the_next_signal",
    run: cancelled_roll_out_stops_its_resize_and_has_written_all_before_the_next_signal,
}];

fn cancelled_roll_out_stops_its_resize_and_has_written_all_before_the_next_signal(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let report = lab.dir.join("report.json");
    let program = pool::rollout(lab, &azure, "cancelled", ("1.0.0", 40))?
        .args(["--on-cancel", "stop-resize", "--report-path"])
        .arg(&report);
    let running = program.start()?;
    wait_for("the pool to be asked for", PLACE_LIMIT, || {
        Ok((azure.journal()?.count("POST", &["/pools"]) > 0).then_some(()))
    })?;
    running.signal(Signal::Interrupt)?;
    let ended = running.wait(BEFORE_THE_NEXT)?.ended_with(130)?;
    lab.keep_journal(&azure)?;
    let stops = azure.journal()?.count("POST", &["/stopresize"]);
    ensure_equal("resizes that were stopped", &stops, &1)?;
    let written: Value = files::parse("the report", &files::read(&report)?)?;
    let kept = written
        .pointer("/failure/kept/0")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::unexpected(format!("nothing is kept: {written}")))?;
    ensure_says("the report", kept, &["The resize of pool pool1 was stopped"])?;
    ensure_says("the last line", &ended.stdout, &["\"result\":\"cancelled\""])
}
