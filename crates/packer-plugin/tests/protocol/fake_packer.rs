//! A Packer that answers by itself: main connection, Ui and input artifact.
//!
//! Built on the layers under test, which the recordings prove; for what no recording shows.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
use tokio::time::timeout;

use crate::reference::Reference;

/// Far longer than anything here takes, on a clock that runs only while nothing happens.
const FOR_EVER: Duration = Duration::from_secs(3600);

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

/// Packer's services.
struct Ours {
    name: &'static str,
    journal: Journal,
    said: Arc<Semaphore>,
    /// Calls to the user that are not answered yet.
    talking: Arc<AtomicUsize>,
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
        let talking = Arc::new(AtomicUsize::new(0));
        let ours = |name| {
            Arc::new(Ours {
                name,
                talking: Arc::clone(&talking),
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
            let answer = main.call("PostProcessor.PostProcess", Value::from(id.0));
            timeout(FOR_EVER, answer).await.unwrap().unwrap()
        })
    }

    /// Waits until the plugin has said `count` further lines.
    pub(crate) async fn wait_until_said(&self, count: u32) {
        let said = timeout(FOR_EVER, self.said.acquire_many(count));
        said.await.unwrap().unwrap().forget();
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
        if self.name != "Artifact" {
            self.talking.fetch_add(1, Ordering::Relaxed);
        }
        let (name, talking) = (self.name, Arc::clone(&self.talking));
        let answer = async move {
            // Packer takes its time, and would show whatever else comes meanwhile.
            drop(timeout(Duration::from_millis(1), pending::<()>()).await);
            if name != "Artifact" && talking.fetch_sub(1, Ordering::Relaxed) != 1 {
                return Err("two calls to the user at once".to_owned());
            }
            outcome
        };
        Some(answer.boxed())
    }
}
