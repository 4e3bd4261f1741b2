//! Which containers for logs of ill nodes are refused, and what is said then.

use super::*;

const LOGS: &str = "https://st1.blob.core.windows.net/logs";
const IDENTITIES: &str = "/subscriptions/0000c11e-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities";

#[test]
fn faults_of_the_container_for_logs_name_inputs() {
    assert_faults(
        rolled_out,
        &[
            (
                json!({"node_logs_sas": "sp=w&sig=x"}),
                "node-logs-sas: no logs are written; say where to in node-logs-container",
            ),
            (
                json!({"node_logs_container": "https://st1.blob.core.windows.net/logs?sp=w&sig=x"}),
                "node-logs-container: is signed; give the part behind its question mark in node-logs-sas",
            ),
            (
                json!({"node_logs_container": "logs"}),
                "node-logs-container: \"logs\" is not the address of a container (https://ACCOUNT.blob.core.windows.net/CONTAINER, nothing behind it)",
            ),
            (
                json!({"node_logs_container": LOGS}),
                "node-logs-container: to write there, give node-logs-sas or node-logs-identity; neither is given",
            ),
            (
                json!({"node_logs_container": LOGS, "node_logs_sas": "sp=r&sig=x"}),
                "node-logs-sas: does not let Batch write: its sp= has no w; make one with the permission to write",
            ),
            (
                json!({"node_logs_container": LOGS, "node_logs_sas": "hunter2"}),
                "node-logs-sas: is no SAS: it has no sig=; give the part of the signed address behind its question mark",
            ),
            (
                json!({"node_logs_container": LOGS, "node_logs_identity": format!("{IDENTITIES}/two"), "pool_identity": [format!("{IDENTITIES}/one")]}),
                "node-logs-identity: is not an identity of the pool: add it to pool-identity",
            ),
        ],
    );
}
