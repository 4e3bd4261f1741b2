//! The options for signing in, and for choosing the cloud. Every verb takes them, and both programs read the same
//! variables: azure-arm's (`ARM_…`), azure_identity's (`AZURE_…`) and those of GitHub's runner.

use super::{EVERY_DOOR, EVERY_VERB, Kind, Standard, rows};

rows! {
    /// All rows of this file.
    ROWS [EVERY_VERB, EVERY_DOOR]:
    TENANT_ID: "tenant_id", SignIn, Kind::Text, Standard::Absent, ["ARM_TENANT_ID", "AZURE_TENANT_ID", "AZURESUBSCRIPTION_TENANT_ID"],
        "Entra tenant of the application that signs in.";
    CLIENT_ID: "client_id", SignIn, Kind::Text, Standard::Absent, ["ARM_CLIENT_ID", "AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID"],
        "Client id of the application that signs in, or of a user-assigned managed identity.";
    CLIENT_SECRET: "client_secret", SignIn, Kind::Secret, Standard::Absent, ["ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET"],
        "Secret of the application. Prefer OIDC: a CI job with its own identity needs no secret.";
    CLIENT_CERT_PATH: "client_cert_path", SignIn, Kind::File, Standard::Absent, ["ARM_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"],
        "File with a certificate that is registered with the application, and its private key: PEM, or PFX (PKCS#12). The key is RSA. The file is read again for each new token.";
    CLIENT_CERT_PASSWORD: "client_cert_password", SignIn, Kind::Secret, Standard::Absent, ["ARM_CLIENT_CERTIFICATE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PASSWORD"],
        "Password of the file in {client_cert_path}, when it has one.";
    CLIENT_JWT: "client_jwt", SignIn, Kind::Secret, Standard::Absent, ["ARM_OIDC_TOKEN"],
        "Signed assertion for the application, made before the run. It is valid for some minutes only; {oidc_request_url} gets a new one at every renewal.";
    OIDC_REQUEST_URL: "oidc_request_url", SignIn, Kind::Text, Standard::Absent, ["ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"],
        "Address at which a CI job asks for its identity token (OIDC). GitHub sets the variable itself when the job has `id-token: write`, Azure Pipelines always.";
    OIDC_REQUEST_TOKEN: "oidc_request_token", SignIn, Kind::Secret, Standard::Absent, ["ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"],
        "Bearer token for {oidc_request_url}. GitHub sets the variable itself; in Azure Pipelines the step has `SYSTEM_ACCESSTOKEN: $(System.AccessToken)` in its `env`.";
    OIDC_AUDIENCE: "oidc_audience", SignIn, Kind::Text, Standard::Rule("that of the cloud, such as `api://AzureADTokenExchange`"), [],
        "For whom the CI job's identity token is made out, when the federated credential in Entra names another audience than its cloud's own.";
    ADO_PIPELINE_SERVICE_CONNECTION_ID: "ado_pipeline_service_connection_id", SignIn, Kind::Text, Standard::Absent, ["ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"],
        "In Azure Pipelines: id of the service connection as which the job signs in. Azure's own tasks, such as `AzureCLI@2`, set the last variable.";
    FEDERATED_TOKEN_FILE: "federated_token_file", SignIn, Kind::File, Standard::Absent, ["AZURE_FEDERATED_TOKEN_FILE", "ARM_OIDC_TOKEN_FILE_PATH"],
        "File with the token of a workload identity. What writes the file also renews it.";
    USE_AZURE_CLI_AUTH: "use_azure_cli_auth", SignIn, Kind::Bool, Standard::Value("false", "a CI job has its own identity"), [],
        "Sign in as the user who is signed in to az.";
    CLOUD_ENVIRONMENT_NAME: "cloud_environment_name", SignIn, Kind::Text, Standard::Value("Public", "as in Packer's azure-arm"), ["ARM_ENVIRONMENT", "AZURE_ENVIRONMENT"],
        "Which of Microsoft's clouds: `Public`, `USGovernment` or `China`. It has no effect together with {metadata_host}.";
    METADATA_HOST: "metadata_host", SignIn, Kind::Text, Standard::Absent, ["ARM_METADATA_URL", "ARM_METADATA_HOST"],
        "Host that describes another cloud at `/metadata/endpoints`, such as `https://127.0.0.1:8443`. If it does not answer, the run fails; the public cloud is never asked instead.";
    CA_FILE: "ca_file", SignIn, Kind::File, Standard::Rule("the system's certificates"), [],
        "PEM file with certificates to trust in addition to the system's.";
}
