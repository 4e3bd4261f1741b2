//! No secret that a user gives is in anything that core shows or leaves: debug texts, plans, events, lines, reports,
//! errors, faults, metadata in Azure, the local Azure's journal.
//!
//! What a service repeats of a secret is struck out by the programs; here it is tested that they would know each of them.

use azure_batch_core::{
    options::{
        pool::{ACCOUNT, IMAGE_VERSION, POOL_FILE, PRICE_FILE},
        sign_in,
    },
    redact::{Redactor, secrets_in_json},
    rollout,
    settings::{self, ROLLOUT_DEADLINE, Values, pool_file_as_json},
    telling::{News, Teller},
};
use http::Method;
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    rollout::{entries, image, world},
    support::{Azure, GROUP},
};

/// With this every secret of this file begins.
const MARK: &str = "hunter2";

/// Where a pool file can hold a secret, and which.
const OF_POOL: [&str; 10] = [
    "hunter2-account-key",
    "hunter2-sas-key",
    "hunter2-mount",
    "hunter2-registry",
    "hunter2-user",
    "hunter2-environment",
    "hunter2-signature",
    "hunter2-logs",
    "hunter2-in-a-command",
    "hunter2-in-an-address",
];

const POOL: &str = include_str!("secret_pool.yaml");

/// What is shown somewhere, and where.
type Shown = Vec<(String, String)>;

fn values(file: &str) -> Values {
    Values::default()
        .with(
            ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(IMAGE_VERSION, image("1.0.0"))
        .with(POOL_FILE, file)
}

fn note(shown: &mut Shown, place: &str, text: impl Into<String>) {
    shown.push((place.to_owned(), text.into()));
}

/// Rolls out and notes everything that is shown meanwhile and afterwards.
async fn roll_out(azure: &Azure, file: &str, shown: &mut Shown) {
    let asked = settings::rollout(&values(file)).unwrap();
    note(shown, "the settings, for a debugger", format!("{asked:?}"));
    let (client, mut events) = azure
        .client_with_limit(&CancellationToken::new(), ROLLOUT_DEADLINE)
        .await;
    match rollout::plan(&client, &asked.settings).await {
        Ok(plan) => note(shown, "a plan", format!("{plan:?} {plan} {}", json!(plan))),
        Err(error) => note(shown, "the error of a plan", format!("{error:?} {}", error.report())),
    }
    let outcome = rollout::run(&client, &asked.settings).await;
    note(
        shown,
        "a report",
        format!("{:?} {}", outcome.report, json!(outcome.report)),
    );
    if let Err(error) = &outcome.result {
        note(shown, "an error", format!("{error:?} {}", error.report()));
    }
    let mut teller = Teller::default();
    while let Ok(event) = events.try_recv() {
        let lines = teller.tell(News::of(&event), std::time::Duration::ZERO);
        note(shown, "an event", format!("{event:?} {lines:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn no_secret_of_a_pool_is_in_anything_that_a_roll_out_shows_or_leaves() {
    let mut shown = Shown::new();
    let azure = world(|_| {});
    roll_out(&azure, POOL, &mut shown).await;
    assert_eq!(entries(&azure, &Method::POST, "/pools").len(), 1, "{shown:#?}");
    roll_out(&azure, POOL, &mut shown).await;
    // Another user and another environment: the first is hidden by Batch, the second makes a start task another one.
    let other = POOL
        .replace("hunter2-user", "hunter2-user-2")
        .replace("hunter2-environment", "hunter2-environment-2")
        .replace("name: ops", "name: other");
    roll_out(&azure, &other, &mut shown).await;
    assert!(
        shown.iter().any(|(place, _)| place == "an error"),
        "nothing was refused"
    );
    let pools: Vec<String> = azure
        .journal()
        .iter()
        .map(|entry| serde_json::to_string(entry).unwrap())
        .collect();
    note(&mut shown, "the local Azure's journal", pools.join("\n"));
    let made = entries(&azure, &Method::POST, "/pools");
    let metadata = made[0].request["metadata"].to_string();
    assert!(metadata.contains("azure-batch-spec"), "{metadata}");
    note(&mut shown, "the pool's metadata", metadata);
    leaks(&shown);
}

#[test]
fn no_secret_is_in_a_fault_or_in_what_a_debugger_shows_of_what_was_given() {
    let mut shown = Shown::new();
    let secret = |text: &str| SecretString::from(text.to_owned());
    let given = values(POOL)
        .with(sign_in::CLIENT_SECRET, secret("hunter2-client-secret"))
        .with(sign_in::CLIENT_CERT_PASSWORD, secret("hunter2-certificate"))
        .with(sign_in::CLIENT_JWT, secret("hunter2-assertion"))
        .with(sign_in::OIDC_REQUEST_TOKEN, secret("hunter2-request-token"));
    note(&mut shown, "values, for a debugger", format!("{given:?}"));
    note(
        &mut shown,
        "faults of signing in",
        format!("{:?}", settings::rollout(&given)),
    );
    for (right, wrong) in [
        ("account-key: ", "acount-key: "),
        ("account-key: hunter2-account-key", "account-key: [hunter2-account-key]"),
        ("kind: blob", "kind: blub"),
        ("{name: ops, password: hunter2-user}", "hunter2-user"),
        ("password: hunter2-registry", "pasword: hunter2-registry"),
        ("commandLine:", "commandline:"),
        ("startTask:", "startTask: [hunter2]\n  other:"),
        (
            "sas-key: hunter2-sas-key",
            "sas-key: hunter2-sas-key, account-key: hunter2",
        ),
        ("\npool-json:", "\npool-json: hunter2\nother:"),
        ("pool-id: p1", "pool-id: [hunter2"),
    ] {
        assert!(POOL.contains(right), "{right}");
        let file = POOL.replacen(right, wrong, 1);
        let faults = settings::rollout(&values(&file)).map(|asked| rollout::check(&asked.settings));
        let faults = match faults {
            Ok(checked) => checked.expect_err(wrong),
            Err(faults) => faults,
        };
        let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
        note(&mut shown, wrong, format!("{faults:?} {}", texts.join("\n")));
    }
    let priced = values(POOL).with(PRICE_FILE, "currency: EUR\ngib-month: {Standard_LRS: {eastus2: 1}}");
    note(
        &mut shown,
        "a plan's settings",
        format!("{:?}", settings::plan(&priced)),
    );
    leaks(&shown);
}

#[test]
fn the_programs_know_each_secret_of_a_pool_file_and_strike_out_what_a_service_repeats() {
    let found = secrets_in_json(&pool_file_as_json(POOL).unwrap());
    let redactor: Redactor = found.iter().collect();
    for secret in OF_POOL {
        assert!(POOL.contains(secret), "{secret}");
        let repeated = redactor.clean(&format!("the value '{secret}' is not valid; see https://x/?v={secret}"));
        assert_eq!(
            repeated, "the value '***' is not valid; see https://x/?v=***",
            "{secret}"
        );
    }
}

fn leaks(shown: &Shown) {
    assert!(shown.iter().all(|(_, text)| !text.is_empty()));
    let leaks: Vec<String> = shown
        .iter()
        .filter_map(|(place, text)| {
            let at = text.find(MARK)?;
            let around: String = text
                .chars()
                .skip(text[..at].chars().count().saturating_sub(80))
                .take(120)
                .collect();
            Some(format!("{place}: …{around}…"))
        })
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
