//! The table of answers: what fits, and that the page says the same.

use std::collections::HashSet;

use super::{table::ROWS, *};

const PAGE: &str = include_str!("../../../../docs/answers.md");

fn refusal(by: RefusedBy, status: u16, code: &str, message: &str) -> ServiceError {
    let code = if code.is_empty() {
        format!("HTTP {status}")
    } else {
        code.to_owned()
    };
    ServiceError {
        by,
        status,
        code,
        message: message.to_owned(),
        ..ServiceError::default()
    }
}

fn of_service(status: u16, code: &str) -> Verdict {
    verdict(&refusal(RefusedBy::Service, status, code, ""))
}

#[test]
fn a_conflict_is_judged_by_its_code() {
    for code in ["", "Conflict", "anotheroperationinprogress", "PoolBeingResized"] {
        assert_eq!(of_service(409, code), Verdict::Busy, "{code}");
    }
    assert_eq!(of_service(409, "RetryableError"), Verdict::Again);
    for (code, reason) in [
        ("ScopeLocked", Reason::Lock),
        ("PoolQuotaReached", Reason::Quota),
        ("PropertyChangeNotAllowed", Reason::State),
        ("PoolExists", Reason::State),
    ] {
        assert_eq!(of_service(409, code), Verdict::Final(reason), "{code}");
    }
    let kept = refusal(
        RefusedBy::Service,
        409,
        "Conflict",
        "Image version 1.0.0 is soft-deleted.",
    );
    assert_eq!(verdict(&kept), Verdict::Final(Reason::State));
}

#[test]
fn what_hinders_has_a_kind_and_an_exit_code_of_its_own() {
    let table = [
        (400, "InvalidPropertyValue", Written::Nothing, ErrorKind::BadInput, 2),
        (400, "InvalidPropertyValue", Written::Something, ErrorKind::Rejected, 7),
        (404, "ResourceGroupNotFound", Written::Nothing, ErrorKind::BadInput, 2),
        (422, "", Written::Nothing, ErrorKind::BadInput, 2),
        (
            401,
            "InvalidAuthenticationToken",
            Written::Nothing,
            ErrorKind::SignIn,
            3,
        ),
        (403, "AuthorizationFailed", Written::Nothing, ErrorKind::NoRights, 3),
        (403, "RequestDisallowedByPolicy", Written::Nothing, ErrorKind::Policy, 7),
        (403, "QuotaExceeded", Written::Nothing, ErrorKind::Quota, 4),
        (409, "ScopeLocked", Written::Something, ErrorKind::Locked, 7),
        (
            409,
            "PropertyChangeNotAllowed",
            Written::Nothing,
            ErrorKind::Rejected,
            7,
        ),
        (500, "InternalServerError", Written::Something, ErrorKind::Azure, 8),
        (
            200,
            "RequestDisallowedByPolicy",
            Written::Something,
            ErrorKind::Policy,
            7,
        ),
        (200, "DiskProcessingError", Written::Something, ErrorKind::Azure, 8),
    ];
    for (status, code, written, kind, exit) in table {
        let error = refused("cannot x", refusal(RefusedBy::Service, status, code, ""), written);
        assert_eq!(
            (error.kind(), error.kind().exit_code().0),
            (kind, exit),
            "{status} {code}"
        );
        assert!(
            kind == ErrorKind::Azure || error.hint().is_some() || status == 409,
            "{status} {code}: no hint"
        );
    }
}

