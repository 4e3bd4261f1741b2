//! How to sign in: what the user said, and the one way that follows from it.
//!
//! Nothing is asked here; `credential` makes tokens of it. Shared keys are never used.

use std::{fmt, path::PathBuf};

use secrecy::SecretString;
use serde::Serialize;

use super::{
    reader::Reader,
    values::{Value, Values},
};
use crate::{
    ids::{Audience, ClientId, CloudChoice, KnownCloud, ServiceConnectionId, TenantId},
    options::{self, Kind, Opt, Verb, sign_in},
    words,
    words::Part,
};

/// What the file of a certificate and its password are called where they were given: an option, or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateNames {
    /// The file.
    pub file: Part,
    /// What opens it.
    pub password: Part,
}

/// How to sign in: exactly one way, with all it needs.
#[derive(Clone, Debug)]
pub enum Login {
    /// An application with a secret.
    ClientSecret {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// Its secret.
        secret: SecretString,
    },
    /// An application with a certificate, whose private key signs an assertion for each token.
    ClientCertificate {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// The file with certificate and key.
        file: PathBuf,
        /// What opens it.
        password: Option<SecretString>,
        /// What the user calls both.
        names: CertificateNames,
    },
    /// An application with a signed assertion that was made before the run; it serves until it expires.
    ClientJwt {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// The assertion.
        jwt: SecretString,
    },
    /// An application that trusts the CI system's identity; a new assertion is fetched at every renewal, since a run
    /// outlives any one of them.
    Oidc {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// Where to ask for an assertion; it already carries a query.
        request_url: String,
        /// The bearer token for asking.
        request_token: SecretString,
        /// For whom it is made out, when that is not the cloud's own audience.
        audience: Option<Audience>,
        /// The service connection whose identity is asked for, which makes it a job of Azure Pipelines.
        connection: Option<ServiceConnectionId>,
    },
    /// An application that trusts a token in a file, which another program renews there.
    WorkloadIdentityFile {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// The file.
        file: PathBuf,
    },
    /// Whoever is signed in to az.
    AzureCli {
        /// The tenant, when it is not az's own choice.
        tenant: Option<TenantId>,
    },
    /// The identity of the machine; a user-assigned one when named.
    ManagedIdentity {
        /// The user-assigned identity.
        client: Option<ClientId>,
    },
}

/// A way of signing in, without what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInMethod {
    /// An application with a secret.
    ClientSecret,
    /// An application with a certificate.
    ClientCertificate,
    /// An application with a signed assertion.
    ClientJwt,
    /// An application that trusts the CI system's identity.
    Oidc,
    /// An application that trusts a token in a file.
    WorkloadIdentityFile,
    /// Whoever is signed in to az.
    AzureCli,
    /// The identity of the machine.
    ManagedIdentity,
}

/// How to sign in and to which Azure.
#[derive(Clone, Debug)]
pub struct Connection {
    /// As whom.
    pub login: Login,
    /// To which Azure.
    pub cloud: CloudChoice,
    /// A file with certificates to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where the value of an option came from that the user did not give.
pub type FromVariable = (&'static Opt, &'static str);

/// Looks a variable up.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

impl Login {
    /// The application or the user-assigned identity, when one is named.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::ClientSecret { client, .. }
            | Self::ClientCertificate { client, .. }
            | Self::ClientJwt { client, .. }
            | Self::Oidc { client, .. }
            | Self::WorkloadIdentityFile { client, .. } => Some(client),
            Self::AzureCli { .. } => None,
            Self::ManagedIdentity { client } => client.as_ref(),
        }
    }

    /// Which way it is.
    #[must_use]
    pub const fn method(&self) -> SignInMethod {
        match self {
            Self::ClientSecret { .. } => SignInMethod::ClientSecret,
            Self::ClientCertificate { .. } => SignInMethod::ClientCertificate,
            Self::ClientJwt { .. } => SignInMethod::ClientJwt,
            Self::Oidc { .. } => SignInMethod::Oidc,
            Self::WorkloadIdentityFile { .. } => SignInMethod::WorkloadIdentityFile,
            Self::AzureCli { .. } => SignInMethod::AzureCli,
            Self::ManagedIdentity { .. } => SignInMethod::ManagedIdentity,
        }
    }
}

