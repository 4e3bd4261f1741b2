//! How the demo's story looks on a terminal: chapters, sentences, and what programs say, set apart.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
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

    /// Shows a sentence.
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
            say(format!(
                "  │ {}",
                shortened(&line.doing(|| format!("read what {name} says"))?)
            ));
        }
        let status = child.wait().doing(|| format!("wait for {name}"))?;
        ensure(status.success(), || format!("{name} ended with {status}"))
    }

    /// Ends it.
    #[expect(clippy::unused_self, reason = "as for a sentence")]
    pub(super) fn end(&self, took: Duration, packer: Option<&Path>, dir: &Path) {
        let way = packer.map_or_else(
            || "without Packer, through the same service".to_owned(),
            |path| format!("with {}", path.display()),
        );
        say(format!(
            "\nThe end: machine → image version → ready pool in {} s, {way}.",
            took.as_secs()
        ));
        say(format!(
            "All requests are in {0}/journal.jsonl, all resources in {0}/resources.json.",
            dir.display()
        ));
    }
}

/// A command as typed, without folders and with resource ids cut.
fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(|word| {
        let word = shortened(&word.to_string_lossy());
        let is_file = word.starts_with('/');
        let word = if is_file {
            word.rsplit('/').next().unwrap_or(&word).to_owned()
        } else {
            word
        };
        if word.contains(' ') { format!("'{word}'") } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A line whose resource ids begin with the kind of resource: the story has one subscription and one group.
pub(super) fn shortened(line: &str) -> String {
    let mut rest = line;
    let mut short = String::new();
    while let Some((before, id)) = rest.split_once("/subscriptions/") {
        short.push_str(before);
        let providers = ["/providers/Microsoft.Compute/", "/providers/Microsoft.Batch/"];
        let end = id.find(char::is_whitespace).unwrap_or(id.len());
        let (own, after) = id.split_at(end);
        let kind = providers
            .iter()
            .find_map(|provider| own.split_once(provider))
            .map(|(_, kind)| kind);
        short.push_str(&kind.map_or_else(|| format!("/subscriptions/{own}"), |kind| format!("…/{kind}")));
        rest = after;
    }
    short.push_str(rest);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_ids_are_short_and_the_rest_is_left_alone() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/one";
        assert_eq!(
            shortened(&format!("created {id} and {id}.")),
            "created …/snapshots/one and …/snapshots/one."
        );
        assert_eq!(shortened("in /subscriptions/s only"), "in /subscriptions/s only");
    }

    #[test]
    fn commands_are_shown_as_a_person_would_type_them() {
        let mut command = Command::new("/somewhere/bin/tool");
        command.args(["--file", "/tmp/x/manifest.json", "echo ready"]);
        assert_eq!(typed(&command), "tool --file manifest.json 'echo ready'");
    }
}
