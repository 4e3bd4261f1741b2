//! What is in sight: every account with its pools, what their nodes run, and what could not be read.

use std::time::Duration;

use azure_batch_core::{
    batch::image::PoolImage,
    deletion::expired,
    error::{Error, ErrorKind},
    estate::{self, Estate, NodeImages},
    listing, migration,
    options::{
        fleet::EXPIRED,
        pool::{ACCOUNT, ACCOUNT_ENDPOINT},
        versions::{IMAGE_DEFINITION, IMAGE_VERSION, PRUNED_DEFINITION, SUBSCRIPTIONS},
    },
    promotion, prune, publish, scale,
    settings::{self, AccountRef, ROLLOUT_DEADLINE, Sight, Values},
    status,
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish::settings as publishing,
    rollout::{client, foreign_pool, image, resize_by_somebody, world},
    support::{Azure, GROUP},
};

/// The definition of the usual world.
pub(crate) fn definition() -> String {
    format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/def1")
}

/// A pool on what `reference` names, with nodes that are there.
pub(crate) fn pool(id: &str, reference: Value, nodes: u32) -> Value {
    let mut pool = foreign_pool("1.0.0", nodes);
    pool["id"] = json!(id);
    pool["virtualMachineConfiguration"]["imageReference"] = reference;
    pool
}

pub(crate) fn by_id(id: &str) -> Value {
    json!({"virtualMachineImageId": id})
}

/// Everything is allowed in the usual group, and nothing elsewhere in its subscription.
pub(crate) fn in_group_only() -> Value {
    json!([{"application": crate::support::APPLICATION, "scope": GROUP, "actions": ["*"], "dataActions": ["*"]}])
}

async fn seen(azure: &Azure, sight: &Sight) -> Estate {
    let client = client(azure, ROLLOUT_DEADLINE).await;
    estate::read(&client, sight)
        .await
        .unwrap_or_else(|error| panic!("{}", error.report()))
}

/// Both accounts with two pools on a version and one that follows the definition.
fn fleet() -> Azure {
    world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([
            pool("one", by_id(&image("1.0.0")), 3),
            pool("two", by_id(&image("0.9.0")), 2),
            pool("p1", by_id(&definition()), 0),
        ]);
        seed["batchAccounts"][1]["pools"] = json!([pool("west", by_id(&image("1.0.0")), 1)]);
    })
}

