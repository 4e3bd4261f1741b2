//! What a pool is made of besides its size, agent and start task: what is read, and which sentence a mistake gets.

use super::*;

const MI: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mi1";
const SUBNET: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/batch";

#[test]
fn mistakes_in_network_identity_and_packages_are_named() {
    assert_faults(
        rolled_out,
        &[
            (
                json!({"public_ips": ["none"]}),
                "public-ips: is none, and such nodes need a subnet of yours: give it in subnet-id",
            ),
            (
                json!({"public_ips": ["some"]}),
                "public-ips: \"some\" is not known; write batch, none, or resource ids of public addresses",
            ),
            (
                json!({"pool_identity": [MI], "account": null, "account_endpoint": "acct1.eastus2.batch.azure.com"}),
                "pool-identity: is set through the resource manager, which does not know the account by account-endpoint: give its resource id in account",
            ),
            (
                json!({"application_packages": ["a b"]}),
                "application-packages: \"a b\" is not an application package; write name, or name#version",
            ),
        ],
    );
}

#[test]
fn mistakes_in_disks_ports_and_mounts_are_named() {
    assert_faults(
        rolled_out,
        &[
            (
                json!({"os_disk": {"caching": "some", "size_gb": 64}}),
                "os-disk.caching: \"some\" is not known; write none, readonly or readwrite",
            ),
            (
                json!({"data_disks": [{"lun": 1, "size_gb": 64}, {"lun": 1, "size_gb": 64}]}),
                "data-disks.lun[1]: 1 is the LUN of another disk too: give each disk its own",
            ),
            (
                json!({"data_disks": [{"lun": 64, "size_gb": 1}]}),
                "data-disks.lun[0]: \"64\" is not a LUN (0 to 63)",
            ),
            (
                json!({"data_disks": [{"lun": 1}]}),
                "data-disks.size-gb[0]: is missing: give the size in GB",
            ),
            (
                json!({"inbound_ports": [{"name": "ssh", "port": 22, "first": 50000, "last": 50010}]}),
                "inbound-ports.last[0]: 50000 to 50010 are too few ports outside; Batch wants 40 or more",
            ),
            (
                json!({"mounts": [{"kind": "smb", "path": "x", "source": "y"}]}),
                "mounts.kind[0]: \"smb\" is not known; write blob, files, nfs or cifs",
            ),
            (
                json!({"mounts": [{"kind": "blob", "path": "x", "source": "c", "account": "st1"}]}),
                "mounts.source[0]: to sign in there, none are given; give one of mounts.account-key, mounts.sas-key and mounts.identity",
            ),
            (
                json!({"mounts": [{"kind": "nfs", "path": "x", "source": "s:/f", "account": "st1"}]}),
                "mounts.account[0]: means nothing for a mount of kind nfs: leave it out",
            ),
            (
                json!({"mounts": [{"kind": "files", "path": "x", "source": "https://x", "account": "st1"}]}),
                "mounts.account-key[0]: is missing: give the key of the storage account",
            ),
        ],
    );
}

#[test]
fn mistakes_in_security_containers_and_users_are_named() {
    assert_faults(
        rolled_out,
        &[
            (
                json!({"security": {"secure_boot": true}}),
                "security.secure-boot: means nothing without security.type: give that too",
            ),
            (
                json!({"license_type": "Linux"}),
                "license-type: \"linux\" is not known; write Windows_Server or Windows_Client",
            ),
            (
                json!({"encrypted_disks": ["os"]}),
                "encrypted-disks: \"os\" is not known; write osdisk or temporarydisk",
            ),
            (
                json!({"container_registries": [{"server": "x.azurecr.io"}]}),
                "container-registries.identity[0]: is missing: give the managed identity that signs in, or the user in container-registries.username",
            ),
            (
                json!({"container_registries": [{"server": "x.azurecr.io", "identity": MI}]}),
                &format!("container-registries.identity: {MI} is not an identity of the pool: add it to pool-identity"),
            ),
            (
                json!({"container_registries": [{"username": "u"}]}),
                "container-registries.password[0]: is missing: give the password of the user",
            ),
            (
                json!({"user_accounts": [{"name": "a-name-that-is-too-long", "password": "p"}]}),
                "user-accounts.name[0]: \"a-name-that-is-too-long\" is too long; Batch takes 20 letters",
            ),
        ],
    );
}

#[test]
fn no_secret_of_a_part_is_in_what_a_debugger_shows() {
    let given = json!({"pool_identity": [MI], "subnet_id": SUBNET,
        "mounts": [{"kind": "cifs", "path": "x", "source": "s", "username": "u", "password": "hunter2-mount"}],
        "container_registries": [{"username": "u", "password": "hunter2-registry"}],
        "user_accounts": [{"name": "u", "password": "hunter2-user"}]});
    let shown = format!("{:?}", rolled_out(&given).unwrap().settings);
    assert!(!shown.contains("hunter2"), "{shown}");
}
