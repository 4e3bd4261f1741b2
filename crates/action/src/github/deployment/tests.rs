//! Deployments against a small server on the loopback that remembers what it was asked.

use azure_batch_core::https::{Authorities, https_client};

use super::*;
use crate::{github::testing::serve, report::tests};

fn wanted() -> DeploymentRequest {
    DeploymentRequest {
        environment: "production".to_owned(),
        token: "ghs_secret".into(),
    }
}

async fn begin(repository: &Repository) -> Result<Deployment, DeploymentError> {
    let https = https_client("test", Authorities::default(), &|_| None).unwrap();
    Deployment::begin(&wanted(), repository, &https, "Azure Batch pool render").await
}

#[tokio::test]
async fn a_deployment_goes_from_in_progress_to_its_end() {
    let answers = vec![(201, json!({"id": 42, "new": {}})), (201, json!({})), (201, json!({}))];
    let (repository, server) = serve(answers).await;
    begin(&repository)
        .await
        .unwrap()
        .end(&tests::quota_reached())
        .await
        .unwrap();
    let seen = server.await.unwrap();
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /api/v3/repos/o/r/deployments HTTP/1.1",
            "POST /api/v3/repos/o/r/deployments/42/statuses HTTP/1.1",
            "POST /api/v3/repos/o/r/deployments/42/statuses HTTP/1.1",
        ]
    );
    assert!(seen.iter().all(|seen| seen.authorization == "Bearer ghs_secret"));
    insta::assert_json_snapshot!(seen.into_iter().map(|seen| seen.body).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refusal_is_one_sentence_with_the_remedy_and_is_not_repeated() {
    let (repository, server) = serve(vec![(
        403,
        json!({"message": "Resource not accessible by integration"}),
    )])
    .await;
    let error = begin(&repository).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot create a deployment in environment production: Resource not accessible by integration (403); \
         does the job have deployments: write?"
    );
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_broken_is_asked_once() {
    let (repository, server) = serve(vec![(502, json!({"message": "bad gateway"}))]).await;
    assert!(
        begin(&repository)
            .await
            .unwrap_err()
            .to_string()
            .contains("bad gateway (502)")
    );
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_token_travels_unprotected() {
    let repository = Repository {
        api_url: "http://github.example.com/api/v3".to_owned(),
        ..serve(Vec::new()).await.0
    };
    let error = begin(&repository).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the address http://github.example.com/api/v3 is not https, so no token is sent there"
    );
}
