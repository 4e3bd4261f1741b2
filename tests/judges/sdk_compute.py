"""From a machine to an image version, as `azure-mgmt-compute` asks for it.

Its resources have the prefix `sdk-`; `acct1` and later chapters use the version that it makes.
"""

from azure.core.exceptions import HttpResponseError
from azure.mgmt.compute import models

from sdk_world import GROUP, compute, emulator, judge, refusal, refused

REGION = "eastus2"
DEFINITION = "sdk-ubuntu"
DISKS = ("vm-build_OsDisk", "vm-build_DataDisk_0", "vm-build_DataDisk_1")
OF_VERSION = (GROUP, "gal1", DEFINITION)
VERSION_ID = emulator.compute_id(f"galleries/gal1/images/{DEFINITION}/versions/1.0.0")


def machine():
    vm = compute.virtual_machines.get(GROUP, "vm-build")
    judge.equal("name", vm.name, "vm-build")
    judge.equal("location", vm.location, REGION)
    judge.equal("state", vm.provisioning_state, "Succeeded")
    judge.equal("OS", vm.storage_profile.os_disk.os_type, "Linux")
    judge.equal("data disks", [disk.lun for disk in vm.storage_profile.data_disks], [0, 1])
    judge.equal("no view unless asked", vm.instance_view, None)
    view = compute.virtual_machines.instance_view(GROUP, "vm-build")
    codes = [status.code for status in view.statuses]
    judge.holds("power", "PowerState/deallocated" in codes, codes)
    judge.holds("generalized", "OSState/generalized" in codes, codes)
    judge.equal("generation", view.hyper_v_generation, "V2")
    expanded = compute.virtual_machines.get(GROUP, "vm-build", expand="instanceView")
    judge.equal("expanded", expanded.instance_view.hyper_v_generation, "V2")
    judge.equal("list", [vm.name for vm in compute.virtual_machines.list(GROUP)], ["vm-build"])
    judge.equal("list of all", [vm.name for vm in compute.virtual_machines.list_all()], ["vm-build"])
    refused("generalized", 409, "OperationNotAllowed", lambda: compute.virtual_machines.begin_start(GROUP, "vm-build"))
    refused("no such VM", 404, "ResourceNotFound", lambda: compute.virtual_machines.get(GROUP, "vm-none"))
    refused("no such group", 404, "ResourceGroupNotFound", lambda: compute.virtual_machines.get("rg-none", "vm"))


def power():
    seed = {"name": "sdk-vm", "resourceGroup": GROUP, "location": REGION, "powerState": "running"}
    emulator.seed({"vms": [{**emulator.example["vms"][0], **seed, "generalized": False, "dataDisks": []}]})

    def state():
        statuses = compute.virtual_machines.instance_view(GROUP, "sdk-vm").statuses
        return [status.code for status in statuses if status.code.startswith(("PowerState", "OSState"))]

    vms = compute.virtual_machines
    judge.equal("running", state(), ["PowerState/running"])
    vms.begin_power_off(GROUP, "sdk-vm").result()
    judge.equal("stopped", state(), ["PowerState/stopped"])
    vms.begin_start(GROUP, "sdk-vm").result()
    vms.begin_restart(GROUP, "sdk-vm").result()
    judge.equal("runs again", state(), ["PowerState/running"])
    refused("runs", 409, "OperationNotAllowed", lambda: vms.generalize(GROUP, "sdk-vm"))
    vms.begin_deallocate(GROUP, "sdk-vm").result()
    judge.equal("deallocated", state(), ["PowerState/deallocated"])
    vms.generalize(GROUP, "sdk-vm")
    judge.equal("generalized", sorted(state()), ["OSState/generalized", "PowerState/deallocated"])
    vms.begin_delete(GROUP, "sdk-vm").result()
    refused("gone", 404, "ResourceNotFound", lambda: vms.get(GROUP, "sdk-vm"))
    compute.disks.begin_delete(GROUP, "sdk-vm_OsDisk").result()


