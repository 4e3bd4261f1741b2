"""Batch, as az asks for it: accounts, pools, autoscale, nodes.

az sends numbers as text and an older api-version than the SDK; what it reads back is compared with what it sent.
"""

import os
import re
import subprocess

from az_compute import G
from az_world import LIMIT, az, emulator, fails, judge

VERSION = emulator.compute_id("galleries/gal1/images/az-ubuntu/versions/1.0.0")
AGENT = "batch.node.ubuntu 22.04"
IMAGE = ("--image", VERSION, "--node-agent-sku-id", AGENT)
SIZE = ("--vm-size", "Standard_D4s_v5")


def accounts():
    shown = az("batch account show -n acct1", *G)
    judge.equal("endpoint", shown["accountEndpoint"], f"{emulator.host}/batch/acct1")
    judge.equal("list", sorted(a["name"] for a in az("batch account list", *G)), ["acct1", "acct2"])
    made = az("batch account create -n azacct -l eastus2", *G)
    judge.equal("state", made["provisioningState"], "Succeeded")
    keys = az("batch account keys list -n azacct", *G)
    judge.holds("keys", keys["primary"] and keys["secondary"], "missing")
    renewed = az("batch account keys renew -n azacct --key-name primary", *G)
    judge.holds("other key", renewed["primary"] != keys["primary"], "the same")
    judge.equal("tags", az("batch account set -n azacct --tags a=b", *G)["tags"], {"a": "b"})
    az("batch account delete -n azacct --yes", *G)
    fails("batch account show -n azacct", *G, code=3, says="ResourceNotFound")
    judge.holds("quota", az("batch location quotas show -l eastus2")["accountQuota"] > 0)
    az("batch account login -n acct1", *G)


def images():
    found = az("batch pool supported-images list")
    judge.holds("agents", AGENT in {image["nodeAgentSkuId"] for image in found}, len(found))
    windows = az("batch pool supported-images list --filter", "osType eq 'windows'")
    judge.holds("filter", 0 < len(windows) < len(found), (len(windows), len(found)))


def pools():
    az(
        "batch pool create --id az-pool --target-dedicated-nodes 2",
        *SIZE,
        *IMAGE,
        "--start-task-command-line",
        "echo ready",
    )
    emulator.advance(1)
    pool = az("batch pool show --pool-id az-pool")
    judge.equal("state", (pool["state"], pool["allocationState"]), ("active", "steady"))
    judge.equal("nodes", (pool["targetDedicatedNodes"], pool["currentDedicatedNodes"]), (2, 2))
    configuration = pool["virtualMachineConfiguration"]
    judge.equal("image", configuration["imageReference"]["virtualMachineImageId"], VERSION)
    judge.equal("agent", configuration["nodeAgentSkuId"], AGENT)
    judge.equal("list", sorted(pool["id"] for pool in az("batch pool list")), ["az-pool", "pool1"])
    judge.equal("select", az("batch pool list --select id --filter", "id eq 'az-pool'")[0]["id"], "az-pool")
    az("batch pool set --pool-id az-pool --metadata team=images")
    judge.equal("metadata", az("batch pool show --pool-id az-pool")["metadata"], [{"name": "team", "value": "images"}])
    fails("batch pool create --id az-pool", *SIZE, *IMAGE, code=1, says="PoolExists")
    fails("batch pool show --pool-id none", code=3, says="The specified pool does not exist")


def resizes():
    az("batch pool resize --pool-id az-pool --target-dedicated-nodes 4 --resize-timeout PT10M")
    emulator.advance(1)
    pool = az("batch pool show --pool-id az-pool")
    judge.equal("nodes", pool["currentDedicatedNodes"], 4)
    emulator.fault(target="acct1/az-pool", kind="operationStuck", path="*/resize")
    az("batch pool resize --pool-id az-pool --target-dedicated-nodes 9")
    judge.equal("resizing", az("batch pool show --pool-id az-pool")["allocationState"], "resizing")
    az("batch pool resize --pool-id az-pool --abort")
    emulator.advance(1)
    pool = az("batch pool show --pool-id az-pool")
    judge.equal("stopped", (pool["allocationState"], pool["resizeErrors"][0]["code"]), ("steady", "ResizeStopped"))
    emulator.no_faults()


