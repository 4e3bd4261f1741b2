//! What the rows of `docs/rights.md` are tried with: for each command and each setting that needs more, a world and a run.

use std::time::Duration;

use azure_batch_core::{
    client::Client,
    completion, deletion, doctor,
    error::{Error, ErrorKind},
    fleet::{self, ReturnEnd},
    gc, judgement, listing, migration as moving,
    options::{
        fleet::{EXPIRED, WITH_JOBS, YES},
        pool::{ACCOUNT, IMAGE_VERSION, POOL_ID},
        versions::{self, GRACE_DAYS},
    },
    promotion, prune, publish as publishing, rollout as rolling, scale,
    settings::{
        self, Canary, Generalized, Goal, PublishSettings, Register, RollbackSettings, RolloutSettings, Source, Stopped,
        UsedBy, Values,
    },
    status,
};
use azure_emulator::seed::Seed;
use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    disks,
    estate::{by_id, definition, pool},
    fleet_return, gc as collecting,
    given::checked,
    judgement as judging, layout, migration, migration_all, preflight, promotion as moving_latest, prune as pruning,
    publish,
    rollout::{adopting, client, foreign_pool, good, image, roll_out, settings as rolling_out, world},
    rollout_autoscale, rollout_blue_green as blue_green, rollout_first_nodes, rollout_heal,
    rollout_in_place::{self as in_place, working},
    scale as scaling, source_image,
    support::{Azure, GROUP, lines},
    testing,
    testing_identity::{self, with_identity},
    upkeep, vhds,
};

/// A command with settings, as the table distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    Publish,
    PublishToNewGallery,
    PublishImage,
    PublishVersion,
    PublishCommunity,
    PublishVhds,
    PublishDisks,
    PublishSnapshots,
    PublishAgain,
    PublishWithKeys,
    PublishTested,
    List,
    Promote,
    Demote,
    Scale,
    ScaleToFit,
    Collect,
    CollectSnapshots,
    CollectPools,
    AwaitVersion,
    Prune,
    Deprecate,
    RollOut,
    Resize,
    Adopt,
    OfSubscription,
    Registering,
    InSubnet,
    ImageOfOthers,
    FirstNodes,
    Autoscale,
    Heal,
    InPlace,
    BlueGreen,
    FormerGoes,
    Plan,
    BackInPlace,
    BackToFormer,
    BackMany,
    Migrate,
    MigrateInPlace,
    MigrateAll,
    ListMigrations,
    Status,
    Doctor,
    Judge,
    Wait,
    WaitAfterMove,
    Delete,
    DeleteHeld,
    DeleteExpired,
}

impl Work {
    pub(super) const ALL: [Self; 51] = [
        Self::Publish,
        Self::PublishToNewGallery,
        Self::PublishImage,
        Self::PublishVersion,
        Self::PublishCommunity,
        Self::PublishVhds,
        Self::PublishDisks,
        Self::PublishSnapshots,
        Self::PublishAgain,
        Self::PublishWithKeys,
        Self::PublishTested,
        Self::List,
        Self::Promote,
        Self::Demote,
        Self::Scale,
        Self::ScaleToFit,
        Self::Collect,
        Self::CollectSnapshots,
        Self::CollectPools,
        Self::AwaitVersion,
        Self::Prune,
        Self::Deprecate,
        Self::RollOut,
        Self::Resize,
        Self::Adopt,
        Self::OfSubscription,
        Self::Registering,
        Self::InSubnet,
        Self::ImageOfOthers,
        Self::FirstNodes,
        Self::Autoscale,
        Self::Heal,
        Self::InPlace,
        Self::BlueGreen,
        Self::FormerGoes,
        Self::Plan,
        Self::BackInPlace,
        Self::BackToFormer,
        Self::BackMany,
        Self::Migrate,
        Self::MigrateInPlace,
        Self::MigrateAll,
        Self::ListMigrations,
        Self::Status,
        Self::Doctor,
        Self::Judge,
        Self::Wait,
        Self::WaitAfterMove,
        Self::Delete,
        Self::DeleteHeld,
        Self::DeleteExpired,
    ];

    /// What it ends with besides `NoRights` when it lacks a right: when it cannot see who uses what, it refuses; where
    /// Azure's lists leave out what may not be read, what the user names is not there; and it may have done a part.
    pub(super) const fn also_ends_with(self) -> Option<ErrorKind> {
        match self {
            Self::Prune | Self::Deprecate | Self::ScaleToFit => Some(ErrorKind::Refused),
            Self::PublishVhds | Self::Migrate | Self::MigrateAll => Some(ErrorKind::BadInput),
            Self::Collect | Self::CollectPools => Some(ErrorKind::PartlyReached),
            _ => None,
        }
    }

