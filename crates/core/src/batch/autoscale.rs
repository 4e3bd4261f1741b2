//! Pools whose size a formula decides: requests, and views of what an evaluation came to.
//!
//! When a formula is evaluated, enabled or taken away is decided in `rollout`.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    batch::{
        API_VERSION,
        pool::{Pool, Scaling, iso_minutes, parse_duration},
    },
    error::ServiceError,
    ids::{BatchEndpoint, PoolId},
    json as read_json,
    request::Request,
    settings::Autoscale,
};

/// What an evaluation of a formula came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// When.
    pub at: Option<Timestamp>,
    /// The variables and their values, as the service writes them: `$TargetDedicatedNodes=4;…`.
    pub results: String,
    /// Why it came to nothing.
    pub error: Option<ServiceError>,
}

impl Evaluation {
    /// Reads a run of a formula; nothing where there was none.
    #[must_use]
    pub fn read(run: &Value) -> Option<Self> {
        run.is_object().then(|| Self {
            at: read_json::time(run, "/timestamp"),
            results: read_json::text(run, "/results").unwrap_or_default().to_owned(),
            error: Some(read_json::at(run, "/error"))
                .filter(|error| error.is_object())
                .map(|error| ServiceError::from_envelope(200, error)),
        })
    }

    /// The nodes of both kinds that it came to, for people: `$TargetDedicatedNodes=4, $TargetLowPriorityNodes=0`.
    #[must_use]
    pub fn targets(&self) -> String {
        let all = self.results.split(';').map(str::trim);
        let wanted = all.filter(|result| result.to_ascii_lowercase().starts_with("$target"));
        wanted.collect::<Vec<_>>().join(", ")
    }
}

/// The formula that a pool follows, as the service shows it; nothing when its size is fixed. The account's list of
/// pools does not show the formula itself.
#[must_use]
pub fn of(pool: &Pool) -> Option<Autoscale> {
    (pool.scaling == Scaling::Auto).then(|| {
        let interval = read_json::text(pool.body(), "/autoScaleEvaluationInterval").and_then(parse_duration);
        let minutes = interval.map(|interval| interval.as_secs().div_ceil(60));
        Autoscale {
            formula: read_json::text(pool.body(), "/autoScaleFormula")
                .unwrap_or_default()
                .to_owned(),
            minutes: minutes.and_then(|minutes| u32::try_from(minutes).ok()),
        }
    })
}

/// What the pool's formula came to last.
#[must_use]
pub fn last_run(pool: &Pool) -> Option<Evaluation> {
    Evaluation::read(read_json::at(pool.body(), "/autoScaleRun"))
}

/// The request that evaluates a formula for a pool that follows one, and changes nothing.
#[must_use]
pub fn evaluate(endpoint: &BatchEndpoint, id: &PoolId, formula: &str) -> Request {
    let doing = format!("evaluate the autoscale formula for pool {id}");
    post(endpoint, id, "evaluateautoscale", doing)
        .with_body(json!({"autoScaleFormula": formula}))
        .without_effect()
}

/// The request that lets a formula decide a pool's size, unless the pool has changed since `etag`.
#[must_use]
pub fn enable(endpoint: &BatchEndpoint, id: &PoolId, scale: &Autoscale, etag: Option<&str>) -> Request {
    let mut body = json!({"autoScaleFormula": scale.formula});
    if let (Some(interval), Some(fields)) = (interval(scale), body.as_object_mut()) {
        fields.insert("autoScaleEvaluationInterval".to_owned(), json!(interval));
    }
    let doing = format!("let the autoscale formula decide the size of pool {id}");
    post(endpoint, id, "enableautoscale", doing)
        .with_body(body)
        .if_match(etag)
}

/// The request after which the pool keeps the targets that its formula came to last.
#[must_use]
pub fn disable(endpoint: &BatchEndpoint, id: &PoolId) -> Request {
    post(
        endpoint,
        id,
        "disableautoscale",
        format!("take the autoscale formula from pool {id}"),
    )
}

/// The interval as Batch takes it.
#[must_use]
pub fn interval(scale: &Autoscale) -> Option<String> {
    let minutes = scale.minutes.map(u64::from);
    minutes.map(|minutes| iso_minutes(std::time::Duration::from_secs(minutes * 60)))
}

fn post(endpoint: &BatchEndpoint, id: &PoolId, action: &str, doing: String) -> Request {
    let path = format!("/pools/{id}/{action}");
    Request::batch(endpoint, Method::POST, path, API_VERSION, doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_says_its_targets_or_its_error() {
        let run = json!({"timestamp": "2026-01-01T00:00:00Z",
            "results": "$TargetDedicatedNodes=4;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue;x=3"});
        let run = Evaluation::read(&run).unwrap();
        assert_eq!(run.targets(), "$TargetDedicatedNodes=4, $TargetLowPriorityNodes=0");
        assert_eq!(run.error, None);
        let bad = json!({"error": {"code": "InsufficientSampleData", "message": "m", "values": [{"name": "n", "value": "v"}]}});
        let error = Evaluation::read(&bad).unwrap().error.unwrap();
        assert_eq!(
            (error.code.as_str(), error.details),
            ("InsufficientSampleData", vec![("n".to_owned(), "v".to_owned())])
        );
        assert_eq!(Evaluation::read(&Value::Null), None);
    }

    #[test]
    fn a_pools_formula_is_read_with_its_minutes() {
        let pool = |is_auto: bool| {
            Pool::new(
                json!({"enableAutoScale": is_auto, "autoScaleFormula": "$TargetDedicatedNodes=1",
                "autoScaleEvaluationInterval": "PT7M30S"}),
            )
        };
        assert_eq!(of(&pool(true)).unwrap().minutes, Some(8));
        assert_eq!(of(&pool(false)), None);
    }

    #[test]
    fn a_formula_is_enabled_with_the_minutes_that_were_asked_for() {
        let endpoint = BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap();
        let scale = |minutes| Autoscale {
            formula: "$TargetDedicatedNodes=1".to_owned(),
            minutes,
        };
        let body = |minutes| {
            enable(&endpoint, &"p".parse().unwrap(), &scale(minutes), None)
                .body
                .unwrap()
        };
        assert_eq!(body(None), json!({"autoScaleFormula": "$TargetDedicatedNodes=1"}));
        assert_eq!(body(Some(90))["autoScaleEvaluationInterval"], "PT90M");
        assert!(evaluate(&endpoint, &"p".parse().unwrap(), "x").is_read());
    }
}
