//! Runs the command of a gate by this machine's shell, and ends it, with all that it has started, when the run stops.
//!
//! When one is run, and what its exit code means, is core's. What it writes goes to the report only.

use std::{
    io,
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use azure_batch_core::{
    options::{self, Kind, Verb},
    shell::{Ran, Shell},
};
#[cfg(windows)]
use process_wrap::tokio::JobObject;
#[cfg(unix)]
use process_wrap::tokio::ProcessGroup;
use process_wrap::tokio::{ChildWrapper, CommandWrap};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
};

/// How much of what a command writes is kept, in bytes: more than any report shows.
const KEPT: usize = 16 * 1024;

/// How much is read at once, in bytes: a pipe's usual page.
const CHUNK: usize = 4096;

/// The shell of this machine: `/bin/sh`, on Windows `cmd`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineShell;

/// A process with all that it has started; they end when it is dropped.
struct Running {
    child: Box<dyn ChildWrapper>,
    has_ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            // It may have ended this very moment; then there is nothing to end.
            drop(self.child.start_kill());
        }
    }
}

#[async_trait]
impl Shell for MachineShell {
    async fn run(&self, line: &str, variables: &[(&'static str, String)]) -> io::Result<Ran> {
        let mut running = Running {
            child: wrapped(line, variables).spawn()?,
            has_ended: false,
        };
        let end = Mutex::new(Vec::new());
        let (stdout, stderr) = (running.child.stdout().take(), running.child.stderr().take());
        let (status, ..) = tokio::join!(running.child.wait(), read(stdout, &end), read(stderr, &end));
        running.has_ended = true;
        let output = end.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Ran {
            exit_code: status?.code(),
            output: String::from_utf8_lossy(&output).into_owned(),
        })
    }
}

fn wrapped(line: &str, variables: &[(&'static str, String)]) -> CommandWrap {
    let mut command = shell(line);
    command
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // The script of the user decides, and not a file that bash would run before it.
    command.env_remove("BASH_ENV");
    // Inputs that are secrets are for this program alone.
    let secrets = options::of(Verb::Rollout)
        .into_iter()
        .filter(|opt| matches!(opt.kind, Kind::Secret));
    for opt in secrets {
        command.env_remove(opt.input_variable());
    }
    let mut wrapped = CommandWrap::from(command);
    #[cfg(unix)]
    wrapped.wrap(ProcessGroup::leader());
    #[cfg(windows)]
    wrapped.wrap(JobObject);
    wrapped
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    // `cmd` has rules of its own for quotes, so the line goes there as it is.
    command.arg("/C").raw_arg(line);
    command
}

/// Reads to the end, and keeps the last of it.
async fn read(from: Option<impl AsyncRead + Unpin>, end: &Mutex<Vec<u8>>) {
    let Some(mut from) = from else { return };
    let mut chunk = [0; CHUNK];
    // A pipe that cannot be read any more says no more.
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
        end.extend(chunk.iter().take(count));
        let too_many = end.len().saturating_sub(KEPT);
        end.drain(..too_many);
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn run(line: &str) -> Ran {
        let variables = [("AZURE_BATCH_GATE_POOL", "p1".to_owned())];
        MachineShell.run(line, &variables).await.unwrap()
    }

    #[tokio::test]
    async fn a_command_has_its_variables_and_no_input_and_says_how_it_ended() {
        let ran = run("cat; echo pool $AZURE_BATCH_GATE_POOL; echo sad >&2; exit 3").await;
        assert_eq!(ran.exit_code, Some(3));
        assert!(
            ran.output.contains("pool p1\n") && ran.output.contains("sad\n"),
            "{ran:?}"
        );
        assert_eq!(run("kill -9 $$").await.exit_code, None);
        assert_eq!(run("no-such-program-here").await.exit_code, Some(127));
    }

    #[test]
    fn no_input_that_is_a_secret_reaches_a_command() {
        let wrapped = wrapped("true", &[]);
        let given = wrapped.command().as_std().get_envs();
        let removed: Vec<_> = given
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name)
            .collect();
        for name in [
            "INPUT_CLIENT_SECRET",
            "INPUT_CLIENT_CERT_PASSWORD",
            "INPUT_CLIENT_JWT",
            "INPUT_OIDC_REQUEST_TOKEN",
            "INPUT_GITHUB_TOKEN",
        ] {
            assert!(removed.contains(&std::ffi::OsStr::new(name)), "{name}: {removed:?}");
        }
    }

    #[tokio::test]
    async fn a_script_of_bash_runs_no_file_of_the_environment_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("first.sh");
        std::fs::write(&first, "exit 0").unwrap();
        let variables = [("BASH_ENV", first.to_str().unwrap().to_owned())];
        let ran = MachineShell.run("bash -c 'exit 7'", &variables).await.unwrap();
        assert_eq!(ran.exit_code, Some(7), "{ran:?}");
    }

    #[tokio::test]
    async fn only_the_end_of_a_flood_is_kept() {
        let ran = run("head -c 1000000 /dev/zero | tr '\\0' x; echo the end").await;
        assert!(
            ran.output.len() == KEPT && ran.output.ends_with("xthe end\n"),
            "{}",
            ran.output.len()
        );
    }

    #[tokio::test]
    async fn a_command_that_is_given_up_ends_with_all_that_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        // A child of the shell holds the pipe open and says that it does.
        let line = format!(
            "(exec 3>'{}'; echo ready >&3; while :; do :; done) & wait",
            pipe.display()
        );
        let running = tokio::spawn(async move { MachineShell.run(&line, &[]).await });
        let read_on = tokio::task::spawn_blocking(move || {
            let mut lines = io::BufRead::lines(io::BufReader::new(std::fs::File::open(pipe).unwrap()));
            let ready = lines.next().unwrap().unwrap();
            running.abort();
            // The pipe ends once nothing holds it.
            (ready, lines.next().is_none())
        });
        let (ready, has_ended) = tokio::time::timeout(Duration::from_secs(60), read_on)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((ready.as_str(), has_ended), ("ready", true));
    }
}
