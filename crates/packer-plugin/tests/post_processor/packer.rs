//! A Packer that configures the post-processor, runs it and asks its artifact.
//!
//! Built on the protocol layers, which recordings of the real one prove elsewhere.

use std::sync::{Arc, Mutex};

use azure_batch_core::clock::SystemClock;
use futures::FutureExt as _;
use packer_plugin_azure_batch::{
    packer::{
        broker::{Broker, BrokerId},
        caller::Caller,
        codec::{field, record},
        dispatch::{Answer, Service, Services, serve},
        post_processor::Keep,
        session::{Duplex, start_as_packer},
        spec::SpecEncoding,
    },
    post_processor::AzureBatch,
    service::publisher::Publisher,
};
use rmpv::Value;
use serde_json::{Value as Json, json};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::publisher::Scripted;

/// Packer's end of a running plugin.
pub(crate) struct FakePacker {
    main: Caller,
    broker: Broker,
    journal: Journal,
    handed: Handed,
    /// The method that it never answers, as when another build waits for its user.
    held_back: &'static str,
    driver: JoinHandle<()>,
    pub(crate) plugin: JoinHandle<()>,
}

/// The artifact that the builder handed over.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    pub(crate) builder_id: &'static str,
    pub(crate) text: String,
    pub(crate) generated: &'static [(&'static str, &'static str)],
}

/// What Packer was asked for, in order.
#[derive(Clone)]
struct Journal {
    calls: Arc<Mutex<Vec<(String, Value)>>>,
    said: Arc<Semaphore>,
}

/// How a PostProcess ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) error: Option<String>,
    pub(crate) keep: Keep,
    artifact: u32,
}

/// The artifact that came out.
pub(crate) struct Artifact(Caller);

/// Packer's services.
struct Ours {
    name: &'static str,
    journal: Journal,
    handed: Handed,
    held_back: &'static str,
}

impl FakePacker {
    /// Starts a plugin with that publisher in an environment with nothing but the run's id.
    pub(crate) async fn start(publisher: &Scripted) -> Self {
        Self::with(Arc::new(publisher.clone())).await
    }

    /// The same with any publisher.
    pub(crate) async fn with(publisher: Arc<dyn Publisher>) -> Self {
        let lookup = |name: &str| (name == "PACKER_RUN_UUID").then(|| "run-1".to_owned());
        let clock = Arc::new(SystemClock);
        let post_processor = AzureBatch::new(publisher, clock, Box::new(lookup));
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let plugin = tokio::spawn(packer_plugin_azure_batch::packer::serve::serve(
            Box::new(ours),
            Arc::new(post_processor),
            SpecEncoding::Protobuf,
        ));
        Self::at(Box::new(theirs), plugin).await
    }

    /// At the other end of a plugin that was started elsewhere.
    pub(crate) async fn at(plugins_end: Box<dyn Duplex>, plugin: JoinHandle<()>) -> Self {
        let (driver, opener, mut inbound) = start_as_packer(plugins_end);
        let driver = tokio::spawn(async move { drop(driver.run().await) });
        let broker = Broker::new(opener);
        let admitting = broker.clone();
        tokio::spawn(async move {
            while let Some(stream) = inbound.accept().await {
                admitting.admit(stream).await.unwrap();
            }
        });
        let main = Caller::start(broker.dial(BrokerId::MAIN).await.unwrap());
        let journal = Journal {
            calls: Arc::default(),
            said: Arc::new(Semaphore::new(0)),
        };
        Self {
            main,
            broker,
            journal,
            handed: Handed {
                builder_id: "fnoeding.null",
                text: "Did not export anything. This is the null builder".to_owned(),
                generated: &[("ID", "Null"), ("Password", "hunter2")],
            },
            held_back: "",
            driver,
            plugin,
        }
    }

    /// The same Packer with another builder before the plugin.
    pub(crate) fn behind(self, handed: Handed) -> Self {
        Self { handed, ..self }
    }

    /// The same Packer, which never answers that method.
    pub(crate) fn holding_back(self, method: &'static str) -> Self {
        Self {
            held_back: method,
            ..self
        }
    }

    /// Configures as from an HCL2 template.
    pub(crate) async fn configure(&self, user: &Json, packer: &[(&str, &str)]) -> Result<(), String> {
        let typed = json!({"value": user, "type": ["object", {}]}).to_string();
        let own = packer
            .iter()
            .map(|(name, text)| (Value::from(*name), Value::from(*text)));
        let configs = vec![Value::Map(own.collect()), Value::Binary(typed.into_bytes())];
        let argument = record([("Configs", Value::Array(configs))]);
        let answer = self.main.call("PostProcessor.Configure", argument).await;
        answer.map(drop).map_err(|error| error.to_string())
    }

