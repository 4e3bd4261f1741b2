//! The post-processor `azure-batch`: from Packer's calls to the imaging service and back.
//!
//! It decides nothing about Azure and sends nothing there: what is published, and how, is the
//! service's ([`crate::service`]).

mod publish;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use azure_batch_core::{
    clock::{Clock, SystemClock},
    ids::MadeFrom,
    options::{Door, Verb, image},
    settings::{self, Connection, Value, Values, fault::Fault},
};

use self::publish::Request;
use crate::{
    artifact_in::Input,
    artifact_out::{PublishedArtifact, Reach},
    config::{Config, Force, Local, fault_text, faults_of},
    environment::{self, Lookup},
    hcl::{self, Phase},
    imaging::v1,
    manifest::{self, Manifest},
    packer::{
        artifact::InputArtifact,
        cancellation::Cancellation,
        config::RawConfigs,
        log,
        post_processor::{Keep, Output, PostProcessor, Processed},
        spec::Spec,
        text::set_in,
        ui::Ui,
    },
    service::publisher::{AzurePublisher, Publisher},
};

/// Names the whole Packer run, in all its processes.
const RUN_UUID: &str = "PACKER_RUN_UUID";

/// What -force means here, unlike in builders.
const FORCE_LINE: &str = "-force: a new version is made even if there is one of the same source; none is overwritten";

/// What is ready for the first request.
struct Prepared {
    input: Input,
    request: Request,
    connection: Connection,
    local: Local,
}

/// The post-processor.
pub struct AzureBatch {
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    lookup: Box<Lookup>,
    /// The newest configuration, unread: a legacy template is completed only when the input is known.
    configs: Mutex<RawConfigs>,
}

impl fmt::Debug for AzureBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureBatch")
            .field("publisher", &self.publisher)
            .finish_non_exhaustive()
    }
}

impl AzureBatch {
    /// The post-processor of this process: real Azure, real clock, real environment.
    #[must_use]
    pub fn of_process() -> Self {
        let clock = Arc::new(SystemClock);
        let publisher = Arc::new(AzurePublisher::new(clock.clone()));
        Self::new(publisher, clock, Box::new(environment::of_process))
    }

    /// A post-processor with all its surroundings given.
    #[must_use]
    pub fn new(publisher: Arc<dyn Publisher>, clock: Arc<dyn Clock>, lookup: Box<Lookup>) -> Self {
        Self {
            publisher,
            clock,
            lookup,
            configs: Mutex::default(),
        }
    }

    /// What to publish, with everything known that will be.
    async fn settle(&self, input: &Input) -> Result<(Values, Local), String> {
        let raw = self.configs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.clock.now();
        let run = (self.lookup)(RUN_UUID).filter(|run| !run.is_empty());
        let mut known = input.build_variables();
        if let Some(run) = &run {
            // Builders such as null do not give it.
            known.entry("PackerRunUUID".to_owned()).or_insert_with(|| run.clone());
        }
        let config = Config::read(&raw, &known, Phase::After, now);
        let (mut values, mut local) = config.settle().map_err(|faults| fault_text(&faults))?;
        settings::complete(&mut values, Verb::Publish, &self.lookup);
        if !settings::names_source(&values)
            && let Some(source) = input.source(settings::definition(&values).as_ref()).await?
        {
            let carries_no_mark = source.has(image::SOURCE_OS_SNAPSHOT) || source.has(image::SOURCE_OS_VHD);
            if carries_no_mark && !values.has(image::GENERALIZED) {
                // azure-arm makes managed images and VHDs of generalized machines only, and ran what generalizes them.
                values.set(image::GENERALIZED, true);
            }
            let said = match values.remove(image::SOURCE) {
                Some(Value::Block(block)) => block,
                _ => Values::default(),
            };
            values.set(image::SOURCE, said.completed_by(source).completed_by(base_of(input)));
        }
        let faults = faults_of(&values, "settle", local.build.force.reuse(), now);
        if !faults.is_empty() {
            return Err(fault_text(&faults));
        }
        local.build.run_uuid = run;
        Ok((values, local))
    }

