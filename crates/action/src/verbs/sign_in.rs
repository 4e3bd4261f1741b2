//! What this program alone checks before it signs in: the job's permission, and the files with certificates.
//!
//! How to sign in is read by core's `settings`.

use azure_batch_core::{
    error::Error,
    https::Authorities,
    options::{Opt, sign_in},
    settings::fault::Fault,
    words,
};

use crate::{
    github::runner::{Log, Runner},
    values::Given,
};

/// The ways to sign in as an application. Without any of them a job needs the right to ask GitHub for a token.
const WAYS: [&Opt; 4] = [
    sign_in::CLIENT_SECRET,
    sign_in::CLIENT_JWT,
    sign_in::OIDC_REQUEST_URL,
    sign_in::FEDERATED_TOKEN_FILE,
];

/// The commonest mistake of a workflow: the job names an application and may not ask GitHub for its identity token.
/// A managed identity is not meant, since that takes no tenant.
pub(super) fn missing_permission(given: &Given, runner: &Runner) -> Option<Fault> {
    let has = |opt| given.text(opt).is_some();
    let by_az = given
        .text(sign_in::USE_AZURE_CLI_AUTH)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let names_application = has(sign_in::TENANT_ID) && has(sign_in::CLIENT_ID);
    let has_way = by_az || WAYS.iter().any(|way| given.values().has(way));
    (runner.log == Log::Workflow && names_application && !has_way).then(|| {
        let text = words![
            "this job may not ask GitHub for the token that the application trusts: give the job `permissions: id-token: \
             write`, or give another way to sign in; for a managed identity leave out ",
            sign_in::TENANT_ID
        ];
        Fault::new(sign_in::CLIENT_ID, text)
    })
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
}
