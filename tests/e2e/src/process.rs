//! Starts outside programs in a sealed environment and in a process group of their own, keeps what they print,
//! signals them, and never waits without a limit.
//!
//! It knows no particular program.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::{
    failure::{Doing as _, Failure, Result, ensure, tail},
    files,
    time::Stopwatch,
};

/// What of our own environment outside programs may see: where programs and temporary files are.
const INHERITED: [&str; 3] = ["PATH", "TMPDIR", "LANG"];

/// A program about to be started.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
    out: PathBuf,
    err: PathBuf,
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    name: String,
    id: u32,
    ended: Receiver<std::io::Result<ExitStatus>>,
    out: PathBuf,
    err: PathBuf,
    watch: Stopwatch,
}

/// A program that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its name.
    pub name: String,
    /// Its exit code, or minus the signal that ended it.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

/// A signal to a process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// As Ctrl-C at a terminal.
    Interrupt,
    /// As a service manager.
    Terminate,
    /// Without a chance to do anything.
    Kill,
}

impl Program {
    /// A program that sees nothing of our environment but where programs are; what it prints goes to
    /// `<logs>/<name>.out` and `<logs>/<name>.err`.
    #[must_use]
    pub fn new(path: impl AsRef<OsStr>, logs: &Path, name: &str) -> Self {
        let mut command = Command::new(path);
        command.env_clear().stdin(Stdio::null());
        lead_group(&mut command);
        for variable in INHERITED {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        Self {
            name: name.to_owned(),
            command,
            out: logs.join(format!("{name}.out")),
            err: logs.join(format!("{name}.err")),
        }
    }

    /// The same with an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// The same with arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// The same with a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The same with variables.
    #[must_use]
    pub fn envs(mut self, variables: &[(String, OsString)]) -> Self {
        self.command.envs(variables.iter().map(|(name, value)| (name, value)));
        self
    }

    /// The same in a folder.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The same run by another program, which gets the program and its arguments after its own.
    #[must_use]
    pub fn run_by(self, other: &str, arguments: &[String]) -> Self {
        let mut command = Command::new(other);
        command.env_clear().stdin(Stdio::null());
        lead_group(&mut command);
        let variables = self.command.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        if let Some(dir) = self.command.get_current_dir() {
            command.current_dir(dir);
        }
        command
            .args(arguments)
            .arg(self.command.get_program())
            .args(self.command.get_args());
        Self { command, ..self }
    }

    /// Starts it with stdout as a pipe, for programs that announce themselves there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_piped(mut self) -> Result<(Child, PathBuf)> {
        let err = self.create(&self.err)?;
        let child = self.command.stdout(Stdio::piped()).stderr(err).spawn();
        Ok((child.doing(|| format!("start {}", self.name))?, self.err))
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut self) -> Result<Running> {
        let (out, err) = (self.create(&self.out)?, self.create(&self.err)?);
        let mut child = self
            .command
            .stdout(out)
            .stderr(err)
            .spawn()
            .doing(|| format!("start {}", self.name))?;
        let id = child.id();
        let (tell, ended) = mpsc::channel();
        // The receiver is gone when the case has failed in the meantime; the process is reaped all the same.
        thread::spawn(move || drop(tell.send(child.wait())));
        let (name, watch) = (self.name, Stopwatch::start());
        Ok(Running {
            name,
            id,
            ended,
            out: self.out,
            err: self.err,
            watch,
        })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started, or is not done in time; then its whole group is killed.
    pub fn run(self, limit: Duration) -> Result<Finished> {
        self.start()?.wait(limit)
    }

    fn create(&self, path: &Path) -> Result<File> {
        File::create(path).doing(|| format!("write {}", path.display()))
    }
}

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it is not done in time; then its whole group is killed.
    pub fn wait(self, limit: Duration) -> Result<Finished> {
        let status = match self.ended.recv_timeout(limit) {
            Ok(status) => status.doing(|| format!("wait for {}", self.name))?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                self.signal(Signal::Kill)?;
                return Err(Failure::TooLong {
                    program: self.name,
                    seconds: limit.as_secs(),
                });
            }
        };
        Ok(Finished {
            name: self.name,
            code: code_of(status),
            stdout: files::read(&self.out)?,
            stderr: files::read(&self.err)?,
            took: self.watch.passed(),
        })
    }

    /// What it has written to stdout by now.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn stdout(&self) -> Result<String> {
        files::read(&self.out)
    }

    /// Signals its whole process group.
    ///
    /// # Errors
    /// When `kill` cannot be run or refuses.
    pub fn signal(&self, signal: Signal) -> Result {
        signal_group(self.id, signal)
    }
}

impl Finished {
    /// Fails unless it ended with that exit code.
    ///
    /// # Errors
    /// When it ended otherwise, with the last screen of what it said.
    pub fn ended_with(self, code: i32) -> Result<Self> {
        ensure(self.code == code, || {
            let said = format!("{}\n{}", self.stdout, self.stderr);
            format!(
                "{} ended with {}, wanted {code}:\n{}",
                self.name,
                self.code,
                tail(&said)
            )
        })?;
        Ok(self)
    }

    /// Everything it said.
    #[must_use]
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Makes the program the first of a process group, as a shell does with what is typed into it.
#[cfg(unix)]
fn lead_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

/// Cases run on Unix; elsewhere this crate only has to build, for `cargo xtask dist`.
#[cfg(not(unix))]
fn lead_group(_command: &mut Command) {}

/// The exit code, or minus the signal.
#[cfg(unix)]
fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}

#[cfg(not(unix))]
fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// Signals a process group. Standard Rust has no call for that, so the `kill` program does it.
pub(crate) fn signal_group(id: u32, signal: Signal) -> Result {
    let name = match signal {
        Signal::Interrupt => "-INT",
        Signal::Terminate => "-TERM",
        Signal::Kill => "-KILL",
    };
    let group = format!("-{id}");
    let status = Command::new("kill")
        .args([name, "--", &group])
        .stderr(Stdio::null())
        .status();
    let status = status.doing(|| format!("run kill {name} {group}"))?;
    ensure(status.success(), || format!("kill {name} {group} ended with {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, name: &str) -> Program {
        Program::new("sh", &std::env::temp_dir(), name).args(["-c", script])
    }

    #[test]
    fn keeps_what_a_program_prints_and_its_code() {
        let ended = shell("echo out; echo err >&2; exit 3", "e2e-process-prints")
            .run(Duration::from_secs(20))
            .unwrap();
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
            (3, "out\n", "err\n")
        );
        assert!(
            ended
                .ended_with(0)
                .unwrap_err()
                .to_string()
                .contains("ended with 3, wanted 0")
        );
    }

    #[test]
    fn stops_a_program_that_takes_too_long() {
        let failure = shell("sleep 60", "e2e-process-long")
            .run(Duration::from_millis(50))
            .unwrap_err();
        assert!(matches!(failure, Failure::TooLong { .. }), "{failure}");
    }

    #[test]
    fn signals_reach_the_whole_group() {
        let running = shell("sleep 60 & wait", "e2e-process-group").start().unwrap();
        running.signal(Signal::Kill).unwrap();
        assert_eq!(running.wait(Duration::from_secs(20)).unwrap().code, -9);
    }

    #[test]
    fn sees_nothing_of_our_environment_but_paths() {
        let ended = shell("echo ${CARGO_MANIFEST_DIR-nothing}", "e2e-process-env")
            .run(Duration::from_secs(20))
            .unwrap();
        assert_eq!(ended.stdout, "nothing\n");
    }
}