def disks():
    vm = compute.virtual_machines.get(GROUP, "vm-build")
    os_disk = compute.disks.get(GROUP, vm.storage_profile.os_disk.managed_disk.id.rsplit("/", 1)[1])
    judge.equal("size", os_disk.disk_size_gb, 30)
    judge.equal("belongs", os_disk.managed_by.lower(), vm.id.lower())
    names = sorted(disk.name for disk in compute.disks.list_by_resource_group(GROUP))
    judge.equal("disks", names, sorted(DISKS))
    empty = models.Disk(
        location=REGION,
        creation_data=models.CreationData(create_option="Empty"),
        disk_size_gb=8,
        sku={"name": "Standard_LRS"},
    )
    made = compute.disks.begin_create_or_update(GROUP, "sdk-disk", empty).result()
    judge.equal("made", (made.provisioning_state, made.disk_size_gb), ("Succeeded", 8))
    grown = compute.disks.begin_update(GROUP, "sdk-disk", models.DiskUpdate(disk_size_gb=16)).result()
    judge.equal("grown", grown.disk_size_gb, 16)
    refusal(
        "shrinks", lambda: compute.disks.begin_update(GROUP, "sdk-disk", models.DiskUpdate(disk_size_gb=4)).result()
    )
    compute.disks.begin_delete(GROUP, "sdk-disk").result()
    refused("gone", 404, "ResourceNotFound", lambda: compute.disks.get(GROUP, "sdk-disk"))


def snapshot_of(disk, name, **more):
    data = models.CreationData(create_option="Copy", source_resource_id=emulator.compute_id(f"disks/{disk}"))
    wanted = models.Snapshot(location=REGION, creation_data=data, sku=models.SnapshotSku(name="Standard_LRS"), **more)
    return compute.snapshots.begin_create_or_update(GROUP, name, wanted).result()


def snapshots():
    for disk, name in zip(DISKS, ("sdk-os", "sdk-data0", "sdk-data1")):
        made = snapshot_of(disk, name, tags={"made-by": "sdk"})
        judge.equal(f"{name}: state", made.provisioning_state, "Succeeded")
        judge.equal(f"{name}: tags", made.tags, {"made-by": "sdk"})
    found = compute.snapshots.get(GROUP, "sdk-os")
    judge.equal("size", found.disk_size_gb, 30)
    judge.equal("OS", found.os_type, "Linux")
    judge.equal("generation", found.hyper_v_generation, "V2")
    judge.equal("option", found.creation_data.create_option, "Copy")
    judge.equal("not incremental", found.incremental, False)
    incremental = snapshot_of(DISKS[0], "sdk-incremental", incremental=True)
    judge.equal("incremental", incremental.incremental, True)
    changed = compute.snapshots.begin_update(GROUP, "sdk-os", models.SnapshotUpdate(tags={"a": "b"})).result()
    judge.equal("tags", changed.tags, {"a": "b"})
    access = models.GrantAccessData(access="Read", duration_in_seconds=600)
    granted = compute.snapshots.begin_grant_access(GROUP, "sdk-os", access).result()
    judge.holds("grant", granted.access_sas.startswith("https://"), granted)
    compute.snapshots.begin_revoke_access(GROUP, "sdk-os").result()
    names = [snapshot.name for snapshot in compute.snapshots.list_by_resource_group(GROUP)]
    judge.holds("list", {"sdk-os", "sdk-data0", "sdk-data1", "sdk-incremental"} <= set(names), names)
    judge.equal("list of all", len(list(compute.snapshots.list())), len(names))
    compute.snapshots.begin_delete(GROUP, "sdk-incremental").result()
    refused("gone", 404, "ResourceNotFound", lambda: compute.snapshots.get(GROUP, "sdk-incremental"))


def background_copies():
    data = models.CreationData(create_option="CopyStart", source_resource_id=emulator.compute_id("snapshots/sdk-inc2"))
    snapshot_of(DISKS[0], "sdk-inc2", incremental=True)
    wanted = models.Snapshot(location="westus2", creation_data=data, incremental=True)
    copy = compute.snapshots.begin_create_or_update(GROUP, "sdk-copy", wanted).result()
    judge.holds("begins low", copy.completion_percent < 100, copy.completion_percent)
    emulator.advance(2)
    judge.equal("ends", compute.snapshots.get(GROUP, "sdk-copy").completion_percent, 100)
    for name in ("sdk-copy", "sdk-inc2"):
        compute.snapshots.begin_delete(GROUP, name).result()


