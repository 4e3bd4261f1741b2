//! The failures that people meet, from the built program: each says what to type, in the words of the door.
//!
//! What they say in detail is for people to read: the texts are left beside the logs.

use crate::{
    failure::{Result, ensure, ensure_says},
    failures,
    lab::Lab,
    suite::Case,
};

pub(super) const CASES: &[Case] = &[Case {
    name: "every_failure_says_what_to_do_in_the_words_of_its_door",
    run: every_failure_says_what_to_do_in_the_words_of_its_door,
}];

/// Names of options as no input of the Action is written.
const OF_OTHER_DOORS: [&str; 4] = ["vm_size", "node_agent_sku_id", "--vm-size", "--pool-id"];

fn every_failure_says_what_to_do_in_the_words_of_its_door(lab: &Lab<'_>) -> Result {
    for (scene, shown) in failures::play(lab, "")? {
        // A terminal breaks lines wherever they are full.
        let terminal = shown.terminal.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure_says(scene.name, &terminal, &["error: ", "(exit code "])?;
        ensure_says(scene.name, &shown.summary, &["### ❌ ", "**What to do.** "])?;
        let prose = outside_fences(&shown.summary);
        for name in OF_OTHER_DOORS {
            ensure(!prose.contains(name), || {
                format!("{} names {name}, which is no input:\n{prose}", scene.name)
            })?;
        }
    }
    Ok(())
}

/// The lines that are not in a block of code: commands have flags of their own.
fn outside_fences(markdown: &str) -> String {
    let parts = markdown.split("\n```");
    parts.step_by(2).collect::<Vec<_>>().join("\n")
}
