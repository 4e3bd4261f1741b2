//! The plugin's program; everything is in the library.

use std::io::stdout;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use packer_plugin_azure_batch::packer::artifact::InputArtifact;
use packer_plugin_azure_batch::packer::cancellation::Cancellation;
use packer_plugin_azure_batch::packer::config::RawConfigs;
use packer_plugin_azure_batch::packer::post_processor::{PostProcessor, Processed};
use packer_plugin_azure_batch::packer::spec::Spec;
use packer_plugin_azure_batch::packer::ui::Ui;

/// Stands where the post-processor will: refuses every configuration.
struct Unconfigurable;

#[async_trait]
impl PostProcessor for Unconfigurable {
    fn config_spec(&self) -> Spec {
        Spec::new()
    }

    fn configure(&self, _: RawConfigs) -> Result<(), String> {
        Err("this build has no post-processor yet".to_owned())
    }

    async fn post_process(&self, _: Ui, _: InputArtifact, _: Cancellation) -> Result<Processed, String> {
        Err("this build has no post-processor yet".to_owned())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    packer_plugin_azure_batch::run(&arguments, &mut stdout(), || Arc::new(Unconfigurable))
}
