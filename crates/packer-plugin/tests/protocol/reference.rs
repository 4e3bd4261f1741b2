//! A post-processor that behaves as the one in Go with which the recordings were made.
//!
//! What it does is in its `mode`, a comma-separated list; nothing means `input,ui`.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use packer_plugin_azure_batch::packer::artifact::{Artifact, InputArtifact};
use packer_plugin_azure_batch::packer::caller::CallError;
use packer_plugin_azure_batch::packer::cancellation::Cancellation;
use packer_plugin_azure_batch::packer::config::{ConfigValue, RawConfigs};
use packer_plugin_azure_batch::packer::post_processor::{Keep, Output, PostProcessor, Processed};
use packer_plugin_azure_batch::packer::spec::Spec;
use packer_plugin_azure_batch::packer::state::{GENERATED_DATA, GeneratedData, IMAGE_METADATA, ImageMetadata, State};
use packer_plugin_azure_batch::packer::ui::Ui;
use rmpv::Value;
use tokio::time::timeout;

use crate::specs;

/// The reference post-processor.
#[derive(Default)]
pub(crate) struct Reference {
    config: Mutex<Config>,
}

#[derive(Clone, Default)]
struct Config {
    version: String,
    mode: String,
}

struct ReferenceArtifact {
    config: Config,
}

impl Config {
    fn has(&self, mode: &str) -> bool {
        self.mode.split(',').any(|part| part == mode)
    }

    fn does(&self, mode: &str) -> bool {
        self.mode.is_empty() || self.has(mode)
    }
}

#[async_trait]
impl PostProcessor for Reference {
    fn config_spec(&self) -> Spec {
        specs::load("reference")
    }

    fn configure(&self, configs: RawConfigs) -> Result<(), String> {
        let text = |name: &str| {
            let value = configs.user.get(name).and_then(ConfigValue::as_text);
            value.unwrap_or_default().to_owned()
        };
        let config = Config {
            version: text("version"),
            mode: text("mode"),
        };
        if config.has("configure-error") {
            return Err("2 error(s) occurred:\n\n* first problem\n* second problem: ü".to_owned());
        }
        *self.config.lock().unwrap() = config;
        Ok(())
    }

    async fn post_process(&self, ui: Ui, input: InputArtifact, cancel: Cancellation) -> Result<Processed, String> {
        let config = self.config.lock().unwrap().clone();
        run(&config, &ui, &input, &cancel)
            .await
            .map_err(|error| error.to_string())?;
        if config.has("panic") {
            panic!("panic: on purpose");
        }
        if config.has("block") {
            return Err("context canceled".to_owned());
        }
        if config.has("fail") {
            return Err("it failed on purpose\nsecond line".to_owned());
        }
        let keep = match (config.has("keep"), config.has("force")) {
            (true, true) => Keep::KeepForced,
            (true, false) => Keep::Keep,
            (false, _) => Keep::Discard,
        };
        let output = if config.has("no-artifact") {
            Output::Nothing
        } else if config.has("same-artifact") {
            Output::Input
        } else {
            Output::Artifact(Arc::new(ReferenceArtifact { config }))
        };
        Ok(Processed { output, keep })
    }
}

#[async_trait]
impl Artifact for ReferenceArtifact {
    fn builder_id(&self) -> String {
        "ref.post-processor".to_owned()
    }

    fn id(&self) -> String {
        format!("/subscriptions/s/versions/{}", self.config.version)
    }

    fn text(&self) -> String {
        format!("Version: {}\nRegions: a, b", self.id())
    }

    fn files(&self) -> Vec<String> {
        vec!["manifest.json".to_owned(), "second file.txt".to_owned()]
    }

