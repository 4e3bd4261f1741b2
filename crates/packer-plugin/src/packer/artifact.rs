//! Artifacts in both directions: the one we are given, and the one we give.
//!
//! What our own artifact says is decided by whoever implements [`Artifact`]; here is only
//! how Packer asks for it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use rmpv::Value;

use super::caller::{CallError, Caller};
use super::codec::as_text;
use super::dispatch::{Answer, Service};
use super::state::{GENERATED_DATA, GeneratedData, State};
use super::text::for_packer;

/// Name of the service in both directions.
pub(super) const SERVICE: &str = "Artifact";

/// The artifact that a post-processor hands to Packer.
///
/// Packer asks for its texts at the very end of the whole run, when the work is long done.
#[async_trait]
pub trait Artifact: Send + Sync + 'static {
    /// Which kind of artifact this is, for the post-processor that comes next.
    fn builder_id(&self) -> String;

    /// Id of what was made.
    fn id(&self) -> String;

    /// What was made, for people; shown when all builds are done.
    fn text(&self) -> String;

    /// Paths of the files that belong to it.
    fn files(&self) -> Vec<String>;

    /// A state by its name.
    async fn state(&self, name: &str) -> State;

    /// Removes what was made, because the next post-processor does not keep it.
    ///
    /// # Errors
    ///
    /// With the text that Packer shows.
    async fn destroy(&self) -> Result<(), String>;
}

/// The artifact that the builder, or the post-processor before us, handed to Packer.
///
/// Can be asked as long as it is held, also when the post-processor has long returned.
#[derive(Debug, Clone)]
pub struct InputArtifact {
    caller: Caller,
}

/// Serves an artifact of ours.
pub(super) struct ArtifactService {
    artifact: Arc<dyn Artifact>,
}

/// Serves the input artifact again, by asking Packer for everything.
pub(super) struct ForwardingService {
    input: InputArtifact,
}

impl InputArtifact {
    /// The artifact that Packer serves on the stream of `caller`.
    #[must_use]
    pub fn new(caller: Caller) -> Self {
        Self { caller }
    }

    /// Which kind of artifact it is.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more, or with something else.
    pub async fn builder_id(&self) -> Result<String, CallError> {
        self.ask_text("Artifact.BuilderId").await
    }

    /// Id of what was made.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more, or with something else.
    pub async fn id(&self) -> Result<String, CallError> {
        self.ask_text("Artifact.Id").await
    }

    /// What was made, for people.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more, or with something else.
    pub async fn text(&self) -> Result<String, CallError> {
        self.ask_text("Artifact.String").await
    }

    /// Paths of the files that belong to it.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more, or with something else.
    pub async fn files(&self) -> Result<Vec<String>, CallError> {
        const METHOD: &str = "Artifact.Files";
        let unexpected = || CallError::Unexpected {
            method: METHOD.to_owned(),
            expected: "a list of text",
        };
        match self.caller.call(METHOD, Value::Nil).await? {
            Value::Nil => Ok(Vec::new()),
            Value::Array(items) => items
                .iter()
                .map(|item| as_text(item).map(str::to_owned).ok_or_else(unexpected))
                .collect(),
            _ => Err(unexpected()),
        }
    }

    /// A state by its name; nil when there is none. May hold secrets.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn state(&self, name: &str) -> Result<Value, CallError> {
        self.caller.call("Artifact.State", Value::from(name)).await
    }

    /// What the builder offers as `build.*`.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn generated_data(&self) -> Result<GeneratedData, CallError> {
        let state = self.state(GENERATED_DATA).await?;
        Ok(GeneratedData::from_value(&state))
    }

    /// Removes what was made.
    ///
    /// # Errors
    ///
    /// When that fails, or Packer does not answer any more.
    pub async fn destroy(&self) -> Result<(), CallError> {
        self.caller.call("Artifact.Destroy", Value::Nil).await.map(drop)
    }

    async fn ask_text(&self, method: &str) -> Result<String, CallError> {
        let answer = self.caller.call(method, Value::Nil).await?;
        as_text(&answer)
            .map(str::to_owned)
            .ok_or_else(|| CallError::Unexpected {
                method: method.to_owned(),
                expected: "text",
            })
    }
}

impl ArtifactService {
    pub(super) fn new(artifact: Arc<dyn Artifact>) -> Self {
        Self { artifact }
    }
}

impl Service for ArtifactService {
    fn begin(&self, method: &str, argument: Value) -> Option<Answer> {
        let artifact = Arc::clone(&self.artifact);
        Some(match method {
            "BuilderId" => text(artifact.builder_id()),
            "Id" => text(artifact.id()),
            "String" => text(artifact.text()),
            "Files" => {
                let files = artifact.files().into_iter().map(Value::from).collect();
                ready(Value::Array(files))
            }
            "State" => {
                let name = as_text(&argument).unwrap_or_default().to_owned();
                async move { Ok(artifact.state(&name).await.into_value()) }.boxed()
            }
            // The header's error is the only failure that Packer can decode.
            "Destroy" => async move { artifact.destroy().await.map(|()| Value::Nil) }.boxed(),
            _ => return None,
        })
    }
}

impl ForwardingService {
    pub(super) const fn new(input: InputArtifact) -> Self {
        Self { input }
    }
}

impl Service for ForwardingService {
    fn begin(&self, method: &str, argument: Value) -> Option<Answer> {
        const METHODS: [&str; 6] = ["BuilderId", "Id", "String", "Files", "State", "Destroy"];
        if !METHODS.contains(&method) {
            return None;
        }
        let method = format!("{SERVICE}.{method}");
        let caller = self.input.caller.clone();
        let answer = async move {
            let outcome = caller.call(&method, argument).await;
            outcome.map_err(|error| match error {
                // Packer's own text, which it would otherwise see wrapped in ours.
                CallError::Refused { text, .. } => text,
                lost => lost.to_string(),
            })
        };
        Some(answer.boxed())
    }
}

fn text(text: String) -> Answer {
    ready(Value::from(for_packer(&text)))
}

fn ready(value: Value) -> Answer {
    std::future::ready(Ok(value)).boxed()
}