/// The sentence that says which credential is used; no secret is in it.
impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSecret { client, .. } => write!(f, "the secret of application {client}"),
            Self::ClientCertificate { client, file, .. } => {
                write!(f, "the certificate {} of application {client}", file.display())
            }
            Self::ClientJwt { client, .. } => write!(f, "the given assertion of application {client}"),
            Self::Oidc {
                client,
                connection: Some(_),
                ..
            } => write!(f, "the service connection of this pipeline as application {client}"),
            Self::Oidc { client, .. } => write!(f, "the CI job's identity (OIDC) as application {client}"),
            Self::WorkloadIdentityFile { client, file, .. } => write!(
                f,
                "the workload identity file {} as application {client}",
                file.display()
            ),
            Self::AzureCli { .. } => f.write_str("the account az is signed in with"),
            Self::ManagedIdentity { client: Some(client) } => write!(f, "the managed identity {client}"),
            Self::ManagedIdentity { client: None } => f.write_str("the managed identity of this machine"),
        }
    }
}

impl CertificateNames {
    /// A password that is missing is called as its file is: after the variable of the same family, or the option.
    fn of(reader: &Reader<'_, '_>) -> Self {
        let (path, password) = (sign_in::CLIENT_CERT_PATH, sign_in::CLIENT_CERT_PASSWORD);
        let of_path = path
            .variables
            .iter()
            .position(|name| reader.variable(path) == Some(*name));
        let of_family = of_path.and_then(|number| password.variables.get(number).copied());
        let named = |variable: Option<&'static str>, opt| variable.map_or(Part::Opt(opt), Part::from);
        Self {
            file: named(reader.variable(path), path),
            password: match reader.has(password) {
                true => named(reader.variable(password), password),
                false => named(of_family, password),
            },
        }
    }
}

/// The ways to sign in. If several are given by variables, the first one in this order is used; if none is given, the
/// machine's managed identity.
const WAYS: [&Opt; 6] = [
    sign_in::USE_AZURE_CLI_AUTH,
    sign_in::CLIENT_SECRET,
    sign_in::CLIENT_CERT_PATH,
    sign_in::CLIENT_JWT,
    sign_in::OIDC_REQUEST_URL,
    sign_in::FEDERATED_TOKEN_FILE,
];

/// What belongs to a way, and is looked for in variables only together with it.
const PARTS_OF_WAYS: [&Opt; 3] = [
    sign_in::CLIENT_CERT_PASSWORD,
    sign_in::OIDC_REQUEST_TOKEN,
    sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID,
];

/// Where Azure Pipelines says at which address a job asks for its token. Every job has it, whether it may ask or not.
const PIPELINES_URL: &str = "SYSTEM_OIDCREQUESTURI";

/// Where GitHub does.
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";

/// Azure's SDKs read a cloud's name here; many jobs have the name of a stage in it, such as `production`.
const STAGE: &str = "AZURE_ENVIRONMENT";

/// Completes what was left out from variables, and says from which. What was given always wins. Variables choose a way
/// to sign in only when none was given, and then one: a forgotten variable must not contradict what was given.
pub fn complete(values: &mut Values, verb: Verb, lookup: &Lookup<'_>) -> Vec<FromVariable> {
    let mut used = Vec::new();
    let is_way = |opt: &&'static Opt| WAYS.contains(opt) || PARTS_OF_WAYS.contains(opt);
    for opt in options::of(verb).into_iter().filter(|opt| !is_way(opt)) {
        fill(values, opt, lookup, &mut used);
    }
    let (url, token) = (sign_in::OIDC_REQUEST_URL, sign_in::OIDC_REQUEST_TOKEN);
    let connection = sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID;
    if [url, token, connection].into_iter().any(|part| values.has(part)) {
        // A part that was given gets the others.
        fill_job(values, lookup, &mut used);
    }
    if !is_way_given(values) {
        choose_way(values, lookup, &mut used);
    }
    if values.has(sign_in::CLIENT_CERT_PATH) {
        fill(values, sign_in::CLIENT_CERT_PASSWORD, lookup, &mut used);
    }
    used
}

