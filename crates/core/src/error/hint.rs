//! What to do about a refusal, where its code alone tells.
//!
//! Hints that need more than the code are given where the request is made.

/// The remedy for a code; codes compare without case.
pub(super) fn of_code(code: &str) -> Option<&'static str> {
    Some(match code.to_ascii_lowercase().as_str() {
        "authorizationfailed" | "linkedauthorizationfailed" => {
            "give the identity the role that holds this action on that scope; a new assignment takes up to ten minutes"
        }
        "missingsubscriptionregistration" => {
            "register the resource provider named above in that subscription: az provider register --namespace …"
        }
        "invalid_client" => "check client_id, tenant_id and the secret or the federated credential of the application",
        "scopelocked" => "a lock protects that resource; remove the lock or choose another resource group",
        _ => return None,
    })
}
