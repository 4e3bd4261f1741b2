"""Groups, machines, snapshots, images and galleries, as az asks for them.

Its resources have the prefix `az-`. The publish at its end does by hand what our post-processor does, and is compared
with what that left.
"""

from az_world import az, emulator, fails, judge

G = ("-g", emulator.group)
DISK = emulator.compute_id("disks/vm-build_OsDisk")
VERSION = ("--gallery-name", "gal1", "--gallery-image-definition", "az-ubuntu")


def groups():
    judge.equal("state", az("group create -n az-group -l eastus2")["properties"]["provisioningState"], "Succeeded")
    judge.equal("exists", az("group exists -n az-group"), True)
    names = sorted(group["name"] for group in az("group list"))
    judge.equal("list", names, ["az-group", emulator.group])
    judge.equal("tags", az("group update -n az-group --tags a=b")["tags"], {"a": "b"})
    az("group delete -n az-group --yes")
    judge.equal("gone", az("group exists -n az-group"), False)
    fails("group show -n az-group", code=3, says="ResourceGroupNotFound")
    judge.equal("provider", az("provider show -n Microsoft.Batch")["registrationState"], "Registered")


def machines():
    vm = az("vm show -n vm-build", *G)
    judge.equal("location", vm["location"], "eastus2")
    judge.equal("data disks", len(vm["storageProfile"]["dataDisks"]), 2)
    view = az("vm get-instance-view -n vm-build", *G)["instanceView"]
    codes = [status["code"] for status in view["statuses"]]
    judge.holds("generalized", "OSState/generalized" in codes, codes)
    judge.equal("id", vm["id"].lower(), emulator.compute_id("virtualMachines/vm-build").lower())
    judge.equal("list", [vm["name"] for vm in az("vm list", *G)], ["vm-build"])
    az("vm deallocate -n vm-build", *G)
    az("vm generalize -n vm-build", *G)
    fails("vm show -n vm-none", *G, code=3, says="ResourceNotFound")
    fails("vm start -n vm-build", *G, code=1, says="OperationNotAllowed")
    judge.equal("disks", len(az("disk list", *G)), 3)
    sizes = [sku["name"] for sku in az("vm list-skus -l eastus2 --resource-type virtualMachines")]
    judge.holds("sizes", "Standard_D4ds_v5" in sizes, sizes)
    usages = {usage["name"]["value"] for usage in az("vm list-usage -l eastus2")}
    judge.holds("usages", "cores" in usages, usages)


def snapshots():
    made = az("snapshot create -n az-os --source", DISK, *G)
    judge.equal("state", made["provisioningState"], "Succeeded")
    judge.equal("option", made["creationData"]["createOption"], "Copy")
    judge.equal("size", made["diskSizeGB"], 30)
    for lun in (0, 1):
        az(f"snapshot create -n az-data{lun} --source", emulator.compute_id(f"disks/vm-build_DataDisk_{lun}"), *G)
    incremental = az("snapshot create -n az-inc --incremental true --source", DISK, *G)
    judge.equal("incremental", incremental["incremental"], True)
    imported = az("snapshot create -n az-vhd -l eastus2 --source https://example.blob.core.windows.net/vhds/os.vhd", *G)
    judge.equal("import", imported["creationData"]["createOption"], "Import")
    judge.equal("tags", az("snapshot update -n az-vhd --set tags.a=b", *G)["tags"], {"a": "b"})
    granted = az("snapshot grant-access -n az-os --duration-in-seconds 600", *G)
    judge.holds("access", next(iter(granted.values())).startswith("https://"), list(granted))
    az("snapshot revoke-access -n az-os", *G)
    names = sorted(snapshot["name"] for snapshot in az("snapshot list", *G))
    judge.equal("list", names, ["az-data0", "az-data1", "az-inc", "az-os", "az-vhd"])
    for name in ("az-inc", "az-vhd"):
        az(f"snapshot delete -n {name}", *G)
    fails("snapshot show -n az-inc", *G, code=3, says="ResourceNotFound")


def managed_image():
    data = ["--data-disk-sources", "az-data0", "az-data1"]
    made = az("image create -n az-image --os-type Linux --hyper-v-generation V2 --source az-os", *data, *G)
    judge.equal("state", made["provisioningState"], "Succeeded")
    judge.equal("generation", made["hyperVGeneration"], "V2")
    judge.equal("data disks", [disk["lun"] for disk in made["storageProfile"]["dataDisks"]], [0, 1])
    judge.equal("list", [image["name"] for image in az("image list", *G)], ["az-image"])
    judge.equal("tags", az("image update -n az-image --tags a=b", *G)["tags"], {"a": "b"})