    /// Everything that can be known and refused before the first request.
    async fn prepare(&self, ui: &Ui, input: InputArtifact) -> Result<Prepared, String> {
        let input = Input::read(input).await.map_err(|error| log::chain(&error))?;
        let (values, local) = self.settle(&input).await?;
        let place = local.manifest.clone();
        let checked = tokio::task::spawn_blocking(move || place.check()).await;
        checked
            .map_err(|crash| crash.to_string())?
            .map_err(|error| format!("azure-batch: {}\n  hint: {}", log::chain(&error), manifest::HINT))?;
        if local.build.force == Force::Yes {
            // Users must not believe that -force replaced a version that pools run on.
            drop(ui.say(FORCE_LINE).await);
        }
        let request = Request::new(&values, &local.build)?;
        let spelled = |faults: Vec<Fault>| {
            faults
                .iter()
                .map(|fault| fault.spelled(Door::Template))
                .collect::<Vec<_>>()
        };
        let connection = settings::connection(&values).map_err(|faults| fault_text(&spelled(faults)))?;
        Ok(Prepared {
            input,
            request,
            connection,
            local,
        })
    }

    async fn publish(&self, ui: Ui, input: InputArtifact, cancel: Cancellation) -> Result<Processed, String> {
        let prepared = tokio::select! {
            biased;
            // Packer may hold its answers back, and then a Cancel must be heard all the same.
            _ = cancel.cancelled() => Err("azure-batch: cancelled before anything was done".to_owned()),
            prepared = self.prepare(&ui, input) => prepared,
        };
        let Prepared {
            input,
            request,
            connection,
            local,
        } = prepared?;
        let published = publish::run(&self.publisher, &self.clock, request, &ui, &cancel).await?;
        let reach = Reach {
            publisher: Arc::clone(&self.publisher),
            connection,
            clock: Arc::clone(&self.clock),
        };
        write_manifest(&published, &local, self.clock.as_ref()).await?;
        Ok(Processed {
            output: Output::Artifact(Arc::new(PublishedArtifact::new(published, &local, (input, ui), reach))),
            keep: Keep::KeepForced,
        })
    }
}

#[async_trait]
impl PostProcessor for AzureBatch {
    fn config_spec(&self) -> Spec {
        hcl::spec()
    }

    fn configure(&self, configs: RawConfigs) -> Result<(), String> {
        let now = self.clock.now();
        let config = Config::read(&configs, &BTreeMap::new(), Phase::Before, now);
        config.check(now).map_err(|faults| set_in(&fault_text(&faults)))?;
        *self.configs.lock().unwrap_or_else(PoisonError::into_inner) = configs;
        Ok(())
    }

    async fn post_process(&self, ui: Ui, input: InputArtifact, cancel: Cancellation) -> Result<Processed, String> {
        self.publish(ui, input, cancel).await.map_err(|text| set_in(&text))
    }
}

/// What the builder says that the machine was made of, where it names an image. A VHD or nothing is no fault of the user.
fn base_of(input: &Input) -> Values {
    let said = input.made_from().filter(|said| said.parse::<MadeFrom>().is_ok());
    match said {
        Some(said) => Values::default().with(image::SOURCE_BASE_IMAGE, said),
        None => Values::default(),
    }
}

/// Files may be slow or hang (NFS), and this thread answers Packer's keep-alives.
async fn write_manifest(published: &v1::Published, local: &Local, clock: &dyn Clock) -> Result<(), String> {
    let manifest = Manifest::new(published, &local.build.name, clock.now());
    let place = local.manifest.clone();
    let written = tokio::task::spawn_blocking(move || place.write(&manifest)).await;
    written.map_err(|crash| crash.to_string())?.map_err(|error| {
        format!(
            "azure-batch: {}\n  the version is published all the same: {}\n  hint: {}, and build again: the version is found and not made twice",
            log::chain(&error),
            published.image_version_id,
            manifest::HINT
        )
    })
}
