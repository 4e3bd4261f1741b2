//! The artifact we hand to Packer: a version in a gallery, and the manifest.
//!
//! `Destroy` removes a version only on request, and core only one that nothing uses.

use std::sync::Arc;

use async_trait::async_trait;
use azure_batch_core::{
    clock::Clock,
    ids::resource::ImageVersionId,
    options::{Door, image::DESTROY_DELETES_VERSION},
    settings::Connection,
};

use crate::{
    artifact_in::Input,
    config::{Local, OnDestroy},
    imaging::v1,
    manifest::Place,
    packer::{
        artifact::Artifact,
        log,
        state::{GENERATED_DATA, IMAGE_METADATA, ImageMetadata, State},
        text::set_in,
        ui::Ui,
    },
    service::{failure::Failed, publisher::Publisher},
};

/// By which our artifacts are known to other post-processors.
pub const BUILDER_ID: &str = "azure-batch.image-version";

/// HCP Packer's name of the cloud, the same as azure-arm's.
const PROVIDER: &str = "azure";

/// A published version, as Packer sees it.
#[derive(Debug)]
pub struct PublishedArtifact {
    published: v1::Published,
    manifest: Place,
    on_destroy: OnDestroy,
    run_uuid: Option<String>,
    input: Input,
    ui: Ui,
    reach: Reach,
}

/// By which the version can be deleted.
#[derive(Debug)]
pub struct Reach {
    /// Who does it.
    pub publisher: Arc<dyn Publisher>,
    /// As whom.
    pub connection: Connection,
    /// For the time of a failure.
    pub clock: Arc<dyn Clock>,
}

impl PublishedArtifact {
    /// The artifact of a version, made from `input`.
    #[must_use]
    pub fn new(published: v1::Published, local: &Local, (input, ui): (Input, Ui), reach: Reach) -> Self {
        Self {
            published,
            manifest: local.manifest.clone(),
            on_destroy: local.on_destroy,
            run_uuid: local.build.run_uuid.clone(),
            input,
            ui,
            reach,
        }
    }

    /// Deletes the version, if nothing uses it.
    async fn delete(&self) -> Result<(), String> {
        let id = &self.published.image_version_id;
        let version = id
            .parse::<ImageVersionId>()
            .map_err(|error| format!("azure-batch: {error}"))?;
        let deleted = self.reach.publisher.delete(version, &self.reach.connection).await;
        deleted.map_err(|error| {
            let failed = Failed::of_error(&error, Door::Template, self.reach.clock.now());
            set_in(&format!("{DESTROY_DELETES_VERSION}: {}", failed.failure.report))
        })
    }

    /// Packer may have gone meanwhile; then it is not read.
    async fn say(&self, line: &str) {
        drop(self.ui.say(line).await);
    }

    /// What was published, for people: shown when all builds are done.
    fn describe(&self) -> String {
        let published = &self.published;
        let regions: Vec<String> = published.regions.iter().map(region_text).collect();
        let kept = published
            .kept
            .iter()
            .map(|kept| format!("\nkept: {} ({})", kept.id, kept.why));
        let remaining = published.remaining.iter().map(|step| format!("\nstill to do: {step}"));
        // The usual way needs no word; that nothing was made, people want to know.
        let how = match published.outcome() {
            v1::Outcome::Adopted => ", adopted",
            v1::Outcome::Found => ", found again",
            v1::Outcome::Created | v1::Outcome::Unspecified => "",
        };
        format!(
            "image version {}{how} ({}, {}, {})\n{}\nregions: {}{}{}",
            published.image_version,
            published.os_type,
            published.hyper_v_generation,
            published.architecture,
            published.image_version_id,
            regions.join(", "),
            self.manifest
                .path()
                .map(|path| format!("\nmanifest: {path}"))
                .unwrap_or_default(),
            remaining.chain(kept).collect::<String>()
        )
    }

    /// One entry a region, as HCP Packer wants it.
    fn images(&self) -> Vec<ImageMetadata> {
        let published = &self.published;
        let source = self.source_image_id();
        let entry = |region: &v1::PublishedRegion| {
            let labels = [
                ("image_definition_id", published.image_definition_id.clone()),
                ("image_version", published.image_version.clone()),
                ("os_type", published.os_type.clone()),
                ("hyper_v_generation", published.hyper_v_generation.clone()),
                ("architecture", published.architecture.clone()),
                ("security_type", published.security_type.clone()),
                ("replicas", region.replicas.to_string()),
                ("source_fingerprint", published.fingerprint.clone()),
            ];
            ImageMetadata {
                image_id: published.image_version_id.clone(),
                provider_name: PROVIDER.to_owned(),
                provider_region: region.name.clone(),
                labels: labels.into_iter().map(|(name, text)| (name.to_owned(), text)).collect(),
                source_image_id: source.clone(),
            }
        };
        published.regions.iter().map(entry).collect()
    }

    /// The image behind it, for HCP Packer's ancestry: what azure-arm said, else what was seen.
    fn source_image_id(&self) -> String {
        let said = self.input.made_from();
        said.unwrap_or_else(|| self.published.source_image_id.clone())
    }

    fn generated(&self) -> State {
        let mut values = self.input.generated().clone();
        values.insert_text("ImageVersionId", &self.published.image_version_id);
        values.insert_text("ImageDefinitionId", &self.published.image_definition_id);
        if let Some(path) = self.manifest.path() {
            values.insert_text("ManifestPath", path);
        }
        // Builders such as null do not give it, and the next post-processor would read <unknown>.
        if let Some(run) = self
            .run_uuid
            .as_deref()
            .filter(|_| values.find("PackerRunUUID").is_none())
        {
            values.insert_text("PackerRunUUID", run);
        }
        State::GeneratedData(values)
    }

    async fn forward(&self, name: &str) -> State {
        match self.input.artifact().state(name).await {
            Ok(value) => State::Forwarded(value),
            Err(error) => {
                log::warn(&format!("state {name} is not known: {}", log::chain(&error)));
                State::Unknown
            }
        }
    }
}

#[async_trait]
impl Artifact for PublishedArtifact {
    fn builder_id(&self) -> String {
        BUILDER_ID.to_owned()
    }

    fn id(&self) -> String {
        self.published.image_version_id.clone()
    }

    fn text(&self) -> String {
        self.describe()
    }

    fn files(&self) -> Vec<String> {
        self.manifest.path().map(str::to_owned).into_iter().collect()
    }

    async fn state(&self, name: &str) -> State {
        match name {
            GENERATED_DATA => self.generated(),
            IMAGE_METADATA => State::Images(self.images()),
            _ => self.forward(name).await,
        }
    }

    async fn destroy(&self) -> Result<(), String> {
        let id = &self.published.image_version_id;
        match self.on_destroy {
            OnDestroy::LeaveVersion => {
                let line = format!("azure-batch: no temporaries are left to remove, and the version stays: {id}");
                self.say(&line).await;
            }
            OnDestroy::DeleteVersion => {
                self.delete().await?;
                self.say(&format!(
                    "azure-batch: the version was deleted, since nothing uses it: {id}"
                ))
                .await;
            }
        }
        Ok(())
    }
}

fn region_text(region: &v1::PublishedRegion) -> String {
    let noun = if region.replicas == 1 { "replica" } else { "replicas" };
    format!("{} ({} {noun})", region.name, region.replicas)
}
