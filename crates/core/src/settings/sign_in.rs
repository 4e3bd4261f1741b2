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
    ids::{ClientId, CloudChoice, KnownCloud, TenantId},
    options::{self, Kind, Opt, Verb, sign_in},
    words,
};

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
            Self::ClientJwt { client, .. } => write!(f, "the given assertion of application {client}"),
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

/// The ways to sign in. If several are given by variables, the first one in this order is used; if none is given, the
/// machine's managed identity.
const WAYS: [&Opt; 5] = [
    sign_in::USE_AZURE_CLI_AUTH,
    sign_in::CLIENT_SECRET,
    sign_in::CLIENT_JWT,
    sign_in::OIDC_REQUEST_URL,
    sign_in::FEDERATED_TOKEN_FILE,
];

/// Completes what was left out from variables, and says from which. What was given always wins. Variables choose a way
/// to sign in only when none was given, and then one: a forgotten variable must not contradict what was given.
pub fn complete(values: &mut Values, verb: Verb, lookup: &Lookup<'_>) -> Vec<FromVariable> {
    let mut used = Vec::new();
    let is_way = |opt: &&'static Opt| WAYS.contains(opt) || *opt == sign_in::OIDC_REQUEST_TOKEN;
    for opt in options::of(verb).into_iter().filter(|opt| !is_way(opt)) {
        fill(values, opt, lookup, &mut used);
    }
    let (url, token) = (sign_in::OIDC_REQUEST_URL, sign_in::OIDC_REQUEST_TOKEN);
    if values.has(url) || values.has(token) {
        // One half that was given gets its other half.
        fill(values, url, lookup, &mut used);
        fill(values, token, lookup, &mut used);
    }
    if !is_way_given(values) {
        choose_way(values, lookup, &mut used);
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
            let is_meant = values.has(sign_in::CLIENT_ID) && first(sign_in::OIDC_REQUEST_TOKEN, lookup).is_some();
            if !is_meant || !fill(values, way, lookup, used) {
                continue;
            }
            fill(values, sign_in::OIDC_REQUEST_TOKEN, lookup, used);
            return;
        }
        if fill(values, way, lookup, used) {
            return;
        }
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
        Kind::Secret => values.set(opt, SecretString::from(text)),
        _ => values.set(opt, text),
    }
    used.push((opt, variable));
    true
}

fn first(opt: &'static Opt, lookup: &Lookup<'_>) -> Option<(&'static str, String)> {
    let mut variables = opt.variables.iter();
    variables.find_map(|name| Some((*name, lookup(name).filter(|text| !text.trim().is_empty())?)))
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
    application(reader, way, tenant?, client?)
}

fn application(reader: &Reader<'_, '_>, way: &'static Opt, tenant: TenantId, client: ClientId) -> Option<Login> {
    Some(match way {
        way if way == sign_in::CLIENT_SECRET => Login::ClientSecret {
            tenant,
            client,
            secret: reader.secret(way)?,
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
        },
        way => Login::WorkloadIdentityFile {
            tenant,
            client,
            file: reader.text(way)?.into(),
        },
    })
}

/// Address and token of an OIDC request belong together.
fn refuse_half(reader: &mut Reader<'_, '_>) {
    let (url, token) = (sign_in::OIDC_REQUEST_URL, sign_in::OIDC_REQUEST_TOKEN);
    for (missing, given) in [(token, url), (url, token)] {
        if reader.has(given) && !reader.has(missing) {
            let runner = missing.variables.last().copied().unwrap_or_default();
            let text = words![
                "is missing together with ",
                given,
                format!(": give the CI job's {runner}")
            ];
            reader.refuse(missing, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::fault::Fault;

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
        the given assertion of application 00000000-0000-0000-0000-00000000c11e
        the CI job's identity (OIDC) as application 00000000-0000-0000-0000-00000000c11e
        the workload identity file /var/run/token as application 00000000-0000-0000-0000-00000000c11e
        the managed identity 00000000-0000-0000-0000-00000000c11e
        ");
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

    #[test]
    fn half_an_oidc_request_gets_its_other_half() {
        let values = Values::default().with(sign_in::OIDC_REQUEST_URL, "https://own");
        let login = read(&completed(values, RUNNER)).unwrap();
        assert!(matches!(login, Login::Oidc { request_url, .. } if request_url == "https://own"));
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
    fn no_secret_is_in_what_debug_shows() {
        let values = application().with(sign_in::CLIENT_SECRET, secret("s3cret"));
        let shown = format!("{values:?} {:?}", read(&values).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