    pub(super) async fn world(self) -> Azure {
        let azure = match self {
            Self::Publish | Self::PublishToNewGallery | Self::PublishAgain | Self::PublishWithKeys => Azure::example(),
            Self::PublishTested => testing_identity::world(|_| ()),
            Self::PublishDisks | Self::PublishSnapshots => disks::world_with(|_| ()),
            Self::PublishImage => source_image::captured(|_| ()).await,
            Self::PublishVersion => source_image::world_with(|seed| {
                of_another_gallery(seed);
                seed["galleries"][0]["properties"] = json!({"softDeletePolicy": {"isSoftDeleteEnabled": true}});
            }),
            Self::PublishCommunity => source_image::with_community(|_| ()),
            Self::PublishVhds => vhds::world(|_| ()),
            Self::Scale | Self::ScaleToFit => scaling::azure(with_scale_set),
            Self::Collect => collecting::leftovers(with_scale_set),
            Self::CollectSnapshots => collecting::leftovers(without_images),
            Self::CollectPools => collecting::leftovers(|seed| {
                without_images(seed);
                let dead = collecting::test_pool("azure-batch-test-dead", "2025-12-31T00:00:00Z");
                seed["batchAccounts"][0]["pools"] = json!([dead]);
            }),
            Self::Prune | Self::Deprecate => pruning::azure(with_scale_set),
            Self::Promote => world(|seed| seed["versions"][0]["publishingProfile"]["excludeFromLatest"] = json!(true)),
            Self::OfSubscription | Self::BackMany => {
                world(|seed| seed["batchAccounts"][0]["poolAllocationMode"] = json!("UserSubscription"))
            }
            Self::Migrate | Self::MigrateInPlace | Self::MigrateAll | Self::ListMigrations => {
                migration::on_managed_image(|_| ())
            }
            Self::Adopt => world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 5)])),
            Self::InPlace
            | Self::BlueGreen
            | Self::FormerGoes
            | Self::BackInPlace
            | Self::BackToFormer
            | Self::WaitAfterMove => working().await,
            Self::DeleteHeld => upkeep::changing().await,
            Self::Judge => judging::two_pools(0.5).await,
            Self::Status => world(|seed| {
                let base = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202512010";
                seed["versions"][0]["tags"] = json!({"azure-batch-base-image": base});
                let image = format!("{GROUP}/providers/Microsoft.Compute/images/i1");
                seed["images"] = json!([{"name": "i1", "resourceGroup": "rg-images", "location": "eastus2"}]);
                seed["batchAccounts"][0]["managedImagePools"] = json!(true);
                seed["batchAccounts"][0]["pools"] = json!([pool("on-image", by_id(&image), 0)]);
            }),
            _ => world(|_| ()),
        };
        self.set_the_stage(&azure).await;
        azure.turn_the_page();
        azure
    }

    async fn set_the_stage(self, azure: &Azure) {
        let rolled = match self {
            Self::Delete | Self::Status | Self::List | Self::Wait => Some(rolling_out("acct1", 5)),
            Self::Resize => Some(rolling_out("acct1", 3)),
            Self::DeleteExpired => {
                let mut settings = rolling_out("acct1", 5);
                settings.pool.expires_after = Some(Duration::from_secs(3600));
                Some(settings)
            }
            Self::BackInPlace => Some(in_place::in_place(5)),
            Self::BackToFormer | Self::FormerGoes | Self::WaitAfterMove => Some(blue_green::blue_green(5)),
            _ => None,
        };
        if let Some(settings) = rolled {
            drop(good(roll_out(azure, &settings).await));
        }
        match self {
            Self::Status => {
                let mut next = blue_green::blue_green(5);
                next.pool.version = image("0.9.0").parse().unwrap();
                drop(good(roll_out(azure, &next).await));
            }
            Self::Publish => start_again(azure),
            Self::PublishAgain => fail_definition(azure).await,
            Self::Heal => {
                azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "target": "acct1/p1"}));
            }
            Self::BackMany => fleet_return::rolled_out(azure, &[fleet_return::A, fleet_return::D]).await,
            Self::FormerGoes | Self::DeleteExpired => tokio::time::advance(Duration::from_secs(8 * 24 * 3600)).await,
            Self::Registering => unregister(azure).await,
            Self::InSubnet => make_network(azure).await,
            Self::PublishTested => {
                make_network(azure).await;
                unregister(azure).await;
            }
            Self::PublishWithKeys => layout::add_sets(azure, &["eastus2", "westus2"]),
            Self::ImageOfOthers => preflight::add_others(azure, None),
            Self::Judge => {
                judging::work(azure, "render-1", "blue", 60, "true").await;
                judging::work(azure, "render-2", "green", 60, "true").await;
            }
            _ => {}
        }
    }

    /// Runs, and gives what was said.
    pub(super) async fn run(self, azure: &Azure) -> (Result<(), Error>, Vec<String>) {
        fastrand::seed(7);
        let (client, mut events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
        let mut said = Vec::new();
        let result = match self {
            Self::Publish
            | Self::PublishToNewGallery
            | Self::PublishImage
            | Self::PublishVersion
            | Self::PublishCommunity
            | Self::PublishVhds
            | Self::PublishDisks
            | Self::PublishSnapshots
            | Self::PublishAgain
            | Self::PublishWithKeys
            | Self::PublishTested => publishing::run(&client, &checked(&self.publishing()))
                .await
                .result
                .map(drop),
            Self::List
            | Self::Promote
            | Self::Demote
            | Self::Scale
            | Self::ScaleToFit
            | Self::Collect
            | Self::CollectSnapshots
            | Self::CollectPools => self.with_images(&client, &mut said).await,
            Self::AwaitVersion => {
                let values = Values::default().with(versions::IMAGE_VERSION, image("1.0.0"));
                let asked = settings::completion(&values).unwrap();
                completion::wait(&client, &asked.settings).await.map(drop)
            }
            Self::Prune | Self::Deprecate => pruned(&client, self == Self::Deprecate, &mut said).await,
            Self::BackInPlace => went_back(&client, &in_place::back(), &mut said).await,
            Self::BackToFormer => went_back(&client, &blue_green::back(), &mut said).await,
            Self::BackMany => all_went_back(&client).await,
            Self::Plan => rolling::plan(&client, &checked(&rolling_out("acct1", 5)))
                .await
                .map(|plan| say(&mut said, &plan)),
            Self::Migrate
            | Self::MigrateInPlace
            | Self::MigrateAll
            | Self::ListMigrations
            | Self::Status
            | Self::Doctor
            | Self::Judge
            | Self::Wait
            | Self::WaitAfterMove
            | Self::Delete
            | Self::DeleteHeld
            | Self::DeleteExpired => self.with_pools(&client, &mut said).await,
            _ => {
                let outcome = rolling::run(&client, &checked(&self.rolling())).await;
                said.extend(outcome.report.skipped_checks);
                outcome.result
            }
        };
        said.extend(lines(&mut events));
        (result, said)
    }

    fn publishing(self) -> PublishSettings {
        let base = publish::settings();
        match self {
            Self::PublishToNewGallery => PublishSettings {
                definition: base.definition.to_string().replace("gal1", "gal2").parse().unwrap(),
                create_gallery: true,
                ..base
            },
            Self::PublishImage => source_image::from_image(),
            Self::PublishVersion => {
                let mut settings = source_image::from_version();
                if let Source::ImageVersion(id) = &settings.source {
                    settings.source =
                        Source::ImageVersion(id.to_string().replace("/gal1/", "/theirs/").parse().unwrap());
                }
                settings
            }
            Self::PublishCommunity => source_image::from_community(&["westus2", "eastus2"]),
            Self::PublishVhds => vhds::both(),
            Self::PublishDisks => disks::from_disks(),
            Self::PublishSnapshots => disks::from_snapshots(),
            Self::PublishAgain => PublishSettings {
                version: "2.0.0".parse().unwrap(),
                ..base
            },
            Self::PublishWithKeys => layout::with_keys(&["eastus2", "westus2"]),
            Self::PublishTested => PublishSettings {
                register: Register::Yes,
                ..testing::in_subnet(with_identity("true"), &subnet())
            },
            _ => published(base),
        }
    }

    fn rolling(self) -> RolloutSettings {
        let mut plain = rolling_out("acct1", 5);
        match self {
            Self::Adopt => adopting("acct1", 5),
            Self::Registering => {
                plain.policy.register = Register::Yes;
                plain.pool.fallback_vm_sizes = vec!["Standard_D8s_v5".parse().unwrap()];
                plain
            }
            Self::InSubnet => {
                let subnet = json!({"subnetId": subnet()});
                plain.pool.json.insert("networkConfiguration".to_owned(), subnet);
                plain
            }
            Self::ImageOfOthers => {
                plain.pool.version = preflight::image_of_others().parse().unwrap();
                plain
            }
            Self::FirstNodes => rollout_first_nodes::tried("true"),
            Self::Autoscale => rollout_autoscale::following("$TargetDedicatedNodes = 4;"),
            Self::Heal => rollout_heal::healing(10),
            Self::InPlace => with_canary(in_place::in_place(5)),
            Self::BlueGreen => with_canary(blue_green::blue_green(5)),
            Self::FormerGoes => {
                let mut next = blue_green::blue_green(5);
                next.pool.version = image("0.9.0").parse().unwrap();
                next
            }
            _ => plain,
        }
    }

    async fn with_images(self, client: &Client, said: &mut Vec<String>) -> Result<(), Error> {
        match self {
            Self::List => {
                let values = Values::default().with(versions::IMAGE_DEFINITION, definition());
                let asked = settings::list(&values).unwrap();
                let listing = listing::run(client, &asked.settings).await;
                listing.map(|listing| say(said, &listing))
            }
            Self::Promote | Self::Demote => {
                let is_promoted = self == Self::Promote;
                let settings = moving_latest::settings(if is_promoted { Goal::Admit } else { Goal::Exclude });
                let mut promotion = promotion::plan(client, &settings).await?;
                say(said, &promotion);
                promotion::carry_out(client, &settings, &mut promotion).await
            }
            Self::Collect | Self::CollectSnapshots | Self::CollectPools => {
                let mut collection = gc::plan(client, &collecting::settings()).await?;
                say(said, &collection);
                gc::carry_out(client, &collecting::settings(), &mut collection).await
            }
            _ => {
                let settings = scaling::settings(self == Self::ScaleToFit);
                let mut scaling = scale::plan(client, &settings).await?;
                say(said, &scaling);
                scale::carry_out(client, &settings, &mut scaling).await
            }
        }
    }

    async fn with_pools(self, client: &Client, said: &mut Vec<String>) -> Result<(), Error> {
        match self {
            Self::Migrate => migration::moved(client, &migration::values(), said).await,
            Self::MigrateInPlace => migration::moved(client, &migration::named_in_place(), said).await,
            Self::MigrateAll => migration_all::moved_by(client, said).await,
            Self::ListMigrations => {
                let asked = settings::migration_list(&Values::default()).unwrap();
                let report = moving::list(client, &asked.settings).await;
                report.map(|report| say(said, &report))
            }
            Self::Status => {
                let asked = settings::status(&Values::default()).unwrap();
                status::run(client, &asked.settings)
                    .await
                    .map(|report| say(said, &report))
            }
            Self::Doctor => {
                let asked = settings::doctor(&of_pool(&[]).with(IMAGE_VERSION, image("1.0.0"))).unwrap();
                let report = doctor::run(client, &asked.settings).await?;
                say(said, &report);
                let found = serde_json::to_string(&report).unwrap();
                report.failure().map_or(Ok(()), |kind| Err(Error::new(kind, found)))
            }
            Self::Judge => {
                let asked = settings::judgement(&judging::of_green()).unwrap();
                judgement::run(client, &asked.settings)
                    .await
                    .map(|report| say(said, &report))
            }
            Self::DeleteExpired => {
                let values = Values::default().with(EXPIRED, true).with(YES, true);
                let asked = settings::expired(&values).unwrap();
                let report = deletion::expired::run(client, &asked.settings).await?;
                say(said, &report);
                let found = serde_json::to_string(&report).unwrap();
                report.failure().map_or(Ok(()), |kind| Err(Error::new(kind, found)))
            }
            Self::Wait | Self::WaitAfterMove => {
                let asked = settings::wait(&of_pool(&[(POOL_ID, "p1")])).unwrap();
                rolling::wait(client, &asked.settings).await.map(drop)
            }
            _ => {
                let values = of_pool(&[(POOL_ID, "p1")]).with(YES, true);
                let asked = settings::deletion(&values.with(WITH_JOBS, self == Self::DeleteHeld)).unwrap();
                deletion::run(client, &asked.settings).await.map(drop)
            }
        }
    }
}

