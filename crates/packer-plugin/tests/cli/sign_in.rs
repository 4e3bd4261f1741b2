//! Signing in, as far as the machine decides it: what is said where its identity does not serve.

use crate::lab::{definition, program, said};

#[tokio::test]
async fn on_azure_arc_and_in_a_cloud_shell_other_ways_to_sign_in_are_named() {
    let hosts: [(&str, &[(&str, &str)]); 2] = [
        (
            "Azure Arc",
            &[
                (
                    "IDENTITY_ENDPOINT",
                    "http://localhost:40342/metadata/identity/oauth2/token",
                ),
                ("IMDS_ENDPOINT", "http://localhost:40342"),
            ],
        ),
        ("CloudShell", &[("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")]),
    ];
    for (host, variables) in hosts {
        let mut command = program(&["list", "--image-definition", &definition()]);
        command.envs(variables.iter().copied());
        let refused = said(command).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
        let complaint = refused.complaint();
        for part in [
            &format!("cannot sign in with the managed identity of {host}"),
            "--tenant-id, --client-id and one of",
            "ARM_CLIENT_SECRET",
            "--client-cert-path",
            "--federated-token-file",
            "--use-azure-cli-auth",
        ] {
            assert!(complaint.contains(part), "{part}: {complaint}");
        }
    }
}
