//! Storage accounts: their blobs, who may do what with them, and the disks that are made from them and copied into them.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, GROUP, Reply, id, request};
use crate::Outcome;

mod access;
mod vhd;

/// The host of the account `vhds`.
const HOST: &str = "vhds.blob.core.windows.net";

impl Azure {
    /// A request to the account's own host with a token for it.
    fn blob(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let token = format!("Bearer {}", self.sign_in("https://storage.azure.com/.default"));
        let all: Vec<(&str, &str)> = [("authorization", token.as_str()), ("x-ms-version", "2021-12-02")]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        self.at(HOST, (method, path), &all, body)
    }

    /// A request to any host, as is; bodies that are not JSON come as text.
    fn at(&mut self, host: &str, (method, path): (Method, &str), headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = request(method, path, body, headers);
        host.clone_into(&mut request.authority);
        match self.emulator.respond(&request, self.now) {
            Outcome::Answer(answer) => Reply {
                status: answer.status.as_u16(),
                headers: answer.headers,
                body: json!(String::from_utf8_lossy(&answer.body)),
            },
            other => panic!("no answer: {other:?}"),
        }
    }
}

/// Two accounts in different regions; the first has disks and a file that is none.
fn world() -> Azure {
    Azure::with_seed(&json!({"storageAccounts": [
        {"name": "vhds", "resourceGroup": "rg-images", "location": "eastus2", "blobs": [
            {"container": "images", "name": "os.vhd", "diskGB": 30},
            {"container": "images", "name": "data.vhd", "diskGB": 64},
            {"container": "images", "name": "notes.txt"},
        ]},
        {"name": "faraway", "resourceGroup": "rg-images", "location": "westus2", "blobs": [
            {"container": "images", "name": "os.vhd", "diskGB": 30},
        ]},
    ]}))
}

fn account(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}")
}

fn blob(name: &str) -> String {
    format!("https://{HOST}/images/{name}")
}

fn error(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.header("x-ms-error-code").unwrap_or_default())
}

#[test]
fn a_page_blob_is_made_written_and_read() {
    let mut azure = world();
    let size = [("x-ms-blob-type", "PageBlob"), ("x-ms-blob-content-length", "2048")];
    let missing = azure.blob(Method::PUT, "/new/a.bin", &size, "");
    assert_eq!(error(&missing), (404, "ContainerNotFound"));
    assert_eq!(azure.blob(Method::PUT, "/new?restype=container", &[], "").status, 201);
    let again = azure.blob(Method::PUT, "/new?restype=container", &[], "");
    assert_eq!(error(&again), (409, "ContainerAlreadyExists"));
    assert_eq!(azure.blob(Method::PUT, "/new/a.bin", &size, "").status, 201);

    let pages = |range| [("x-ms-page-write", "update"), ("x-ms-range", range)];
    let page = "x".repeat(512);
    let written = azure.blob(Method::PUT, "/new/a.bin?comp=page", &pages("bytes=512-1023"), &page);
    assert_eq!(written.status, 201, "{}", written.body);
    let read = azure.blob(Method::GET, "/new/a.bin", &[("x-ms-range", "bytes=510-513")], "");
    assert_eq!((read.status, &read.body), (206, &json!("\0\0xx")));
    assert_eq!(read.header("content-range"), Some("bytes 510-513/2048"));
    let clear = [("x-ms-page-write", "clear"), ("x-ms-range", "bytes=512-1023")];
    assert_eq!(azure.blob(Method::PUT, "/new/a.bin?comp=page", &clear, "").status, 201);
    let read = azure.blob(Method::GET, "/new/a.bin", &[("range", "bytes=512-515")], "");
    assert_eq!(read.body, json!("\0\0\0\0"));
}

#[test]
fn a_blob_is_shown_listed_and_deleted() {
    let mut azure = world();
    let head = azure.blob(Method::HEAD, "/images/os.vhd", &[], "");
    assert_eq!(
        (head.header("content-length"), head.header("x-ms-blob-type")),
        (Some("32212255232"), Some("PageBlob"))
    );
    let list = azure.blob(Method::GET, "/images?restype=container&comp=list&prefix=o", &[], "");
    assert!(
        list.body
            .as_str()
            .is_some_and(|body| body.contains("<Name>os.vhd</Name>")),
        "{}",
        list.body
    );
    assert_eq!(azure.blob(Method::DELETE, "/images/os.vhd", &[], "").status, 202);
    assert_eq!(
        error(&azure.blob(Method::HEAD, "/images/os.vhd", &[], "")),
        (404, "BlobNotFound")
    );
}