fn is_way_given(values: &Values) -> bool {
    let is_off = |value: &Value| {
        matches!(value, Value::Bool(false))
            || matches!(value, Value::Text(text) if text.trim().eq_ignore_ascii_case("false"))
    };
    let is_on = |opt: &&'static Opt| values.has(opt) && !values.get(opt).is_some_and(is_off);
    WAYS.iter().any(is_on)
}

/// The first way that variables give.
fn choose_way(values: &mut Values, lookup: &Lookup<'_>, used: &mut Vec<FromVariable>) {
    for way in WAYS {
        if way == sign_in::OIDC_REQUEST_URL {
            // A job may have the right to ask for a token and yet mean the machine's identity: no application, no OIDC.
            if values.has(sign_in::CLIENT_ID) && is_job_meant(lookup) {
                fill_job(values, lookup, used);
                return;
            }
            continue;
        }
        if fill(values, way, lookup, used) {
            return;
        }
    }
}

/// Whether variables hold a CI job's identity. GitHub sets the token only for a job that may ask; in Azure Pipelines every
/// job has the address, so there the service connection says it, and a missing token is a fault.
fn is_job_meant(lookup: &Lookup<'_>) -> bool {
    let is_set = |opt| first(opt, lookup).is_some();
    match first(sign_in::OIDC_REQUEST_URL, lookup) {
        Some((PIPELINES_URL, _)) => is_set(sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID),
        Some(_) => is_set(sign_in::OIDC_REQUEST_TOKEN),
        None => false,
    }
}

/// Fills the parts of a CI job's identity. GitHub has no service connection, whatever the variables hold.
fn fill_job(values: &mut Values, lookup: &Lookup<'_>, used: &mut Vec<FromVariable>) {
    fill(values, sign_in::OIDC_REQUEST_URL, lookup, used);
    fill(values, sign_in::OIDC_REQUEST_TOKEN, lookup, used);
    if !used.iter().any(|(_, variable)| *variable == GITHUB_URL) {
        fill(values, sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID, lookup, used);
    }
}

/// Sets an option from its variables if it is not given; says whether it did.
fn fill(values: &mut Values, opt: &'static Opt, lookup: &Lookup<'_>, used: &mut Vec<FromVariable>) -> bool {
    if values.has(opt) {
        return false;
    }
    let Some((variable, text)) = first(opt, lookup) else {
        return false;
    };
    match opt.kind {
        Kind::Secret => values.set_from(opt, SecretString::from(text), variable),
        _ => values.set_from(opt, text, variable),
    }
    used.push((opt, variable));
    true
}

fn first(opt: &'static Opt, lookup: &Lookup<'_>) -> Option<(&'static str, String)> {
    let mut variables = opt.variables.iter();
    let is_meant = |name: &str, text: &str| !text.trim().is_empty() && (name != STAGE || is_like_cloud(text));
    variables.find_map(|name| Some((*name, lookup(name).filter(|text| is_meant(name, text))?)))
}

/// Whether a text is meant to name a cloud, rightly or not.
fn is_like_cloud(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["azure", "public", "gov", "china", "german"]
        .iter()
        .any(|part| lower.contains(part))
}

/// Reads how to connect.
pub(super) fn connection(reader: &mut Reader<'_, '_>) -> Option<Connection> {
    let login = login(reader);
    let cloud = cloud(reader);
    let ca_file = reader.text(sign_in::CA_FILE).map(PathBuf::from);
    Some(Connection {
        login: login?,
        cloud: cloud?,
        ca_file,
    })
}