def managed_image():
    def part(name):
        return models.SubResource(id=emulator.compute_id(f"snapshots/{name}"))

    storage = models.ImageStorageProfile(
        os_disk=models.ImageOSDisk(os_type="Linux", os_state="Generalized", snapshot=part("sdk-os")),
        data_disks=[models.ImageDataDisk(lun=lun, snapshot=part(f"sdk-data{lun}")) for lun in (0, 1)],
    )
    wanted = models.Image(location=REGION, hyper_v_generation="V2", storage_profile=storage)
    made = compute.images.begin_create_or_update(GROUP, "sdk-image", wanted).result()
    judge.equal("state", made.provisioning_state, "Succeeded")
    judge.equal("generation", made.hyper_v_generation, "V2")
    judge.equal("size", made.storage_profile.os_disk.disk_size_gb, 30)
    judge.equal("disks", [disk.lun for disk in made.storage_profile.data_disks], [0, 1])
    judge.holds("list", "sdk-image" in [i.name for i in compute.images.list_by_resource_group(GROUP)])
    judge.holds("list of all", "sdk-image" in [i.name for i in compute.images.list()])
    tagged = compute.images.begin_update(GROUP, "sdk-image", models.ImageUpdate(tags={"k": "v"})).result()
    judge.equal("tags", tagged.tags, {"k": "v"})


def galleries():
    made = compute.galleries.begin_create_or_update(
        GROUP, "sdk_gallery", models.Gallery(location=REGION, description="d")
    ).result()
    judge.equal("state", made.provisioning_state, "Succeeded")
    judge.holds("unique name", made.identifier.unique_name, made.identifier)
    changed = compute.galleries.begin_update(GROUP, "sdk_gallery", models.GalleryUpdate(description="e")).result()
    judge.equal("description", changed.description, "e")
    names = [gallery.name for gallery in compute.galleries.list_by_resource_group(GROUP)]
    judge.equal("list", sorted(names), ["gal1", "sdk_gallery"])
    judge.equal("list of all", sorted(g.name for g in compute.galleries.list()), ["gal1", "sdk_gallery"])
    compute.galleries.begin_delete(GROUP, "sdk_gallery").result()
    refused("gone", 404, "ResourceNotFound", lambda: compute.galleries.get(GROUP, "sdk_gallery"))


def definition_body(sku, **more):
    identifier = models.GalleryImageIdentifier(publisher="example", offer="sdk", sku=sku)
    return models.GalleryImage(
        location=REGION, os_type="Linux", os_state="Generalized", hyper_v_generation="V2", identifier=identifier, **more
    )


def definitions():
    standard = [models.GalleryImageFeature(name="SecurityType", value="Standard")]
    made = compute.gallery_images.begin_create_or_update(
        GROUP, "gal1", DEFINITION, definition_body("22_04", features=standard, description="first")
    ).result()
    judge.equal("state", made.provisioning_state, "Succeeded")
    judge.equal("feature", [(f.name, f.value) for f in made.features], [("SecurityType", "Standard")])
    changed = compute.gallery_images.begin_update(
        GROUP, "gal1", DEFINITION, models.GalleryImageUpdate(description="second")
    ).result()
    judge.equal("description", changed.description, "second")
    names = [definition.name for definition in compute.gallery_images.list_by_gallery(GROUP, "gal1")]
    judge.holds("list", DEFINITION in names, names)
    second = definition_body("other")
    second.os_type = "Windows"
    refusal(
        "the OS never changes",
        lambda: compute.gallery_images.begin_create_or_update(GROUP, "gal1", DEFINITION, second).result(),
    )
    refusal("gallery is not empty", lambda: compute.galleries.begin_delete(GROUP, "gal1").result())
    refused(
        "no such gallery",
        404,
        "ParentResourceNotFound",
        lambda: compute.gallery_images.begin_create_or_update(GROUP, "none", "d", definition_body("x")).result(),
    )


