//! Tests of the table: how errors are found in it, and that the page of documentation is the table.

use super::{table::*, *};
use crate::{failure::usual_next, rollout::PoolAction, words::Words};

/// The values of an error, and what is made of them.
type Row<'a> = (Vec<(String, String)>, Class, &'a str);

const DOCUMENT: &str = include_str!("../../../../../../docs/failures.md");

fn error(code: &str, provider: Option<&str>) -> ResizeError {
    ResizeError {
        code: code.to_owned(),
        message: "Desired number of dedicated nodes could not be allocated".to_owned(),
        values: provider
            .map(|json| ("Provider Error Json".to_owned(), json.to_owned()))
            .into_iter()
            .collect(),
    }
}

fn with_reason(reason: &str) -> ResizeError {
    let mut error = error("AllocationFailed", None);
    error.values.push(("Reason".to_owned(), reason.to_owned()));
    error
}

#[test]
fn codes_are_found_without_case_and_unknown_ones_retried() {
    let table = [
        ("AllocationTimedout", Class::Retry, ErrorKind::Azure),
        ("ALLOCATIONTIMEDOUT", Class::Retry, ErrorKind::Azure),
        ("AccountCoreQuotaReached", Class::Stop, ErrorKind::Quota),
        ("DependentResourceNotFound", Class::Stop, ErrorKind::Rejected),
        ("OperationsRestrictedByPolicy", Class::Stop, ErrorKind::Policy),
        ("ResizeStopped", Class::Stop, ErrorKind::Refused),
        ("SomethingNew", Class::Retry, ErrorKind::Azure),
    ];
    for (code, class, kind) in table {
        let judgement = judge(&error(code, None));
        assert_eq!((judgement.class, judgement.kind), (class, kind), "{code}");
        assert!(
            judgement.said.starts_with(code),
            "the service's spelling is kept: {}",
            judgement.said
        );
    }
}

#[test]
fn the_provider_s_error_decides_when_it_is_known() {
    let generation = r#"{"error":{"code":"BadRequest","message":"The selected VM size 'STANDARD_A1_V2' cannot boot Hypervisor Generation '2'."}}"#;
    let cores = r#"{"error":{"code":"OperationNotAllowed","message":"Operation could not be completed as it results in exceeding approved Total Regional Cores quota."}}"#;
    let table = [
        (
            generation,
            Class::Stop,
            ErrorKind::Rejected,
            "that VM size cannot boot the image's generation",
        ),
        (
            cores,
            Class::Stop,
            ErrorKind::Quota,
            "a core quota of the subscription is used up",
        ),
        (
            r#"{"error":{"code":"SCOPELOCKED","message":"m"}}"#,
            Class::Stop,
            ErrorKind::Locked,
            "a lock protects a resource that must change",
        ),
        (
            r#"{"error":{"code":"GalleryImageNotFound"}}"#,
            Class::Wait,
            ErrorKind::Azure,
            "the region lacks the image version: freshly replicated, or deleted",
        ),
        (
            r#"{"error":{"code":"NeverSeen","message":"m"}}"#,
            Class::Retry,
            ErrorKind::Azure,
            "the nodes could not be allocated",
        ),
        (
            r#"{"error":{"code":"ScopeLocked","mess"#,
            Class::Stop,
            ErrorKind::Locked,
            "a lock protects a resource that must change",
        ),
    ];
    for (json, class, kind, meaning) in table {
        let judgement = judge(&error("AllocationFailed", Some(json)));
        assert_eq!(
            (judgement.class, judgement.kind, judgement.meaning),
            (class, kind, meaning),
            "{json}"
        );
    }
}

