//! The local Azure's page in a real browser: Debian's chromium, without a window.
//!
//! Pictures are for people; what is checked is the page's text and markup after its script has run.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure, ensure_equal, ensure_says},
    lab::Lab,
    pool::{self, LIMIT, POOL},
    process::Program,
    suite::Case,
    world,
};

/// How long the browser may take to start and to draw.
const DRAWN: Duration = Duration::from_secs(120);

/// How much time the page believes to pass before it is looked at: three of its looks at the control port.
const PAGE_TIME: &str = "--virtual-time-budget=3000";

pub(super) const CASES: &[Case] = &[Case {
    name: "page_shows_pools_and_keeps_text_text",
    run: page_shows_pools_and_keeps_text_text,
}];

/// The browser on one page.
struct Browser<'a> {
    lab: &'a Lab<'a>,
    azure: &'a LocalAzure,
}

impl Browser<'_> {
    /// The page's markup after its script has run; fails when the browser complains.
    fn markup(&self) -> Result<String> {
        let ended = self
            .program("markup")
            .args(["--dump-dom", PAGE_TIME])
            .arg(self.address())
            .run(DRAWN)?;
        let ended = ended.ended_with(0)?;
        ensure(!ended.stderr.contains("CONSOLE"), || {
            format!("the page's console is not empty:\n{}", ended.stderr)
        })?;
        Ok(ended.stdout)
    }

    /// A picture of that width, for people to look at.
    fn picture(&self, width: &str) -> Result {
        let file = self.lab.dir.join(format!("page-{width}.png"));
        self.program(&format!("picture-{width}"))
            .args([
                format!("--window-size={width},1000"),
                format!("--screenshot={}", file.display()),
            ])
            .args(["--hide-scrollbars", PAGE_TIME])
            .arg(self.address())
            .run(DRAWN)?
            .ended_with(0)?;
        ensure(Path::new(&file).exists(), || format!("there is no {}", file.display()))
    }

    // In a container Chromium can have no sandbox of its own; the page is ours and on loopback.
    fn program(&self, log: &str) -> Program {
        let profile = self.lab.dir.join(format!("profile-{log}"));
        Program::new("chromium", &self.lab.dir, log)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--enable-logging=stderr", "--log-level=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
    }

    fn address(&self) -> String {
        format!("{}/", self.azure.control)
    }
}

fn page_shows_pools_and_keeps_text_text(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let target = format!("{}/{POOL}", world::ACCOUNT);
    azure.add_faults(&json!([
        { "name": "<b>x</b>", "target": target, "kind": "startTaskFailed", "count": 12, "exitCode": 4 }
    ]))?;
    pool::rollout(lab, &azure, "rollout", ("1.0.0", 60))?
        .args(["--start-task", "true"])
        .run(LIMIT)?;
    azure.seed(&many_pools())?;
    let page = Browser { lab, azure: &azure };
    let markup = page.markup()?;
    ensure_says(
        "the page",
        &markup,
        &[
            POOL,
            "ubuntu 1.0.0",
            "48 idle",
            "12 start task failed",
            "width: 80%",
            "width: 20%",
            "&lt;b&gt;x&lt;/b&gt;",
        ],
    )?;
    ensure(!markup.contains("<b>x</b>"), || {
        "a fault's name became markup".to_owned()
    })?;
    ensure_equal(
        "pools on the page",
        &markup.matches("class=\"item pool\"").count(),
        &501,
    )?;
    for width in ["920", "390"] {
        page.picture(width)?;
    }
    lab.keep_journal(&azure)
}

/// Five hundred pools of twenty nodes in an account of their own.
fn many_pools() -> Value {
    let pool = |number: u32| {
        json!({
            "id": format!("render-{number:03}"), "vmSize": pool::SIZE, "targetDedicatedNodes": 20,
            "virtualMachineConfiguration": {
                "nodeAgentSKUId": "batch.node.ubuntu 24.04",
                "imageReference": {
                    "publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"
                }
            }
        })
    };
    json!({ "batchAccounts": [{
        "name": "acctmany", "resourceGroup": world::GROUP, "location": "eastus2",
        "pools": (0..500).map(pool).collect::<Vec<_>>()
    }] })
}
