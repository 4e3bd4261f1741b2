"""The publish that `cargo xtask bench publish` measures, by az's commands, as a careful script types them.

Snapshots are made side by side with the definition, and removed side by side, as `&` and `wait` do in a shell.
It judges nothing and prints the number of the last request before the publish.
"""

from concurrent.futures import ThreadPoolExecutor

import az_login
import az_world
from az_compute import G
from az_world import az, emulator

# A version is there after seven minutes of the emulator's, and nothing here is faster than Azure.
az_world.LIMIT = 1800


def side_by_side(commands):
    with ThreadPoolExecutor(max_workers=len(commands)) as shells:
        return [shell.result() for shell in [shells.submit(az, *command, *G) for command in commands]]


def publish():
    machine = az("vm show -n vm-build", *G)["storageProfile"]
    disks = [machine["osDisk"], *machine["dataDisks"]]
    parts = [f"like-{place}" for place in range(len(disks))]
    copies = [(f"snapshot create -n {part} --source", d["managedDisk"]["id"]) for part, d in zip(parts, disks)]
    names = "--publisher gal1 --offer like --sku like"
    kind = "--os-type Linux --os-state Generalized --hyper-v-generation V2 --architecture x64"
    definition = f"sig image-definition create -r gal1 -i ubuntu --features SecurityType=Standard {names} {kind}"
    side_by_side([*copies, (definition,)])
    sources = ["--source", parts[0], "--data-disk-sources", *parts[1:]]
    image = az("image create -n like-image --os-type Linux --hyper-v-generation V2", *sources, *G)
    regions = ["--target-regions", "eastus2=4=standard_lrs", "westus2=2=standard_lrs"]
    az("sig image-version create -e 1.0.0 -r gal1 -i ubuntu --managed-image", image["id"], *regions, *G)
    az("image delete -n like-image", *G)
    side_by_side([(f"snapshot delete -n {part}",) for part in parts])


az_login.cloud()
az("login", *az_login.PRINCIPAL, "-p", emulator.secret)
before = emulator.last()
publish()
print(before)