def galleries():
    judge.equal("state", az("sig create -r az_gallery", *G)["provisioningState"], "Succeeded")
    judge.equal("list", sorted(g["name"] for g in az("sig list", *G)), ["az_gallery", "gal1"])
    judge.equal("tags", az("sig update -r az_gallery --set tags.a=b", *G)["tags"], {"a": "b"})
    az("sig delete -r az_gallery", *G)
    fails("sig show -r az_gallery", *G, code=3, says="ResourceNotFound")


def definitions():
    names = ["--publisher", "example", "--offer", "az", "--sku", "22_04"]
    kind = ["--os-type", "Linux", "--os-state", "Generalized", "--hyper-v-generation", "V2"]
    made = az("sig image-definition create -r gal1 -i az-ubuntu --features SecurityType=Standard", *names, *kind, *G)
    judge.equal("state", made["provisioningState"], "Succeeded")
    judge.equal("identifier", made["identifier"]["sku"], "22_04")
    found = [definition["name"] for definition in az("sig image-definition list -r gal1", *G)]
    judge.holds("list", "az-ubuntu" in found, found)
    changed = az("sig image-definition update -r gal1 -i az-ubuntu --set description=second", *G)
    judge.equal("description", changed["description"], "second")
    fails("sig image-definition show -r gal1 -i none", *G, code=3, says="ResourceNotFound")


def versions():
    regions = ["--target-regions", "eastus2=1=standard_lrs", "westus2=1=standard_lrs"]
    image = emulator.compute_id("images/az-image")
    made = az("sig image-version create -e 1.0.0", *VERSION, *regions, "--managed-image", image, *G)
    judge.equal("state", made["provisioningState"], "Succeeded")
    names = sorted(region["name"] for region in made["publishingProfile"]["targetRegions"])
    judge.equal("regions", names, ["East US 2", "West US 2"])
    parts = ["--os-snapshot", emulator.compute_id("snapshots/az-os"), "--data-snapshots"]
    parts += [emulator.compute_id(f"snapshots/az-data{lun}") for lun in (0, 1)]
    made = az("sig image-version create -e 1.0.1 --exclude-from-latest true", *VERSION, *parts, *G)
    judge.equal("data disks", [disk["lun"] for disk in made["storageProfile"]["dataDiskImages"]], [0, 1])
    shown = az("sig image-version show -e 1.0.0 --expand ReplicationStatus", *VERSION, *G)
    judge.equal("replication", shown["replicationStatus"]["aggregatedState"], "Completed")
    changed = az("sig image-version update -e 1.0.0", *VERSION, "--target-regions", "eastus2=2", "westus2=1", *G)
    counts = {
        region["name"]: region["regionalReplicaCount"] for region in changed["publishingProfile"]["targetRegions"]
    }
    judge.equal("replicas", counts, {"East US 2": 2, "West US 2": 1})
    found = [version["name"] for version in az("sig image-version list", *VERSION, *G)]
    judge.equal("list", found, ["1.0.0", "1.0.1"])
    az("sig image-version delete -e 1.0.1", *VERSION, *G)
    fails("sig image-version show -e 1.0.1", *VERSION, *G, code=3, says="ResourceNotFound")
    az("sig image-version create -e 1.0.2 --no-wait", *VERSION, "--managed-image", image, *G)
    az("sig image-version wait --created --interval 1 -e 1.0.2", *VERSION, *G)
    az("sig image-version delete -e 1.0.2", *VERSION, *G)


def faults():
    emulator.fault(method="PUT", path="*/snapshots/*", occurrence={"first": 2}, kind="throttle", retryAfter=1)
    after = emulator.last()
    az("snapshot create -n az-throttled -l eastus2 --source", DISK, *G)
    puts = [entry["status"] for entry in emulator.journal(after) if entry["method"] == "PUT"]
    judge.equal("asked again", [puts[:2], len(puts)], [[429, 429], 3])
    az("snapshot delete -n az-throttled", *G)
    emulator.fault(
        method="PUT", path="*/versions/*", kind="operationFailed", code="InternalExecutionError", message="it broke"
    )
    image = emulator.compute_id("images/az-image")
    words = ["--managed-image", image]
    fails(
        "sig image-version create -e 3.0.0", *VERSION, *words, *G, code=1, says=["InternalExecutionError", "it broke"]
    )
    emulator.no_faults()
    judge.equal("state", az("sig image-version show -e 3.0.0", *VERSION, *G)["provisioningState"], "Failed")
    az("sig image-version delete -e 3.0.0", *VERSION, *G)
    foreign = az("account get-access-token --scope https://batch.core.windows.net/.default")["accessToken"]
    url = f"{emulator.endpoint}{emulator.group_id()}?api-version=2024-11-01"
    words = ["--skip-authorization-header", "--headers", f"Authorization=Bearer {foreign}"]
    fails(f"rest --method get --url {url}", *words, code=1, says="InvalidAuthenticationTokenAudience")


