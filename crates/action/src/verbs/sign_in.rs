//! What this program alone checks before it signs in: the job's permission, and the files with certificates.
//!
//! How to sign in is read by core's `settings`.

use azure_batch_core::{
    error::{Error, Next},
    failure::Step,
    https::Authorities,
    options::{Door, Opt, sign_in},
    settings::fault::Fault,
    typing::Command,
    words,
};

use crate::{
    github::runner::{Log, Runner},
    report::Report,
    values::Given,
};

/// The ways to sign in as an application. Without any of them a job needs the right to ask GitHub for a token.
const WAYS: [&Opt; 5] = [
    sign_in::CLIENT_SECRET,
    sign_in::CLIENT_CERT_PATH,
    sign_in::CLIENT_JWT,
    sign_in::OIDC_REQUEST_URL,
    sign_in::FEDERATED_TOKEN_FILE,
];

/// What a job needs: `actions/checkout` reads the contents, which a job with permissions of its own may do no longer.
const PERMISSIONS: [&str; 3] = ["permissions:", "  id-token: write", "  contents: read"];

/// The commonest mistake of a workflow: the job names an application and may not ask GitHub for its identity token.
/// A managed identity is not meant, since that takes no tenant.
pub(super) fn missing_permission(given: &Given, runner: &Runner) -> Option<Fault> {
    let names_application = [sign_in::TENANT_ID, sign_in::CLIENT_ID]
        .iter()
        .all(|opt| given.text(opt).is_some());
    (names_application && may_not_ask(given, runner)).then(|| {
        let text = words![
            "this job may not ask GitHub for the token that the application trusts: give the job `permissions: id-token: \
             write`, or give another way to sign in; for a managed identity leave out ",
            sign_in::TENANT_ID
        ];
        Fault::new(sign_in::CLIENT_ID, text)
    })
}

/// What lets a job ask GitHub for its identity token, when it may not and has no other way to sign in.
pub(super) fn permission(given: &Given, runner: &Runner, door: Door) -> Option<Step> {
    may_not_ask(given, runner).then(|| {
        let next = Next {
            text: words![
                "to sign in without a secret, give ",
                sign_in::TENANT_ID,
                " and ",
                sign_in::CLIENT_ID,
                ", and add these lines to the job, so that it may ask GitHub for its token"
            ],
            command: Some(Command::yaml(&PERMISSIONS)),
        };
        Step::of(&next, door)
    })
}

/// The report with what lets the job sign in, where that is what stood in its way.
pub(super) fn advised(report: Report, given: &Given, runner: &Runner) -> Report {
    let is_why = report.is_sign_in_failed() || missing_permission(given, runner).is_some();
    match permission(given, runner, given.door()).filter(|_| is_why) {
        Some(step) => report.with_first_step(step),
        None => report,
    }
}

fn may_not_ask(given: &Given, runner: &Runner) -> bool {
    let by_az = given
        .text(sign_in::USE_AZURE_CLI_AUTH)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let has_way = by_az || WAYS.iter().any(|way| given.values().has(way));
    runner.log == Log::Workflow && !has_way
}

/// The certificate authorities to trust in addition to the system's.
pub(super) fn authorities(given: &Given) -> Result<Authorities, Fault> {
    let Some(path) = given.text(sign_in::CA_FILE) else {
        return Ok(Authorities::default());
    };
    Authorities::of_file(path.as_ref()).map_err(|error| Fault::new(sign_in::CA_FILE, in_one_line(&error)))
}

/// A fault is one line: the error, its causes, and what to do.
fn in_one_line(error: &Error) -> String {
    error
        .report()
        .replace("\n  caused by: ", ": ")
        .replace("\n  hint: ", "; ")
        .replace("\n  ", "; ")
}