fn say(said: &mut Vec<String>, report: &impl Serialize) {
    said.push(serde_json::to_string(report).unwrap());
}

fn published(mut settings: PublishSettings) -> PublishSettings {
    settings.machine.if_running = Stopped::Deallocate;
    settings.machine.generalized = Generalized::Mark;
    settings.used_by = vec![UsedBy {
        account: account().parse().unwrap(),
        nodes: 5,
        vm_size: Some("Standard_D4s_v5".parse().unwrap()),
    }];
    settings
}

fn with_canary(mut settings: RolloutSettings) -> RolloutSettings {
    settings.change.canary = Canary {
        command: Some("true".to_owned()),
        ..Canary::default()
    };
    settings
}

async fn pruned(client: &Client, is_deprecated: bool, said: &mut Vec<String>) -> Result<(), Error> {
    let days = if is_deprecated { "2" } else { "0" };
    let settings = pruning::settings_with(|values| values.with(GRACE_DAYS, days));
    let mut plan = prune::plan(client, &settings).await?;
    say(said, &plan);
    let kind = prune::carry_out(client, &settings, &mut plan).await;
    say(said, &plan);
    kind
}

async fn went_back(client: &Client, settings: &RollbackSettings, said: &mut Vec<String>) -> Result<(), Error> {
    let outcome = rolling::roll_back(client, &checked(settings)).await;
    said.extend(outcome.report.skipped_checks);
    outcome.result
}

