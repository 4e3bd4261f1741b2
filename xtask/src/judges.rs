//! `cargo xtask judges`: clients that nobody here wrote, unmodified, judge the local Azure.
//!
//! The checks of Microsoft's clients are in `tests/judges`, in the clients' language; this installs the clients, starts what
//! they judge, lets our own tools work beside them, and adds up.

mod arm;
mod ours;
mod stage;
mod venv;

use azure_batch_e2e::{
    console::say,
    failure::{Failure, Result, ensure},
    files,
    time::Stopwatch,
    tools::Tools,
};
use clap::ValueEnum;

use self::stage::Stage;
use crate::{build::Checkout, real, tools};

/// Who judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Judge {
    /// The current Python SDKs.
    Sdk,
    /// The az command line.
    Az,
    /// The Python sample of the Batch instructions, on the old client generation.
    Sample,
    /// HashiCorp's azure-arm builder under real Packer, alone and with our post-processor behind it.
    Arm,
    /// The SDKs' own models, on everything that the other judges and our tools sent and were answered.
    Schemas,
}

impl Judge {
    /// All, in the order in which they run: the last reads what the others leave.
    const ALL: [Self; 5] = [Self::Sdk, Self::Az, Self::Sample, Self::Arm, Self::Schemas];

    /// Its name, which is that of its folder, and of its script and its requirements where it has them.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sdk => "sdk",
            Self::Az => "az",
            Self::Sample => "sample",
            Self::Arm => "arm",
            Self::Schemas => "schemas",
        }
    }
}

/// Lets one judge or all of them judge.
pub(crate) fn run(chosen: Option<Judge>) -> Result {
    let watch = Stopwatch::start();
    let checkout = Checkout::find()?;
    let tools = gather(&checkout)?;
    real::install_plugin(&tools)?;
    let mut passed = 0;
    for judge in order(chosen) {
        say(format!("▸ judge {}", judge.name()));
        passed += match judge {
            Judge::Arm => arm::judge(&tools)?,
            Judge::Sdk | Judge::Az | Judge::Sample | Judge::Schemas => Stage::new(&checkout, &tools, judge)?.judge()?,
        };
    }
    say(format!(
        "judges: {passed} passed, 0 failed ({:.0} s)",
        watch.passed().as_secs_f32()
    ));
    Ok(())
}

/// The schemas need bodies of both client generations to look at: chosen alone, the quickest other judges go first.
fn order(chosen: Option<Judge>) -> Vec<Judge> {
    match chosen {
        None => Judge::ALL.to_vec(),
        Some(Judge::Schemas) => vec![Judge::Sdk, Judge::Sample, Judge::Schemas],
        Some(judge) => vec![judge],
    }
}

fn gather(checkout: &Checkout) -> Result<Tools> {
    let results = checkout.target.join("judges");
    files::make_empty(&results)?;
    let programs = checkout.programs()?;
    Ok(Tools {
        checkout: checkout.root.clone(),
        installed: checkout.target.join("judges-plugins"),
        results,
        plugin: programs.join("packer-plugin-azure-batch"),
        pool: programs.join("azure-batch-pool"),
        emulator: programs.join("azure-emulator"),
        packer: tools::packer()?,
        // No Action is judged here.
        act: "act".into(),
        packer_sdc: "packer-sdc".into(),
    })
}

/// The number in a judge's last line, `NAME: N passed, 0 failed`.
fn count(judge: Judge, stdout: &str) -> Result<u32> {
    let last = stdout.lines().last().unwrap_or_default();
    let number = last
        .strip_prefix(judge.name())
        .and_then(|rest| rest.strip_prefix(": "))
        .and_then(|rest| rest.strip_suffix(" passed, 0 failed"))
        .and_then(|number| number.parse().ok());
    let number =
        number.ok_or_else(|| Failure::unexpected(format!("{} did not say its count: {last:?}", judge.name())))?;
    ensure(number > 0, || format!("{} checked nothing", judge.name()))?;
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_counts_nothing_or_fails_does_not_pass() {
        for (last, wanted) in [
            ("sdk: 7 passed, 0 failed", Some(7)),
            ("sdk: 7 passed, 1 failed", None),
            ("sdk: 0 passed, 0 failed", None),
            ("az: 7 passed, 0 failed", None),
            ("", None),
        ] {
            assert_eq!(count(Judge::Sdk, &format!("first\n{last}\n")).ok(), wanted, "{last}");
        }
    }

    #[test]
    fn schemas_never_run_without_bodies_to_look_at() {
        assert_eq!(order(Some(Judge::Schemas)), [Judge::Sdk, Judge::Sample, Judge::Schemas]);
        assert_eq!(order(None).last(), Some(&Judge::Schemas));
    }
}
