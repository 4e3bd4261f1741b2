//! The one table of options: name, kind, default, where the default comes from, and what it is for.
//!
//! Flags are built from it; `action.yml` and `docs/action.md` are checked against it. It parses no value.

use std::fmt;

use self::Standard::{Absent, Required, Value};

/// One option: a flag on the command line, an input of the action, a variable `INPUT_…`.
#[derive(Debug)]
pub struct Spec {
    /// The name as a flag and an input, e.g. `pool-id`.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What holds when nobody says, and who says so.
    pub default: Standard,
    /// Variables that are looked at after the flag and `INPUT_…`, in this order.
    pub variables: &'static [&'static str],
    /// The chapter of the documentation.
    pub chapter: Chapter,
    /// What it is for: one sentence, Markdown.
    pub doc: &'static str,
}

/// What an option's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text that must never be shown; there is no flag for it, since everybody on a machine can read command lines.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// A length of time: `90m`, `2h`, `PT15M`.
    Duration,
    /// The path of a file.
    File,
    /// JSON, or `@` and the path of a file that holds it.
    Json,
}

/// What holds when an option is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// It must be given, or another one that its documentation names.
    Required,
    /// Nothing is assumed.
    Absent,
    /// This value; the second text says where it comes from.
    Value(&'static str, &'static str),
}

/// The chapters of the options' documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    /// Which image version.
    Version,
    /// Which pool, and what it is made of.
    Pool,
    /// How long and how often.
    Patience,
    /// As whom, and to which Azure.
    SignIn,
    /// What is told to whom.
    Report,
}

impl Kind {
    /// The word for it in help and documentation.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret",
            Self::Flag => "true or false",
            Self::Number => "number",
            Self::Duration => "duration",
            Self::File => "file",
            Self::Json => "JSON",
        }
    }
}

impl Chapter {
    /// The heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Version => "The image version",
            Self::Pool => "The pool",
            Self::Patience => "Resizing and waiting",
            Self::SignIn => "Signing in",
            Self::Report => "Reporting",
        }
    }
}

