//! User-assigned managed identities on the resource manager, and the role that allows assigning them.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, CLIENT, GROUP, TENANT};

fn identity(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")
}

#[test]
fn an_identity_is_made_shown_listed_and_removed_and_keeps_its_ids() {
    let mut azure = Azure::example();
    let missing = azure.get(&identity("mi1"));
    assert_eq!((missing.status, missing.code()), (404, "ResourceNotFound"));
    let made = azure.put(&identity("mi1"), &json!({"location": "East US 2"}));
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["properties"]["tenantId"], TENANT);
    assert_eq!(made.body["location"], "eastus2");
    let tagged = azure.put(
        &identity("mi1"),
        &json!({"location": "eastus2", "tags": {"team": "render"}}),
    );
    assert_eq!((tagged.status, &tagged.body["tags"]["team"]), (200, &json!("render")));
    assert_eq!(tagged.body["properties"], made.body["properties"]);
    assert_eq!(azure.get(&identity("MI1")).body, tagged.body);
    let subscription = GROUP.split("/resourceGroups").next().unwrap();
    let all = format!("{subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities");
    let listed = azure.get(&all);
    assert_eq!(listed.body["value"], json!([tagged.body]));
    assert_eq!(azure.delete(&identity("mi1")).status, 200);
    assert_eq!(azure.delete(&identity("mi1")).status, 204);
    assert_eq!(azure.get(&all).body["value"], json!([]));
}

#[test]
fn microsofts_role_for_it_lets_somebody_read_and_assign_an_identity() {
    let mut azure = Azure::example();
    azure.put(&identity("mi1"), &json!({"location": "eastus2"}));
    let role = |actions: Value| json!({"application": CLIENT, "scope": GROUP, "actions": actions});
    let give = |azure: &mut Azure, roles: Value| {
        let seed = crate::seed::Seed::parse(&json!({"roleAssignments": roles}).to_string()).unwrap();
        azure.emulator.seed(&seed, azure.now).unwrap();
    };
    give(&mut azure, json!([role(json!(["Microsoft.Batch/*"]))]));
    let refused = azure.get(&identity("mi1"));
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    let path = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1/pools/p");
    let body = json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": {identity("mi1"): {}}}, "properties": {}});
    assert_eq!(azure.put(&path, &body).status, 403);
    let of = "Microsoft.ManagedIdentity/userAssignedIdentities";
    give(
        &mut azure,
        json!([role(json!([
            "Microsoft.Batch/*",
            format!("{of}/*/read"),
            format!("{of}/*/assign/action")
        ]))]),
    );
    assert_eq!(azure.get(&identity("mi1")).status, 200);
    assert_ne!(azure.put(&path, &body).status, 403);
    assert_eq!(azure.send(Method::DELETE, &identity("mi1"), &Value::Null).status, 403);
}
