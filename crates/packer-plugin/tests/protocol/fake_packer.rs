//! A Packer that answers by itself: main connection, Ui and input artifact.
//!
//! Built on the layers under test, which the recordings prove; for what no recording shows.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use packer_plugin_azure_batch::packer::broker::{Broker, BrokerId};
use packer_plugin_azure_batch::packer::caller::Caller;
use packer_plugin_azure_batch::packer::codec::record;
use packer_plugin_azure_batch::packer::dispatch::{Answer, Service, Services, serve};
use packer_plugin_azure_batch::packer::session::start_as_packer;
use packer_plugin_azure_batch::packer::spec::SpecEncoding;
use rmpv::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::reference::Reference;

/// What Packer was asked, in order: method and argument.
pub(crate) type Journal = Arc<Mutex<Vec<(String, Value)>>>;

/// A running plugin and its Packer.
pub(crate) struct FakePacker {
    pub(crate) main: Caller,
    pub(crate) broker: Broker,
    pub(crate) journal: Journal,
    /// Ends when the plugin would exit.
    pub(crate) plugin: JoinHandle<()>,
    driver: JoinHandle<()>,
    said: Arc<Semaphore>,
}

impl FakePacker {
    /// Starts a plugin that is configured with `mode`.
    pub(crate) async fn start(mode: &str) -> Self {
        let (ours, theirs) = tokio::io::duplex(4096);
        let plugin = tokio::spawn(packer_plugin_azure_batch::packer::serve::serve(
            Box::new(ours),
            Arc::new(Reference::default()),
            SpecEncoding::Protobuf,
        ));
        let (driver, opener, mut inbound) = start_as_packer(Box::new(theirs));
        let driver = tokio::spawn(async move { drop(driver.run().await) });
        let broker = Broker::new(opener);
        let admitting = broker.clone();
        tokio::spawn(async move {
            while let Some(stream) = inbound.accept().await {
                admitting.admit(stream).await.unwrap();
            }
        });
        let main = Caller::start(broker.dial(BrokerId::MAIN).await.unwrap());
        let packer = Self {
            main,
            broker,
            journal: Journal::default(),
            plugin,
            driver,
            said: Arc::new(Semaphore::new(0)),
        };
        packer.configure(mode).await;
        packer
    }

    async fn configure(&self, mode: &str) {
        let config = Value::Map(vec![
            (Value::from("mode"), Value::from(mode)),
            (Value::from("version"), Value::from("1.0.0")),
        ]);
        let argument = record([("Configs", Value::Array(vec![config]))]);
        let answer = self.main.call("PostProcessor.Configure", argument).await;
        assert_eq!(answer, Ok(Value::Nil));
    }

    /// Calls PostProcess; resolves to its result.
    pub(crate) fn post_process(&self) -> JoinHandle<Value> {
        let (id, announced) = self.broker.announce();
        let ours = |name| {
            Arc::new(Ours {
                name,
                journal: Arc::clone(&self.journal),
                said: Arc::clone(&self.said),
            })
        };
        let services = Services::default()
            .with("Ui", ours("Ui"))
            .with("Uibar.1", ours("Uibar.1"))
            .with("Artifact", ours("Artifact"));
        tokio::spawn(async move {
            serve(announced.accept().await.unwrap(), services).await;
        });
        let main = self.main.clone();
        tokio::spawn(async move {
            main.call("PostProcessor.PostProcess", Value::from(id.0))
                .await
                .unwrap()
        })
    }

    /// Waits until the plugin has said `count` further lines.
    pub(crate) async fn wait_until_said(&self, count: u32) {
        self.said.acquire_many(count).await.unwrap().forget();
    }

    pub(crate) async fn cancel(&self) {
        let answer = self.main.call("PostProcessor.Cancel", Value::Nil).await;
        assert_eq!(answer, Ok(Value::Nil));
    }

    /// Ends the connection as a killed Packer does, without a word.
    pub(crate) fn vanish(&self) {
        self.driver.abort();
    }

    /// What was said so far, by `Ui.Say`.
    pub(crate) fn said(&self) -> Vec<String> {
        let journal = self.journal.lock().unwrap();
        journal
            .iter()
            .filter(|(method, _)| method == "Ui.Say")
            .map(|(_, text)| text.as_str().unwrap().to_owned())
            .collect()
    }
}

/// Packer's services.
struct Ours {
    name: &'static str,
    journal: Journal,
    said: Arc<Semaphore>,
}

impl Service for Ours {
    fn begin(&self, method: &str, argument: Value) -> Option<Answer> {
        let method = format!("{}.{method}", self.name);
        let outcome = match method.as_str() {
            "Ui.Say" | "Uibar.1.Add" | "Uibar.1.Close" => Ok(Value::Nil),
            "Ui.NewTrackProgress" => Ok(Value::from("bar.1")),
            "Artifact.Id" => Ok(Value::from("Null")),
            "Artifact.Destroy" => Err("not today".to_owned()),
            _ => return None,
        };
        self.journal.lock().unwrap().push((method, argument));
        self.said.add_permits(1);
        Some(std::future::ready(outcome).boxed())
    }
}
