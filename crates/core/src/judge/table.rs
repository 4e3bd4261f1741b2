//! The rows of the table: what each status and code means, and what to do about it.
//!
//! A new answer of Azure is a new row here, and `UPDATE_DOCS=1` brings the page up to it.

use super::{Reason, Row, Verdict};
use crate::error::RefusedBy;

const BLANK: Row = Row {
    by: RefusedBy::Service,
    status: 0,
    code: "",
    text: "",
    verdict: Verdict::Final(Reason::Failed),
    meaning: "",
    remedy: "",
};

/// What stands in no row: the code of a failed operation, or a 5xx that does not pass.
pub(super) const UNKNOWN: Row = Row {
    meaning: "not known to this version, or a failure of the service",
    ..BLANK
};

/// A row of ARM, of Batch, or of an operation that failed, by its code.
const fn code(code: &'static str, verdict: Verdict, meaning: &'static str, remedy: &'static str) -> Row {
    Row {
        code,
        verdict,
        meaning,
        remedy,
        ..BLANK
    }
}

/// A row for every code of a status.
const fn status(status: u16, verdict: Verdict, meaning: &'static str, remedy: &'static str) -> Row {
    Row {
        status,
        verdict,
        meaning,
        remedy,
        ..BLANK
    }
}

const fn of(by: RefusedBy, row: Row) -> Row {
    Row { by, ..row }
}

const fn saying(text: &'static str, row: Row) -> Row {
    Row { text, ..row }
}

const fn entra(of_code: &'static str, meaning: &'static str, remedy: &'static str) -> Row {
    let row = code(of_code, Verdict::Final(Reason::SignIn), meaning, remedy);
    of(RefusedBy::TokenEndpoint, row)
}

const fn aadsts(text: &'static str, meaning: &'static str, remedy: &'static str) -> Row {
    saying(text, entra("", meaning, remedy))
}

const fn passing(by: RefusedBy, of_status: u16, meaning: &'static str) -> Row {
    of(
        by,
        status(
            of_status,
            Verdict::Again,
            meaning,
            "signing in does not work at the moment: run it again later",
        ),
    )
}

const QUOTA_REMEDY: &str = "ask for more (portal: Quotas), free some of it, or ask for less; then run again";

