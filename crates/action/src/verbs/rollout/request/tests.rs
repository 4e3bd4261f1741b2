//! What only this program asks for, and its words for core's faults.

use std::collections::BTreeMap;

use azure_batch_core::{options::Verb, settings::Login};

use super::*;
use crate::github::runner::{Log, Repository};

const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";
const APPLICATION: [(&str, &str); 2] = [
    ("tenant-id", "contoso.onmicrosoft.com"),
    ("client-id", "22222222-2222-2222-2222-222222222222"),
];

/// The smallest good roll-out.
const GOOD: [(&str, &str); 4] = [
    ("image-version", VERSION),
    ("account-endpoint", "acct1.eastus2.batch.azure.com"),
    ("pool-id", "render"),
    ("target-dedicated-nodes", "700"),
];

fn runner() -> Runner {
    Runner {
        log: Log::Workflow,
        temp: Some("/runner/temp".into()),
        step: Some("rollout a".to_owned()),
        ..Runner::default()
    }
}

fn given(inputs: &[(&str, &str)], runner: &Runner) -> Given {
    // A later input takes the place of an earlier one, and an empty one removes it.
    let variables: BTreeMap<String, String> = GOOD
        .iter()
        .chain(inputs)
        .map(|(name, value)| {
            let variable = format!("INPUT_{}", name.to_ascii_uppercase().replace('-', "_"));
            (variable, (*value).to_owned())
        })
        .collect();
    Given::collect(Verb::Rollout, |_| None, runner, &variables)
}

fn faults(inputs: &[(&str, &str)], runner: &Runner) -> Vec<String> {
    let mut given = given(inputs, runner);
    let faults = RolloutRequest::read(&mut given, runner).expect_err("the inputs were accepted");
    faults.iter().map(|fault| given.spelled(fault)).collect()
}

#[test]
fn every_input_arrives() {
    let mut given = given(
        &[
            ("pool-json", r#"{"taskSlotsPerNode": 4}"#),
            ("resize-rounds", "3"),
            ("deadline", "6h"),
            ("tenant-id", "contoso.onmicrosoft.com"),
            ("client-id", "22222222-2222-2222-2222-222222222222"),
            ("client-secret", "hunter22"),
        ],
        &runner(),
    );
    let request = RolloutRequest::read(&mut given, &runner()).unwrap();
    let settings = &request.asked.settings;
    assert_eq!(
        (settings.pool.id.as_str(), settings.pool.targets.dedicated),
        ("render", 700)
    );
    assert_eq!(
        (settings.policy.resize.rounds, request.asked.deadline.as_secs()),
        (3, 6 * 3600)
    );
    assert_eq!(settings.pool.json["taskSlotsPerNode"], 4);
    assert!(matches!(request.asked.connection.login, Login::ClientSecret { .. }));
}

#[test]
fn all_faults_come_at_once_in_the_words_of_the_door() {
    let inputs = [
        ("pool-id", "render pool"),
        ("resize-rounds", "0"),
        ("start-task-elevated", "true"),
        ("pool-json", "@/no/such/file"),
        ("ca-file", "/no/such/ca.pem"),
        ("deployment-environment", "production"),
    ];
    insta::assert_snapshot!(faults(&inputs, &runner()).join("\n"));
    let by_flags = Runner::default();
    let names: Vec<String> = faults(&inputs, &by_flags)
        .iter()
        .filter_map(|fault| fault.split_once(':').map(|(name, _)| name.to_owned()))
        .collect();
    assert!(names.contains(&"--start-task-elevated".to_owned()), "{names:?}");
    assert!(
        names.contains(&"GH_TOKEN".to_owned()),
        "a secret has no flag: {names:?}"
    );
}

#[test]
fn a_job_that_may_not_ask_for_a_token_is_shown_the_permission() {
    let [fault] = &faults(&APPLICATION, &runner())[..] else {
        panic!("one fault")
    };
    assert_eq!(
        fault,
        "client-id: this job may not ask GitHub for the token that the application trusts: give the job `permissions: \
         id-token: write`, or give another way to sign in; for a managed identity leave out tenant-id"
    );
    // A user-assigned managed identity takes no tenant, and a command line has no permissions.
    for (inputs, runner) in [(&APPLICATION[1..], runner()), (&APPLICATION[..], Runner::default())] {
        let mut given = given(inputs, &runner);
        let request = RolloutRequest::read(&mut given, &runner).unwrap();
        let login = request.asked.connection.login;
        assert!(matches!(login, Login::ManagedIdentity { client: Some(_) }), "{login}");
    }
}

#[test]
fn contradictions_with_the_pool_json_are_one_a_line_in_the_words_of_the_door() {
    let inputs = [
        ("vm-size", "Standard_D4s_v5"),
        ("node-agent-sku-id", "batch.node.ubuntu 22.04"),
        ("start-task", "echo a"),
        (
            "pool-json",
            r#"{"vmSize":"Standard_D2s_v5","startTask":{"commandLine":"echo b"},
                "virtualMachineConfiguration":{"nodeAgentSKUId":"batch.node.el 9"}}"#,
        ),
    ];
    insta::assert_snapshot!(faults(&inputs, &runner()).join("\n"));
    let by_flags = faults(&inputs, &Runner::default()).join("\n");
    assert!(
        by_flags.contains("--node-agent-sku-id") && !by_flags.contains("node_agent_sku"),
        "{by_flags}"
    );
}

