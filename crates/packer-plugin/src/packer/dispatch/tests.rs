//! Tests of answering: Go's error texts, calls side by side, panics.
//!
//! Whole conversations are in `tests/`.

use super::*;

struct Sample;

impl Service for Sample {
    fn begin(&self, method: &str, argument: Value) -> Option<Answer> {
        Some(match method {
            "Echo" => async move { Ok(argument) }.boxed(),
            "PanicAtOnce" => panic!("at once"),
            "PanicLater" => async { panic!("later: panic: {}", 1) }.boxed(),
            _ => return None,
        })
    }
}

async fn outcome(method: &str) -> Result<Value, String> {
    let services = Services::default().with("Sample", Arc::new(Sample));
    let request = Request {
        method: method.to_owned(),
        seq: 4,
        argument: Value::from(7),
    };
    let response = answer(&services, request).await;
    assert_eq!((response.method.as_str(), response.seq), (method, 4));
    response.outcome
}

#[tokio::test]
async fn unknown_names_get_gos_own_error_texts() {
    let cases = [
        ("Sample.Other", "rpc: can't find method Sample.Other"),
        ("Other.Echo", "rpc: can't find service Other.Echo"),
        ("Echo", "rpc: service/method request ill-formed: Echo"),
        ("", "rpc: service/method request ill-formed: "),
    ];
    for (method, text) in cases {
        assert_eq!(outcome(method).await, Err(text.to_owned()));
    }
    assert_eq!(outcome("Sample.Echo").await, Ok(Value::from(7)));
}

#[tokio::test]
async fn a_panic_is_answered_without_the_mark_of_a_crash() {
    for (method, text) in [
        ("Sample.PanicAtOnce", "at once"),
        ("Sample.PanicLater", "later: panic : 1"),
    ] {
        let error = outcome(method).await.unwrap_err();
        assert!(error.ends_with(text), "{error}");
        assert!(!error.contains("panic:"), "{error}");
    }
}
