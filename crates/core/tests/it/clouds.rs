//! Which api-versions a publish asks with, by cloud: the newest in the public cloud, settled ones elsewhere.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use azure_batch_core::{
    connect::connect,
    ids::{CloudChoice, KnownCloud},
    progress::Progress,
    publish,
    run::Run,
};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::settings,
    support::{Azure, login},
};

/// The kinds of resources that a publish asks for, by a part of their paths: the most special ones first.
const KINDS: [&str; 5] = ["/versions", "/galleries/", "/virtualMachines/", "/snapshots", "/images"];

/// With which api-versions a publish in that cloud asked for each of these kinds.
async fn asked_in(cloud: &CloudChoice) -> Vec<BTreeSet<String>> {
    let azure = Azure::example();
    let limit = Duration::from_secs(6 * 3600);
    let run = Run::new(azure.clock(), limit, CancellationToken::new(), Progress::silent());
    let client = connect(&login(), cloud, Arc::new(azure.clone()), run).await.unwrap();
    let published = publish::run(&client, &checked(&settings())).await.result.unwrap();
    assert_eq!(published.regions.len(), 2);
    let mut asked = vec![BTreeSet::new(); KINDS.len()];
    for entry in azure.journal() {
        let kind = KINDS.iter().position(|kind| entry.path.contains(kind));
        let is_of_others = ["perations/", "/permissions"]
            .iter()
            .any(|part| entry.path.contains(part));
        if let Some(kind) = kind.filter(|_| !is_of_others) {
            asked[kind].insert(entry.query["api-version"].as_str().unwrap().to_owned());
        }
    }
    asked
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_follows_later_is_asked_with_settled_api_versions_and_publishes_as_well() {
    let of = |versions: [&str; 5]| versions.map(|version| BTreeSet::from([version.to_owned()])).to_vec();
    assert_eq!(
        asked_in(&CloudChoice::Known(KnownCloud::Public)).await,
        of(["2025-03-03", "2026-03-03", "2026-04-01", "2026-03-02", "2026-04-01"])
    );
    let described = CloudChoice::metadata_host("127.0.0.1:8443").unwrap();
    assert_eq!(
        asked_in(&described).await,
        of(["2024-03-03", "2024-03-03", "2022-08-01", "2023-10-02", "2022-08-01"])
    );
}