/// All rows; the first that fits decides: texts before codes, codes before statuses.
pub(super) const ROWS: &[Row] = &[
    saying(
        "cores quota",
        code(
            "",
            Verdict::Final(Reason::Quota),
            "a core quota of the subscription is used up",
            QUOTA_REMEDY,
        ),
    ),
    // Azure says the same of disks, snapshots, addresses and more.
    saying(
        "exceeding approved",
        code(
            "",
            Verdict::Final(Reason::Quota),
            "a quota of the subscription is used up",
            QUOTA_REMEDY,
        ),
    ),
    saying(
        "soft-deleted",
        status(
            409,
            Verdict::Final(Reason::State),
            "the name is kept for something that was deleted softly",
            "choose another name or number, or wait until the retention ends",
        ),
    ),
    code(
        "*Quota*",
        Verdict::Final(Reason::Quota),
        "a quota is used up",
        QUOTA_REMEDY,
    ),
    code(
        "*ReachedMax*",
        Verdict::Final(Reason::Quota),
        "a limit is reached",
        QUOTA_REMEDY,
    ),
    code(
        "*LimitExceeded*",
        Verdict::Final(Reason::Quota),
        "a limit is reached",
        QUOTA_REMEDY,
    ),
    code(
        "RequestDisallowedByPolicy",
        Verdict::Final(Reason::Policy),
        "a policy forbids it; the details name the policy",
        "ask the owner of the policy for an exemption, or make the resource as the policy wants it",
    ),
    code(
        "ScopeLocked",
        Verdict::Final(Reason::Lock),
        "a lock protects the resource",
        "remove the lock, or choose another resource group",
    ),
    code(
        "LinkedAuthorizationFailed",
        Verdict::Final(Reason::NoRights),
        "the identity has no right on a resource that the request names",
        "give the identity the role that holds this action on that resource; a new assignment takes up to ten minutes",
    ),
    code(
        "InsufficientPermissions",
        Verdict::Final(Reason::NoRights),
        "the identity has no right on the image or the subnet that the pool names",
        "give the identity the role that holds this action on that resource; a new assignment takes up to ten minutes",
    ),
    code(
        "AuthorizationFailed",
        Verdict::Final(Reason::NoRights),
        "the identity has no right to this action there",
        "give the identity the role that holds this action on that scope; a new assignment takes up to ten minutes",
    ),
    code(
        "MissingSubscriptionRegistration",
        Verdict::Final(Reason::State),
        "the subscription does not know the resource provider",
        "register the resource provider that is named below in that subscription, then run again",
    ),
    code(
        "InvalidAuthenticationTokenTenant",
        Verdict::Final(Reason::SignIn),
        "the token is of another tenant than the subscription",
        "sign in to the tenant that the subscription belongs to",
    ),
    code(
        "InvalidParameter",
        Verdict::Final(Reason::Input),
        "a property is wrong",
        "correct what the service names",
    ),
    code("RetryableError", Verdict::Again, "passes, says the service", ""),
    code(
        "RetryableErrorDueToAnotherOperation",
        Verdict::Busy,
        "another operation works on the resource",
        "",
    ),
    code(
        "AnotherOperationInProgress",
        Verdict::Busy,
        "another operation works on the resource",
        "",
    ),
    code(
        "OperationPreempted",
        Verdict::Busy,
        "a later operation took the place of this one",
        "",
    ),
    code(
        "PoolBeingResized",
        Verdict::Busy,
        "the pool's size changes at the moment",
        "run it again when the resize has ended",
    ),
    code("PoolBeingCreated", Verdict::Busy, "the pool is being created", ""),
    code(
        "PoolBeingDeleted",
        Verdict::Busy,
        "the pool is being deleted",
        "run it again when the pool is gone",
    ),
    code(
        "ConditionNotMet",
        Verdict::Busy,
        "the resource was changed since it was read",
        "",
    ),
    Row {
        code: "Conflict",
        ..status(
            409,
            Verdict::Busy,
            "another writer changes the resource",
            "run it again when the other writer is done",
        )
    },
    Row {
        code: "HTTP 409",
        ..status(
            409,
            Verdict::Busy,
            "a conflict without a code",
            "run it again when the other writer is done",
        )
    },
    status(
        400,
        Verdict::Final(Reason::Input),
        "a property is wrong",
        "correct what the service names",
    ),
    status(
        401,
        Verdict::NewToken,
        "the token is not accepted",
        "does the token belong to this cloud and tenant? Is the clock of this machine right?",
    ),
    status(
        403,
        Verdict::Final(Reason::NoRights),
        "the identity may not do that",
        "give the identity the role that holds this action; a new assignment takes up to ten minutes",
    ),
    status(
        404,
        Verdict::Final(Reason::Input),
        "something that the request names is not there",
        "check the names and ids; was something deleted?",
    ),
    status(408, Verdict::LookFirst, "the service waited too long", ""),
    status(
        409,
        Verdict::Final(Reason::State),
        "the state of the resource forbids it",
        "",
    ),
    status(412, Verdict::Busy, "the resource was changed since it was read", ""),
    status(
        422,
        Verdict::Final(Reason::Input),
        "a property is wrong",
        "correct what the service names",
    ),
    status(
        429,
        Verdict::Again,
        "too many requests",
        "run it again later; other clients of the subscription share its limit",
    ),
    status(
        500,
        Verdict::LookFirst,
        "the service failed, perhaps halfway",
        "the service is in trouble: run it again later",
    ),
    status(
        502,
        Verdict::LookFirst,
        "a gateway got no good answer",
        "the service is in trouble: run it again later",
    ),
    status(
        503,
        Verdict::Again,
        "the service is busy",
        "the service is in trouble: run it again later",
    ),
    status(
        504,
        Verdict::LookFirst,
        "a gateway got no answer in time",
        "the service is in trouble: run it again later",
    ),
    status(405, Verdict::Final(Reason::Input), "the service does not do that", ""),
    status(410, Verdict::Final(Reason::Input), "it is gone for good", ""),
    status(411, Verdict::Final(Reason::Input), "a length is missing", ""),
    status(413, Verdict::Final(Reason::Input), "the request is too large", ""),
    status(
        415,
        Verdict::Final(Reason::Input),
        "the request has another form than the service takes",
        "",
    ),
    // Entra ID and the CI system's token endpoint.
    aadsts(
        "aadsts90002",
        "there is no such tenant",
        "correct {tenant_id}; is it of this cloud?",
    ),
    aadsts(
        "aadsts700016",
        "the tenant has no such application",
        "correct {client_id} or {tenant_id}",
    ),
    aadsts(
        "aadsts7000215",
        "the secret of the application is wrong",
        "give the value of a secret in {client_secret}, not the secret's id, then run again",
    ),
    aadsts(
        "aadsts7000222",
        "the secret of the application has expired",
        "make a new one, give it in {client_secret}, then run again",
    ),
    aadsts(
        "aadsts70021",
        "no federated credential of the application fits the assertion",
        "compare issuer, subject and audience above with the federated credentials of the application",
    ),
    aadsts("aadsts70043", "a policy wants a new sign-in", "sign in again"),
    entra(
        "invalid_client",
        "the application's secret or assertion is not accepted",
        "check {client_id}, {tenant_id} and the secret or the federated credential of the application",
    ),
    entra(
        "unauthorized_client",
        "the application may not sign in this way",
        "check {client_id} and {tenant_id}, and whether the application may use this kind of sign-in",
    ),
    entra(
        "invalid_grant",
        "the assertion is not accepted",
        "check the federated credential of the application; has the assertion expired?",
    ),
    passing(RefusedBy::TokenEndpoint, 408, "the token endpoint waited too long"),
    passing(RefusedBy::TokenEndpoint, 429, "too many sign-ins"),
    passing(RefusedBy::TokenEndpoint, 500, "the token endpoint failed"),
    passing(RefusedBy::TokenEndpoint, 502, "the token endpoint failed"),
    passing(RefusedBy::TokenEndpoint, 503, "the token endpoint is busy"),
    passing(RefusedBy::TokenEndpoint, 504, "the token endpoint failed"),
    entra(
        "",
        "signing in is refused",
        "check {tenant_id}, {client_id} and the method of signing in",
    ),
    // The machine's own identity: Microsoft asks clients to try again on 404, 410, 429 and 5xx.
    passing(RefusedBy::Imds, 404, "the identity service is being updated"),
    passing(
        RefusedBy::Imds,
        410,
        "the identity service is being updated, for up to 70 s",
    ),
    passing(RefusedBy::Imds, 429, "too many sign-ins"),
    passing(RefusedBy::Imds, 500, "the identity service failed"),
    passing(RefusedBy::Imds, 501, "the identity service failed"),
    passing(RefusedBy::Imds, 502, "the identity service failed"),
    passing(RefusedBy::Imds, 503, "the identity service is busy"),
    passing(RefusedBy::Imds, 504, "the identity service failed"),
    of(
        RefusedBy::Imds,
        code(
            "",
            Verdict::Final(Reason::SignIn),
            "this machine has no managed identity that may be used",
            "sign in as an application: give {tenant_id}, {client_id} and {client_secret}; or as yourself: run `az login` and give {use_azure_cli_auth}; or assign a managed identity to this machine and give its {client_id}",
        ),
    ),
];