impl Spec {
    /// The variable that stands for the input: `INPUT_POOL_ID`.
    #[must_use]
    pub fn input_variable(&self) -> String {
        format!("INPUT_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The default, as documentation writes it.
    #[must_use]
    pub fn default_text(&self) -> String {
        match self.default {
            Required => "required".to_owned(),
            Absent => "none".to_owned(),
            Value(value, source) => format!("`{value}` ({source})"),
        }
    }
}

/// The name, as faults and documentation write it.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Declares every option as a constant and puts it into the list, so that none can be in one only.
macro_rules! options {
    ($($constant:ident: $name:literal, $chapter:ident, $kind:ident, $default:expr, [$($variable:literal),*], $doc:literal;)+) => {
        $(
            #[doc = $doc]
            pub const $constant: &Spec = &Spec {
                name: $name,
                kind: Kind::$kind,
                default: $default,
                variables: &[$($variable),*],
                chapter: Chapter::$chapter,
                doc: $doc,
            };
        )+

        /// All options, in the order of the documentation.
        pub const ALL: &[&Spec] = &[$($constant),+];
    };
}

options! {
    IMAGE_VERSION: "image-version", Version, Text, Absent, [],
        "Resource id of the image version that the pool's nodes shall run. Either this or `manifest` is needed.";
    MANIFEST: "manifest", Version, File, Absent, [],
        "Manifest file that the Packer post-processor wrote; it names the image version.";
    IMAGE_DEFINITION: "image-definition", Version, Text, Absent, [],
        "Resource id of the image definition that the version must belong to; guards against a wrong manifest.";

    ACCOUNT: "account", Pool, Text, Absent, [],
        "Resource id of the Batch account. Either this or `account-endpoint` is needed.";
    ACCOUNT_NAME: "account-name", Pool, Text, Absent, [],
        "Name of the Batch account, checked against `account-endpoint`.";
    ACCOUNT_ENDPOINT: "account-endpoint", Pool, Text, Absent, [],
        "Endpoint of the Batch account (`name.region.batch.azure.com`), for identities without rights in ARM.";
    POOL_ID: "pool-id", Pool, Text, Required, [],
        "Id of the pool to create or resize.";
    VM_SIZE: "vm-size", Pool, Text, Absent, [],
        "VM size of the nodes, e.g. `Standard_D4s_v5`; needed to create the pool, compared when it exists.";
    NODE_AGENT_SKU_ID: "node-agent-sku-id", Pool, Text, Absent, [],
        "Batch node agent SKU, e.g. `batch.node.ubuntu 22.04`; needed to create the pool, compared when it exists.";
    TARGET_DEDICATED_NODES: "target-dedicated-nodes", Pool, Number, Value("0", "Batch's own"), [],
        "Dedicated nodes the pool shall have.";
    TARGET_SPOT_NODES: "target-spot-nodes", Pool, Number, Value("0", "Batch's own"), [],
        "Spot nodes the pool shall have.";
    COUNT_SPOT_NODES: "count-spot-nodes", Pool, Flag, Value("false", "Azure takes spot nodes away at any time"), [],
        "Whether spot nodes must be ready too for the roll-out to succeed.";
    START_TASK: "start-task", Pool, Text, Absent, [],
        "Command line of the start task; run by `/bin/bash -c` or `cmd /c`.";
    START_TASK_ELEVATED: "start-task-elevated", Pool, Flag, Value("false", "least privilege"), [],
        "Whether the start task runs as administrator.";
    START_TASK_WAIT_FOR_SUCCESS: "start-task-wait-for-success", Pool, Flag, Value("true", "Batch's own on creation"), [],
        "Whether a node takes tasks only after its start task has succeeded.";
    START_TASK_MAX_RETRIES: "start-task-max-retries", Pool, Number, Value("0", "Batch's own"), [],
        "How often Batch repeats a start task that failed.";
    POOL_JSON: "pool-json", Pool, Json, Absent, [],
        "Everything else of Batch's pool JSON (body of `POST /pools`), inline or `@file`; passed through as it is.";

    ATTEMPTS: "attempts", Patience, Number, Value("5", "with pauses of 1, 2, 4 and 8 minutes between them"), [],
        "Resize rounds at most, the first included.";
    RESIZE_TIMEOUT: "resize-timeout", Patience, Duration, Value("by target size", "15 minutes per 1,000 nodes begun, at least 30 above 300 nodes"), [],
        "Timeout of the first resize round; later rounds get longer ones.";
    STOP_PENDING_RESIZE: "stop-pending-resize", Patience, Flag, Value("false", "somebody may need it"), [],
        "Whether a resize to another target that is under way is stopped rather than waited for.";
    NODE_READY_TIMEOUT: "node-ready-timeout", Patience, Duration, Value("30m", "start tasks that install software"), [],
        "How long no node may change its state before the wait for nodes ends.";
    DEADLINE: "deadline", Patience, Duration, Value("4h", "five resize rounds with their pauses and the nodes' start"), [],
        "How long the whole run may take. After it the run ends; the same run again goes on from there.";
    NODES_PER_REPLICA: "nodes-per-replica", Patience, Number, Value("300", "Batch asks for one replica per 300 nodes; 600 is its upper figure"), [],
        "Nodes that one replica of the version serves, `300` or `600`; replicas are raised before the pool outgrows them.";

    TENANT_ID: "tenant-id", SignIn, Text, Absent, ["AZURE_TENANT_ID"],
        "Entra tenant of the application.";
    CLIENT_ID: "client-id", SignIn, Text, Absent, ["AZURE_CLIENT_ID"],
        "Client id of the application or of a user-assigned managed identity.";
    CLIENT_SECRET: "client-secret", SignIn, Secret, Absent, ["AZURE_CLIENT_SECRET"],
        "Secret of the application. Prefer OIDC: a job with `id-token: write` needs no secret.";
    CLIENT_JWT: "client-jwt", SignIn, Secret, Absent, [],
        "Signed assertion of the application, for runs that end before it expires.";
    OIDC_REQUEST_URL: "oidc-request-url", SignIn, Text, Absent, ["ACTIONS_ID_TOKEN_REQUEST_URL"],
        "Where to ask for OIDC assertions; GitHub sets the variable itself when the job has `id-token: write`.";
    OIDC_REQUEST_TOKEN: "oidc-request-token", SignIn, Secret, Absent, ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
        "Token for asking for OIDC assertions; GitHub sets the variable itself.";
    FEDERATED_TOKEN_FILE: "federated-token-file", SignIn, File, Absent, ["AZURE_FEDERATED_TOKEN_FILE"],
        "File with a token of a workload identity.";
    USE_AZURE_CLI_AUTH: "use-azure-cli-auth", SignIn, Flag, Value("false", "a job has its own identity"), [],
        "Whether to sign in as whoever is signed in to az.";
    CLOUD: "cloud", SignIn, Text, Value("Public", "as in Packer's azure-arm"), ["AZURE_ENVIRONMENT"],
        "Azure cloud: `Public`, `USGovernment` or `China`.";
    METADATA_HOST: "metadata-host", SignIn, Text, Absent, ["ARM_METADATA_HOST"],
        "Host that describes a private cloud or a local emulator; wins over `cloud`.";
    CA_FILE: "ca-file", SignIn, File, Absent, [],
        "PEM file with certificate authorities to trust beside the system's.";

    GITHUB_TOKEN: "github-token", Report, Secret, Absent, [],
        "GitHub token with `deployments: write`; needed for `deployment-environment`.";
    DEPLOYMENT_ENVIRONMENT: "deployment-environment", Report, Text, Absent, [],
        "Environment in which the roll-out is shown as a deployment.";
    REPORT_PATH: "report-path", Report, File, Value("azure-batch-pool-report.json", "in the runner's temporary folder; on the command line only when given"), [],
        "Where the report goes, as JSON.";
}

/// A text with core's names of settings (`ca_file`) written as ours (`ca-file`).
#[must_use]
pub fn in_our_names(text: &str) -> String {
    let with_dash = ALL.iter().filter(|spec| spec.name.contains('-'));
    with_dash.fold(text.to_owned(), |text, spec| {
        text.replace(&spec.name.replace('-', "_"), spec.name)
    })
}

#[cfg(test)]
mod tests;
