//! Signing in against the emulated Entra ID: what is asked how often, and what a refusal says.

use std::{sync::Arc, time::Duration};

use azure_batch_core::{
    batch::account,
    clock::SystemClock,
    connect::connect,
    error::{Error, ErrorKind},
    ids::{CloudChoice, KnownCloud},
    options::{Opt, sign_in},
    progress::Progress,
    run::Run,
    settings::{self, Login, Value, Values},
};
use azure_emulator::{Emulator, seed::Seed};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::support::{APPLICATION, Azure, GROUP, TENANT, login};

const OIDC_URL: &str = "https://vstoken.example/oidc/token?api=1";

/// The example application, signing in with these.
fn application<const N: usize>(given: [(&'static Opt, Value); N]) -> Login {
    let mut values = Values::default()
        .with(sign_in::TENANT_ID, TENANT)
        .with(sign_in::CLIENT_ID, APPLICATION);
    for (opt, value) in given {
        values.set(opt, value);
    }
    settings::connection(&values).unwrap().login
}

fn secret(text: &str) -> Value {
    SecretString::from(text).into()
}

fn oidc() -> Login {
    application([
        (sign_in::OIDC_REQUEST_URL, OIDC_URL.into()),
        (sign_in::OIDC_REQUEST_TOKEN, secret("example-request-token")),
    ])
}

/// Reads two accounts one after the other, as that login.
async fn read_twice(azure: &Azure, login: &Login, cloud: &CloudChoice) -> Result<(), Error> {
    let run = Run::new(
        Arc::new(SystemClock),
        Duration::from_secs(600),
        CancellationToken::new(),
        Progress::silent(),
    );
    let client = connect(login, cloud, Arc::new(azure.clone()), run).await?;
    for name in ["acct1", "acct2"] {
        let id = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/{name}");
        account::read(&client, &id.parse().unwrap()).await?;
    }
    Ok(())
}

const PUBLIC: CloudChoice = CloudChoice::Known(KnownCloud::Public);

fn count(azure: &Azure, part: &str) -> usize {
    azure.journal().iter().filter(|entry| entry.path.contains(part)).count()
}

/// `azure_identity` renews a token with less than five minutes left, so one of three is renewed for every request.
fn short_lived() -> Azure {
    Azure::with_token_life(&Seed::example(), 180)
}

#[tokio::test(start_paused = true)]
async fn an_assertion_is_fetched_anew_at_every_renewal() {
    let azure = short_lived();
    read_twice(&azure, &oidc(), &PUBLIC).await.unwrap();
    assert_eq!(
        (count(&azure, "/oidc/token"), count(&azure, "/oauth2/v2.0/token")),
        (2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_is_used_again() {
    let azure = Azure::example();
    read_twice(&azure, &login(), &PUBLIC).await.unwrap();
    assert_eq!(count(&azure, "/oauth2/v2.0/token"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_given_assertion_and_one_in_a_file_sign_in_too() {
    let azure = Azure::example();
    let tenant = Seed::example().tenant.unwrap();
    let trusted = &tenant.applications[0].federated_credentials[1];
    let jwt = azure.emulator(|_, now| Emulator::assertion(trusted, now));
    let given = application([(sign_in::CLIENT_JWT, secret(&jwt))]);
    read_twice(&azure, &given, &PUBLIC).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &jwt).unwrap();
    let path = file.path().to_str().unwrap();
    let in_file = application([(sign_in::FEDERATED_TOKEN_FILE, path.into())]);
    read_twice(&azure, &in_file, &PUBLIC).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_shown_in_entra_s_words_and_without_the_secret() {
    let azure = Azure::example();
    let wrong = application([(sign_in::CLIENT_SECRET, secret("hunter2-not-the-secret"))]);
    let error = read_twice(&azure, &wrong, &PUBLIC).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn);
    let report = format!("{}\n{error:?}", error.report());
    assert!(
        report.contains("AADSTS7000215") && report.contains(APPLICATION),
        "{report}"
    );
    assert!(!report.contains("hunter2"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_metadata_host_says_where_everything_is() {
    let azure = Azure::example();
    let cloud = CloudChoice::metadata_host("127.0.0.1:8443").unwrap();
    read_twice(&azure, &login(), &cloud).await.unwrap();
    let elsewhere = azure
        .journal()
        .into_iter()
        .find(|entry| entry.authority != "127.0.0.1:8443");
    assert!(elsewhere.is_none(), "{elsewhere:?}");
}

#[tokio::test(start_paused = true)]
async fn a_metadata_host_that_fails_is_never_replaced_by_the_public_cloud() {
    let azure = Azure::example();
    azure.fault(serde_json::json!({"kind": "status", "status": 404, "path": "/metadata/*", "occurrence": "every"}));
    let cloud = CloudChoice::metadata_host("127.0.0.1:8443").unwrap();
    let error = read_twice(&azure, &login(), &cloud).await.unwrap_err();
    assert!(
        error.report().contains("metadata_host https://127.0.0.1:8443/"),
        "{}",
        error.report()
    );
    assert_eq!(count(&azure, "/oauth2/"), 0, "the secret was sent somewhere");
}

#[tokio::test(start_paused = true)]
async fn an_assertion_that_entra_does_not_know_is_shown_with_the_line_that_makes_it_known() {
    let mut seed: serde_json::Value = serde_json::from_str(Seed::example_text()).unwrap();
    seed["tenant"]["github"]["subject"] = "repo:example@1001/images@2002:environment:prod".into();
    let azure = Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap());
    let error = read_twice(&azure, &oidc(), &PUBLIC).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn);
    let report = error.report();
    for said in [
        "AADSTS700213",
        "issuer https://token.actions.githubusercontent.com, subject repo:example@1001/images@2002:environment:prod, audience api://AzureADTokenExchange",
        "GitHub's other form, repo:example/images:environment:prod, does not fit",
        "az ad app federated-credential create --id 00000000-0000-0000-0000-00000000c11e --parameters '{\"name\":\"repo-example-1001-images-2002-environment-prod\"",
    ] {
        assert!(report.contains(said), "{said}\nis missing in\n{report}");
    }
}
