//! How the demo's story looks on a terminal: chapters, sentences, and what programs say, set apart.

use std::{
    io::{self, BufRead as _, BufReader, IsTerminal as _},
    path::Path,
    process::{Command, Stdio},
};

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Result, ensure},
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
        say(format!("\n{}. {title}", self.chapters));
    }

    /// Shows a sentence.
    #[expect(
        clippy::unused_self,
        reason = "a sentence belongs to a story, so that none is told outside of one"
    )]
    pub(super) fn tell(&self, sentence: &str) {
        say(sentence);
    }

    /// Shows a line of a chapter.
    #[expect(clippy::unused_self, reason = "as for a sentence")]
    pub(super) fn line(&self, line: &str) {
        say(format!("   {line}"));
    }

    /// Runs a program and shows what it says as it says it: on a terminal it has the terminal for itself.
    ///
    /// # Errors
    /// When it cannot be run or ends with another code.
    pub(super) fn show(&self, command: &mut Command, code: i32) -> Result {
        let name = Path::new(command.get_program())
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        self.tell(&format!("\n   $ {}\n", typed(command)));
        let status = if io::stdout().is_terminal() {
            command.status().doing(|| format!("run {name}"))?
        } else {
            piped(command, &name)?
        };
        ensure(status.code() == Some(code), || {
            format!("{name} ended with {status}, not with {code}")
        })?;
        if code != 0 {
            self.line(&format!("({name} ended with exit code {code})"));
        }
        Ok(())
    }
}

/// Runs a program and shows each line, of both its ends in their order, in our own lines.
fn piped(command: &mut Command, name: &str) -> Result<std::process::ExitStatus> {
    let (reader, writer) = io::pipe().doing(|| "make a pipe".to_owned())?;
    let other = writer.try_clone().doing(|| "share a pipe".to_owned())?;
    command.stdin(Stdio::null()).stdout(writer).stderr(other);
    let mut child = command.spawn().doing(|| format!("start {name}"))?;
    // Only the program holds the pipe from now on, so it ends with it.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    for line in BufReader::new(reader).lines() {
        let line = line.doing(|| format!("read what {name} says"))?;
        say(format!("   │ {}", shortened(&line)));
    }
    child.wait().doing(|| format!("wait for {name}"))
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
