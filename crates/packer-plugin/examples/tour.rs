//! A post-processor that shows everything Packer's protocol can do, without touching Azure.
//!
//! Not part of the product. For trying the protocol with a real Packer:
//!
//! ```sh
//! cargo build --example tour
//! packer plugins install --path target/debug/examples/tour example.com/try/tour
//! ```
//!
//! and in a template `post-processor "tour" { act = "succeed" }`, where `act` is one of
//! `succeed`, `hand-on`, `fail`, `panic`, `wait` (until Ctrl-C) and `work` (for `seconds`).

use std::collections::BTreeMap;
use std::io::stdout;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use packer_plugin_azure_batch::packer::artifact::{Artifact, InputArtifact};
use packer_plugin_azure_batch::packer::caller::CallError;
use packer_plugin_azure_batch::packer::cancellation::Cancellation;
use packer_plugin_azure_batch::packer::config::{ConfigValue, RawConfigs};
use packer_plugin_azure_batch::packer::conform::{Conformed, conform};
use packer_plugin_azure_batch::packer::post_processor::{Keep, Output, PostProcessor, Processed};
use packer_plugin_azure_batch::packer::spec::{AttributeType, Spec};
use packer_plugin_azure_batch::packer::state::{GENERATED_DATA, GeneratedData, State};
use packer_plugin_azure_batch::packer::template::Moment;
use packer_plugin_azure_batch::packer::ui::Ui;

const ACTS: [&str; 6] = ["succeed", "hand-on", "fail", "panic", "wait", "work"];

#[derive(Default)]
struct Tour {
    config: Mutex<Config>,
}

#[derive(Clone, Default)]
struct Config {
    act: String,
    seconds: u64,
}

/// The artifact of a tour: the input's values and one of its own.
struct Souvenir {
    values: GeneratedData,
}

#[async_trait]
impl PostProcessor for Tour {
    fn config_spec(&self) -> Spec {
        Spec::new()
            .attribute("act", AttributeType::Text)
            .attribute("seconds", AttributeType::Number)
            .attribute("tags", AttributeType::map(AttributeType::Text))
            .block_list("stop", Spec::new().attribute("at", AttributeType::Text))
    }

    fn configure(&self, configs: RawConfigs) -> Result<(), String> {
        let rendered = configs.render(&BTreeMap::new(), Moment(jiff::Timestamp::UNIX_EPOCH));
        let Conformed { values, faults } = conform(&self.config_spec(), &rendered.user);
        let mut faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let act = match values.get("act") {
            Some(ConfigValue::Text(act)) => act.as_str(),
            _ => "succeed",
        };
        if !ACTS.contains(&act) {
            faults.push(format!("act: \"{act}\" is not one of {}", ACTS.join(", ")));
        }
        let seconds = match values.get("seconds") {
            Some(ConfigValue::Number(seconds)) => seconds.as_u64().unwrap_or_default(),
            _ => 3,
        };
        if !faults.is_empty() {
            return Err(faults.join("\n"));
        }
        if let Ok(mut config) = self.config.lock() {
            *config = Config {
                act: act.to_owned(),
                seconds,
            };
        }
        Ok(())
    }

    async fn post_process(&self, ui: Ui, input: InputArtifact, cancel: Cancellation) -> Result<Processed, String> {
        let config = self.config.lock().map(|config| config.clone()).unwrap_or_default();
        act(&config, &ui, &input, &cancel).await?;
        let values = input.generated_data().await.map_err(text)?;
        let output = if config.act == "hand-on" {
            Output::Input
        } else {
            Output::Artifact(Arc::new(Souvenir { values }))
        };
        Ok(Processed {
            output,
            keep: Keep::KeepForced,
        })
    }
}

#[async_trait]
impl Artifact for Souvenir {
    fn builder_id(&self) -> String {
        "example.tour".to_owned()
    }

    fn id(&self) -> String {
        "souvenir".to_owned()
    }

    fn text(&self) -> String {
        format!("A souvenir with {:?}", self.values)
    }

    fn files(&self) -> Vec<String> {
        Vec::new()
    }

    async fn state(&self, name: &str) -> State {
        if name != GENERATED_DATA {
            return State::Unknown;
        }
        let mut values = self.values.clone();
        values.insert_text("Souvenir", "yes");
        State::GeneratedData(values)
    }

    async fn destroy(&self) -> Result<(), String> {
        Err("the souvenir stays".to_owned())
    }
}

async fn act(config: &Config, ui: &Ui, input: &InputArtifact, cancel: &Cancellation) -> Result<(), String> {
    let builder = input.builder_id().await.map_err(text)?;
    let id = input.id().await.map_err(text)?;
    ui.say(&format!("from {builder}: {id}")).await.map_err(text)?;
    match config.act.as_str() {
        "fail" => Err("failed on purpose: panic: not really\nin two lines".to_owned()),
        "panic" => break_down(),
        "wait" => {
            ui.say("waiting for Ctrl-C").await.map_err(text)?;
            let reason = cancel.cancelled().await;
            drop(ui.say(&format!("cancelled: {reason:?}")).await);
            Err("cancelled".to_owned())
        }
        "work" => work(config.seconds, ui, cancel).await.map_err(text),
        _ => Ok(()),
    }
}

#[expect(clippy::panic, reason = "shows how a bug looks in Packer")]
fn break_down() -> ! {
    panic!("on purpose")
}

async fn work(seconds: u64, ui: &Ui, cancel: &Cancellation) -> Result<(), CallError> {
    let bar = ui.track_progress("work", 0, seconds).await?;
    for second in 1..=seconds {
        let tick = tokio::time::timeout(Duration::from_secs(1), cancel.cancelled());
        if tick.await.is_ok() {
            break;
        }
        bar.add(1).await?;
        ui.say(&format!("{second} of {seconds}")).await?;
    }
    bar.close().await
}

fn text(error: CallError) -> String {
    error.to_string()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    packer_plugin_azure_batch::run(&arguments, &mut stdout(), || Arc::new(Tour::default()))
}
