//! Tests of the codec: Go's bytes, every split point, and the forms that Packer accepts.

use proptest::prelude::*;

use super::*;

fn request(bytes: &[u8]) -> Decoded<Request> {
    decode(bytes).unwrap()
}

fn whole_request(bytes: &[u8]) -> Request {
    match request(bytes) {
        Decoded::Message { message, length } => {
            assert_eq!(length, bytes.len());
            message
        }
        Decoded::Incomplete => panic!("incomplete"),
    }
}

fn packed(values: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        write_value(&mut bytes, value);
    }
    bytes
}

#[test]
fn writes_a_request_byte_for_byte_like_go() {
    let bytes = encode(Request {
        method: "Artifact.Id".to_owned(),
        seq: 0,
        argument: Value::Nil,
    });
    let mut go = vec![0x82, 0xad];
    go.extend(b"ServiceMethod\xabArtifact.Id\xa3Seq\x00\xc0");
    assert_eq!(bytes, go);
}

#[test]
fn writes_a_failure_with_an_empty_map_as_body() {
    let bytes = encode(Response {
        method: "X.Y".to_owned(),
        seq: 300,
        outcome: Err("no".to_owned()),
    });
    let mut go = vec![0x83, 0xad];
    go.extend(b"ServiceMethod\xa3X.Y\xa3Seq\xcd\x01\x2c\xa5Error\xa2no\x80");
    assert_eq!(bytes, go);
}

#[test]
fn reads_headers_in_every_form_that_go_may_write() {
    let named = |method: Value, seq: Value| {
        Value::Map(vec![
            (Value::from("Extra"), Value::Array(vec![Value::from(1)])),
            (Value::Binary(b"Seq".to_vec()), seq),
            (Value::from("ServiceMethod"), method),
        ])
    };
    let headers = [
        named(Value::from("A.B"), Value::from(7_u64)),
        named(Value::Binary(b"A.B".to_vec()), Value::from(7_i64)),
        named(Value::from("A.B"), Value::F64(7.0)),
        Value::Array(vec![Value::from("A.B"), Value::from(7_u64)]),
    ];
    for header in headers {
        let read = whole_request(&packed(&[header, Value::from("arg")]));
        assert_eq!((read.method.as_str(), read.seq), ("A.B", 7));
        assert_eq!(read.argument, Value::from("arg"));
    }
    // The widest integer form, which our own encoder never writes.
    let mut wide = vec![0x82, 0xad];
    wide.extend(b"ServiceMethod\xa3A.B\xa3Seq\xd3\0\0\0\0\0\0\0\x07\xc0");
    assert_eq!(whole_request(&wide).seq, 7);
}

#[test]
fn reads_a_response_without_service_method() {
    let header = Value::Map(vec![(Value::from("Seq"), Value::from(3))]);
    let bytes = packed(&[header, Value::from(1)]);
    let Decoded::Message { message, .. } = decode::<Response>(&bytes).unwrap() else {
        panic!("incomplete")
    };
    assert_eq!((message.method.as_str(), message.seq), ("", 3));
    assert_eq!(message.outcome, Ok(Value::from(1)));
}

#[test]
fn refuses_what_can_never_be_a_message() {
    assert_eq!(decode::<Request>(b"\x01\xc0"), Err(CodecError::Header));
    let deep = vec![0x91; 3000];
    assert_eq!(decode::<Request>(&deep), Err(CodecError::TooDeep));
}

#[test]
fn numbers_that_are_no_unsigned_integer_are_not_taken_for_one() {
    for value in [
        Value::from(-1),
        Value::F64(0.5),
        Value::F64(-1.0),
        Value::F64(f64::NAN),
        Value::from("1"),
    ] {
        assert_eq!(as_unsigned(&value), None);
    }
    assert_eq!(as_unsigned(&Value::from(u64::MAX)), Some(u64::MAX));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<u32>().prop_map(|n| Value::F64(f64::from(n) / 8.0)),
        ".{0,40}".prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((".{0,8}".prop_map(Value::from), inner), 0..4).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn a_message_is_incomplete_at_every_split_point_and_whole_at_its_end(
        method in "[A-Za-z]{1,9}\\.[A-Za-z]{1,9}",
        seq in any::<u64>(),
        argument in any_value(),
        behind in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let sent = Request { method, seq, argument };
        let mut bytes = encode(sent.clone());
        let length = bytes.len();
        for split in 0..length {
            prop_assert_eq!(request(&bytes[..split]), Decoded::Incomplete);
        }
        bytes.extend(behind);
        prop_assert_eq!(request(&bytes), Decoded::Message { message: sent, length });
    }

    #[test]
    fn no_bytes_make_the_codec_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode::<Request>(&bytes));
        drop(decode::<Response>(&bytes));
    }
}
