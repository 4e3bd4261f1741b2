//! The control port: seed, script faults, move the clock, read the journal, and a page to look at.
//!
//! It also serves the endpoints that are plain HTTP on Azure and GitHub: managed identity and id tokens.

use std::{error::Error, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::from_fn,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{StatusCode, Uri, header};
use jiff::SignedDuration;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Emulator, Outcome, entra,
    fault::Fault,
    host::{
        connection::{read_request, write_response},
        log,
        shared::Shared,
    },
    seed::Seed,
};

mod guard;
mod journal;
mod page;

/// One fault or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Script {
    Several(Vec<Fault>),
    One(Box<Fault>),
}

/// How far to move the clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u32,
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/health", get(health))
        .route("/seed", post(seed))
        .route("/faults", get(show_faults).post(add_faults).delete(clear_faults))
        .route("/overview", get(overview))
        .route("/journal", get(journal).delete(clear_journal))
        .route("/resources", get(resources))
        .route("/advance", post(advance))
        .route("/assertion", post(assertion))
        .merge(page::routes())
        .fallback(identity)
        .layer(from_fn(guard::check))
        .with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        log::say(&format!("the control port failed: {error}"));
    }
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let now = shared.with_emulator(|_, now| now);
    answer(StatusCode::OK, &json!({"status": "ok", "now": now.to_string()}))
}

async fn seed(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let seed: Seed = match parse(&body) {
        Ok(seed) => seed,
        Err(refusal) => return refusal,
    };
    match shared.with_emulator(|emulator, now| emulator.seed(&seed, now)) {
        Ok(()) => answer(StatusCode::OK, &json!({})),
        Err(error) => refusal(&error),
    }
}

async fn show_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.with_emulator(|emulator, _| answer(StatusCode::OK, &json!(emulator.faults())))
}

async fn add_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let faults = match parse(&body) {
        Ok(Script::Several(faults)) => faults,
        Ok(Script::One(fault)) => vec![*fault],
        Err(refusal) => return refusal,
    };
    shared.with_emulator(|emulator, _| {
        faults.into_iter().for_each(|fault| emulator.add_fault(fault));
        answer(StatusCode::OK, &json!(emulator.faults()))
    })
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.with_emulator(|emulator, _| emulator.clear_faults());
    answer(StatusCode::OK, &json!([]))
}

async fn overview(State(shared): State<Arc<Shared>>) -> Response {
    let overview = shared.with_emulator(|emulator, now| emulator.overview(now));
    answer(StatusCode::OK, &overview)
}

async fn journal(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    match journal::Wanted::read(&uri) {
        Ok(wanted) => {
            let lines = shared.with_emulator(|emulator, _| wanted.lines(emulator.journal()));
            text(StatusCode::OK, "application/x-ndjson", lines)
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn clear_journal(State(shared): State<Arc<Shared>>) -> Response {
    shared.with_emulator(|emulator, _| emulator.clear_journal());
    answer(StatusCode::OK, &json!({}))
}

async fn resources(State(shared): State<Arc<Shared>>) -> Response {
    let resources = shared.with_emulator(|emulator, now| emulator.resources(now));
    answer(StatusCode::OK, &resources)
}

async fn advance(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(Advance { seconds }) => {
            let now = shared.advance(SignedDuration::from_secs(i64::from(seconds)));
            answer(StatusCode::OK, &json!({"now": now.to_string()}))
        }
        Err(refusal) => refusal,
    }
}

/// An assertion of any issuer, for workload identities.
async fn assertion(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(credential) => {
            let value = shared.with_emulator(|_, now| Emulator::assertion(&credential, now));
            answer(StatusCode::OK, &json!({"value": value}))
        }
        Err(refusal) => refusal,
    }
}

async fn identity(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Ok(request) = read_request(request).await else {
        return answer(
            StatusCode::BAD_REQUEST,
            &json!({"error": "the request's body cannot be read"}),
        );
    };
    if !entra::is_entra_path(&request) {
        let message = format!("the control port has no {} {}", request.method, request.path);
        return answer(StatusCode::NOT_FOUND, &json!({"error": message}));
    }
    match shared.respond(&request) {
        Outcome::Answer(response) => write_response(response).map(Body::new),
        Outcome::ResetBeforeEffect | Outcome::ResetAfterEffect | Outcome::Hang | Outcome::EndlessBody(_) => answer(
            StatusCode::BAD_GATEWAY,
            &json!({"error": "the control port cannot cut connections"}),
        ),
    }
}

#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| refusal(&error))
}

/// 400 with the error and its causes.
fn refusal(error: &dyn Error) -> Response {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    answer(StatusCode::BAD_REQUEST, &json!({"error": text}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    text(status, "application/json", body.to_string())
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
