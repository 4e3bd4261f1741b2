//! A local Azure: Entra ID, ARM compute, galleries and Batch, for tests and for trying things without an account.
//!
//! [`Emulator::respond`] is the whole service as a function of a request and the time. It opens no socket,
//! reads no clock and starts no task: `host` does that. What is faithful and what is simplified is listed in
//! `docs/emulator.md`.

use std::net::Ipv4Addr;

use ::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

pub mod arm;
pub mod batch;
pub mod call;
pub mod compute;
mod control;
pub mod deployment;
pub mod directory;
pub mod engine;
pub mod entra;
pub mod envelope;
pub mod fault;
mod front_end;
pub mod guess;
pub mod host;
pub mod http;
pub mod ids;
pub mod journal;
mod json;
pub mod managed_identity;
pub mod network;
pub mod operation;
mod outcome;
mod overview;
mod pattern;
pub mod region;
mod resource;
pub mod rights;
mod scripted;
pub mod seed;
mod signature;
pub mod storage;
pub mod throttling;
pub mod timing;
pub mod vault;
pub mod view;
pub mod world;

pub use crate::outcome::Outcome;
use crate::{
    call::Call,
    fault::Fault,
    http::{Request, Response},
    journal::{Entry, Journal},
    seed::{Seed, SeedError},
    timing::Timing,
    world::World,
};

/// How an emulator behaves, apart from what it contains.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long operations take.
    pub timing: Timing,
    /// The most items that a page of a list carries; Azure's own sizes are of that order.
    pub page_size: usize,
    /// What every public IP address is. On loopback, an SSH server there can play the VM that a builder connects to.
    pub public_address: Ipv4Addr,
    /// Host and port of the blobs of each storage account to come, in order. The accounts after them have Azure's names,
    /// which in memory do as well.
    pub blob_hosts: Vec<String>,
    /// Whether poll URLs are short and unsigned. Azure's are signed and longer than 4 KB.
    pub short_poll_urls: bool,
}

/// One emulated Azure.
#[derive(Debug)]
pub struct Emulator {
    world: World,
    journal: Journal,
}

/// The faces of the emulator; each has an error form of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Entra,
    Arm,
    Batch,
    Blobs,
    Vault,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timing: Timing::default(),
            page_size: 50,
            public_address: Ipv4Addr::LOCALHOST,
            blob_hosts: Vec::new(),
            short_poll_urls: false,
        }
    }
}

