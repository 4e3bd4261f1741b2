//! The binary: a runtime around [`azure_batch_pool::run`]. It decides nothing.

use std::process::ExitCode;

use azure_batch_pool::environment::ProcessEnvironment;

fn main() -> std::io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(azure_batch_pool::run(std::env::args_os(), &ProcessEnvironment));
    // A signal handler or a lookup of a name may still be running; it is not waited for.
    runtime.shutdown_background();
    Ok(ExitCode::from(code))
}
