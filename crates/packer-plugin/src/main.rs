//! The plugin's program; everything is in the library.

use std::{io::stdout, process::ExitCode, sync::Arc};

use packer_plugin_azure_batch::post_processor::AzureBatch;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    packer_plugin_azure_batch::run(&arguments, &mut stdout(), || Arc::new(AzureBatch::of_process()))
}
