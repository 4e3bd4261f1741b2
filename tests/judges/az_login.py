"""`az cloud`, `az login`: every way in that az has for programs.

It leaves az signed in with the secret.
"""

import os

from az_world import CLOUD, az, emulator, fails, judge
from judge import make_certificate

PRINCIPAL = ("--service-principal", "-u", emulator.client, "--tenant", emulator.tenant)
SUBJECT = "system:serviceaccount:builds:publisher"


def signed_in(how, *words):
    found = az("login", *PRINCIPAL, *words)
    judge.equal(f"{how}: subscription", [s["id"] for s in found], [emulator.subscription])
    judge.equal(f"{how}: tenant", found[0]["tenantId"], emulator.tenant)
    az("group exists", "-n", emulator.group)
    az("logout")


def cloud():
    az("cloud register", "-n", CLOUD, "--endpoint-resource-manager", emulator.endpoint)
    found = az("cloud show", "-n", CLOUD)
    endpoints = found["endpoints"]
    judge.equal("login", endpoints["activeDirectory"], emulator.endpoint)
    judge.equal("Batch", endpoints["batchResourceId"], "https://batch.core.windows.net/")
    az("cloud set", "-n", CLOUD)


def refused_logins():
    fails("login", *PRINCIPAL, "-p", "not-the-secret", code=1, says="AADSTS7000215")
    stranger = "00000000-0000-0000-0000-00000000dddd"
    fails(
        "login",
        "--service-principal",
        "-u",
        stranger,
        "-p",
        "x",
        "--tenant",
        emulator.tenant,
        code=1,
        says="AADSTS700016",
    )


def certificate():
    path, pem = make_certificate(emulator.folder, "az")
    fails("login", *PRINCIPAL, "--certificate", path, code=1, says="AADSTS700027")
    emulator.register_certificate(pem)
    signed_in("certificate", "--certificate", path)
    os.remove(path)


def federated_token():
    signed_in("federated", "--federated-token", emulator.assertion(SUBJECT))
    wrong = emulator.assertion("system:serviceaccount:else:where")
    fails("login", *PRINCIPAL, "--federated-token", wrong, code=1, says="AADSTS700213")


def managed_identity():
    identity = emulator.example["tenant"]["managedIdentity"]
    environment = {"IDENTITY_ENDPOINT": f"{emulator.control}/msi/token", "IDENTITY_HEADER": identity["header"]}
    found = az("login", "--identity", "--client-id", identity["clientId"], environment=environment)
    judge.equal("subscription", [s["id"] for s in found], [emulator.subscription])
    az("logout")


def adfs():
    """Where instance discovery cannot be turned off, a login endpoint that ends in `/adfs` needs none."""
    words = [
        "--endpoint-resource-manager",
        emulator.endpoint,
        "--endpoint-active-directory",
        f"{emulator.endpoint}/adfs",
    ]
    az("cloud register", "-n", "EmulatorAdfs", *words)
    az("cloud set", "-n", "EmulatorAdfs")
    found = az("login", *PRINCIPAL, "-p", emulator.secret, environment={"AZURE_CORE_INSTANCE_DISCOVERY": "true"})
    judge.equal("subscription", [s["id"] for s in found], [emulator.subscription])
    az("logout")
    az("cloud set", "-n", CLOUD)
    az("cloud unregister", "-n", "EmulatorAdfs")


def secret():
    signed_in("secret", "-p", emulator.secret)
    az("login", *PRINCIPAL, "-p", emulator.secret)
    az("account set", "-s", emulator.subscription)
    judge.equal("account", az("account show")["id"], emulator.subscription)
    judge.equal("accounts", [a["id"] for a in az("account list")], [emulator.subscription])
    locations = [region["name"] for region in az("account list-locations")]
    judge.holds("regions", {"eastus2", "westus2"} <= set(locations), locations)
    token = az("account get-access-token")
    judge.equal("token's tenant", token["tenant"], emulator.tenant)


CHAPTERS = [cloud, refused_logins, certificate, federated_token, managed_identity, adfs, secret]