/// Which of Microsoft's clouds is meant; none when a metadata host describes one, or the name is not known. Reports no
/// fault.
pub(super) fn known_cloud(reader: &Reader<'_, '_>) -> Option<KnownCloud> {
    if reader.has(sign_in::METADATA_HOST) || reader.is_unknown(sign_in::METADATA_HOST) {
        return None;
    }
    let name = reader.text(sign_in::CLOUD_ENVIRONMENT_NAME);
    name.map_or(Some(KnownCloud::default()), |name| name.parse().ok())
}

fn cloud(reader: &mut Reader<'_, '_>) -> Option<CloudChoice> {
    // With a metadata host the name is not looked at: templates put an impossible one there, so that azure-arm never
    // falls back to the public cloud.
    if let Some(host) = reader.text(sign_in::METADATA_HOST) {
        return reader.checked(sign_in::METADATA_HOST, CloudChoice::metadata_host(host));
    }
    if reader.is_unknown(sign_in::METADATA_HOST) {
        return None;
    }
    reader
        .parsed_or_default::<KnownCloud>(sign_in::CLOUD_ENVIRONMENT_NAME)
        .map(CloudChoice::Known)
}

/// The one way to sign in.
fn login(reader: &mut Reader<'_, '_>) -> Option<Login> {
    let tenant: Option<TenantId> = reader.parsed(sign_in::TENANT_ID);
    let client: Option<ClientId> = reader.parsed(sign_in::CLIENT_ID);
    let asked = (
        reader.parsed(sign_in::OIDC_AUDIENCE),
        reader.parsed(sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID),
    );
    let is_cli = reader.is_on(sign_in::USE_AZURE_CLI_AUTH);
    let is_given = |way: &&'static Opt| match *way {
        way if way == sign_in::USE_AZURE_CLI_AUTH => is_cli,
        way => reader.has(way),
    };
    let given: Vec<&'static Opt> = WAYS.iter().filter(|way| is_given(way)).copied().collect();
    if let [first, rest @ ..] = given.as_slice()
        && !rest.is_empty()
    {
        for way in rest {
            let text = words![
                "is given together with ",
                *first,
                ", and only one way to sign in can be used: remove one of the two"
            ];
            reader.refuse(way, text);
        }
        return None;
    }
    refuse_half(reader);
    let Some(way) = given.first().copied() else {
        let is_clear = !reader.has(sign_in::CLIENT_ID) || client.is_some();
        return is_clear.then_some(Login::ManagedIdentity { client });
    };
    if way == sign_in::USE_AZURE_CLI_AUTH {
        let is_clear = !reader.has(sign_in::TENANT_ID) || tenant.is_some();
        return is_clear.then_some(Login::AzureCli { tenant });
    }
    for opt in [sign_in::TENANT_ID, sign_in::CLIENT_ID] {
        if !reader.has(opt) {
            reader.refuse(opt, words!["is needed with ", way, ": give that of the application"]);
        }
    }
    application(reader, way, (tenant?, client?), asked)
}

fn application(
    reader: &Reader<'_, '_>,
    way: &'static Opt,
    (tenant, client): (TenantId, ClientId),
    (audience, connection): (Option<Audience>, Option<ServiceConnectionId>),
) -> Option<Login> {
    Some(match way {
        way if way == sign_in::CLIENT_SECRET => Login::ClientSecret {
            tenant,
            client,
            secret: reader.secret(way)?,
        },
        way if way == sign_in::CLIENT_CERT_PATH => Login::ClientCertificate {
            tenant,
            client,
            file: reader.text(way)?.into(),
            password: reader.secret(sign_in::CLIENT_CERT_PASSWORD),
            names: CertificateNames::of(reader),
        },
        way if way == sign_in::CLIENT_JWT => Login::ClientJwt {
            tenant,
            client,
            jwt: reader.secret(way)?,
        },
        way if way == sign_in::OIDC_REQUEST_URL => Login::Oidc {
            tenant,
            client,
            request_url: reader.text(way)?.to_owned(),
            request_token: reader.secret(sign_in::OIDC_REQUEST_TOKEN)?,
            audience,
            connection,
        },
        way => Login::WorkloadIdentityFile {
            tenant,
            client,
            file: reader.text(way)?.into(),
        },
    })
}