# What differs between what az leaves and what our post-processor leaves, and why.
DEFINITION_DIFFERENCES = {
    "/features/0/name": "az does not send that security type Standard was asked for; we always send what was decided",
    "/features/0/value": "the same",
    "/id": "they are two definitions",
    "/name": "they are two definitions",
    "/identifier/offer": "no two definitions of a gallery have the same identifier",
    "/identifier/sku": "no two definitions of a gallery have the same identifier",
    "/tags/azure-batch-numbers": "a definition of ours remembers which numbers its versions had",
}
VERSION_DIFFERENCES = {
    "/id": "they are of two definitions",
    "/publishingProfile/publishedDate": "one came after the other",
    "/storageProfile/dataDiskImages/1/hostCaching": "az image create has one caching for all data disks",
    "/storageProfile/source/id": "each had an image of its own",
    "/publishingProfile/excludeFromLatest": "no pool takes a version of ours before it was tried",
    "/tags/azure-batch-base-image": "a run of ours hands on which image of the marketplace it began with",
    "/tags/azure-batch-fingerprint": "a run of ours says of what it made the version",
    "/tags/azure-batch-run": "a run of ours says which it was",
    "/tags/azure-batch-tool": "a run of ours says what it was",
}


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{place}")
    else:
        yield path, value


def compare(what, ours, theirs, reasons):
    """Field by field; a difference without a reason is as wrong as a reason without a difference."""
    mine, yours = dict(leaves(ours)), dict(leaves(theirs))
    judge.holds(f"{what}: there is something to compare", len(mine) > 10, mine)
    different = {
        path: (mine.get(path), yours.get(path)) for path in {*mine, *yours} if mine.get(path) != yours.get(path)
    }
    judge.equal(f"{what}: differences", {path: pair for path, pair in different.items() if path not in reasons}, {})
    judge.equal(f"{what}: reasons that are still needed", set(reasons) - set(different), set())
    judge.passed += len(mine)


def the_same_publish_as_ours():
    """What our post-processor did with the machine, by hand: snapshots, image, definition, version, tidying up."""
    machine = az("vm show -n vm-build", *G)["storageProfile"]
    disks = [machine["osDisk"], *machine["dataDisks"]]
    parts = [f"like-{place}" for place in range(len(disks))]
    for part, disk in zip(parts, disks):
        az(f"snapshot create -n {part} --source {disk['managedDisk']['id']}", *G)
    sources = ["--source", parts[0], "--data-disk-sources", *parts[1:]]
    caching = ["--os-disk-caching", "ReadWrite", "--data-disk-caching", "ReadOnly"]
    image = az("image create -n like-image --os-type Linux --hyper-v-generation V2", *sources, *caching, *G)
    names = ["--publisher", "gal1", "--offer", "like", "--sku", "like"]
    kind = ["--os-type", "Linux", "--os-state", "Generalized", "--hyper-v-generation", "V2", "--architecture", "x64"]
    az("sig image-definition create -r gal1 -i like --features SecurityType=Standard", *names, *kind, *G)
    # 700 nodes at 300 a replica, and one to spare.
    words = ["--target-regions", "eastus2=4=standard_lrs", "--managed-image", image["id"]]
    az("sig image-version create -e 1.0.0 -r gal1 -i like --exclude-from-latest false", *words, *G)
    az("image delete -n like-image", *G)
    for part in parts:
        az(f"snapshot delete -n {part}", *G)

    show = [az(f"sig image-definition show -r gal1 -i {name}", *G) for name in ("ubuntu", "like")]
    compare("definition", *show, DEFINITION_DIFFERENCES)
    show = [az(f"sig image-version show -e 1.0.0 -r gal1 -i {name}", *G) for name in ("ubuntu", "like")]
    compare("version", *show, VERSION_DIFFERENCES)
    compute = emulator.ask("GET", "/resources")["compute"]
    left = [resource["id"].rsplit("/", 1)[-1] for kind in ("snapshots", "images") for resource in compute[kind]]
    judge.equal("left on the way", [name for name in left if name.startswith(("azure-batch-", "like-"))], [])


CHAPTERS = [
    groups,
    machines,
    snapshots,
    managed_image,
    galleries,
    definitions,
    versions,
    faults,
    the_same_publish_as_ours,
]
