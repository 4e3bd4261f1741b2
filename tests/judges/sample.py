"""The sample judge: the calls of the Batch instructions' own Python sample, on the client generation of their time.

It makes the sample's pool, lets az and the current SDK make the same pool, and compares all of them with the one that
`azure-batch-pool rollout` made: their JSON must be equal but for what is listed with a reason.
"""

import os
import subprocess

import requests
from azure import batch
from azure.batch import models as batchmodels
from azure.common.credentials import ServicePrincipalCredentials
from msrestazure.azure_cloud import get_cloud_from_metadata_endpoint

from judge import Emulator, Judge

# adal and msrest read the CA file from here alone.
emulator = Emulator()
os.environ["REQUESTS_CA_BUNDLE"] = emulator.ca
judge = Judge("sample")

POOL = "LinuxNodesSamplePoolPython"
OURS = "sample-by-us"
SIZE = "STANDARD_D2_V3"
# The page still has Ubuntu 18.04; the image here is of 22.04, and ours refuses an agent of another system.
AGENT = "batch.node.ubuntu 22.04"
COMMAND = "printenv AZ_BATCH_NODE_STARTUP_DIR"
VERSION = emulator.compute_id("galleries/gal1/images/ubuntu/versions/1.0.0")
ENDPOINT = emulator.batch_endpoint("acct1")

# What every pool has of its own.
OWN = {
    "id",
    "url",
    "eTag",
    "lastModified",
    "creationTime",
    "stateTransitionTime",
    "allocationStateTransitionTime",
    "odata.metadata",
}
# Where ours differs from the sample's, and why.
REASONS = {
    "startTask.commandLine": "ours runs it in a shell, which the page says commands need for variables and pipes",
    "metadata": "ours says which roll-out made it",
}


def sign_in():
    """As the page does it, but for the cloud: adal drops the port of any authority that does not end in `/adfs`."""
    cloud = get_cloud_from_metadata_endpoint(emulator.endpoint)
    cloud.endpoints.active_directory = f"{emulator.endpoint}/adfs"
    credentials = ServicePrincipalCredentials(
        client_id=emulator.client,
        secret=emulator.secret,
        tenant=emulator.tenant,
        resource="https://batch.core.windows.net/",
        cloud_environment=cloud,
    )
    return credentials


state = {}


def metadata_of_2015():
    state["credentials"] = sign_in()
    token = state["credentials"].token
    judge.equal("type", token["token_type"], "Bearer")
    judge.equal("resource", token["resource"], "https://batch.core.windows.net/")
    state["client"] = batch.BatchServiceClient(state["credentials"], ENDPOINT)


def pool_of_the_page():
    client = state["client"]
    start_task = batchmodels.StartTask(command_line=COMMAND)
    # No field of the model; the page sets it and msrest drops it.
    start_task.run_elevated = True
    image = batchmodels.ImageReference(virtual_machine_image_id=VERSION)
    configuration = batchmodels.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id=AGENT)
    pool = batchmodels.PoolAddParameter(
        id=POOL,
        vm_size=SIZE,
        target_dedicated_nodes=1,
        virtual_machine_configuration=configuration,
        start_task=start_task,
    )
    client.pool.add(pool)
    emulator.advance(1)
    found = client.pool.get(POOL)
    judge.equal("state", (found.state, found.allocation_state), ("active", "steady"))
    judge.equal("nodes", found.current_dedicated_nodes, 1)
    image = found.virtual_machine_configuration.image_reference.virtual_machine_image_id
    judge.equal("image", image, VERSION)
    judge.holds("start task", "run_elevated" not in found.start_task.as_dict(), found.start_task.as_dict())
    judge.equal("node", [node.state for node in client.compute_node.list(POOL)], ["idle"])
    judge.equal("listed", sorted(pool.id for pool in client.pool.list()), sorted([POOL, OURS]))
    try:
        client.pool.add(pool)
        judge.holds("twice", False, "was taken")
    except batchmodels.BatchErrorException as error:
        judge.equal("twice", error.error.code, "PoolExists")


def bad_secret():
    emulator_secret, emulator.secret = emulator.secret, "not-the-secret"
    try:
        sign_in()
        judge.holds("bad secret", False, "a token was given")
    except Exception as error:  # msrestazure and adal have a class of their own each for this.
        judge.contains("bad secret", str(error), "invalid_client")
    emulator.secret = emulator_secret


def run(what, words, environment=None):
    finished = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    judge.holds(what, finished.returncode == 0, finished.stderr)


def pool_by_az():
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": emulator.folder,
        "AZURE_CONFIG_DIR": os.path.join(emulator.folder, "azure-config"),
        "REQUESTS_CA_BUNDLE": emulator.ca,
        "SSL_CERT_FILE": emulator.ca,
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "NO_PROXY": "127.0.0.1,localhost",
    }

    def az(*words):
        run(f"az {words[0]}", [os.environ["JUDGE_AZ"], *words], environment)

    az("cloud", "register", "-n", "Emulator", "--endpoint-resource-manager", emulator.endpoint)
    az("cloud", "set", "-n", "Emulator")
    az("login", "--service-principal", "-u", emulator.client, "-p", emulator.secret, "--tenant", emulator.tenant)
    az("batch", "account", "login", "-g", emulator.group, "-n", "acct1")
    words = ["--vm-size", SIZE, "--target-dedicated-nodes", "1", "--image", VERSION, "--node-agent-sku-id", AGENT]
    az("batch", "pool", "create", "--id", "sample-by-az", *words, "--start-task-command-line", COMMAND)


def pool_by_the_new_sdk():
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample_sdk.py")
    words = ["sample-by-sdk", SIZE, VERSION, AGENT, COMMAND]
    run("new SDK", [os.environ["JUDGE_SDK_PYTHON"], "-B", script, *words], dict(os.environ))


def leaves(value, path=""):
    """Every value with its dotted path; lists are values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def raw(pool_id):
    headers = {"Authorization": f"Bearer {state['credentials'].token['access_token']}"}
    answer = requests.get(f"{ENDPOINT}/pools/{pool_id}?api-version=2025-06-01", headers=headers, timeout=10)
    judge.equal(f"{pool_id}: status", answer.status_code, 200)
    return {path: value for path, value in leaves(answer.json()) if path not in OWN}


def pools_are_equal():
    emulator.advance(1)
    sample = raw(POOL)
    for other in ("sample-by-az", "sample-by-sdk"):
        judge.equal(f"{other} against the sample's", raw(other), sample)
    ours = raw(OURS)
    different = {path for path in set(ours) | set(sample) if ours.get(path) != sample.get(path)}
    shown = {path: (ours.get(path), sample.get(path)) for path in sorted(different)}
    unexplained = {path: pair for path, pair in shown.items() if path not in REASONS}
    judge.equal("ours against the sample's", unexplained, {})
    judge.equal("reasons that are still needed", set(REASONS) - different, set())


judge.run([metadata_of_2015, pool_of_the_page, bad_secret, pool_by_az, pool_by_the_new_sdk, pools_are_equal])
