"""The roll-out that `cargo xtask bench rollout` measures, by az's commands, as a careful script types them.

Pools are made four at a time, as `&` and `wait` do in a shell; then one list of counts shows all of them until each has its
nodes, and the nodes of each pool are listed once. It judges nothing and prints the number of the last request before it.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import az_login
import az_world
from az_compute import G
from az_world import az, emulator

# Nothing here is faster than Azure.
az_world.LIMIT = 1800

POOLS = int(os.environ["JUDGE_POOLS"])
NODES = os.environ["JUDGE_NODES"]
VERSION = emulator.compute_id("galleries/gal1/images/ubuntu/versions/1.0.0")
# How long a script sleeps between two looks, in seconds.
PAUSE = 10


def make(pool):
    az(
        f"batch pool create --id {pool} --target-dedicated-nodes {NODES} --vm-size Standard_D4s_v5",
        "--image",
        VERSION,
        "--node-agent-sku-id",
        "batch.node.ubuntu 22.04",
    )


def ready():
    counts = az("batch pool node-counts list")
    idle = {pool["poolId"]: pool["dedicated"]["idle"] for pool in counts}
    return sum(1 for count in idle.values() if count == int(NODES))


def roll_out():
    pools = [f"p{number}" for number in range(POOLS)]
    with ThreadPoolExecutor(max_workers=4) as shells:
        for shell in [shells.submit(make, pool) for pool in pools]:
            shell.result()
    while ready() < POOLS:
        time.sleep(PAUSE)
    for pool in pools:
        az(f"batch node list --pool-id {pool}")


az_login.cloud()
az("login", *az_login.PRINCIPAL, "-p", emulator.secret)
az("batch account login -n acct1", *G)
before = emulator.last()
roll_out()
print(before)