def nodes():
    found = az("batch node list --pool-id az-pool")
    judge.equal("states", [node["state"] for node in found], ["idle"] * 4)
    one = found[0]["id"]
    judge.equal("node", az(f"batch node show --pool-id az-pool --node-id {one}")["id"], one)
    counts = az("batch pool node-counts list --filter", "poolId eq 'az-pool'")
    judge.equal("counts", counts[0]["dedicated"]["idle"], 4)
    az(f"batch node scheduling disable --pool-id az-pool --node-id {one}")
    judge.equal("disabled", az(f"batch node show --pool-id az-pool --node-id {one}")["schedulingState"], "disabled")
    az(f"batch node scheduling enable --pool-id az-pool --node-id {one}")
    az(f"batch node reboot --pool-id az-pool --node-id {one}")
    emulator.advance(1)
    judge.equal("up again", az(f"batch node show --pool-id az-pool --node-id {one}")["state"], "idle")
    files = [file["name"] for file in az(f"batch node file list --pool-id az-pool --node-id {one} --recursive")]
    judge.holds("files", "startup/stdout.txt" in files, files)
    az(f"batch node delete --pool-id az-pool --node-list {one}")
    emulator.advance(1)
    judge.equal("one less", az("batch pool show --pool-id az-pool")["currentDedicatedNodes"], 3)


def autoscale():
    formula = "$TargetDedicatedNodes=1"
    az("batch pool autoscale enable --pool-id az-pool --auto-scale-formula", formula)
    emulator.advance(1)
    pool = az("batch pool show --pool-id az-pool")
    judge.equal("formula", (pool["enableAutoScale"], pool["autoScaleFormula"]), (True, formula))
    run_ = az("batch pool autoscale evaluate --pool-id az-pool --auto-scale-formula", formula)
    judge.contains("results", run_["results"], formula)
    az("batch pool autoscale disable --pool-id az-pool")
    judge.equal("off", az("batch pool show --pool-id az-pool")["enableAutoScale"], False)


def jobs():
    az("batch job create --id az-job --pool-id az-pool")
    az("batch task create --job-id az-job --task-id t1 --command-line", "exit 0")
    emulator.advance(3)
    judge.equal("task", az("batch task show --job-id az-job --task-id t1")["executionInfo"]["exitCode"], 0)
    az("batch job disable --job-id az-job --disable-tasks requeue")
    judge.equal("jobs", [job["id"] for job in az("batch job list")], ["az-job"])
    az("batch job delete --job-id az-job --yes")


def shared_key():
    account = "batch account login -n acct1 --shared-key-auth"
    az(account, *G)
    judge.equal("reads", az("batch pool show --pool-id az-pool")["id"], "az-pool")
    linked = "The specified type of authentication SharedKey is not allowed when external resources of type Compute"
    says = ["Server failed to authenticate the request", linked]
    fails("batch pool create --id az-key", *SIZE, *IMAGE, code=1, says=says)
    wrong = (
        "--account-name",
        "acct1",
        "--account-endpoint",
        emulator.batch_endpoint("acct1"),
        "--account-key",
        "d3Jvbmc=",
    )
    fails("batch pool list", *wrong, code=1, says="Server failed to authenticate the request")
    az("batch account login -n acct1", *G)


def read_by_the_sdk():
    """The SDKs, in an environment of their own, read back what az made."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk_az.py")
    python = os.environ["JUDGE_SDK_PYTHON"]
    finished = subprocess.run([python, "-B", script], capture_output=True, text=True, timeout=LIMIT)
    judge.equal(f"the SDKs are content ({finished.stderr.strip()})", finished.returncode, 0)
    last = re.fullmatch(r"sdk: (\d+) passed, 0 failed", finished.stdout.splitlines()[-1])
    judge.holds("the SDKs count", last, finished.stdout)
    judge.passed += int(last.group(1))


def deletions():
    az("batch pool delete --pool-id az-pool --yes")
    emulator.advance(1)
    fails("batch pool show --pool-id az-pool", code=3, says="The specified pool does not exist")
    az("sig image-version delete -e 1.0.0 -r gal1 -i az-ubuntu", *G)
    az("sig image-version delete -e 1.0.0 -r gal1 -i like", *G)
    az("sig image-definition delete -r gal1 -i like", *G)
    az("sig image-definition delete -r gal1 -i az-ubuntu", *G)
    az("image delete -n az-image", *G)
    for name in ("az-os", "az-data0", "az-data1"):
        az(f"snapshot delete -n {name}", *G)
    judge.equal("snapshots", az("snapshot list", *G), [])


CHAPTERS = [accounts, images, pools, resizes, nodes, autoscale, jobs, shared_key, read_by_the_sdk, deletions]
