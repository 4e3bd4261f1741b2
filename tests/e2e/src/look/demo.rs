//! The demo as a stranger sees it: a story of forty lines, with a failure that the same command overcomes.
//!
//! It is run as a program, as a stranger would.

use std::{ffi::OsString, time::Duration};

use crate::{
    failure::{Result, ensure, ensure_silent},
    files,
    lab::Lab,
    process::Program,
    suite::Case,
};

/// The programs are built already; the demo itself takes a minute.
const LIMIT: Duration = Duration::from_secs(400);

/// What the story itself may take, without what the programs say.
const LINES: usize = 40;

/// What stands before the lines of programs.
const OF_A_PROGRAM: &str = "   │";

/// What is told, in this order.
const STORY: [&str; 12] = [
    "1. A local Azure",
    "look at it while this runs: http://127.0.0.1:",
    "2. Publish the machine as an image version",
    "3. Roll it out to 700 nodes",
    "(azure-batch-pool ended with exit code 4)",
    "4. Get more cores, and run again",
    "5. A second version, for a pool that works",
    "(azure-batch-pool ended with exit code 10)",
    "6. It is bad, and goes back by itself",
    "(azure-batch-pool ended with exit code 9)",
    "700 of 700 nodes ready on 1.0.0",
    "What next",
];

/// What cargo finds its folders and its settings by; another profile would build everything again.
const OF_CARGO: [&str; 3] = ["CARGO", "RUSTUP_", "HOME"];

pub(super) const CASES: &[Case] = &[Case {
    name: "demo_is_a_story_with_a_failure_in_it",
    run: demo_is_a_story_with_a_failure_in_it,
}];

fn demo_is_a_story_with_a_failure_in_it(lab: &Lab<'_>) -> Result {
    // Not the program that runs this: cargo has built it again meanwhile, so its file is gone.
    let xtask = lab.tools.pool.with_file_name("xtask");
    let is_of_cargo = |name: &str| OF_CARGO.iter().any(|begin| name.starts_with(begin));
    let ours: Vec<(String, OsString)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| is_of_cargo(name))
        .collect();
    let demo = Program::new(xtask, &lab.dir, "demo")
        .dir(&lab.tools.checkout)
        .envs(&ours);
    let ended = demo.arg("demo").run(LIMIT)?.ended_with(0)?;
    files::write(&lab.dir.join("demo.txt"), &ended.stdout)?;
    ensure_silent("the demo", &ended.said(), &["Compiling", "Finished"])?;
    let mut rest = ended.stdout.as_str();
    for part in STORY {
        let after = rest.split_once(part).map(|(_, after)| after);
        ensure(after.is_some(), || {
            format!("the demo does not say {part:?} in its turn:\n{}", ended.stdout)
        })?;
        rest = after.unwrap_or_default();
    }
    let commands: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| line.contains("$ azure-batch-pool rollout"))
        .collect();
    ensure(commands.len() == 3 && commands.first() == commands.get(1), || {
        format!("the failure is not overcome by the same command: {commands:#?}")
    })?;
    let ours = |line: &&str| !line.trim().is_empty() && !line.starts_with(OF_A_PROGRAM);
    let lines = ended.stdout.lines().filter(ours).count();
    ensure(lines <= LINES, || {
        format!("the demo has {lines} lines:\n{}", ended.stdout)
    })
}