def version_body(source=None, os_snapshot=None, regions=(REGION,), data_disks=(), is_protected=False):
    targets = [models.TargetRegion(name=name, regional_replica_count=1) for name in regions]
    storage = models.GalleryImageVersionStorageProfile()
    if source:
        storage.source = models.GalleryArtifactVersionFullSource(id=source)
    if os_snapshot:
        storage.os_disk_image = models.GalleryOSDiskImage(source=models.GalleryDiskImageSource(id=os_snapshot))
    if data_disks:
        storage.data_disk_images = [
            models.GalleryDataDiskImage(lun=lun, source=models.GalleryDiskImageSource(id=id))
            for lun, id in enumerate(data_disks)
        ]
    return models.GalleryImageVersion(
        location=REGION,
        publishing_profile=models.GalleryImageVersionPublishingProfile(target_regions=targets, replica_count=1),
        storage_profile=storage,
        safety_profile=None
        if is_protected
        else models.GalleryImageVersionSafetyProfile(block_deletion_before_end_of_life=False),
    )


def put_version(name, **body):
    return compute.gallery_image_versions.begin_create_or_update(*OF_VERSION, name, version_body(**body)).result()


def versions():
    snapshot = lambda name: emulator.compute_id(f"snapshots/{name}")
    made = put_version("1.0.0", source=emulator.compute_id("images/sdk-image"), regions=(REGION, "West US 2"))
    judge.equal("state", made.provisioning_state, "Succeeded")
    judge.equal("id", made.id.lower(), VERSION_ID.lower())
    regions = [region.name for region in made.publishing_profile.target_regions]
    judge.equal("regions in the words of the portal", sorted(regions), ["East US 2", "West US 2"])
    made = put_version(
        "1.0.1", os_snapshot=snapshot("sdk-os"), data_disks=[snapshot("sdk-data0"), snapshot("sdk-data1")]
    )
    judge.equal("disks", [disk.lun for disk in made.storage_profile.data_disk_images], [0, 1])
    judge.equal("size", made.storage_profile.os_disk_image.size_in_gb, 30)
    plain = compute.gallery_image_versions.get(*OF_VERSION, "1.0.0")
    judge.equal("no status unless asked", plain.replication_status, None)
    status = compute.gallery_image_versions.get(*OF_VERSION, "1.0.0", expand="ReplicationStatus").replication_status
    judge.equal("aggregated", status.aggregated_state, "Completed")
    judge.equal(
        "by region", sorted((s.region, s.progress) for s in status.summary), [("East US 2", 100), ("West US 2", 100)]
    )
    found = list(compute.gallery_image_versions.list_by_gallery_image(*OF_VERSION))
    judge.equal("list", [version.name for version in found], ["1.0.0", "1.0.1"])
    judge.equal("never in lists", [version.replication_status for version in found], [None, None])


def version_updates():
    regions = [
        models.TargetRegion(name=name, regional_replica_count=count)
        for name, count in ((REGION, 3), ("westus2", 1), ("northeurope", 2))
    ]
    update = models.GalleryImageVersionUpdate(
        publishing_profile=models.GalleryImageVersionPublishingProfile(target_regions=regions, exclude_from_latest=True)
    )
    changed = compute.gallery_image_versions.begin_update(*OF_VERSION, "1.0.0", update).result()
    counts = {region.name: region.regional_replica_count for region in changed.publishing_profile.target_regions}
    judge.equal("replicas", counts, {"East US 2": 3, "West US 2": 1, "North Europe": 2})
    judge.equal("latest", changed.publishing_profile.exclude_from_latest, True)
    tagged = compute.gallery_image_versions.begin_update(
        *OF_VERSION, "1.0.1", models.GalleryImageVersionUpdate(tags={"state": "tested"})
    ).result()
    judge.equal("tags", tagged.tags, {"state": "tested"})
    compute.gallery_image_versions.begin_delete(*OF_VERSION, "1.0.1").result()
    refused("gone", 404, "ResourceNotFound", lambda: compute.gallery_image_versions.get(*OF_VERSION, "1.0.1"))
    refusal("definition is not empty", lambda: compute.gallery_images.begin_delete(*OF_VERSION).result())