#[test]
fn ranges_and_sizes_that_no_page_has_are_refused() {
    let mut azure = world();
    let odd = [("x-ms-blob-type", "PageBlob"), ("x-ms-blob-content-length", "2000")];
    assert_eq!(
        error(&azure.blob(Method::PUT, "/images/a", &odd, "")),
        (400, "InvalidHeaderValue")
    );
    let cases = [
        ("bytes=1-512", 512, (416, "InvalidPageRange")),
        ("bytes=0-511", 100, (400, "InvalidHeaderValue")),
        ("bytes=0-4194815", 0, (413, "RequestBodyTooLarge")),
        ("bytes=99999997952-99999998463", 512, (416, "InvalidPageRange")),
    ];
    for (range, length, expected) in cases {
        let headers = [("x-ms-page-write", "update"), ("x-ms-range", range)];
        let reply = azure.blob(Method::PUT, "/images/os.vhd?comp=page", &headers, &"x".repeat(length));
        assert_eq!(error(&reply), expected, "{range}");
    }
    let headers = [("x-ms-page-write", "update"), ("x-ms-range", "bytes=0-511")];
    let block = azure.blob(Method::PUT, "/images/notes.txt?comp=page", &headers, &"x".repeat(512));
    assert_eq!(error(&block), (409, "InvalidBlobType"));
}

#[test]
fn a_disk_is_copied_into_a_blob_while_access_to_it_is_granted() {
    let mut azure = world();
    azure.snapshot("s", "vm-build_OsDisk");
    let grant = azure.post(
        &id("snapshots/s/beginGetAccess"),
        &json!({"access": "Read", "durationInSeconds": 3600}),
    );
    let granted = azure.finish(&grant);
    let sas = granted["properties"]["output"]["accessSAS"]
        .as_str()
        .unwrap()
        .to_owned();
    let copy = azure.blob(Method::PUT, "/images/copy.vhd", &[("x-ms-copy-source", &sas)], "");
    assert_eq!((copy.status, copy.header("x-ms-copy-status")), (202, Some("pending")));
    azure.wait(30);
    let head = azure.blob(Method::HEAD, "/images/copy.vhd", &[], "");
    assert_eq!(head.header("x-ms-copy-status"), Some("pending"));
    let progress = head.header("x-ms-copy-progress").unwrap();
    assert!(
        !progress.starts_with("0/") && progress.ends_with("/32212255232"),
        "{progress}"
    );
    azure.wait(60);
    let head = azure.blob(Method::HEAD, "/images/copy.vhd", &[], "");
    assert_eq!(head.header("x-ms-copy-status"), Some("success"));
    assert!(!head.header("x-ms-copy-source").unwrap().contains("sig"));
    let footer = [("range", "bytes=32212254720-32212254727")];
    assert_eq!(
        azure.blob(Method::GET, "/images/copy.vhd", &footer, "").body,
        json!("conectix")
    );

    let end = azure.post(&id("snapshots/s/endGetAccess"), &Value::Null);
    azure.finish(&end);
    let late = azure.blob(Method::PUT, "/images/late.vhd", &[("x-ms-copy-source", &sas)], "");
    assert_eq!(error(&late), (404, "CannotVerifyCopySource"));
}

#[test]
fn accounts_show_where_they_answer_and_give_their_keys() {
    let mut azure = world();
    let shown = azure.get(&account("vhds")).body;
    assert_eq!(
        shown["properties"]["primaryEndpoints"]["blob"],
        format!("https://{HOST}/")
    );
    let keys = azure.post(&format!("{}/listKeys", account("vhds")), &json!({}));
    assert_eq!(keys.body["keys"].as_array().map(Vec::len), Some(2));
    let journal = serde_json::to_string(azure.emulator.journal()).unwrap();
    assert!(!journal.contains(keys.body["keys"][0]["value"].as_str().unwrap()));
    let list =
        azure.get("/subscriptions/00000000-0000-0000-0000-0000000005b5/providers/Microsoft.Storage/storageAccounts");
    assert_eq!(list.body["value"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_is_not_played_of_blobs_is_refused_loudly() {
    let mut azure = world();
    let tags = azure.blob(Method::GET, "/images/os.vhd?comp=tags", &[], "");
    assert_eq!(tags.status, 501);
}
