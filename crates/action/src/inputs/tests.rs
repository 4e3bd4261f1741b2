//! What inputs become, and what is said of those that are no good.

use std::{collections::BTreeMap, io::Write as _};

use azure_batch_core::settings::AccountRef;

use super::*;
use crate::options::Standard;

const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";
const DEFINITION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu";
const ACCOUNT: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-batch/providers/Microsoft.Batch/batchAccounts/acct1";

/// The smallest good roll-out.
const GOOD: [(&str, &str); 4] = [
    ("image-version", VERSION),
    ("account", ACCOUNT),
    ("pool-id", "render"),
    ("target-dedicated-nodes", "700"),
];

fn values(inputs: &[(&str, &str)]) -> Values {
    let variable = |name: &str| format!("INPUT_{}", name.to_ascii_uppercase().replace('-', "_"));
    // A later input takes the place of an earlier one, and an empty one removes it.
    let source: BTreeMap<String, String> = inputs
        .iter()
        .map(|(name, value)| (variable(name), (*value).to_owned()))
        .collect();
    Values::collect(|_| None, &source)
}

fn parse(changes: &[(&str, &str)]) -> Result<RolloutRequest, Vec<Fault>> {
    let inputs: Vec<_> = GOOD.iter().chain(changes).copied().collect();
    parse_rollout(&values(&inputs), &Runner::default())
}

