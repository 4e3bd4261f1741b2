//! `cargo xtask`: what people and CI run on this checkout, one verb a file.
//!
//! It builds, tests and measures by starting other programs; it links none of the product.

mod bench;
mod build;
mod check;
mod code;
mod demo;
mod deny;
mod dist;
mod judges;
mod lint_actions;
mod look;
mod real;
mod rehearsal;
mod tools;

use std::{path::PathBuf, process::ExitCode};

use azure_batch_e2e::{console::complain, failure::Result};
use clap::{Parser, Subcommand};

/// Work on this checkout.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Format, lints, tests and documentation, as CI checks them; needs nothing but cargo.
    Check {
        /// Only what a ruler sees of the code: sizes, order, layers, circles, names of options. Takes seconds.
        #[arg(long)]
        code: bool,
    },
    /// The whole way on the local Azure, as a story: machine, image version, pool.
    Demo,
    /// The whole way with real Packer and a real Actions runner, with everything that can go wrong on it.
    Real {
        /// Only cases whose name contains this.
        #[arg(default_value = "")]
        case: String,
    },
    /// Pictures of everything that people see, under `target/look/`: terminals, logs, job summaries, pages.
    Look {
        /// Only cases whose name contains this.
        #[arg(default_value = "")]
        case: String,
    },
    /// Microsoft's own clients and HashiCorp's azure-arm judge the local Azure, and count their checks.
    Judges {
        /// Only this judge.
        judge: Option<judges::Judge>,
    },
    /// Measurements.
    Bench {
        #[command(subcommand)]
        what: Measured,
    },
    /// The Action and the workflows under actionlint, action-validator and zizmor.
    LintActions,
    /// Licences, duplicates, sources and advisories of what the product is built from.
    Deny,
    /// The released files for one target, under `dist/`.
    Dist {
        /// Rust's name of the target.
        #[arg(long)]
        target: String,
        /// The release's tag, `vX.Y.Z`; must be the workspace's version.
        #[arg(long)]
        tag: String,
    },
    /// A release on loopback: archives, Packer's and the Action's way to them, and each way in which that fails.
    ReleaseRehearsal {
        /// Only cases whose name contains this.
        #[arg(default_value = "")]
        case: String,
        /// A folder with the files of a release, lists of sums included, to rehearse instead of new ones.
        #[arg(long)]
        files: Option<PathBuf>,
    },
    /// The text of a release: what the changelog says of that version.
    Notes {
        /// The release's tag, `vX.Y.Z`; must be the workspace's version.
        #[arg(long)]
        tag: String,
    },
    /// The lists of sums over everything under `dist/`.
    Sums {
        /// The release's tag.
        #[arg(long)]
        tag: String,
    },
}

#[derive(Debug, Subcommand)]
enum Measured {
    /// What starting the plugin costs: time, memory, file size.
    Start {
        /// Another plugin to compare ours with, e.g. one written in Go.
        #[arg(long)]
        versus: Option<PathBuf>,
    },
    /// What the local Azure costs: start, memory and requests a second with 500 pools of 200 nodes.
    Emulator,
    /// What our publish costs, compared with what the service itself needs and with az. Takes ten minutes.
    Publish,
    /// How soon a roll-out ends after its last node is ready, and how often it asks, for 1, 50 and 500 pools; compared with az.
    Rollout,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(format!("error: {}", failure.report()));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &Verb) -> Result {
    match verb {
        Verb::Check { code: true } => check::code(),
        Verb::Check { code: false } => check::run(),
        Verb::Demo => demo::run(),
        Verb::Real { case } => real::run(case),
        Verb::Look { case } => look::run(case),
        Verb::Judges { judge } => judges::run(*judge),
        Verb::Bench {
            what: Measured::Start { versus },
        } => bench::start(versus.as_deref()),
        Verb::Bench {
            what: Measured::Emulator,
        } => bench::emulator(),
        Verb::Bench {
            what: Measured::Publish,
        } => bench::publish(),
        Verb::Bench {
            what: Measured::Rollout,
        } => bench::rollout(),
        Verb::LintActions => lint_actions::run(),
        Verb::Deny => deny::run(),
        Verb::Dist { target, tag } => dist::run(target, tag),
        Verb::ReleaseRehearsal { case, files } => rehearsal::run(case, files.as_deref()),
        Verb::Notes { tag } => dist::notes(tag),
        Verb::Sums { tag } => dist::sums(&dist::folder()?, tag),
    }
}
