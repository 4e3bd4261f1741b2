"""The clients of the SDK judge and how it asks for refusals.

It judges nothing itself.
"""

import logging

from azure.batch import BatchClient
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.batch import BatchManagementClient
from azure.mgmt.compute import ComputeManagementClient

from judge import Emulator, Judge

# Refusals are wanted here; the clients need not warn of each.
logging.disable(logging.WARNING)

emulator = Emulator()
judge = Judge("sdk")

AUTHORITY = {
    "authority": emulator.endpoint,
    "disable_instance_discovery": True,
    "connection_verify": emulator.ca,
}
ARM_SCOPE = "https://management.azure.com/.default"
CLIENT = {
    "base_url": emulator.endpoint,
    "credential_scopes": [ARM_SCOPE],
    "connection_verify": emulator.ca,
    # The emulator's operations last milliseconds at the judges' time scale.
    "polling_interval": 0.05,
}
GROUP = emulator.group


def secret_credential(secret=None):
    return ClientSecretCredential(emulator.tenant, emulator.client, secret or emulator.secret, **AUTHORITY)


credential = secret_credential()
compute = ComputeManagementClient(credential, emulator.subscription, **CLIENT)
management = BatchManagementClient(credential, emulator.subscription, **CLIENT)


def batch_client(account="acct1", proof=None, **more):
    endpoint = emulator.batch_endpoint(account)
    return BatchClient(endpoint=endpoint, credential=proof or credential, connection_verify=emulator.ca, **more)


batch = batch_client()


def refusal(what, call):
    """The error that a call must end with."""
    try:
        answer = call()
    except (HttpResponseError, ClientAuthenticationError) as error:
        judge.passed += 1
        return error
    judge.holds(what, False, f"was not refused: {answer}")


def refused(what, status, code, call):
    """Checks that a call is refused with that status and code, as the client reads them, and gives the error."""
    error = refusal(what, call)
    judge.equal(f"{what}: status", error.status_code, status)
    found = getattr(error.error, "code", None)
    if found is None and getattr(error, "model", None) is not None:
        found = error.model.code
    judge.equal(f"{what}: code", found, code)
    return error
