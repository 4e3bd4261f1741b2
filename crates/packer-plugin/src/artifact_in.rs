//! What the builder, or the post-processor before us, handed over.
//!
//! Its `generated_data` may hold private keys and passwords: it goes on to the next
//! post-processor and nowhere else. Publishing from an artifact itself is not here yet.

use std::collections::BTreeMap;

use crate::packer::{artifact::InputArtifact, caller::CallError, state::GeneratedData};

/// An input artifact with what had to be asked at once.
#[derive(Clone, Debug)]
pub struct Input {
    artifact: InputArtifact,
    generated: GeneratedData,
}

impl Input {
    /// Asks Packer about the artifact.
    ///
    /// # Errors
    /// When Packer does not answer any more.
    pub async fn read(artifact: InputArtifact) -> Result<Self, CallError> {
        Ok(Self {
            generated: artifact.generated_data().await?,
            artifact,
        })
    }

    /// What `{{build}}` of a legacy template knows.
    #[must_use]
    pub fn build_variables(&self) -> BTreeMap<String, String> {
        self.generated.texts()
    }

    /// The builder's own values for `build.*`.
    #[must_use]
    pub const fn generated(&self) -> &GeneratedData {
        &self.generated
    }

    /// The artifact, for what only Packer knows.
    #[must_use]
    pub const fn artifact(&self) -> &InputArtifact {
        &self.artifact
    }
}
