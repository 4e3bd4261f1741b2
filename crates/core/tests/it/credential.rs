//! Signing in against the emulated Entra ID: what is asked how often, and what a refusal says.

use crate::reads_well::MustFail as _;
use std::{sync::Arc, time::Duration};

use azure_batch_core::{
    batch::account,
    clock::{Clock, SystemClock},
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

const PLAIN: &str = include_str!("../../src/credential/certificate/tests/plain.pem");
const EXPIRED: &str = include_str!("../../src/credential/certificate/tests/expired.pem");

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
    read_twice_at(Arc::new(SystemClock), azure, login, cloud).await
}

/// The same by the local Azure's clock: what the run signs is valid there.
async fn read_by_its_clock(azure: &Azure, login: &Login, cloud: &CloudChoice) -> Result<(), Error> {
    read_twice_at(azure.clock(), azure, login, cloud).await
}

async fn read_twice_at(clock: Arc<dyn Clock>, azure: &Azure, login: &Login, cloud: &CloudChoice) -> Result<(), Error> {
    let run = Run::new(
        clock,
        Duration::from_secs(600),
        CancellationToken::new(),
        Progress::silent(),
    );
    let client = connect(login, cloud, Arc::new(azure.clone()), run).await?;
    for name in ["acct1", "acct2"] {
        let id = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/{name}");
        account::read(&client, &id.parse().unwrap(), azure_batch_core::options::pool::ACCOUNT).await?;
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
async fn an_application_that_trusts_another_audience_is_signed_in_to_by_its_name() {
    let mut seed: serde_json::Value = serde_json::from_str(Seed::example_text()).unwrap();
    let trusted = seed["tenant"]["applications"][0]["federatedCredentials"].as_array_mut();
    for credential in trusted.unwrap() {
        credential["audience"] = "api://images".into();
    }
    let azure = Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap());
    let refused = read_twice(&azure, &oidc(), &PUBLIC).await.must_fail();
    let report = format!("{}\n{refused:?}", refused.report());
    assert!(report.contains("AADSTS700212"), "{report}");
    let named = application([
        (sign_in::OIDC_REQUEST_URL, OIDC_URL.into()),
        (sign_in::OIDC_REQUEST_TOKEN, secret("example-request-token")),
        (sign_in::OIDC_AUDIENCE, "api://images".into()),
    ]);
    read_twice(&azure, &named, &PUBLIC).await.unwrap();
}

/// A world whose application has that certificate, and its file.
fn with_certificate(pem: &str) -> (Azure, tempfile::NamedTempFile) {
    let mut seed: serde_json::Value = serde_json::from_str(Seed::example_text()).unwrap();
    let begins = pem.find("-----BEGIN CERTIFICATE").unwrap();
    seed["tenant"]["applications"][0]["certificates"] = serde_json::json!([&pem[begins..]]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    (Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap()), file)
}

fn certificate(file: &tempfile::NamedTempFile) -> Login {
    application([(sign_in::CLIENT_CERT_PATH, file.path().to_str().unwrap().into())])
}

/// The kind of an error, and what a person reads of it.
fn shown(error: &Error) -> (ErrorKind, String) {
    (error.kind(), format!("{}\n{error:?}", error.report()))
}

#[tokio::test(start_paused = true)]
async fn a_certificate_signs_in_and_its_file_is_read_for_each_token() {
    let (azure, file) = with_certificate(PLAIN);
    read_by_its_clock(&azure, &certificate(&file), &PUBLIC).await.unwrap();
    let metadata = CloudChoice::metadata_host("127.0.0.1:8443").unwrap();
    read_by_its_clock(&azure, &certificate(&file), &metadata).await.unwrap();
    std::fs::write(file.path(), "another program is writing it").unwrap();
    let error = read_twice(&azure, &certificate(&file), &PUBLIC).await.unwrap_err();
    let (kind, shown) = shown(&error);
    assert_eq!(kind, ErrorKind::BadInput);
    assert!(shown.contains("is neither PEM nor PFX"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_the_application_does_not_have_is_refused_in_entras_words() {
    let (_, file) = with_certificate(PLAIN);
    let azure = Azure::example();
    let error = read_by_its_clock(&azure, &certificate(&file), &PUBLIC)
        .await
        .unwrap_err();
    let (kind, shown) = shown(&error);
    assert_eq!(kind, ErrorKind::SignIn);
    assert!(
        shown.contains("AADSTS700027") && shown.contains("The key was not found"),
        "{shown}"
    );
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_has_expired_or_is_missing_is_refused_before_anything_is_sent() {
    let (azure, file) = with_certificate(EXPIRED);
    let gone = application([(sign_in::CLIENT_CERT_PATH, "/no/such/file.pem".into())]);
    for (login, kind, says) in [
        (
            certificate(&file),
            ErrorKind::SignIn,
            "the certificate expired at 2025-06-15",
        ),
        (
            gone,
            ErrorKind::BadInput,
            "client_cert_path: /no/such/file.pem cannot be read",
        ),
    ] {
        let error = read_by_its_clock(&azure, &login, &PUBLIC).await.unwrap_err();
        let (found, shown) = shown(&error);
        assert_eq!(found, kind, "{shown}");
        assert!(shown.contains(says), "{shown}");
    }
    assert!(azure.journal().is_empty());
}

const CONNECTION: &str = "00000000-0000-0000-0000-0000000c0111";

/// A world with a job of Azure Pipelines whose service connection the application trusts.
fn with_pipeline() -> Azure {
    let mut seed: serde_json::Value = serde_json::from_str(Seed::example_text()).unwrap();
    let (issuer, subject) = ("https://vstoken.dev.azure.com/1001", "sc://example/images/azure");
    seed["tenant"]["pipeline"] = serde_json::json!({"accessToken": "job-token", "serviceConnectionId": CONNECTION,
        "issuer": issuer, "subject": subject});
    let trusted = seed["tenant"]["applications"][0]["federatedCredentials"].as_array_mut();
    trusted
        .unwrap()
        .push(serde_json::json!({"issuer": issuer, "subject": subject}));
    Azure::with_token_life(&Seed::parse(&seed.to_string()).unwrap(), 180)
}

fn pipeline(token: &str, connection: &str) -> Login {
    application([
        (
            sign_in::OIDC_REQUEST_URL,
            "https://dev.example/pipelines/oidctoken".into(),
        ),
        (sign_in::OIDC_REQUEST_TOKEN, secret(token)),
        (sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID, connection.into()),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_signs_in_as_its_service_connection_and_asks_again_at_every_renewal() {
    let azure = with_pipeline();
    read_twice(&azure, &pipeline("job-token", CONNECTION), &PUBLIC)
        .await
        .unwrap();
    assert_eq!(
        (
            count(&azure, "/pipelines/oidctoken"),
            count(&azure, "/oauth2/v2.0/token")
        ),
        (2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn what_azure_pipelines_refuses_is_shown_with_what_gives_the_right() {
    let azure = with_pipeline();
    for (token, connection, says) in [
        ("not-the-token", CONNECTION, "TF400813"),
        (
            "job-token",
            "00000000-0000-0000-0000-00000000dead",
            "is not found, or this job may not use it",
        ),
    ] {
        let error = read_twice(&azure, &pipeline(token, connection), &PUBLIC)
            .await
            .unwrap_err();
        let (kind, shown) = shown(&error);
        assert_eq!(kind, ErrorKind::SignIn, "{shown}");
        for said in [says, "SYSTEM_ACCESSTOKEN: $(System.AccessToken)"] {
            assert!(shown.contains(said), "{said} is missing in {shown}");
        }
        assert!(!shown.contains("not-the-token"), "{shown}");
    }
    assert_eq!(count(&azure, "/oauth2/"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_shown_in_entra_s_words_and_without_the_secret() {
    let azure = Azure::example();
    let wrong = application([(sign_in::CLIENT_SECRET, secret("hunter2-not-the-secret"))]);
    let error = read_twice(&azure, &wrong, &PUBLIC).await.must_fail();
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
    let error = read_twice(&azure, &login(), &cloud).await.must_fail();
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
    let error = read_twice(&azure, &oidc(), &PUBLIC).await.must_fail();
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