impl Emulator {
    /// An empty Azure: no tenant, no subscription.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let world = World {
            entra: entra::Entra::default(),
            directory: directory::Directory::default(),
            compute: compute::Compute::default(),
            network: network::Network::new(settings.public_address),
            deployments: deployment::state::Deployments::default(),
            vaults: vault::Vaults::default(),
            identities: managed_identity::Identities::default(),
            rights: rights::Rights::default(),
            storage: storage::Storage::new(&settings.blob_hosts),
            batch: batch::Batch::default(),
            engine: engine::Engine::new(settings.timing, settings.page_size, settings.short_poll_urls),
        };
        Self {
            world,
            journal: Journal::default(),
        }
    }

    /// An Azure with usual settings and that content.
    ///
    /// # Errors
    ///
    /// Returns an error when the seed names something it does not contain, or when its Batch part is refused.
    pub fn from_seed(seed: &Seed, now: Timestamp) -> Result<Self, SeedError> {
        let mut emulator = Self::new(Settings::default());
        emulator.seed(seed, now)?;
        Ok(emulator)
    }

    /// Adds the seed's content; what has the same name as something there takes its place.
    ///
    /// # Errors
    ///
    /// Returns an error when the seed names something it does not contain, or when its Batch part is refused.
    pub fn seed(&mut self, seed: &Seed, now: Timestamp) -> Result<(), SeedError> {
        self.world.settle(now);
        seed.plant(&mut self.world, now)
    }

    /// Answers one request at a time that never runs backwards.
    pub fn respond(&mut self, request: &Request, now: Timestamp) -> Outcome {
        let number = self.journal.next();
        self.world.settle(now);
        let service = service(&self.world.storage, request);
        let call = Call { request, now };
        let outcome = self.outcome(number, service, &call).dated(now);
        let hit = self.world.engine.faults.take_hit();
        self.journal.add(Entry::new(request, &outcome, (number, now), hit));
        outcome
    }

    /// The requests so far, oldest first; of a very long run, the newest.
    #[must_use]
    pub fn journal(&self) -> &[Entry] {
        self.journal.entries()
    }

    /// An assertion of any issuer, e.g. of a cluster, to be exchanged for an access token: valid for five minutes.
    #[must_use]
    pub fn assertion(credential: &entra::FederatedCredential, now: Timestamp) -> String {
        entra::Entra::assertion(credential, now)
    }

    /// Forgets the requests so far; their numbers start again at 1.
    pub fn clear_journal(&mut self) {
        self.journal = Journal::default();
    }

    /// Adds a fault to the script.
    pub fn add_fault(&mut self, fault: Fault) {
        self.world.engine.faults.add(fault);
    }

    /// Empties the script of faults.
    pub fn clear_faults(&mut self) {
        self.world.engine.faults.clear();
    }

    /// The script of faults with how often each matched and hit.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        self.world.engine.faults.script()
    }

    /// Every resource, sorted by id, without what differs from run to run: GUIDs, times, ETags.
    ///
    /// Two runs that did the same leave equal values.
    #[must_use]
    pub fn resources(&mut self, now: Timestamp) -> Value {
        self.world.settle(now);
        let mut all = json!({
            "resourceGroups": self.world.directory.resources(),
            "compute": self.world.compute.resources(now),
            "network": self.world.network_parts().views(),
            "deployments": self.world.deployments.views(),
            "vaults": self.world.vaults.views(),
            "identities": self.world.identities.views(),
            "storage": self.world.storage.resources(now),
            "batch": self.world.batch.resources(now),
        });
        seed::strip_volatile(&mut all);
        all
    }

    fn outcome(&mut self, number: u64, service: Service, call: &Call<'_>) -> Outcome {
        let request = call.request;
        if front_end::is_without_length(request) {
            let message = "The Content-Length header was not specified.";
            return Outcome::Answer(match service {
                Service::Batch => {
                    let code = "MissingContentLengthHeader";
                    batch::refuse(
                        &mut self.world.batch_parts(),
                        call,
                        StatusCode::LENGTH_REQUIRED,
                        (code, message),
                    )
                }
                Service::Entra | Service::Arm | Service::Blobs | Service::Vault => front_end::length_required(),
            });
        }
        match self.world.engine.faults.meet(number, &request.method, &request.path) {
            Some(effect) => self.answer_under(effect, service, call),
            None => Outcome::Answer(self.answer(service, call)),
        }
    }

    fn answer(&mut self, service: Service, call: &Call<'_>) -> Response {
        match service {
            Service::Entra => entra::respond(&self.world.entra, &mut self.world.engine.ids, call)
                .unwrap_or_else(|| envelope::unsupported(call.request).response()),
            Service::Arm => arm::respond(&mut self.world, call),
            Service::Batch => batch::respond(&mut self.world.batch_parts(), call),
            Service::Blobs => self.world.respond_to_blobs(call),
            Service::Vault => {
                let world = &mut self.world;
                vault::respond_at_a_vault(&mut world.vaults, (&world.entra, &mut world.engine), call)
            }
        }
    }
}

fn service(storage: &storage::Storage, request: &Request) -> Service {
    if storage.has_host(&request.authority) {
        return Service::Blobs;
    }
    if vault::is_at_a_vault(&request.authority) {
        return Service::Vault;
    }
    let first = request
        .segments()
        .first()
        .map(|segment| segment.to_lowercase())
        .unwrap_or_default();
    let is_arm = matches!(first.as_str(), "subscriptions" | "providers" | "tenants" | "locations");
    if entra::is_entra_path(request) {
        Service::Entra
    } else if is_arm || (first == "metadata" && request.method == Method::GET) {
        Service::Arm
    } else {
        Service::Batch
    }
}

#[cfg(test)]
mod tests;