/// Address and token of an OIDC request belong together, with the connection in Azure Pipelines; and a password to its file.
fn refuse_half(reader: &mut Reader<'_, '_>) {
    if reader.has(sign_in::CLIENT_CERT_PASSWORD) && !reader.has(sign_in::CLIENT_CERT_PATH) {
        let text = words!["is missing together with ", sign_in::CLIENT_CERT_PASSWORD];
        reader.refuse(sign_in::CLIENT_CERT_PATH, text);
    }
    let (url, token) = (sign_in::OIDC_REQUEST_URL, sign_in::OIDC_REQUEST_TOKEN);
    let connection = sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID;
    let is_pipelines = reader.has(connection);
    refuse_audience(reader, url, connection);
    let pairs: &[(&'static Opt, &'static Opt)] = if is_pipelines {
        &[(url, connection), (token, connection)]
    } else {
        &[(token, url), (url, token)]
    };
    for &(missing, given) in pairs {
        if reader.has(given) && !reader.has(missing) {
            // The variables of Azure Pipelines are the last, those of GitHub stand before them.
            let mut runners = missing.variables.iter().rev().skip(usize::from(!is_pipelines));
            let runner = runners.next().copied().unwrap_or_default();
            let text = words![
                "is missing together with ",
                given,
                format!(": give the CI job's {runner}")
            ];
            reader.refuse(missing, text);
        }
    }
}