#[test]
fn every_refusal_of_the_token_endpoint_is_a_sign_in_that_failed_with_a_hint() {
    let table = [
        (
            401,
            "invalid_client",
            "AADSTS7000215: Invalid client secret provided.",
            "not the secret's id",
        ),
        (
            400,
            "invalid_request",
            "AADSTS90002: Tenant 'x' not found.",
            "correct tenant_id",
        ),
        (
            400,
            "unauthorized_client",
            "AADSTS700016: Application with identifier 'x' was not found",
            "client_id or tenant_id",
        ),
        (
            400,
            "invalid_client",
            "AADSTS700213: No matching federated identity record found",
            "issuer, subject and audience",
        ),
        (400, "something_new", "", "the method of signing in"),
    ];
    for (status, code, message, part) in table {
        let error = refused(
            "x",
            refusal(RefusedBy::TokenEndpoint, status, code, message),
            Written::Nothing,
        );
        assert_eq!(
            (error.kind(), error.kind().exit_code().0),
            (ErrorKind::SignIn, 3),
            "{code} {message}"
        );
        assert!(
            error.hint().unwrap().contains(part),
            "{code} {message}: {:?}",
            error.hint()
        );
    }
    let none = refused(
        "x",
        refusal(RefusedBy::Imds, 400, "invalid_request", "Identity not found"),
        Written::Nothing,
    );
    assert_eq!(none.kind(), ErrorKind::SignIn);
    assert!(none.hint().unwrap().contains("az login"), "{:?}", none.hint());
}

#[test]
fn the_machine_s_identity_service_is_asked_again_when_it_is_being_updated() {
    for status in [404, 410, 429, 500, 503] {
        assert_eq!(
            verdict(&refusal(RefusedBy::Imds, status, "", "")),
            Verdict::Again,
            "{status}"
        );
    }
    assert_eq!(of_service(404, ""), Verdict::Final(Reason::Input), "a resource is not");
}

#[test]
fn a_refused_sign_in_says_nothing_of_the_request() {
    let refused = refused(
        "no token",
        refusal(RefusedBy::TokenEndpoint, 403, "x", ""),
        Written::Nothing,
    );
    let error = refused.while_doing("cannot read Batch account acct1");
    assert!(!error.has_status(403) && !error.has_code("x"), "{}", error.report());
    assert_eq!(error.service().unwrap().status, 403, "the reason is kept");
}

#[test]
fn no_row_is_hidden_by_one_above_it() {
    let mut keys = HashSet::new();
    for row in ROWS {
        assert!(keys.insert((row.by, row.status, row.code, row.text)), "twice: {row:?}");
        let code = match row.code.trim_matches('*') {
            "" => "SomethingNew",
            code => code,
        };
        let own = verdict(&refusal(
            row.by,
            if row.status == 0 { 418 } else { row.status },
            code,
            row.text,
        ));
        assert_eq!(own, row.verdict, "another row decides: {row:?}");
    }
}

#[test]
fn the_page_is_the_table() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/answers.md");
        std::fs::write(path, &page).unwrap();
        return;
    }
    assert_eq!(
        PAGE, page,
        "docs/answers.md lags behind the table; UPDATE_DOCS=1 brings it up to it"
    );
}

/// The page: what is before the first table stays, the tables are made.
fn page() -> String {
    let head = PAGE.split("\n## ").next().unwrap();
    let mut page = head.to_owned();
    for (by, title) in [
        (RefusedBy::Service, "ARM and Batch"),
        (RefusedBy::TokenEndpoint, "Entra ID and the CI system"),
        (RefusedBy::Imds, "The machine's identity service"),
    ] {
        page.push_str(&format!("\n## {title}\n\n| status | code or text | verdict | exit code | meaning | remedy |\n| --- | --- | --- | --- | --- | --- |\n"));
        for row in ROWS.iter().filter(|row| row.by == by) {
            page.push_str(&line(row));
        }
    }
    page
}

#[test]
fn what_to_do_names_options_that_exist() {
    for row in ROWS {
        let text = Words::naming(row.remedy).to_string();
        assert!(!text.contains('{'), "{text}");
    }
}

fn line(row: &Row) -> String {
    let status = match row.status {
        0 => "any".to_owned(),
        status => status.to_string(),
    };
    let what = match (row.code, row.text) {
        ("", "") => "any".to_owned(),
        ("", text) => format!("says “{text}”"),
        (code, _) => format!("`{code}`"),
    };
    let exit = |written| kind(row, written).exit_code().0;
    let exit = match (exit(Written::Nothing), exit(Written::Something)) {
        (before, after) if before == after => before.to_string(),
        (before, after) => format!("{before}, or {after} after the first write"),
    };
    format!(
        "| {status} | {what} | {} | {exit} | {} | {} |\n",
        row.verdict,
        row.meaning,
        Words::naming(row.remedy)
    )
}
