//! Tests of the wire form: bytes as recorded, times and durations as .NET writes them.

use super::*;

#[test]
fn pretty_breaks_lines_where_batch_does() {
    let value = json!({"a": 1, "b": {"c": [], "d": [{"e": "x\"y"}, {"f": null}]}, "g": {}});
    let expected = "{\r\n  \"a\":1,\"b\":{\r\n    \"c\":[],\"d\":[\r\n      {\r\n        \"e\":\"x\\\"y\"\r\n      },{\r\n        \"f\":null\r\n      }\r\n    ]\r\n  },\"g\":{}\r\n}";
    assert_eq!(pretty(&value), expected);
}

#[test]
fn times_have_at_most_seven_digits_and_no_trailing_zeros() {
    for (nanoseconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (1_234_567_890, "1970-01-01T00:00:01.2345678Z"),
        (965_901_000, "1970-01-01T00:00:00.965901Z"),
    ] {
        assert_eq!(timestamp(Timestamp::from_nanosecond(nanoseconds).unwrap()), text);
    }
    assert_eq!(padded_timestamp(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.0000000Z");
}

#[test]
fn durations_are_read_in_any_form_and_written_in_dotnets() {
    for (text, written) in [
        ("PT15M", "PT15M"),
        ("PT10M00S", "PT10M"),
        ("PT90M", "PT1H30M"),
        ("PT168H", "P7D"),
        ("P1DT1S", "P1DT1S"),
        ("PT0S", "PT0S"),
    ] {
        assert_eq!(
            parse_duration(text).map(format_duration).as_deref(),
            Some(written),
            "{text}"
        );
    }
    for text in ["", "15", "-PT5M", "PT", "P1Y"] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

#[test]
fn an_error_carries_its_sentence_in_the_status_line_and_the_request_id_in_the_message() {
    let request = Request {
        method: http::Method::GET,
        authority: "acct.test".to_owned(),
        path: "/pools/p".to_owned(),
        query: Vec::new(),
        headers: http::HeaderMap::new(),
        body: Bytes::new(),
    };
    let refusal = Refusal::from(crate::batch::refusal::POOL_NOT_FOUND).with("PoolId", "p");
    let response = respond(
        &request,
        "https://acct.test",
        "id-1",
        Timestamp::UNIX_EPOCH,
        Err(refusal),
    );
    assert_eq!(response.reason.as_deref(), Some("The specified pool does not exist."));
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(
        body["message"]["value"],
        "The specified pool does not exist.\nRequestId:id-1\nTime:1970-01-01T00:00:00.0000000Z"
    );
    assert_eq!(body["values"], json!([{"key": "PoolId", "value": "p"}]));

    let head = Request {
        method: http::Method::HEAD,
        ..request
    };
    let refusal = Refusal::from(crate::batch::refusal::POOL_NOT_FOUND);
    let response = respond(&head, "https://acct.test", "id-1", Timestamp::UNIX_EPOCH, Err(refusal));
    assert!(response.body.is_empty() && response.status == StatusCode::NOT_FOUND);
}

/// The bodies are those of `tests/batch/recorded.jsonl`, whose origin is in `tests/batch/recorded.rs`.
#[test]
fn recorded_bodies_are_written_back_to_the_byte() {
    let mut bodies = 0;
    for line in include_str!("../../../tests/batch/recorded.jsonl").lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let Some(body) = exchange["body"].as_str().filter(|body| !body.is_empty()) else {
            continue;
        };
        assert_eq!(
            pretty(&serde_json::from_str(body).unwrap()),
            body,
            "{}",
            exchange["name"]
        );
        bodies += 1;
    }
    assert_eq!(bodies, 44);
}
