//! How the demo's story looks on a terminal: chapters, sentences, and what programs say, set apart.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Failure, Result, ensure},
};

/// A story with numbered chapters.
#[derive(Debug, Default)]
pub(super) struct Story {
    chapters: usize,
}

impl Story {
    /// Begins a chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.chapters += 1;
        let heading = format!("{}. {title}", self.chapters);
        say(format!("\n{heading}\n{}", "═".repeat(heading.chars().count())));
    }

    /// Tells a sentence.
    #[expect(
        clippy::unused_self,
        reason = "a sentence belongs to a story, so that none is told outside of one"
    )]
    pub(super) fn tell(&self, sentence: &str) {
        say(format!("\n{sentence}"));
    }

    /// Shows a line of a list.
    #[expect(clippy::unused_self, reason = "as for a sentence")]
    pub(super) fn line(&self, line: &str) {
        say(format!("    {line}"));
    }

    /// Runs a program and shows what it says as it says it.
    ///
    /// # Errors
    /// When it cannot be run or fails.
    pub(super) fn show(&self, command: &mut Command) -> Result {
        let name = Path::new(command.get_program())
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        self.tell(&format!("$ {}", typed(command)));
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .doing(|| format!("start {name}"))?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| Failure::unexpected(format!("{name} has no stdout")))?;
        for line in BufReader::new(stdout).lines() {
            say(format!("  │ {}", line.doing(|| format!("read what {name} says"))?));
        }
        let status = child.wait().doing(|| format!("wait for {name}"))?;
        ensure(status.success(), || format!("{name} ended with {status}"))
    }

    /// Ends it.
    #[expect(clippy::unused_self, reason = "as for a sentence")]
    pub(super) fn end(&self, took: Duration, packer: Option<PathBuf>) {
        let way = packer.map_or_else(
            || "without Packer, through the same service".to_owned(),
            |path| format!("with {}", path.display()),
        );
        say(format!(
            "\nThe end: machine → image version → ready pool in {} s, {way}.",
            took.as_secs()
        ));
        say("All requests are in target/demo/journal.jsonl, all resources in target/demo/resources.json.");
    }
}

/// A command as typed, without the folder of the program and with long arguments cut.
fn typed(command: &Command) -> String {
    /// Resource ids are longer than a line; their ends tell them apart.
    const LONGEST: usize = 48;
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(|word| {
        let word = word.to_string_lossy();
        let skipped = word.chars().count().saturating_sub(LONGEST);
        if skipped == 0 {
            word.into_owned()
        } else {
            format!("…{}", word.chars().skip(skipped).collect::<String>())
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