/// The first pool that could not go back says why.
async fn all_went_back(client: &Client) -> Result<(), Error> {
    let asked = fleet_return::back(&[fleet_return::A, fleet_return::D]);
    let ends = fleet::return_all(client, &asked).await?;
    ends.into_iter().try_for_each(|end| match end.end {
        ReturnEnd::Ran(outcome) => outcome.result,
        ReturnEnd::Refused(error) => Err(error),
        ReturnEnd::NotBegun | ReturnEnd::Stays(_) => Ok(()),
    })
}

/// The version that is a source lies in a gallery of its own.
fn of_another_gallery(seed: &mut Value) {
    let gallery = json!({"name": "theirs", "resourceGroup": "rg-images", "location": "eastus2"});
    seed["galleries"].as_array_mut().unwrap().push(gallery);
    seed["definitions"][1]["gallery"] = json!("theirs");
    seed["versions"][0]["gallery"] = json!("theirs");
}

/// Only snapshots are left, and none is being read.
fn without_images(seed: &mut Value) {
    seed["images"] = json!([]);
    seed["snapshots"][0].as_object_mut().unwrap().remove("accessHours");
}

/// A scale set that follows the definition, so that its machines are looked at.
fn with_scale_set(seed: &mut Value) {
    let instance = json!({"id": definition(), "exactVersion": "1.0.0"});
    seed["scaleSets"] = json!([{"name": "web", "resourceGroup": "rg-images", "location": "eastus2",
        "imageReference": {"id": definition()}, "instances": [instance]}]);
}

