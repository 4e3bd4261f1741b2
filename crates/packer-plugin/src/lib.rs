//! The Packer plugin `azure-batch`: Packer's protocol, and what it is asked to do.
//!
//! For people and CI systems it has a command line of its own, [`cli`].
//!
//! The way through: [`handshake`] meets Packer, [`packer`] speaks with it, the
//! [`post_processor`] reads the [`config`] and asks the gRPC [`service`], which lets core do the
//! work. Knows no Azure Resource Manager: that is `azure-batch-core`'s.

pub mod artifact_in;
pub mod artifact_out;
mod azure;
pub mod cli;
pub mod config;
mod copied;
pub mod describe;
pub mod environment;
pub mod handshake;
pub mod hcl;
pub mod imaging;
pub mod manifest;
pub mod packer;
pub mod post_processor;
pub mod reference;
pub mod render;
pub mod service;
pub mod voice;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use packer::post_processor::PostProcessor;

/// What a command line without a verb of ours gets to read.
const USAGE: &str = "this program is a Packer plugin, which Packer starts by itself; its verbs for Packer are describe \
                     and start, and its verbs for people are shown by --help";

/// Does what the arguments after the program's name ask for.
///
/// `stdout` is Packer's: nothing else may write to it. The post-processor is made only when
/// it is needed, so that `describe` costs nothing.
pub fn run(
    arguments: &[String],
    stdout: &mut dyn Write,
    post_processor: impl FnOnce() -> Arc<dyn PostProcessor>,
) -> ExitCode {
    if arguments.first().is_some_and(|verb| cli::is_for_people(verb)) {
        return cli::run(arguments, stdout, &environment::of_process);
    }
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
