//! The Packer plugin `azure-batch`: Packer's protocol, and what it is asked to do.
//!
//! The way through: [`handshake`] meets Packer, [`packer`] speaks with it, and a
//! [`PostProcessor`] does the work. Knows no Azure
//! Resource Manager: that is `azure-batch-core`'s.

pub mod describe;
pub mod handshake;
pub mod packer;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use packer::post_processor::PostProcessor;

/// What a command line without a verb of ours gets to read.
const USAGE: &str = "this program is a Packer plugin, which Packer starts by itself; \
                     its verbs for Packer are describe and start";

/// Does what the arguments after the program's name ask for.
///
/// `stdout` is Packer's: nobody else may write to it. The post-processor is made only when
/// it is needed, so that `describe` costs nothing.
pub fn run(
    arguments: &[String],
    stdout: &mut dyn Write,
    post_processor: impl FnOnce() -> Arc<dyn PostProcessor>,
) -> ExitCode {
    let verbs: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match verbs.as_slice() {
        ["describe"] => writeln!(stdout, "{}", describe::line())
            .and_then(|()| stdout.flush())
            .map_err(|error| error.to_string()),
        ["start", rest @ ..] => start(rest, stdout, post_processor),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            packer::log::error(&text);
            ExitCode::FAILURE
        }
    }
}

fn start(
    arguments: &[&str],
    stdout: &mut dyn Write,
    post_processor: impl FnOnce() -> Arc<dyn PostProcessor>,
) -> Result<(), String> {
    let start = handshake::parse(arguments).map_err(|error| packer::log::chain(&error))?;
    let environment = handshake::Environment::of_process();
    handshake::start(&environment, start, stdout, post_processor()).map_err(|error| packer::log::chain(&error))
}