    /// Calls PostProcess; resolves to how it ended.
    pub(crate) fn post_process(&self) -> JoinHandle<Outcome> {
        let (id, announced) = self.broker.announce();
        let ours = |name| {
            Arc::new(Ours {
                name,
                journal: self.journal.clone(),
                handed: self.handed.clone(),
                held_back: self.held_back,
            })
        };
        let services = Services::default()
            .with("Ui", ours("Ui"))
            .with("Artifact", ours("Artifact"));
        tokio::spawn(async move { serve(announced.accept().await.unwrap(), services).await });
        let main = self.main.clone();
        tokio::spawn(async move {
            let result = main.call("PostProcessor.PostProcess", Value::from(id.0)).await.unwrap();
            let flag = |name| field(&result, name).and_then(Value::as_bool).unwrap();
            let artifact = field(&result, "StreamId").and_then(Value::as_u64).unwrap();
            Outcome {
                error: error_text(&result),
                keep: match (flag("Keep"), flag("ForceOverride")) {
                    (false, _) => Keep::Discard,
                    (true, false) => Keep::Keep,
                    (true, true) => Keep::KeepForced,
                },
                artifact: u32::try_from(artifact).unwrap(),
            }
        })
    }

    pub(crate) async fn cancel(&self) {
        self.main.call("PostProcessor.Cancel", Value::Nil).await.unwrap();
    }

    /// Ends the connection as a killed Packer does, without a word.
    pub(crate) fn vanish(&self) {
        self.driver.abort();
    }

    /// Waits until the plugin has said `count` further lines.
    pub(crate) async fn wait_until_said(&self, count: u32) {
        self.journal.said.acquire_many(count).await.unwrap().forget();
    }

    /// The lines that were said so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.texts("Ui.Say")
    }

    /// What was shown in red.
    pub(crate) fn warned(&self) -> Vec<String> {
        self.texts("Ui.Error")
    }

    fn texts(&self, method: &str) -> Vec<String> {
        let calls = self.calls(method);
        calls.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// The arguments of all calls of that method.
    pub(crate) fn calls(&self, method: &str) -> Vec<Value> {
        let calls = self.journal.calls.lock().unwrap();
        calls
            .iter()
            .filter(|(of, _)| of == method)
            .map(|(_, argument)| argument.clone())
            .collect()
    }

    /// Opens the artifact that came out.
    pub(crate) async fn artifact(&self, outcome: &Outcome) -> Artifact {
        assert_ne!(outcome.artifact, 0, "there is none");
        Artifact(Caller::start(
            self.broker.dial(BrokerId(outcome.artifact)).await.unwrap(),
        ))
    }
}

impl Artifact {
    /// The answer to one of the artifact's calls.
    pub(crate) async fn ask(&self, method: &str, argument: Value) -> Result<Value, String> {
        let answer = self.0.call(&format!("Artifact.{method}"), argument).await;
        answer.map_err(|error| error.to_string())
    }
}

impl Service for Ours {
    fn begin(&self, method: &str, argument: Value) -> Option<Answer> {
        let method = format!("{}.{method}", self.name);
        let outcome = match method.as_str() {
            "Artifact.Id" => Value::from("Null"),
            "Artifact.BuilderId" => Value::from(self.handed.builder_id),
            "Artifact.String" => Value::from(self.handed.text.as_str()),
            "Artifact.State" => match argument.as_str().unwrap() {
                "generated_data" => {
                    let values = self.handed.generated.iter();
                    Value::Map(
                        values
                            .map(|(name, text)| (Value::from(*name), Value::from(*text)))
                            .collect(),
                    )
                }
                "arm.Own" => Value::from(7),
                _ => Value::Nil,
            },
            _ if method.starts_with("Ui") => Value::Nil,
            _ => return None,
        };
        self.journal.calls.lock().unwrap().push((method.clone(), argument));
        if method == "Ui.Say" {
            self.journal.said.add_permits(1);
        }
        if method == self.held_back {
            return Some(std::future::pending().boxed());
        }
        Some(std::future::ready(Ok(outcome)).boxed())
    }
}

fn error_text(result: &Value) -> Option<String> {
    let error = field(result, "Err").filter(|error| !error.is_nil())?;
    Some(field(error, "Message").and_then(Value::as_str).unwrap().to_owned())
}