def protected_versions():
    """From api-version 2026-03-03 on a version that says nothing of its life is not deleted for six months."""
    made = put_version("1.0.2", source=emulator.compute_id("images/sdk-image"), is_protected=True)
    life = made.publishing_profile.end_of_life_date - made.publishing_profile.published_date
    judge.holds("six months", 180 <= life.days <= 185, life)
    judge.equal("protected", made.safety_profile.block_deletion_before_end_of_life, True)
    delete = lambda: compute.gallery_image_versions.begin_delete(*OF_VERSION, "1.0.2")
    refused("deletion", 409, "OperationNotAllowed", delete)
    free = models.GalleryImageVersionSafetyProfile(block_deletion_before_end_of_life=False)
    update = models.GalleryImageVersionUpdate(safety_profile=free)
    compute.gallery_image_versions.begin_update(*OF_VERSION, "1.0.2", update).result()
    delete().result()


def illegal_versions():
    image = emulator.compute_id("images/sdk-image")
    for what, name, body in (
        ("number", "1.0", {"source": image}),
        ("no source", "2.0.0", {}),
        ("source is not there", "2.0.0", {"source": emulator.compute_id("images/none")}),
        ("own region is no target", "2.0.0", {"source": image, "regions": ("westus2",)}),
    ):
        error = refusal(what, lambda name=name, body=body: put_version(name, **body))
        judge.holds(f"{what}: status", error.status_code in (400, 404, 409), error.status_code)
        judge.holds(f"{what}: words", error.error.code and error.error.message, error)


def faults():
    emulator.fault(method="PUT", path="*/snapshots/*", occurrence={"first": 2}, kind="throttle", retryAfter=1)
    after = emulator.last()
    made = snapshot_of(DISKS[0], "sdk-throttled")
    judge.equal("made after all", made.provisioning_state, "Succeeded")
    puts = [entry["status"] for entry in emulator.journal(after) if entry["method"] == "PUT"]
    judge.equal("asked again", [puts[:2], len(puts)], [[429, 429], 3])
    emulator.fault(
        method="PUT", path="*/versions/*", kind="operationFailed", code="InternalExecutionError", message="broken"
    )
    try:
        put_version("3.0.0", source=emulator.compute_id("images/sdk-image"))
        judge.holds("failed operation", False, "was taken for a success")
    except HttpResponseError as error:
        judge.equal("failed operation: code", error.error.code, "InternalExecutionError")
        judge.contains("failed operation: words", error.error.message, "broken")
    emulator.no_faults()
    failed = compute.gallery_image_versions.get(*OF_VERSION, "3.0.0")
    judge.equal("its state", failed.provisioning_state, "Failed")
    compute.gallery_image_versions.begin_delete(*OF_VERSION, "3.0.0").result()
    emulator.fault(method="GET", path="*/snapshots/sdk-throttled", kind="resetBeforeEffect")
    judge.equal("after a reset", compute.snapshots.get(GROUP, "sdk-throttled").name, "sdk-throttled")
    emulator.no_faults()
    compute.snapshots.begin_delete(GROUP, "sdk-throttled").result()


def regions_and_sizes():
    skus = list(compute.resource_skus.list(filter=f"location eq '{REGION}'"))
    sizes = {sku.name for sku in skus if sku.resource_type == "virtualMachines"}
    judge.holds("SKUs", "Standard_D4ds_v5" in sizes, sizes)
    usages = {usage.name.value: usage for usage in compute.usage.list(REGION)}
    judge.holds("usages", usages["cores"].limit > 0, usages)
    names = {size.name for size in compute.virtual_machine_sizes.list(REGION)}
    judge.holds("sizes", "Standard_D4ds_v5" in names, names)


CHAPTERS = [
    machine,
    power,
    disks,
    snapshots,
    background_copies,
    managed_image,
    galleries,
    definitions,
    versions,
    version_updates,
    protected_versions,
    illegal_versions,
    faults,
    regions_and_sizes,
]