    async fn state(&self, name: &str) -> State {
        let image = |region: &str| ImageMetadata {
            image_id: self.id(),
            provider_name: "azure".to_owned(),
            provider_region: region.to_owned(),
            labels: BTreeMap::new(),
            source_image_id: String::new(),
        };
        match name {
            GENERATED_DATA => {
                let mut values = GeneratedData::default();
                values.insert_text("ID", &self.id());
                values.insert_text("VersionID", &self.id());
                State::GeneratedData(values)
            }
            IMAGE_METADATA => {
                let mut first = image("westeurope");
                first.labels.insert("replicas".to_owned(), "3".to_owned());
                first.source_image_id = "/subscriptions/s/images/base".to_owned();
                State::Images(vec![first, image("northeurope")])
            }
            _ => State::Unknown,
        }
    }

    async fn destroy(&self) -> Result<(), String> {
        if self.config.has("destroy-error") {
            return Err("destroy failed on purpose".to_owned());
        }
        Ok(())
    }
}

async fn run(config: &Config, ui: &Ui, input: &InputArtifact, cancel: &Cancellation) -> Result<(), CallError> {
    if config.does("input") {
        say_input(ui, input).await?;
    }
    if config.does("ui") {
        use_ui(ui).await?;
    }
    for mode in config.mode.split(',') {
        act(mode, ui, input, cancel).await?;
    }
    Ok(())
}

async fn act(mode: &str, ui: &Ui, input: &InputArtifact, cancel: &Cancellation) -> Result<(), CallError> {
    match mode {
        "big" => ui.say(&"0123456789abcde ".repeat(40_000)).await,
        "say-panic" => ui.say("start task said: panic: runtime error").await,
        "progress" => advance(ui).await,
        "concurrent" => talk_at_once(ui, input).await,
        "block" => {
            wait(ui, cancel).await?;
            ui.say("cancelled: cleaning up").await?;
            ui.say("cleaned up").await
        }
        "block-artifact" => {
            wait(ui, cancel).await?;
            // The Go one takes its time here too, so that Cancel is answered first.
            drop(timeout(Duration::from_millis(500), pending::<()>()).await);
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn use_ui(ui: &Ui) -> Result<(), CallError> {
    ui.say("one line").await?;
    ui.say("two\nlines: grüße ✓").await?;
    ui.message("a message").await?;
    ui.error("an error line").await?;
    ui.machine("ref-category", &["first", "second,with comma"]).await?;
    let bar = ui.track_progress("disk-1", 10, 100).await?;
    bar.add(45).await?;
    bar.add(45).await?;
    bar.close().await
}

async fn advance(ui: &Ui) -> Result<(), CallError> {
    let bar = ui.track_progress("disk", 0, 200).await?;
    bar.add(70 * 1024 * 1024).await?;
    bar.add(0).await?;
    bar.close().await
}

async fn talk_at_once(ui: &Ui, input: &InputArtifact) -> Result<(), CallError> {
    let lines = (0..8).map(|number| async move {
        let id = input.id().await?;
        ui.say(&format!("concurrent {number} {id}")).await
    });
    futures::future::try_join_all(lines).await.map(drop)
}

async fn wait(ui: &Ui, cancel: &Cancellation) -> Result<(), CallError> {
    ui.say("blocking until cancelled").await?;
    cancel.cancelled().await;
    Ok(())
}

async fn say_input(ui: &Ui, input: &InputArtifact) -> Result<(), CallError> {
    ui.say(&format!("input id={}", input.id().await?)).await?;
    ui.say(&format!("input builder={}", input.builder_id().await?)).await?;
    ui.say(&format!("input string={}", input.text().await?)).await?;
    let files = input.files().await?.join(" ");
    ui.say(&format!("input files=[{files}]")).await?;
    for name in [GENERATED_DATA, IMAGE_METADATA, "no such state"] {
        let state = go_syntax(&input.state(name).await?);
        ui.say(&format!("input state={state}")).await?;
    }
    Ok(())
}

/// Go's `%#v`.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Map(entries) => {
            let mut entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", go_syntax(key), go_syntax(value)))
                .collect();
            entries.sort();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
        Value::String(text) => format!("{:?}", text.as_str().unwrap()),
        other => other.to_string(),
    }
}
