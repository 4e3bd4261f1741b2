//! `cargo xtask judges`: clients that others wrote, unmodified, judge the local Azure.
//!
//! The checks of Microsoft's clients are in `tests/judges`, in the clients' language; this installs the clients, starts what
//! they judge, lets our own tools work at the same time, and adds up.

mod arm;
mod ours;
mod recordings;
mod stage;
mod venv;

use azure_batch_e2e::{console::say, failure::Result, files, time::Stopwatch, tools::Tools};
use clap::ValueEnum;

use self::stage::{Script, Stage};
pub(crate) use self::venv::Venv;
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
    /// Recorded traffic of the real service.
    Recordings,
    /// The SDKs' own models, on everything that the other judges and our tools sent and were answered.
    Schemas,
}

impl Judge {
    /// All, in the order in which they run: the last reads what the others leave.
    const ALL: [Self; 6] = [
        Self::Sdk,
        Self::Az,
        Self::Sample,
        Self::Arm,
        Self::Recordings,
        Self::Schemas,
    ];

    /// What it is called, as a word and in its last line.
    const fn name(self) -> &'static str {
        match self {
            Self::Arm => "arm",
            Self::Recordings => "recordings",
            Self::Sdk => Script::Sdk.name(),
            Self::Az => Script::Az.name(),
            Self::Sample => Script::Sample.name(),
            Self::Schemas => Script::Schemas.name(),
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
        let script = |script| Stage::new(&checkout, &tools, script)?.judge();
        passed += match judge {
            Judge::Arm => arm::judge(&tools),
            Judge::Recordings => recordings::judge(&checkout),
            Judge::Sdk => script(Script::Sdk),
            Judge::Az => script(Script::Az),
            Judge::Sample => script(Script::Sample),
            Judge::Schemas => script(Script::Schemas),
        }?;
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
        // The older Packers are for `real`.
        older_packers: Vec::new(),
        // Neither a release, nor the Action, nor a page is judged here.
        released: checkout.target.join("released"),
        act: "act".into(),
        browser: "browser".into(),
        packer_sdc: "packer-sdc".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_never_run_without_bodies_to_look_at() {
        assert_eq!(order(Some(Judge::Schemas)), [Judge::Sdk, Judge::Sample, Judge::Schemas]);
        assert_eq!(order(None).last(), Some(&Judge::Schemas));
    }
}
