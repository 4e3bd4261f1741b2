//! A version whose deletion is asked for by its id goes when nothing keeps it, and stays with every reason else.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    error::{ErrorKind, Result},
    prune,
    settings::{Latest, PRUNE_DEADLINE},
};
use serde_json::json;

use crate::{
    estate::by_id,
    publish::{run, settings},
    rollout::client,
    support::Azure,
};

async fn delete(azure: &Azure, version: &azure_batch_core::ids::resource::ImageVersionId) -> Result<()> {
    prune::delete_asked(&client(azure, PRUNE_DEADLINE).await, version).await
}

#[tokio::test(start_paused = true)]
async fn a_version_that_nothing_uses_goes_and_its_number_stays_used_up() {
    let azure = Azure::example();
    let first = run(&azure, &settings()).await.unwrap();
    azure.turn_the_page();
    delete(&azure, &first.version).await.unwrap();
    assert_eq!(azure.writes(), [format!("DELETE {}", first.version)]);
    delete(&azure, &first.version).await.unwrap();
    assert_eq!(run(&azure, &settings()).await.unwrap().number.to_string(), "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn what_is_latest_or_used_or_has_a_number_that_nothing_notes_stays() {
    let azure = Azure::example();
    let mut wanted = settings();
    wanted.version_settings.latest = Latest::Admit;
    let made = run(&azure, &wanted).await.unwrap();
    azure.turn_the_page();
    let error = delete(&azure, &made.version).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.report().contains("it is latest in eastus2, westus2"),
        "{}",
        error.report()
    );

    let azure = crate::prune::azure(|seed| {
        seed["versions"][3]["publishingProfile"]["excludeFromLatest"] = json!(true);
        let pool = crate::estate::pool("p2", by_id(&crate::rollout::image("1.0.0")), 1);
        seed["batchAccounts"][0]["pools"].as_array_mut().unwrap().push(pool);
    });
    for (number, why) in [("1.0.0", "pool p2 in acct1"), ("1.0.2", "it has the highest number")] {
        let version = crate::rollout::image(number).parse().unwrap();
        let error = delete(&azure, &version).await.must_fail();
        assert!(error.report().contains(why), "{}", error.report());
    }
    assert_eq!(azure.writes(), [""; 0]);
}
