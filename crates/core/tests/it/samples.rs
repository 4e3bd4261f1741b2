//! Every pair of docs/from-the-samples.md: the sample's client and our pool file ask for the same pool, but for what the
//! page lists with a reason.

use std::{collections::BTreeSet, fs, path::Path};

use azure_batch_core::{
    options::pool::{ACCOUNT, POOL_FILE},
    rollout,
    settings::{self, Values},
};
use http::Method;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    rollout::{entries, good, image, world},
    support::GROUP,
};

/// One pair of the page.
struct Pair {
    title: String,
    sent: Value,
    ours: String,
    reasons: BTreeSet<String>,
}

fn pairs() -> Vec<Pair> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/from-the-samples.md");
    let page = fs::read_to_string(page).unwrap().replace("<version>", &image("1.0.0"));
    page.split("\n## ").skip(1).filter_map(pair).collect()
}

fn pair(section: &str) -> Option<Pair> {
    let block = |language: &str| {
        let (_, rest) = section.split_once(&format!("\n```{language}\n"))?;
        Some(rest.split_once("\n```")?.0)
    };
    let named = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    Some(Pair {
        title: section.lines().next()?.to_owned(),
        sent: serde_json::from_str(block("json")?).unwrap(),
        ours: block("yaml")?.to_owned(),
        reasons: section.lines().filter_map(named).collect(),
    })
}

/// The paths at which two values differ; where one side has nothing, the path of what the other has.
fn differences(path: &str, one: &Value, other: &Value, found: &mut BTreeSet<String>) {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            for name in left.keys().chain(right.keys()) {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let of = |side: &serde_json::Map<String, Value>| side.get(name).cloned().unwrap_or_default();
                differences(&path, &of(left), &of(right), found);
            }
        }
        _ if one == other => {}
        _ => {
            found.insert(path.to_owned());
        }
    }
}

async fn asked_for(file: &str) -> Value {
    let azure = world(|seed| {
        if file.contains("batch.node.windows") {
            seed["definitions"][0]["properties"]["osType"] = "Windows".into();
        }
    });
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let values = Values::default()
        .with(
            ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(POOL_FILE, file);
    let settings = settings::rollout(&values).unwrap().settings;
    // Whether the nodes come is not the question here.
    let outcome = rollout::run(&client, &settings).await;
    let posts = entries(&azure, &Method::POST, "/pools");
    match posts.first() {
        Some(entry) => Value::clone(&entry.request),
        None => panic!("no pool was asked for: {:?}", good(outcome)),
    }
}

#[tokio::test(start_paused = true)]
async fn every_sample_and_its_pool_file_ask_for_the_same_pool() {
    let pairs = pairs();
    assert_eq!(pairs.len(), 5, "az twice, C#, both generations of Python");
    for pair in pairs {
        let ours = asked_for(&pair.ours).await;
        let mut found = BTreeSet::new();
        differences("", &pair.sent, &ours, &mut found);
        assert_eq!(found, pair.reasons, "{}: {ours:#}", pair.title);
    }
}