#[test]
fn pool_json_in_another_form_or_spelling_is_called_so() {
    let other = [
        r#"{"properties": {"vmSize": "STANDARD_D2S_V5", "deploymentConfiguration": {}}}"#,
        r#"{"virtualMachineConfiguration": {"nodeAgentSkuId": "batch.node.ubuntu 22.04"}}"#,
        r#"{"maxTasksPerNode": 4}"#,
        r#"{"startTask": {"commandLine": "x", "resourceFiles": [{"blobSource": "https://x/y", "filePath": "y"}]}}"#,
    ];
    let found = other.map(|json| faults(&[("pool-json", json)], &runner()).join("\n"));
    insta::assert_snapshot!(found.join("\n\n"));
}

#[test]
fn half_an_oidc_request_is_refused_and_never_becomes_another_identity() {
    let mut inputs = APPLICATION.to_vec();
    inputs.push(("oidc-request-url", "https://runner/token?a=b"));
    let [fault] = &faults(&inputs, &runner())[..] else {
        panic!("one fault")
    };
    assert!(
        fault.starts_with("oidc-request-token: is missing together with oidc-request-url"),
        "{fault}"
    );
}

#[test]
fn a_deployment_needs_a_token_and_a_repository() {
    let inputs = [("deployment-environment", "production"), ("github-token", "ghs_1\n")];
    let runner = Runner {
        repository: Some(Repository {
            owner: "o".to_owned(),
            name: "r".to_owned(),
            sha: "abc".to_owned(),
            api_url: "https://api.github.com".to_owned(),
            run_url: None,
        }),
        ..runner()
    };
    let request = RolloutRequest::read(&mut given(&inputs, &runner), &runner).unwrap();
    assert_eq!(request.deployment.unwrap().environment, "production");
}

/// Finding R21: two uses of the action in one job had one file, and the output of the first led to the report of the
/// second.
#[test]
fn each_pool_and_step_has_a_report_of_its_own_in_the_runners_folder() {
    let path = |inputs: &[(&str, &str)], runner: &Runner| report_path(&given(inputs, runner), runner);
    assert_eq!(
        path(&[("pool-id", "render\n")], &runner()),
        Some("/runner/temp/azure-batch-pool-report-render-rollout_a.json".into())
    );
    assert_eq!(
        path(&[("pool-id", "../render b")], &runner()),
        Some("/runner/temp/azure-batch-pool-report-.._render_b-rollout_a.json".into())
    );
    let second = Runner {
        step: Some("rollout_b".to_owned()),
        ..runner()
    };
    assert_ne!(path(&[], &runner()), path(&[], &second), "two steps with one pool");
    assert_eq!(path(&[("report-path", "r.json\n")], &runner()), Some("r.json".into()));
    assert_eq!(path(&[], &Runner::default()), None);
}

/// The same between the steps of a composite action: the runner gives all of them the name of the step that calls it
/// (`StepsRunner` sets `github.action` for the job's own steps only).
#[test]
fn a_report_that_is_there_already_is_not_written_over() {
    let given = given(&[], &runner());
    let name = |taken: &[&str]| {
        let is_taken = |path: &Path| taken.iter().any(|name| path.ends_with(name));
        free_path(&given, &runner(), is_taken).map(|path| path.file_name().unwrap().to_owned())
    };
    let [first, second, third] =
        ["", "-2", "-3"].map(|number| format!("azure-batch-pool-report-render-rollout_a{number}.json"));
    assert_eq!(name(&[]), Some(first.clone().into()));
    assert_eq!(name(&[&first]), Some(second.clone().into()));
    assert_eq!(name(&[&first, &second]), Some(third.into()));
}
