//! The `azure-emulator` command: starts a host, says where it is, waits for the signal to end.
//!
//! Everything else is in the library.

use std::{
    error::Error,
    io::{self, Write as _},
    net::Ipv4Addr,
    path::PathBuf,
    process::ExitCode,
};

use azure_emulator::{
    Settings,
    host::{Host, Names, Options, log},
    seed::Seed,
    timing::Timing,
};
use clap::Parser;
use serde_json::json;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// A local Azure: Entra ID, ARM compute and galleries, Batch.
///
/// Prints one JSON line when it is ready and serves until SIGTERM, SIGINT or Ctrl-C.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// TLS port of Entra, ARM and Batch; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Plain port for seeding, faults, journal and clock; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// Folder for ca.pem, which clients must trust.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Which names the certificate may hold.
    #[arg(long, value_enum, default_value_t)]
    names: Names,
    /// Seed file; `example` is the world of the documentation.
    #[arg(long)]
    seed: Option<PathBuf>,
    /// Divides how long operations take.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    time_scale: u32,
    /// Seconds of `Retry-After` on long operations, or `none`, as on Azure.
    #[arg(long, default_value = "none")]
    retry_after: RetryAfter,
    /// What every public IP address is: where an SSH server plays the VM that a builder makes.
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    public_address: Ipv4Addr,
    /// Writes every request into this file, without secrets.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Does not print each request to stderr.
    #[arg(long)]
    quiet: bool,
}

/// The value of `--retry-after`.
#[derive(Clone, Copy, Debug)]
struct RetryAfter(Option<u32>);

impl std::str::FromStr for RetryAfter {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            Ok(Self(None))
        } else {
            text.parse().map(|seconds| Self(Some(seconds)))
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::say(&chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, a layer a line.
fn chain(error: &dyn Error) -> String {
    let layers = std::iter::successors(Some(error), |&error| error.source());
    layers.map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let ended = ended()?;
    let seed = match &arguments.seed {
        None => None,
        Some(path) if path.as_os_str() == "example" => Some(Seed::example()),
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|cause| format!("cannot read the seed {}: {cause}", path.display()))?;
            Some(Seed::parse(&text).map_err(|error| format!("{}: {}", path.display(), chain(&error)))?)
        }
    };
    let timing = Timing {
        scale: arguments.time_scale,
        retry_after: arguments.retry_after.0,
        ..Timing::default()
    };
    let host = Host::start(Options {
        settings: Settings {
            timing,
            public_address: arguments.public_address,
            ..Settings::default()
        },
        seed,
        port: arguments.port,
        control_port: arguments.control_port,
        directory: std::path::absolute(arguments.dir)?,
        names: arguments.names,
        journal: arguments.journal,
        log_requests: !arguments.quiet,
    })
    .await?;
    let ready = json!({
        "endpoint": host.endpoint(),
        "control": host.control(),
        "ca": host.ca_file(),
        "identityEndpoint": format!("{}/msi/token", host.control()),
        "idTokenEndpoint": format!("{}/oidc/token", host.control()),
    });
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{ready}")?;
    stdout.flush()?;
    drop(stdout);
    ended.await;
    Ok(())
}

/// Listens from now on; ends with the signal to end.
#[cfg(unix)]
fn ended() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends with Ctrl-C; when that cannot be heard, the process ends as its system ends it.
#[cfg(not(unix))]
fn ended() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
