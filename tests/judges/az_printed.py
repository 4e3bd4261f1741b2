"""Every command of az that our errors print, typed as it is printed.

The list is `printed.txt`, which a test of core keeps equal to its table. Of what the local Azure does not serve it is
judged that az takes the words.
"""

import os
import shlex

from az_batch import IMAGE, SIZE
from az_compute import G
from az_world import az, emulator, judge, run

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "printed.txt")
POOL = "printed"
# Roles, locks, policies, applications, single subnets and machines without managed disks are not in the local Azure.
UNSERVED = {"assign-role", "convert-disks", "custom-role", "locks", "new-secret", "policy-assignment", "subnet", "trust"}
# They take away what the others look at.
LAST = ["release-nodes", "stop-resize"]
# Batch wants 30 seconds between two writes to a pool.
BETWEEN_WRITES = 60


def commands():
    with open(LIST, encoding="utf-8") as file:
        named = dict(line.rstrip("\n").split("\t") for line in file)
    return sorted(named.items(), key=lambda one: LAST.index(one[0]) if one[0] in LAST else -1)


def values():
    """A value for each name in braces."""
    az(f"batch pool create --id {POOL} --target-dedicated-nodes 2 --start-task-command-line true", *SIZE, *IMAGE)
    az(f"batch job create --id {POOL} --pool-id {POOL}")
    subnet = ("--subnet-name", "pools", "--subnet-prefixes", "10.9.0.0/24")
    az("network vnet create -n printed --address-prefixes 10.9.0.0/16", *subnet, *G)
    emulator.advance(1)
    return {
        "account": "acct1",
        "actions": '{"Name": "x", "Actions": ["*/read"], "AssignableScopes": ["%s"]}' % emulator.group_id(),
        "client": emulator.client,
        "definition": "az-ubuntu",
        "endpoint": emulator.batch_endpoint("acct1").removeprefix("https://"),
        "gallery": "gal1",
        "group": emulator.group,
        "identity": emulator.client,
        "job": POOL,
        "location": "eastus2",
        "name": "sizes",
        "namespace": "Microsoft.Batch",
        "node": az(f"batch node list --pool-id {POOL}")[0]["id"],
        "parameters": '{"name": "x", "issuer": "https://x.example", "subject": "y", "audiences": ["z"]}',
        "pool": POOL,
        "role": "Azure Batch Data Contributor",
        "scope": emulator.group_id(),
        "size": "Standard_D4s_v5",
        "subnet": f"{emulator.group_id()}/providers/Microsoft.Network/virtualNetworks/printed/subnets/pools",
        "subscription": emulator.subscription,
        "vm": emulator.compute_id("virtualMachines/vm-build"),
    }


def printed():
    os.chdir(emulator.folder)
    filled = values()
    listed = commands()
    judge.holds("commands", len(listed) > 10, listed)
    for name, template in listed:
        words = [filled[word[1:-1]] if word[:1] + word[-1:] == "{}" else word for word in shlex.split(template)]
        if name in LAST:
            emulator.advance(BETWEEN_WRITES)
        if name == "release-nodes":
            emulator.fault(target=f"acct1/{POOL}", kind="operationStuck", path="*/resize")
        said = run(*words[1:])
        if name in UNSERVED:
            # az ends with 2 when it does not take the words, before it asks anything.
            judge.holds(f"{name}: az takes it", said.code != 2, said.err)
        else:
            judge.equal(f"{name}: code of {shlex.join(words)} ({said.err.strip()})", said.code, 0)
    emulator.no_faults()
    emulator.advance(BETWEEN_WRITES)
    az(f"batch pool delete --pool-id {POOL} --yes")


CHAPTERS = [printed]