fn faults(changes: &[(&str, &str)]) -> String {
    let faults = parse(changes).expect_err("the inputs were accepted");
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn the_smallest_roll_out_has_core_defaults() {
    let request = parse(&[]).unwrap();
    let settings = &request.settings;
    assert_eq!(
        (settings.pool.id.as_str(), settings.pool.targets.dedicated),
        ("render", 700)
    );
    assert_eq!(settings.policy, RolloutPolicy::default());
    assert_eq!(request.deadline, ROLLOUT_DEADLINE);
    assert!(matches!(request.login, Login::ManagedIdentity { client: None }));
}

#[test]
fn defaults_in_the_table_are_those_that_hold() {
    let with_start_task = [("start-task", "true")];
    let mut given = with_start_task.to_vec();
    let tried = options::ALL.iter().filter_map(|spec| match (spec.kind, spec.default) {
        (_, Standard::Value(value, _)) if !value.contains(' ') => Some((spec.name, value)),
        _ => None,
    });
    // A number of dedicated nodes is part of the smallest roll-out, and the report path changes no setting.
    given.extend(tried.filter(|(name, _)| !["target-dedicated-nodes", "report-path"].contains(name)));
    assert!(given.len() > 10, "{given:?}");
    let settings = |changes: &[(&str, &str)]| {
        let request = parse(changes).unwrap();
        format!("{:?} {:?} {:?}", request.settings, request.cloud, request.deadline)
    };
    assert_eq!(settings(&given), settings(&with_start_task));
}

#[test]
fn every_setting_arrives() {
    let request = parse(&[
        ("vm-size", "Standard_D4s_v5"),
        ("node-agent-sku-id", "batch.node.ubuntu 22.04"),
        ("target-spot-nodes", "20"),
        ("count-spot-nodes", "true"),
        ("start-task", "echo 'a b'"),
        ("start-task-elevated", "TRUE"),
        ("start-task-wait-for-success", "false"),
        ("start-task-max-retries", "2"),
        ("pool-json", r#"{"taskSlotsPerNode": 4}"#),
        ("attempts", "3"),
        ("resize-timeout", "PT45M"),
        ("stop-pending-resize", "true"),
        ("node-ready-timeout", "1h30m"),
        ("deadline", "6h"),
        ("nodes-per-replica", "600"),
        ("tenant-id", "contoso.onmicrosoft.com"),
        ("client-id", "22222222-2222-2222-2222-222222222222"),
        ("client-secret", "hunter22"),
        ("metadata-host", "127.0.0.1:8443"),
        ("report-path", "out/report.json"),
    ])
    .unwrap();
    let text = format!("{request:#?}");
    assert!(!text.contains("hunter22"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn all_faults_come_at_once_each_with_its_remedy() {
    insta::assert_snapshot!(faults(&[
        ("image-version", DEFINITION),
        ("image-definition", "ubuntu"),
        ("account", "acct1"),
        ("pool-id", "render pool"),
        ("vm-size", "D4 v5"),
        ("node-agent-sku-id", "ubuntu"),
        ("target-dedicated-nodes", "many"),
        ("target-spot-nodes", "-1"),
        ("count-spot-nodes", "yes"),
        ("start-task-elevated", "true"),
        ("pool-json", "[]"),
        ("attempts", "0"),
        ("resize-timeout", "3m"),
        ("node-ready-timeout", "90"),
        ("deadline", "soon"),
        ("nodes-per-replica", "500"),
        ("client-id", "app"),
        ("client-secret", "hunter22"),
        ("cloud", "Germany"),
        ("metadata-host", "http://127.0.0.1"),
        ("ca-file", "/no/such/file"),
        ("deployment-environment", "production"),
    ]));
}

#[test]
fn nothing_given_asks_for_what_is_needed() {
    let nothing: Vec<_> = GOOD.iter().map(|(name, _)| (*name, "")).collect();
    insta::assert_snapshot!(faults(&nothing));
}

#[test]
fn two_ways_to_say_the_same_are_one_too_many() {
    insta::assert_snapshot!(faults(&[
        ("manifest", "/no/such/manifest"),
        ("account-endpoint", "acct1.eastus2.batch.azure.com"),
    ]));
}

#[test]
fn a_login_lacks_what_it_needs_by_our_names() {
    let text = faults(&[("client-secret", "hunter22")]);
    assert_eq!(
        text,
        "tenant-id: is needed with client-secret: set it to that of the application\n\
         client-id: is needed with client-secret: set it to that of the application\n"
    );
}

#[test]
fn an_account_is_known_by_its_endpoint_too() {
    for (endpoint, name) in [
        ("https://acct1.eastus2.batch.azure.com", "acct1"),
        ("acct1.eastus2.batch.azure.com", ""),
        ("127.0.0.1:8443/batch/acct1", "ACCT1"),
    ] {
        let request = parse(&[("account", ""), ("account-endpoint", endpoint), ("account-name", name)]).unwrap();
        assert!(
            matches!(request.settings.account, AccountRef::Endpoint(_)),
            "{endpoint}"
        );
    }
    let other = [
        ("account", ""),
        ("account-endpoint", "acct1.eastus2.batch.azure.com"),
        ("account-name", "acct2"),
    ];
    assert_eq!(
        faults(&other),
        "account-name: \"acct2\" is not the account of acct1.eastus2.batch.azure.com; correct one of the two\n"
    );
    assert!(
        faults(&[("account", ""), ("account-name", "acct1")])
            .starts_with("account-endpoint: is needed with account-name")
    );
}

fn file_with(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn a_manifest_names_the_version_and_is_held_against_the_definition() {
    let manifest = file_with(&format!(r#"{{"image_version_id": "{VERSION}", "os_type": "Linux"}}"#));
    let path = manifest.path().to_str().unwrap();
    let from_manifest = |changes: &[(&'static str, &'static str)]| {
        let mut all = vec![("image-version", ""), ("manifest", path)];
        all.extend_from_slice(changes);
        parse(&all).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let shouted = from_manifest(&[("image-definition", DEFINITION)]).unwrap();
    assert_eq!(shouted.settings.pool.version.to_string(), VERSION);
    let other = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/windows";
    let [fault] = &from_manifest(&[("image-definition", other)]).unwrap_err()[..] else {
        panic!("one fault")
    };
    assert!(
        fault.starts_with("image-definition: the version belongs to ")
            && fault.ends_with("is the version the right one?"),
        "{fault}"
    );
    let [fault] = &from_manifest(&[("node-agent-sku-id", "batch.node.windows amd64")]).unwrap_err()[..] else {
        panic!("one fault")
    };
    assert_eq!(
        fault,
        "node-agent-sku-id: \"batch.node.windows amd64\" does not run on the image, whose OS is Linux; give an agent for Linux"
    );
}

#[test]
fn a_bad_manifest_is_one_fault() {
    let manifest = file_with("{}");
    let text = faults(&[("image-version", ""), ("manifest", manifest.path().to_str().unwrap())]);
    assert_eq!(
        text,
        "manifest: has no image_version_id; give the file that the post-processor azure-batch wrote\n"
    );
}

#[test]
fn pool_json_may_lie_in_a_file() {
    let file = file_with(r#"{"taskSlotsPerNode": 4}"#);
    let at = format!("@{}", file.path().display());
    let request = parse(&[("pool-json", &at)]).unwrap();
    assert_eq!(request.settings.pool.json["taskSlotsPerNode"], 4);
}

#[test]
fn latest_is_no_version() {
    let latest = VERSION.replace("1.4.2", "latest");
    assert!(faults(&[("image-version", &latest)]).contains("names no version number; give the id of one version"));
}

#[test]
fn a_job_with_id_token_rights_signs_in_by_oidc() {
    let request = parse(&[
        ("tenant-id", "t"),
        ("client-id", "22222222-2222-2222-2222-222222222222"),
        ("oidc-request-url", "https://127.0.0.1/oidc?x=y"),
        ("oidc-request-token", "runner-token"),
    ])
    .unwrap();
    assert!(matches!(request.login, Login::Oidc { .. }));
}

#[test]
fn a_deployment_needs_a_token_and_a_repository() {
    let text = faults(&[("deployment-environment", "production")]);
    let named: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(':').map(|(name, _)| name))
        .collect();
    assert_eq!(named, ["deployment-environment", "github-token"]);
}

#[test]
fn each_pool_and_step_has_a_report_of_its_own_in_the_runners_folder() {
    let runner = Runner {
        temp: Some("/runner/temp".into()),
        step: Some("rollout a".to_owned()),
        ..Runner::default()
    };
    let path = |inputs: &[(&str, &str)], runner: &Runner| report_path(&values(inputs), runner);
    assert_eq!(
        path(&[("pool-id", "render\n")], &runner),
        Some("/runner/temp/azure-batch-pool-report-render-rollout_a.json".into())
    );
    assert_eq!(
        path(&[("pool-id", "../render b")], &runner),
        Some("/runner/temp/azure-batch-pool-report-.._render_b-rollout_a.json".into())
    );
    assert_eq!(path(&[("report-path", "r.json")], &runner), Some("r.json".into()));
    assert_eq!(path(&[], &Runner::default()), None);
}
