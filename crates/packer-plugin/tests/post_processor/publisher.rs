//! A publisher that follows a script instead of going to Azure.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_batch_core::{
    error::{Error, ErrorKind, Result},
    ids::resource::ImageVersionId,
    plan::{Course, Ended, Kept, Plan},
    progress::{CheckOutcome, Event, Progress, StepTime},
    publish::{Outcome, PublishPlan, Published, PublishedRegion, Step, Stored},
    settings::{Asked, Connection, PublishSettings},
};
use packer_plugin_azure_batch::service::publisher::Publisher;
use tokio_util::sync::CancellationToken;

/// How a scripted publish ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// Well.
    Success,
    /// With that kind of failure.
    Failure(ErrorKind),
    /// When it is cancelled, having cleaned up.
    Cancel,
    /// With a panic.
    Panic,
}

/// The publisher, and what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    end: End,
    /// What a failure says in addition.
    also: &'static str,
    pub(crate) jobs: Arc<Mutex<Vec<Asked<PublishSettings>>>>,
}

const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images";
pub(crate) const SNAPSHOT: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/snapshots/s1";
pub(crate) const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";

impl Scripted {
    pub(crate) fn new(end: End) -> Self {
        Self::failing_with(end, "")
    }

    /// The same with more in the text of its failure.
    pub(crate) fn failing_with(end: End, also: &'static str) -> Self {
        Self {
            end,
            also,
            jobs: Arc::default(),
        }
    }
}

#[async_trait]
impl Publisher for Scripted {
    async fn plan(&self, job: Asked<PublishSettings>, _: Progress, _: CancellationToken) -> Result<PublishPlan> {
        self.jobs.lock().unwrap().push(job);
        Ok(PublishPlan {
            version: VERSION.parse().unwrap(),
            steps: Plan::new(vec![Step::CopyDisk {
                snapshot: format!("{GROUP}/providers/Microsoft.Compute/snapshots/s1")
                    .parse()
                    .unwrap(),
                disk: format!("{GROUP}/providers/Microsoft.Compute/disks/d1"),
            }]),
            base_image: None,
            node_agent: None,
            checks: Vec::new(),
            left: Vec::new(),
            replicas: vec!["eastus2: 4".to_owned()],
            stored: Stored {
                gib_per_replica: 30,
                regions: Vec::new(),
            },
            cost: None,
            end_of_life: None,
            followers: Vec::new(),
            permanent: Vec::new(),
            mount_script: None,
        })
    }

    async fn publish(
        &self,
        job: Asked<PublishSettings>,
        progress: Progress,
        cancel: CancellationToken,
    ) -> Ended<Published, Course> {
        self.jobs.lock().unwrap().push(job);
        progress.tell(Event::StepStarted {
            step: "snapshots",
            what: "Copying 1 disk".to_owned(),
            place: None,
        });
        progress.tell(Event::Check {
            name: "deallocated".to_owned(),
            outcome: CheckOutcome::Pass,
            text: "it is".to_owned(),
        });
        progress.tell(Event::Copied { done: 1, total: 1 });
        for percent in [0, 4, 12, 100] {
            progress.tell(replication(percent));
        }
        let result = match self.end {
            End::Success => Ok(published()),
            End::Failure(kind) => {
                let said = format!("the service said panic: no{}", self.also);
                progress.tell(Event::Warning { text: said.clone() });
                let cause = Error::new(kind, said).with_hint("ask it again");
                Err(cause.while_doing("cannot publish 1.4.2"))
            }
            End::Cancel => {
                cancel.cancelled().await;
                progress.tell(Event::Removed {
                    id: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/snapshots/s1".to_owned(),
                });
                Err(Error::new(ErrorKind::Cancelled, "stopped as asked"))
            }
            End::Panic => panic!("a fault of ours"),
        };
        let report = match &result {
            Ok(_) => Course::default(),
            Err(_) => course(),
        };
        Ended { result, report }
    }

    async fn delete(&self, version: ImageVersionId, _: &Connection) -> Result<()> {
        match self.also {
            "" => Ok(()),
            why => Err(Error::new(
                ErrorKind::Refused,
                format!("{} is kept: {why}", version.name()),
            )),
        }
    }
}

fn course() -> Course {
    Course {
        steps: vec![StepTime {
            step: "snapshots".to_owned(),
            seconds: 7,
        }],
        kept: vec![Kept {
            id: SNAPSHOT.to_owned(),
            why: "keep names it".to_owned(),
        }],
    }
}

fn region(name: &str, replicas: u32) -> PublishedRegion {
    PublishedRegion {
        location: name.parse().unwrap(),
        replicas,
        state: "Completed".to_owned(),
    }
}

fn published() -> Published {
    let version: ImageVersionId = VERSION.parse().unwrap();
    Published {
        number: version.number().unwrap(),
        definition: version.definition(),
        version,
        source: "virtual machine vm1".to_owned(),
        source_image: Some("/Subscriptions/s/Providers/Microsoft.Compute/Locations/eastus2/Publishers/p".to_owned()),
        fingerprint: "5b1f".to_owned(),
        outcome: Outcome::Created,
        os_type: "Linux".to_owned(),
        hyper_v_generation: "V2".to_owned(),
        architecture: "x64".to_owned(),
        security_type: "Standard".to_owned(),
        data_disk_luns: vec![0, 1],
        regions: vec![region("eastus2", 4), region("westeurope", 1)],
        base_image: None,
        node_agent: None,
        remaining: Plan::new(Vec::new()),
        mount_script: None,
        test_output: None,
    }
}

fn replication(percent: u8) -> Event {
    Event::Replication {
        region: "eastus2".parse().unwrap(),
        state: if percent < 100 { "Replicating" } else { "Completed" }.to_owned(),
        percent,
    }
}
