//! The page of the control port and what it asks for: shape of the overview, parts of the journal, who may ask.

use http::Method;
use serde_json::{Value, json};

use super::host::{ask_control, body, control, host};

/// Forty pools of ten nodes, one of which is resized without success.
fn pools() -> Value {
    let pool = |number: u32| {
        json!({
            "id": format!("render-{number:02}"),
            "vmSize": "standard_d2s_v3",
            "targetDedicatedNodes": 10,
            "currentDedicatedNodes": if number == 7 { 4 } else { 10 },
            "resizeErrors": if number == 7 { json!([{"code": "AllocationTimedout", "message": "-"}]) } else { json!([]) },
            "virtualMachineConfiguration": {
                "nodeAgentSKUId": "batch.node.ubuntu 24.04",
                "imageReference": {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"},
            },
        })
    };
    json!({"batchAccounts": [{
        "name": "acct2",
        "resourceGroup": "rg-images",
        "location": "eastus2",
        "pools": (1..=40).map(pool).collect::<Vec<_>>(),
    }]})
}

#[tokio::test]
async fn the_overview_counts_nodes_and_shows_regions() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let seeded = control(&host, &Method::POST, "/seed", &pools().to_string()).await;
    assert!(seeded.starts_with("HTTP/1.1 200"), "{seeded}");
    let view = body(&control(&host, &Method::GET, "/overview", "").await);
    let of_account = |pool: &&Value| pool["account"] == "acct2";
    let shown: Vec<&Value> = view["pools"].as_array().unwrap().iter().filter(of_account).collect();
    assert_eq!(shown.len(), 40);
    assert_eq!(shown[0]["states"], json!({"idle": 10}));
    assert_eq!(shown[0]["errors"], json!([]));
    let seventh = json!({
        "account": "acct2", "pool": "render-07", "allocation": "steady", "isDeleting": false, "image": null,
        "target": 10, "states": {"idle": 4}, "errors": ["AllocationTimedout"],
    });
    assert_eq!(*shown[6], seventh);
    assert_eq!((&view["operations"], &view["faults"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn the_overview_counts_the_tasks_of_jobs() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let mut seed = pools();
    seed["batchAccounts"][0]["jobs"] = json!([{"id": "render", "poolInfo": {"poolId": "render-01"},
        "tasks": [{"id": "t1", "commandLine": "sleep 86400"}, {"id": "t2", "commandLine": "sleep 86400"}]}]);
    let seeded = control(&host, &Method::POST, "/seed", &seed.to_string()).await;
    assert!(seeded.starts_with("HTTP/1.1 200"), "{seeded}");
    let view = body(&control(&host, &Method::GET, "/overview", "").await);
    let job = view["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|job| job["job"] == "render")
        .unwrap();
    assert_eq!((&job["account"], &job["pool"]), (&json!("acct2"), &json!("render-01")));
    let tasks = &job["tasks"];
    assert_eq!(
        tasks["active"].as_u64().unwrap() + tasks["running"].as_u64().unwrap(),
        2,
        "{job}"
    );
    assert_eq!((&tasks["completed"], &tasks["requeued"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
    ] {
        let answer = control(&host, &Method::GET, path, "").await;
        let (head, file) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert!(head.contains("default-src 'none'"), "{head}");
        assert!(
            !file.contains("http://") && !file.contains("https://"),
            "{path} names another origin"
        );
        assert!(!file.contains("innerHTML"), "{path} puts text in as markup");
    }
}

#[tokio::test]
async fn the_journal_goes_on_after_a_number_without_bodies() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    for _ in 0..3 {
        control(&host, &Method::GET, "/msi/token?resource=x", "").await;
    }
    let answer = control(&host, &Method::GET, "/journal?after=1&bodies=none", "").await;
    let lines: Vec<Value> = answer
        .split_once("\r\n\r\n")
        .unwrap()
        .1
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<&Value> = lines.iter().map(|entry| &entry["number"]).collect();
    assert_eq!(numbers, [&json!(2), &json!(3)]);
    assert!(lines.iter().all(|entry| entry.get("response").is_none()), "{lines:?}");
    assert_eq!(lines[0]["status"], 401);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let fault = json!({"kind": "throttle"}).to_string();
    let foreign = ask_control(
        &host,
        &Method::POST,
        "/faults",
        "Origin: https://evil.example\r\n",
        &fault,
    )
    .await;
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    assert_eq!(body(&control(&host, &Method::GET, "/faults", "").await), json!([]));
    let own = format!("Origin: {}\r\n", host.control());
    let answer = ask_control(&host, &Method::POST, "/faults", &own, &fault).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
