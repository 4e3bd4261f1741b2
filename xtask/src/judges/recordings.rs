//! The judge that is a recording: the real service's traffic, replayed to the local Azure and read by core.
//!
//! Both are tests of the workspace (`tests/emulator/tests/batch/recorded.rs`, `crates/core/tests/it/recorded.rs`); this runs
//! them, makes sure that they ran, and counts what they looked at.

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Failure, Result, ensure},
    files,
};
use serde_json::Value;

use crate::build::{Checkout, cargo};

/// The two tests, each with its test program.
const TESTS: [(&str, &str); 2] = [
    ("batch", "recorded::answers_have_the_recorded_shape"),
    ("it", "recorded::every_recorded_answer_is_read"),
];

/// Gives how many recorded exchanges were looked at, each once by each test.
///
/// # Errors
/// When a test fails or is not there.
pub(super) fn judge(checkout: &Checkout) -> Result<u32> {
    let lines = files::read(&checkout.root.join("tests/emulator/tests/batch/recorded.jsonl"))?;
    let exchanges = lines.lines().map(times).sum::<Result<u32>>()?;
    let mut passed = 0;
    for (program, test) in TESTS {
        run(checkout, program, test)?;
        say(format!("  {test}: {exchanges}"));
        passed += exchanges;
    }
    say(format!("recordings: {passed} passed, 0 failed"));
    Ok(passed)
}

/// How many exchanges of the recording a line stands for: equal ones are written down once.
fn times(line: &str) -> Result<u32> {
    let exchange = files::parse("an exchange", line)?;
    let times = exchange.get("times").map_or(Some(1), Value::as_u64);
    times
        .and_then(|times| u32::try_from(times).ok())
        .ok_or_else(|| Failure::unexpected(format!("`times` is no number: {line}")))
}

/// Built as `cargo xtask check` builds it, so that nothing is built twice.
fn run(checkout: &Checkout, program: &str, test: &str) -> Result {
    let output = cargo()
        .args([
            "test",
            "--locked",
            "--workspace",
            "--test",
            program,
            "--",
            "--exact",
            test,
        ])
        .current_dir(&checkout.root)
        .output()
        .doing(|| format!("run the test {test}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure(
        output.status.success() && said.contains("test result: ok. 1 passed;"),
        || {
            format!(
                "{test} is not content:\n{said}\n{}",
                String::from_utf8_lossy(&output.stderr)
            )
        },
    )
}