fn account() -> String {
    format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1")
}

fn of_pool(more: &[(&'static azure_batch_core::options::Opt, &str)]) -> Values {
    let values = Values::default().with(ACCOUNT, account());
    more.iter()
        .fold(values, |values, (opt, value)| values.with(opt, (*value).to_owned()))
}

pub(crate) fn subnet() -> String {
    format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/net1/subnets/nodes")
}

pub(crate) async fn make_network(azure: &Azure) {
    let body = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "nodes", "properties": {"addressPrefix": "10.0.0.0/24"}}]}});
    let network = subnet().replace("/subnets/nodes", "");
    send(azure, Method::PUT, &network, "2024-10-01", body).await;
}

/// The definition is there with a version, and its last write failed.
async fn fail_definition(azure: &Azure) {
    let settings = publish::settings();
    publish::run(azure, &settings).await.unwrap();
    azure.fault(
        json!({"kind": "operationFailed", "code": "InternalExecutionError", "message": "no",
        "method": "PATCH", "path": "*/images/ubuntu"}),
    );
    let definition = settings.definition.to_string();
    let tags = json!({"tags": {"team": "render", "azure-batch-numbers": "1.0.0"}});
    send(azure, Method::PATCH, &definition, "2026-03-03", tags).await;
    tokio::time::advance(Duration::from_secs(60)).await;
}

async fn unregister(azure: &Azure) {
    let path = GROUP.split("/resourceGroups").next().unwrap();
    let path = format!("{path}/providers/Microsoft.Batch/unregister");
    send(azure, Method::POST, &path, "2021-04-01", json!({})).await;
}

async fn send(azure: &Azure, method: Method, path: &str, api: &'static str, body: Value) {
    let request = azure_batch_core::request::Request::arm(method, path, api, "set the stage");
    let client = client(azure, settings::ROLLOUT_DEADLINE).await;
    client.send(&request.with_body(body)).await.unwrap();
}

/// The example's machine runs again and was not generalized; it still says which image it was made of.
fn start_again(azure: &Azure) {
    let example: Value = serde_json::from_str(Seed::example_text()).unwrap();
    let mut machine = example["vms"][0].clone();
    machine["powerState"] = json!("running");
    machine["generalized"] = json!(false);
    let seed = Seed::parse(&json!({"subscriptions": [], "vms": [machine]}).to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}
