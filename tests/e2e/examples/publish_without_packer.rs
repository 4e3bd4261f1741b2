//! Publishes the example's machine through the gRPC service that the Packer post-processor uses, without Packer.
//!
//! A release system of any kind would do the same: it sends a request and reads a stream of events. `cargo xtask demo`
//! runs it where there is no Packer.
//!
//! `publish_without_packer METADATA_HOST CA_FILE MANIFEST`, with the secret in `ARM_CLIENT_SECRET`.

use std::{error::Error, path::Path, process::ExitCode, sync::Arc};

use azure_batch_core::clock::{Clock as _, SystemClock};
use azure_batch_e2e::{
    console::{complain, say},
    world,
};
use packer_plugin_azure_batch::{
    imaging::v1::{Connection, Destination, Image, PublishRequest, Published, Source, UsedBy, event::Kind},
    manifest::{Manifest, Place},
    service::{ImagingService, failure::Failed, in_process, publisher::AzurePublisher},
};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, ca_file, manifest] = arguments.as_slice() else {
        complain("usage: publish_without_packer METADATA_HOST CA_FILE MANIFEST");
        return ExitCode::from(2);
    };
    match run(host, ca_file, Path::new(manifest)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(host: &str, ca_file: &str, manifest: &Path) -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(SystemClock);
    let publisher = Arc::new(AzurePublisher::new(clock.clone()));
    let mut client = in_process(ImagingService::new(publisher, clock.clone())).await?;
    let request = PublishRequest {
        operation_id: "demo".to_owned(),
        connection: Some(connection(host, ca_file)),
        image: Some(image()),
        ..PublishRequest::default()
    };
    // A refusal carries its report in the status, as the post-processor shows it.
    let refused = |status: tonic::Status| Failed::read(&status).failure.report;
    let mut events = client.publish(request).await.map_err(refused)?.into_inner();
    let mut published: Option<Published> = None;
    while let Some(event) = events.message().await.map_err(refused)? {
        say(&event.text);
        if let Some(Kind::Published(reached)) = event.kind {
            published = Some(*reached);
        }
    }
    let published = published.ok_or("the stream ended without a result")?;
    Place::new(&manifest.to_string_lossy()).write(&Manifest::new(&published, "machine", clock.now()))?;
    Ok(())
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// As whom the demo works, and with which Azure.
fn connection(host: &str, ca_file: &str) -> Connection {
    Connection {
        tenant_id: text(world::TENANT),
        client_id: text(world::CLIENT),
        client_secret: std::env::var_os("ARM_CLIENT_SECRET").and_then(|secret| secret.into_string().ok()),
        metadata_host: text(host),
        ca_file: text(ca_file),
        ..Connection::default()
    }
}

/// What the template of the demo says, in the service's words.
fn image() -> Image {
    let used_by = |account: &str, nodes| UsedBy {
        batch_account: Some(world::account(account)),
        nodes: Some(nodes),
        vm_size: None,
    };
    Image {
        subscription_id: text(world::SUBSCRIPTION),
        source: Some(Source {
            vm: Some(world::machine()),
            ..Source::default()
        }),
        shared_image_gallery_destination: Some(Destination {
            resource_group: text(world::GROUP),
            gallery_name: text(world::GALLERY),
            image_name: text("ubuntu"),
            ..Destination::default()
        }),
        used_by: vec![used_by(world::ACCOUNT, 700), used_by(world::OTHER_ACCOUNT, 100)],
        ..Image::default()
    }
}