/// An audience is of an OIDC request, and not of one to Azure Pipelines: that makes tokens out for Entra alone.
fn refuse_audience(reader: &mut Reader<'_, '_>, url: &'static Opt, connection: &'static Opt) {
    let audience = sign_in::OIDC_AUDIENCE;
    match (reader.has(audience), reader.has(url), reader.has(connection)) {
        (true, _, true) => reader.refuse(
            audience,
            words!["has no effect with ", connection, ": leave out one of the two"],
        ),
        (true, false, false) => {
            let text = words![
                "is for a token that a CI job asks for at ",
                url,
                ", which is missing: leave it out, or let the job ask (GitHub: `permissions: id-token: write`)"
            ];
            reader.refuse(audience, text);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{options::Door, settings::fault::Fault};

    const APPLICATION: &str = "00000000-0000-0000-0000-00000000c11e";

    const RUNNER: &[(&str, &str)] = &[
        ("ARM_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", APPLICATION),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://runner/token?a=b"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer"),
    ];

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    /// An application without a way to sign in.
    fn application() -> Values {
        Values::default()
            .with(sign_in::TENANT_ID, "contoso.onmicrosoft.com")
            .with(sign_in::CLIENT_ID, APPLICATION)
    }

    fn read(values: &Values) -> Result<Login, Vec<String>> {
        let mut faults = Vec::new();
        let found = connection(&mut Reader::new(values, &mut faults));
        match found {
            Some(connection) if faults.is_empty() => Ok(connection.login),
            _ => Err(faults.iter().map(Fault::to_string).collect()),
        }
    }

    fn completed(mut values: Values, variables: &[(&str, &str)]) -> Values {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let used = complete(&mut values, Verb::Rollout, &lookup);
        assert!(
            used.iter()
                .all(|(opt, name)| values.has(opt) && opt.variables.contains(name))
        );
        values
    }

    #[test]
    fn each_way_is_one_login() {
        let ways = [
            application().with(sign_in::USE_AZURE_CLI_AUTH, true),
            application().with(sign_in::CLIENT_SECRET, secret("s3cret")),
            application()
                .with(sign_in::CLIENT_CERT_PATH, "/run/app.pfx")
                .with(sign_in::CLIENT_CERT_PASSWORD, secret("opens it")),
            application().with(sign_in::CLIENT_JWT, secret("j.w.t")),
            application()
                .with(sign_in::OIDC_REQUEST_URL, "https://oidc.example/t?a=b")
                .with(sign_in::OIDC_REQUEST_TOKEN, secret("t0ken")),
            application().with(sign_in::FEDERATED_TOKEN_FILE, "/var/run/token"),
            application(),
        ];
        let shown: Vec<String> = ways.iter().map(|values| read(values).unwrap().to_string()).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        the account az is signed in with
        the secret of application 00000000-0000-0000-0000-00000000c11e
        the certificate /run/app.pfx of application 00000000-0000-0000-0000-00000000c11e
        the given assertion of application 00000000-0000-0000-0000-00000000c11e
        the CI job's identity (OIDC) as application 00000000-0000-0000-0000-00000000c11e
        the workload identity file /var/run/token as application 00000000-0000-0000-0000-00000000c11e
        the managed identity 00000000-0000-0000-0000-00000000c11e
        ");
    }

    /// `echo secret | gh secret set` keeps the end of the line, and PowerShell's files begin with a mark.
    #[test]
    fn a_secret_goes_out_without_what_shells_put_around_it() {
        let values = application().with(sign_in::CLIENT_SECRET, secret("\u{feff}s3cret\r\n"));
        let Ok(Login::ClientSecret { secret, .. }) = read(&values) else {
            panic!("another way to sign in")
        };
        assert_eq!(secrecy::ExposeSecret::expose_secret(&secret), "s3cret");
    }

    #[test]
    fn two_ways_are_one_too_many() {
        let values = application()
            .with(sign_in::CLIENT_SECRET, secret("hunter2"))
            .with(sign_in::USE_AZURE_CLI_AUTH, true);
        assert_eq!(
            read(&values).unwrap_err(),
            [
                "client_secret: is given together with use_azure_cli_auth, and only one way to sign in can be used: remove one of the two"
            ]
        );
    }

    #[test]
    fn half_an_oidc_request_never_becomes_another_identity() {
        for (half, other) in [
            (sign_in::OIDC_REQUEST_URL, sign_in::OIDC_REQUEST_TOKEN),
            (sign_in::OIDC_REQUEST_TOKEN, sign_in::OIDC_REQUEST_URL),
        ] {
            let [fault] = &read(&application().with(half, "https://runner")).unwrap_err()[..] else {
                panic!("one fault")
            };
            assert!(
                fault.starts_with(&format!("{other}: is missing together with {half}")),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_password_that_is_missing_is_called_as_its_file_is() {
        let called = |values: Values| match read(&values).unwrap() {
            Login::ClientCertificate { names, .. } => words![names.password].spelled(Door::Flag),
            _ => panic!("another login"),
        };
        let of_azure = completed(application(), &[("AZURE_CLIENT_CERTIFICATE_PATH", "/azure.pem")]);
        assert_eq!(called(of_azure), "AZURE_CLIENT_CERTIFICATE_PASSWORD");
        let given = application().with(sign_in::CLIENT_CERT_PATH, "/own.pem");
        assert_eq!(called(given), "ARM_CLIENT_CERTIFICATE_PASSWORD");
    }

    #[test]
    fn the_password_of_a_certificate_comes_with_its_file_only() {
        let variables = [
            ("ARM_CLIENT_CERTIFICATE_PATH", "/arm.pem"),
            ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "opens it"),
        ];
        let application_only = completed(application(), &variables[1..]);
        assert!(!application_only.has(sign_in::CLIENT_CERT_PASSWORD));
        for values in [application(), application().with(sign_in::CLIENT_CERT_PATH, "/own.pem")] {
            let is_own = values.has(sign_in::CLIENT_CERT_PATH);
            let Login::ClientCertificate {
                file, password, names, ..
            } = read(&completed(values, &variables)).unwrap()
            else {
                panic!("another login")
            };
            let called = [names.file, names.password].map(|name| words![name].spelled(Door::Flag));
            let file_is = if is_own {
                "--client-cert-path"
            } else {
                "ARM_CLIENT_CERTIFICATE_PATH"
            };
            assert_eq!(called, [file_is, "AZURE_CLIENT_CERTIFICATE_PASSWORD"]);
            assert_eq!(file.to_str(), Some(if is_own { "/own.pem" } else { "/arm.pem" }));
            assert!(password.is_some());
        }
        let alone = application().with(sign_in::CLIENT_CERT_PASSWORD, secret("opens what?"));
        assert_eq!(
            read(&alone).unwrap_err(),
            ["client_cert_path: is missing together with client_cert_password"]
        );
    }

    #[test]
    fn what_is_missing_is_said_all_at_once() {
        let values = Values::default().with(sign_in::CLIENT_SECRET, secret("s3cret"));
        assert_eq!(
            read(&values).unwrap_err(),
            [
                "tenant_id: is needed with client_secret: give that of the application",
                "client_id: is needed with client_secret: give that of the application"
            ]
        );
    }

    #[test]
    fn a_ci_job_signs_in_with_its_own_identity() {
        let login = read(&completed(Values::default(), RUNNER)).unwrap();
        assert!(matches!(login, Login::Oidc { request_url, .. } if request_url == "https://runner/token?a=b"));
    }

    #[test]
    fn a_way_that_was_given_silences_those_of_variables() {
        let values = completed(Values::default().with(sign_in::CLIENT_SECRET, secret("own")), RUNNER);
        assert!(values.has(sign_in::CLIENT_ID), "ids are still taken");
        assert!(matches!(read(&values).unwrap(), Login::ClientSecret { .. }));
    }

    #[test]
    fn variables_give_at_most_one_way() {
        let values = completed(
            Values::default(),
            &[
                ("ARM_TENANT_ID", "tenant"),
                ("ARM_CLIENT_ID", APPLICATION),
                ("AZURE_CLIENT_SECRET", "secret"),
                ("ARM_OIDC_TOKEN", "jwt"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/var/token"),
            ],
        );
        assert!(matches!(read(&values).unwrap(), Login::ClientSecret { .. }));
    }

    #[test]
    fn without_an_application_the_jobs_identity_is_not_meant() {
        let login = read(&completed(Values::default(), &RUNNER[2..])).unwrap();
        assert!(matches!(login, Login::ManagedIdentity { client: None }));
    }

    const PIPELINE: &[(&str, &str)] = &[
        ("AZURESUBSCRIPTION_TENANT_ID", "tenant"),
        ("AZURESUBSCRIPTION_CLIENT_ID", APPLICATION),
        (
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
            "00000000-0000-0000-0000-0000000c0111",
        ),
        ("SYSTEM_OIDCREQUESTURI", "https://dev.example/oidctoken"),
        ("SYSTEM_ACCESSTOKEN", "bearer"),
    ];

    #[test]
    fn a_job_of_azure_pipelines_signs_in_as_its_service_connection() {
        let login = read(&completed(Values::default(), PIPELINE)).unwrap();
        assert!(matches!(
            login,
            Login::Oidc {
                connection: Some(_),
                ..
            }
        ));
        assert_eq!(
            login.to_string(),
            format!("the service connection of this pipeline as application {APPLICATION}")
        );
        // Every job has the address; without a connection the machine's identity is meant.
        let login = read(&completed(Values::default(), &PIPELINE[3..])).unwrap();
        assert!(matches!(login, Login::ManagedIdentity { client: None }));
        // GitHub's job is GitHub's, whatever else is set.
        let login = read(&completed(Values::default(), &[RUNNER, &PIPELINE[2..3]].concat())).unwrap();
        assert!(matches!(login, Login::Oidc { connection: None, .. }));
    }

    #[test]
    fn a_pipeline_whose_step_has_no_token_is_told_which_variable_gives_it() {
        assert_eq!(
            read(&completed(Values::default(), &PIPELINE[..4])).unwrap_err(),
            [
                "oidc_request_token: is missing together with ado_pipeline_service_connection_id: give the CI job's SYSTEM_ACCESSTOKEN"
            ]
        );
        let connection = (sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID, "my connection");
        let named = completed(application().with(connection.0, connection.1), &PIPELINE[3..]);
        assert_eq!(
            read(&named).unwrap_err(),
            [
                "ado_pipeline_service_connection_id: \"my connection\" is not the id of a service connection (a GUID, not its name)"
            ]
        );
    }

    #[test]
    fn half_an_oidc_request_gets_its_other_half() {
        let values = Values::default().with(sign_in::OIDC_REQUEST_URL, "https://own");
        let login = read(&completed(values, RUNNER)).unwrap();
        assert!(matches!(login, Login::Oidc { request_url, .. } if request_url == "https://own"));
    }

    #[test]
    fn an_audience_is_of_a_token_that_the_job_asks_for() {
        let named = |audience: &str, variables: &[(&str, &str)]| {
            read(&completed(
                application().with(sign_in::OIDC_AUDIENCE, audience),
                variables,
            ))
        };
        let login = named("api://own", RUNNER).unwrap();
        assert!(matches!(login, Login::Oidc { audience: Some(audience), .. } if audience.as_str() == "api://own"));
        let fault = |audience, variables| named(audience, variables).unwrap_err().join("\n");
        assert_eq!(
            fault("api://own", &[]),
            "oidc_audience: is for a token that a CI job asks for at oidc_request_url, which is missing: leave it out, or \
             let the job ask (GitHub: `permissions: id-token: write`)"
        );
        assert_eq!(
            fault("api://own", PIPELINE),
            "oidc_audience: has no effect with ado_pipeline_service_connection_id: leave out one of the two"
        );
        assert!(fault("two words", RUNNER).starts_with("oidc_audience: \"two words\" is not an audience such as"));
    }

    #[test]
    fn a_metadata_host_wins_over_a_name_that_is_not_a_cloud() {
        let values = Values::default()
            .with(sign_in::METADATA_HOST, "127.0.0.1:8443")
            .with(sign_in::CLOUD_ENVIRONMENT_NAME, "no-real-cloud");
        assert!(read(&values).is_ok());
        let values = Values::default().with(sign_in::CLOUD_ENVIRONMENT_NAME, "no-real-cloud");
        assert!(read(&values).unwrap_err()[0].starts_with("cloud_environment_name: "));
    }

    #[test]
    fn a_stage_in_azure_environment_is_no_cloud() {
        let cloud = |variables: &[(&str, &str)]| {
            let values = completed(application(), variables);
            match values.get(sign_in::CLOUD_ENVIRONMENT_NAME) {
                Some(Value::Text(text)) => Some(text.clone()),
                _ => None,
            }
        };
        for stage in ["production", "dev", "Test-EU", " "] {
            assert_eq!(cloud(&[("AZURE_ENVIRONMENT", stage)]), None, "{stage}");
        }
        for meant in ["AzureUSGovernment", "usgov", "AzureCloudd"] {
            let set = cloud(&[("AZURE_ENVIRONMENT", meant)]);
            assert_eq!(
                set.as_deref(),
                Some(meant),
                "a wrong name of a cloud is refused, not ignored"
            );
        }
        assert!(
            cloud(&[("ARM_ENVIRONMENT", "production")]).is_some(),
            "only Packer and Terraform read this one"
        );
    }

    #[test]
    fn no_secret_is_in_what_debug_shows() {
        let values = application().with(sign_in::CLIENT_SECRET, secret("s3cret"));
        let shown = format!("{values:?} {:?}", read(&values).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