#[tokio::test(start_paused = true)]
async fn every_account_in_sight_is_read_with_images_and_nodes() {
    let azure = fleet();
    let estate = seen(&azure, &Sight::Everything).await;
    let rows: Vec<_> = estate
        .pools()
        .map(|(account, pool)| {
            let nodes: u32 = pool.counts.as_ref().unwrap().dedicated.values().sum();
            (account.title(), pool.id.to_string(), pool.image.kind(), nodes)
        })
        .collect();
    let row = |account: &str, pool: &str, kind, nodes| (account.to_owned(), pool.to_owned(), kind, nodes);
    assert_eq!(
        rows,
        [
            row("acct1", "one", "version", 3),
            row("acct1", "p1", "definition", 0),
            row("acct1", "two", "version", 2),
            row("acct2", "west", "version", 1),
        ]
    );
    assert!(estate.is_whole() && azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nodes_are_listed_only_where_they_may_differ() {
    let azure = fleet();
    resize_by_somebody(&azure, 2).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    let estate = seen(&azure, &Sight::Everything).await;
    let journal = azure.journal();
    let asked = |end: &str| journal.iter().filter(|entry| entry.path.ends_with(end)).count();
    assert_eq!((asked("/pools"), asked("/nodecounts"), asked("/nodes")), (2, 2, 1));
    let (_, follower) = estate.pools().find(|(_, pool)| pool.id.as_str() == "p1").unwrap();
    let latest = PoolImage::Version(image("1.0.0").parse().unwrap());
    let older = PoolImage::Version(image("0.9.0").parse().unwrap());
    assert_eq!(follower.nodes, NodeImages::Listed(vec![(latest.clone(), 2)]));
    assert_eq!((follower.may_run(&latest), follower.may_run(&older)), (true, false));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_an_entry_and_nothing_else_is_lost() {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([
            pool("one", by_id(&image("1.0.0")), 1),
            pool("follower", by_id(&definition()), 1)
        ]);
        seed["batchAccounts"][1]["allowedAuthenticationModes"] = json!(["SharedKey"]);
        let mut third = seed["batchAccounts"][0].clone();
        third["name"] = json!("acct3");
        third["pools"] = json!([]);
        seed["batchAccounts"].as_array_mut().unwrap().push(third);
    });
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailure", "method": "GET", "path": "/pools", "occurrence": {"nth": 2}}));
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailure", "method": "GET", "path": "*/follower/nodes", "occurrence": "every"}));
    let estate = seen(&azure, &Sight::Everything).await;
    let gaps: Vec<&str> = estate.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert_eq!(
        gaps,
        [
            "Batch account acct2",
            "nodes of pool follower in acct1",
            "Batch account acct3"
        ]
    );
    let pools: Vec<&str> = estate.pools().map(|(_, pool)| pool.id.as_str()).collect();
    assert_eq!(pools, ["follower", "one"]);
    let (_, follower) = estate.pools().next().unwrap();
    let version = PoolImage::Version(image("0.9.0").parse().unwrap());
    assert!(
        follower.may_run(&version),
        "a pool whose nodes are not known may run any version of its definition"
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_is_seen_by_its_endpoint_alone() {
    let azure = fleet();
    let endpoint = AccountRef::Endpoint("acct2.westus2.batch.azure.com".parse().unwrap());
    let missing = AccountRef::Id(
        format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/gone")
            .parse()
            .unwrap(),
    );
    let estate = seen(&azure, &Sight::Accounts(vec![endpoint, missing])).await;
    let account = &estate.accounts[0];
    assert_eq!(
        (account.title(), account.pools.len()),
        ("acct2.westus2.batch.azure.com".to_owned(), 1)
    );
    assert_eq!(account.location, "westus2".parse().ok());
    assert_eq!(estate.gaps[0].what, "Batch account gone");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_seen_in_part_is_said_where_pools_are_listed() {
    let azure = world(|seed| seed["roleAssignments"] = in_group_only());
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let asked = settings::list(&Values::default().with(IMAGE_DEFINITION, definition())).unwrap();
    let listed = listing::run(&client, &asked.settings).await.unwrap().unseen;
    let asked = settings::promote(&Values::default().with(IMAGE_VERSION, image("1.0.0"))).unwrap();
    let promoted = promotion::plan(&client, &asked.settings).await.unwrap().unseen;
    for unseen in [listed, promoted] {
        assert_eq!(unseen.len(), 1, "{unseen:?}");
        let what = "a part of subscription 00000000-0000-0000-0000-0000000005b5";
        assert_eq!(unseen[0].what, what);
        assert!(
            unseen[0].why.contains("Microsoft.Batch/batchAccounts/read"),
            "{unseen:?}"
        );
    }
    let azure = Azure::example();
    let seed = json!({"subscriptions": [], "roleAssignments": in_group_only()});
    let seed = azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
    let (client, _events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&publishing())).await.unwrap();
    let line = "what else follows the definition cannot be known: a part of subscription";
    assert!(
        plan.followers.iter().any(|it| it.starts_with(line)),
        "{:?}",
        plan.followers
    );
}

/// What each of the verbs that look at the pools of all accounts could not read.
async fn unseen(azure: &Azure, values: &Values) -> [(&'static str, Value); 3] {
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let asked = settings::status(values).unwrap();
    let looked = status::run(&client, &asked.settings).await.unwrap();
    let asked = settings::migration_list(values).unwrap();
    let to_move = migration::list(&client, &asked.settings).await.unwrap();
    let asked = settings::expired(&values.clone().with(EXPIRED, true)).unwrap();
    let expired = expired::run(&client, &asked.settings).await.unwrap();
    [
        ("status", json!(looked.unseen)),
        ("migrate", json!(to_move.unseen)),
        ("delete --expired", json!(expired.unseen)),
    ]
}

#[tokio::test(start_paused = true)]
async fn looks_at_all_pools_say_that_a_subscription_is_seen_in_part_and_one_at_an_account_is_whole() {
    let azure = world(|seed| seed["roleAssignments"] = in_group_only());
    for (verb, unseen) in unseen(&azure, &Values::default()).await {
        assert_eq!(unseen.as_array().map(Vec::len), Some(1), "{verb}: {unseen}");
        let what = "a part of subscription 00000000-0000-0000-0000-0000000005b5";
        assert_eq!(unseen[0]["what"], what, "{verb}");
        let why = unseen[0]["why"].as_str().unwrap();
        assert!(why.contains("Microsoft.Batch/batchAccounts/read"), "{verb}: {why}");
    }
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    for (verb, unseen) in unseen(&azure, &Values::default().with(ACCOUNT, account)).await {
        assert_eq!(unseen, json!([]), "{verb}");
    }
}

/// Where a document has a field without a value, or a time with a part of a second, which jq does not take.
fn odd(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Null => vec![at.to_owned()],
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() && text.contains('.') => vec![at.to_owned()],
        Value::Array(items) => items.iter().flat_map(|item| odd(item, &format!("{at}[]"))).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .flat_map(|(name, value)| odd(value, &format!("{at}.{name}")))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn documents_for_scripts_leave_out_what_is_not_known_and_have_whole_seconds_and_one_word_for_one_thing() {
    let azure = fleet();
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let by_endpoint = Values::default().with(ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com");
    let mut documents = Vec::new();
    for values in [Values::default(), by_endpoint] {
        let asked = settings::status(&values).unwrap();
        documents.push(("status", json!(status::run(&client, &asked.settings).await.unwrap())));
    }
    let asked = settings::list(&Values::default().with(IMAGE_DEFINITION, definition())).unwrap();
    let listed = json!(listing::run(&client, &asked.settings).await.unwrap());
    assert_eq!(listed["following"][0]["region"], "eastus2");
    documents.push(("list", listed));
    for (verb, document) in &documents {
        assert_eq!(odd(document, verb), [""; 0]);
        assert_eq!(
            (&document["schema_version"], &document["unseen"]),
            (&json!(1), &json!([])),
            "{verb}"
        );
    }
    assert_eq!(documents[0].1["pools"][0]["region"], "eastus2");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_not_there_is_refused_with_the_flag_that_names_it() {
    let azure = fleet();
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let wrong = "11111111-1111-1111-1111-111111111111";
    let values = || Values::default().with(SUBSCRIPTIONS, wrong);
    let (of_definition, of_version) = (
        values().with(IMAGE_DEFINITION, definition()),
        values().with(IMAGE_VERSION, image("1.0.0")),
    );
    let to_list = settings::list(&of_definition).unwrap().settings;
    let to_promote = settings::promote(&of_version).unwrap().settings;
    let to_scale = settings::scale(&of_version).unwrap().settings;
    let to_prune = settings::prune(&values().with(PRUNED_DEFINITION, definition()), None).unwrap();
    let errors: [(&str, Option<Error>); 4] = [
        ("list", listing::run(&client, &to_list).await.err()),
        ("promote", promotion::plan(&client, &to_promote).await.err()),
        ("scale", scale::plan(&client, &to_scale).await.err()),
        ("prune", prune::plan(&client, &to_prune.settings).await.err()),
    ];
    for (verb, error) in errors {
        let error = error.unwrap_or_else(|| panic!("{verb} goes on"));
        let report = error.report_for(azure_batch_core::options::Door::Flag);
        assert_eq!(error.kind(), ErrorKind::BadInput, "{verb}: {report}");
        let says = format!("there is no subscription {wrong}");
        assert!(
            report.contains(&says) && report.contains("--subscriptions"),
            "{verb}: {report}"
        );
    }
}