/// A named value of an error.
fn value(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

fn assert_judged<const N: usize>(table: [Row<'_>; N]) {
    for (values, class, code) in table {
        let error = ResizeError {
            values,
            ..error("AllocationFailed", None)
        };
        let judged = judge(&error);
        assert_eq!((judged.class, judged.code), (class, code), "{error:?}");
    }
}

/// The texts of Microsoft's page on resize failures and of its TES.
#[test]
fn reasons_and_codes_among_the_values_decide() {
    let reason = |text: &str| vec![value("Reason", text)];
    let pair = |code: &str, message: &str| vec![value("code", code), value("message", message)];
    assert_judged([
        (
            reason("Allocation failed as subnet has delegation to external resources."),
            Class::Stop,
            "subnet has delegation",
        ),
        (
            reason("Azure Batch Service does not have the desired permissions to perform a pool operation."),
            Class::Stop,
            "does not have the desired permissions",
        ),
        (
            reason("Allocation failed as Batch is not authorized to access the key vault."),
            Class::Stop,
            "not authorized to access the key vault",
        ),
        (
            reason("The server encountered an internal error."),
            Class::Retry,
            "encountered an internal error",
        ),
        (
            reason(
                "Deployment allocation failed due to insufficient capacity for the requested VM size in the region.",
            ),
            Class::Retry,
            "insufficient capacity",
        ),
        (
            pair(
                "SubnetIsFull",
                "Subnet x does not have enough capacity for 9 IP addresses.",
            ),
            Class::Stop,
            "SubnetIsFull",
        ),
        (pair("TooManyRequests", "m"), Class::Wait, "TooManyRequests"),
    ]);
}

#[test]
fn what_says_most_exactly_what_is_wrong_decides() {
    let provider = |json: &str| vec![value("Provider Error Json", json)];
    let capacity = r#"{"error":{"code":"BadRequest","message":"{\"error\":{\"code\":\"AllocationFailed\",\"message\":\"We do not have sufficient capacity.\"}}"}}"#;
    let second = r#"{"error":{"code":"DeploymentFailed","message":"m","details":[{"code":"Conflict","message":"c"},{"code":"ScopeLocked","message":"l"}]}}"#;
    assert_judged([
        (
            provider(r#"{"error":{"code":"BadRequest","message":"Something is busy, please retry later."}}"#),
            Class::Retry,
            "retry later",
        ),
        (
            provider(r#"{"error":{"code":"BadRequest","message":"This is not allowed."}}"#),
            Class::Stop,
            "BadRequest",
        ),
        (
            provider(r#"{"error":{"code":"NetworkingInternalOperationError","message":"m"}}"#),
            Class::Retry,
            "NetworkingInternalOperationError",
        ),
        (provider(capacity), Class::Retry, "AllocationFailed"),
        (
            provider(&capacity[..capacity.len() - 20]),
            Class::Retry,
            "AllocationFailed",
        ),
        (provider(second), Class::Stop, "ScopeLocked"),
        (provider(&second[..second.len() - 18]), Class::Stop, "ScopeLocked"),
    ]);
    let exact = ResizeError {
        values: provider(r#"{"error":{"code":"BadRequest","message":"m"}}"#),
        ..error("IncompatibleVMSize", None)
    };
    assert_eq!(judge(&exact).code, "IncompatibleVMSize");
}

#[test]
fn another_size_may_have_room_where_batch_has_no_capacity() {
    for error in [
        error("BatchOutOfCapacity", None),
        with_reason("It failed due to insufficient capacity."),
    ] {
        let judged = judge(&error);
        assert!(
            judged.leaves_other_sizes() && judged.class == Class::Retry,
            "{judged:?}"
        );
    }
    let known: Vec<&str> = codes().map(|(_, code, _)| code).collect();
    for code in NO_ROOM.iter().chain(&MISSING) {
        assert!(known.contains(code), "no error is ever judged as {code}");
    }
}

#[test]
fn what_else_batch_says_of_a_failed_allocation_is_kept_whole() {
    let long = format!("Allocation failed as subnet has delegation to {}", "x".repeat(600));
    let mut reason = error("AllocationFailed", None);
    reason.values.push(("Reason".to_owned(), long.clone()));
    assert!(judge(&reason).said.ends_with(&format!("(Reason: {long})")));
}

#[test]
fn the_error_that_allows_least_decides_a_round() {
    let errors = [
        error("AllocationTimedOut", None),
        error("AccountCoreQuotaReached", None),
    ];
    assert_eq!(judge_all(&errors, false).unwrap().class, Class::Stop);
    assert_eq!(judge_all(&[], false), None);
}

#[test]
fn spot_errors_decide_only_when_spot_nodes_count() {
    let errors = [
        error("AllocationTimedOut", None),
        error("AccountLowPriorityCoreQuotaReached", None),
    ];
    assert_eq!(judge_all(&errors, false).unwrap().class, Class::Retry);
    assert_eq!(judge_all(&errors, true).unwrap().class, Class::Stop);
}

#[test]
fn no_code_stands_in_the_table_twice() {
    for table in [BATCH, PROVIDER, TEXTS] {
        let mut seen = std::collections::BTreeSet::new();
        for cause in table {
            assert!(
                seen.insert((cause.code.to_ascii_lowercase(), cause.message)),
                "{} twice",
                cause.code
            );
        }
    }
}

/// What stands before the tables.
const BEGIN: &str = "# When it fails

Every failure reads the same at a terminal, in Packer, in a job's annotation and summary, and in JSON: the reason on the
first line; what is known; what is left in Azure and is billed; what to type; and last the service's own words with the
id of the request. Search this page for the word or the code in the text: each has a heading, and errors link to it.

## Exit codes

| exit code | `result` | meaning |
| --- | --- | --- |
| 0 | {reached} | reached; what was done |
| 2 | `bad-input` | an option is wrong, or Azure does not know what it names; nothing was written |
| 3 | `sign-in-failed`, `no-rights` | signing in failed, or a right is missing |
| 4 | `quota` | a quota or a limit is reached |
| 5 | `partly-reached`, `kept` | some nodes are there, not enough, and the same run again goes on from there; or the image was found bad and stays, as `on-failure: keep` asks for |
| 6 | `deadline` | the deadline passed; the same run again goes on from there |
| 7 | `refused`, `rejected`, `policy`, `locked`, `bad-nodes` | the same run again would end the same: it could destroy something; Azure, a policy or a lock forbids it; or the nodes that are there are bad |
| 8 | `azure-failed`, `never-sent`, `unknown-effect` | Azure failed or could not be reached, or the connection broke |
| 9 | `returned` | the image was found bad, and things are again what they were before |
| 10 | | a plan, a deletion or `status` found something to do; nothing was written |
| 130 | `cancelled` | asked to stop; a first signal stops where that is safe, a second one at once |

Packer itself ends with 1 on every failure. [What is made of each answer of Azure](answers.md) has a page of its own.
";

/// What stands before the codes of resizes.
const RESIZES: &str = "
## Nodes that do not come

When a pool does not reach its targets, Batch says why in `resizeErrors`. This is what a roll-out makes of each code.
All that an error says is looked up: its code, each of its `values`, and each error inside the compute provider's own
(`Provider Error Json`), also where it stands as JSON in a text or is cut off. What says most exactly what is wrong decides:
a reason below the third heading before a code, and any code before `BadRequest`, `AllocationFailed` and the like, which
others are wrapped in. Codes and texts compare without case. What is not here is treated like `Unknown`.

- **Another round** comes after 1, 2, 4, 8 minutes (± 20 %), each with a timeout half as long again.
- **No further round**: it would end the same.

Rounds also end after the fifth, and after two in a row that brought no node; those that are followed by a pause of 8
minutes do not count as such. A pool that shrinks loses no running task: when Batch ends the resize because tasks go on, the
same is asked for again until they have ended, or until the deadline.
";

/// With `UPDATE_DOCS=1` in the environment the page is brought up to the table instead.
#[test]
fn the_page_of_documentation_is_the_table() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/failures.md");
        std::fs::write(path, page()).unwrap();
        return;
    }
    assert!(
        DOCUMENT == page(),
        "docs/failures.md lags behind the table; UPDATE_DOCS=1 brings it up to it:\n{}",
        page()
    );
}

fn page() -> String {
    let reached = PoolAction::ALL.into_iter().filter(|action| action.is_success());
    let reached: Vec<String> = reached.map(|action| format!("`{}`", action.word())).collect();
    let mut page = BEGIN.replace("{reached}", &reached.join(", "));
    page.push_str("\n## Kinds of failures\n\n");
    for kind in ErrorKind::ALL {
        let (code, exit, meaning) = (kind.code(), kind.exit_code().0, kind.meaning());
        let next = usual_next(kind);
        page.push_str(&format!(
            "### {code}\n\n{meaning} **Exit code {exit}.**<br>\n→ {next}\n\n"
        ));
    }
    page.push_str(RESIZES);
    for (title, origin, causes) in tables() {
        page.push_str(&format!("\n### {title}\n\n"));
        // What has the same code stands side by side under one heading, whose anchor errors link to.
        for same in causes.chunk_by(|one, next| one.code == next.code) {
            let code = same.first().map_or("", |cause| cause.code);
            page.push_str(&format!("#### {}\n\n", origin.heading(code)));
            same.iter().for_each(|cause| page.push_str(&paragraph(cause)));
        }
    }
    format!("{}\n", page.replace("\n\n\n", "\n\n").trim_end())
}

fn tables() -> [(&'static str, Origin, &'static [Cause]); 3] {
    [
        ("Batch's codes", Origin::Batch, BATCH),
        ("The compute provider's codes", Origin::Provider, PROVIDER),
        ("Reasons without a code", Origin::Text, TEXTS),
    ]
}

/// The anchors that GitHub gives to the headings of a page; a second one of the same text has a number.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars()
            .filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter))
            .collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_of_an_error_is_an_anchor_of_the_page_and_means_one_heading() {
    let anchors = anchors(&page());
    let is_one = |anchor: &str| anchors.iter().filter(|known| *known == anchor).count() == 1;
    for kind in ErrorKind::ALL {
        let failure = crate::failure::Failure::of(&Error::new(kind, "x"), crate::options::Door::Flag);
        let link = failure.page.unwrap();
        let (page, anchor) = link.split_once('#').unwrap();
        assert!(page.ends_with("/docs/failures.md") && is_one(anchor), "{link}");
    }
    for (_, origin, causes) in tables() {
        for cause in causes {
            let provider = format!(
                r#"{{"error":{{"code":"{}","message":"{}"}}}}"#,
                cause.code,
                cause.message.unwrap_or_default()
            );
            let judged = match origin {
                Origin::Batch => judge(&error(cause.code, None)),
                Origin::Text => judge(&with_reason(cause.code)),
                Origin::Provider => judge(&error("AllocationFailed", Some(&provider))),
            };
            let link = judged.page();
            let (_, anchor) = link.split_once('#').unwrap();
            assert!(is_one(anchor), "{link}");
            assert_eq!((judged.code, judged.meaning), (cause.code, cause.meaning));
        }
    }
}

#[test]
fn what_to_do_names_options_that_exist() {
    for cause in BATCH.iter().chain(PROVIDER).chain(TEXTS) {
        let text = Words::naming(cause.remedy).to_string();
        assert!(!text.contains('{'), "{text}");
    }
}

fn paragraph(cause: &Cause) -> String {
    let class = match cause.class {
        Class::Retry => "Another round",
        Class::Wait => "Another round after 8 minutes",
        Class::Stop => "No further round",
    };
    let with = cause
        .message
        .map(|part| format!("With \"{part}\": "))
        .unwrap_or_default();
    // Running out of rounds with some nodes there ends with 5; an error that stops at once with its own.
    let exit = match cause.class {
        Class::Stop => format!("exit code {}", cause.kind.exit_code().0),
        Class::Retry | Class::Wait => format!("exit code {}, or 5 with some nodes", cause.kind.exit_code().0),
    };
    format!(
        "{with}{} **{class}**, {exit}.<br>\n→ {}\n\n",
        sentence(cause.meaning),
        sentence(&Words::naming(cause.remedy).to_string())
    )
}

/// With a capital letter, and an end where there is none.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}
