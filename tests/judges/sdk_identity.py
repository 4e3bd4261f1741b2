"""Who may come in: azure-identity's credentials against the emulator's Entra.

It uses the resource manager only to show a token to.
"""

import base64
import json
import os

import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.mgmt.compute import ComputeManagementClient

from judge import make_certificate
from sdk_world import (
    ARM_SCOPE,
    AUTHORITY,
    CLIENT,
    batch_client,
    credential,
    emulator,
    judge,
    refused,
    secret_credential,
)

NOBODY = "00000000-0000-0000-0000-00000000dddd"
SUBJECT = "system:serviceaccount:builds:publisher"


def claims(token):
    part = token.token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def token_of(proof, oid=None):
    """Gets a token and checks whom it names."""
    found = claims(proof.get_token(ARM_SCOPE))
    judge.equal("tenant", found["tid"], emulator.tenant)
    judge.equal("object", found["oid"], oid or emulator.object)
    judge.equal("audience", found["aud"].rstrip("/"), "https://management.azure.com")
    judge.holds("lifetime", found["exp"] > found["iat"], found)


def denied(what, words, proof):
    try:
        proof.get_token(ARM_SCOPE)
    except ClientAuthenticationError as error:
        judge.contains(what, error.message, words)
        return
    judge.holds(what, False, "a token was given")


def secrets():
    token_of(secret_credential())
    denied("wrong secret", "AADSTS7000215", secret_credential("not-the-secret"))
    # MSAL asks for the tenant's configuration first and hides what Entra says there.
    tenant = ClientSecretCredential(NOBODY, emulator.client, emulator.secret, **AUTHORITY)
    denied("wrong tenant", "Unable to get authority configuration", tenant)
    client = ClientSecretCredential(emulator.tenant, NOBODY, emulator.secret, **AUTHORITY)
    denied("wrong client", "AADSTS700016", client)


def certificates():
    path, pem = make_certificate(emulator.folder, "registered")
    emulator.register_certificate(pem)
    token_of(CertificateCredential(emulator.tenant, emulator.client, certificate_path=path, **AUTHORITY))
    token_of(
        CertificateCredential(
            emulator.tenant, emulator.client, certificate_path=path, send_certificate_chain=True, **AUTHORITY
        )
    )
    other, _ = make_certificate(emulator.folder, "unknown")
    denied(
        "unknown certificate",
        "AADSTS700027",
        CertificateCredential(emulator.tenant, emulator.client, certificate_path=other, **AUTHORITY),
    )
    os.remove(path)
    os.remove(other)


def federated_assertions():
    def asserting(*arguments):
        return ClientAssertionCredential(
            emulator.tenant, emulator.client, lambda: emulator.assertion(*arguments), **AUTHORITY
        )

    token_of(asserting(SUBJECT))
    denied("wrong subject", "AADSTS700213", asserting("system:serviceaccount:else:where"))
    denied("wrong issuer", "AADSTS700211", asserting(SUBJECT, "https://else.where"))
    denied("wrong audience", "AADSTS700212", asserting(SUBJECT, "https://oidc.example.com/cluster", "api://else"))


def workload_identity():
    path = os.path.join(emulator.folder, "federated-token")
    with open(path, "w", encoding="utf-8") as file:
        file.write(emulator.assertion(SUBJECT))
    token_of(
        WorkloadIdentityCredential(
            tenant_id=emulator.tenant, client_id=emulator.client, token_file_path=path, **AUTHORITY
        )
    )
    environment = {
        "AZURE_AUTHORITY_HOST": emulator.endpoint + "/",
        "AZURE_TENANT_ID": emulator.tenant,
        "AZURE_CLIENT_ID": emulator.client,
        "AZURE_FEDERATED_TOKEN_FILE": path,
    }
    os.environ.update(environment)
    token_of(DefaultAzureCredential(connection_verify=emulator.ca))
    for name in environment:
        del os.environ[name]
    os.remove(path)


def managed_identity():
    identity = emulator.example["tenant"]["managedIdentity"]
    os.environ["IDENTITY_ENDPOINT"] = f"{emulator.control}/msi/token"
    os.environ["IDENTITY_HEADER"] = identity["header"]
    token_of(ManagedIdentityCredential(), identity["objectId"])
    token_of(ManagedIdentityCredential(client_id=identity["clientId"]), identity["objectId"])
    os.environ["IDENTITY_HEADER"] = "wrong"
    try:
        ManagedIdentityCredential().get_token(ARM_SCOPE)
        judge.holds("wrong header", False, "a token was given")
    except ClientAuthenticationError:
        judge.passed += 1
    del os.environ["IDENTITY_ENDPOINT"], os.environ["IDENTITY_HEADER"]
    os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = emulator.control
    token_of(ManagedIdentityCredential(client_id=identity["clientId"]), identity["objectId"])
    del os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"]


class Fixed:
    """A credential that has one token."""

    def __init__(self, text):
        self.text = text

    def get_token(self, *scopes, **_options):
        return AccessToken(self.text, 4_000_000_000)


def resource_manager_refuses_bad_tokens():
    def vm(token):
        client = ComputeManagementClient(Fixed(token), emulator.subscription, **CLIENT)
        return lambda: client.virtual_machines.get(emulator.group, "vm-build")

    refused("garbage", 401, "InvalidAuthenticationToken", vm("garbage"))
    foreign = credential.get_token("https://batch.core.windows.net/.default").token
    error = refused("wrong audience", 401, "InvalidAuthenticationTokenAudience", vm(foreign))
    judge.contains(
        "challenge", error.response.headers["WWW-Authenticate"], "Bearer authorization_uri=", emulator.tenant
    )


def batch_refuses_bad_tokens():
    arm = credential.get_token(ARM_SCOPE).token
    for what, token in (("garbage", "garbage"), ("wrong audience", arm)):
        client = batch_client(proof=Fixed(token))
        error = refused(what, 401, "AuthenticationFailed", lambda client=client: list(client.list_pools()))
        judge.contains("challenge", error.response.headers["WWW-Authenticate"], "Bearer", emulator.tenant)


def keys_are_published():
    for path in (f"{emulator.tenant}/v2.0", emulator.tenant, "adfs"):
        url = f"{emulator.endpoint}/{path}/.well-known/openid-configuration"
        found = requests.get(url, verify=emulator.ca, timeout=10).json()
        judge.contains("token endpoint", found["token_endpoint"], emulator.endpoint)
        keys = requests.get(found["jwks_uri"], verify=emulator.ca, timeout=10).json()["keys"]
        judge.holds("keys", keys and all(key["kid"] for key in keys), keys)


def github_actions():
    github = emulator.example["tenant"]["github"]
    url = f"{emulator.control}/oidc/token?audience=api://AzureADTokenExchange"
    headers = {"Authorization": f"Bearer {github['requestToken']}"}
    answer = requests.get(url, headers=headers, timeout=10, proxies={"http": ""}).json()
    token_of(ClientAssertionCredential(emulator.tenant, emulator.client, lambda: answer["value"], **AUTHORITY))


CHAPTERS = [
    secrets,
    certificates,
    federated_assertions,
    workload_identity,
    managed_identity,
    github_actions,
    keys_are_published,
    resource_manager_refuses_bad_tokens,
    batch_refuses_bad_tokens,
]
