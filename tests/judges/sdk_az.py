"""Microsoft's Python clients read back what their az command line made.

The az judge runs this in its own emulator, before it deletes; what is there is known from its chapters.
"""

from sdk_world import GROUP, batch, compute, judge

DEFINITION = (GROUP, "gal1", "az-ubuntu")
SNAPSHOTS = ["az-data0", "az-data1", "az-os"]


def snapshots_and_image():
    found = {snapshot.name: snapshot for snapshot in compute.snapshots.list_by_resource_group(GROUP)}
    judge.equal("snapshots", sorted(found), SNAPSHOTS)
    states = {snapshot.provisioning_state for snapshot in found.values()}
    judge.equal("states", states, {"Succeeded"})
    image = compute.images.get(GROUP, "az-image")
    judge.equal("image", (image.provisioning_state, image.hyper_v_generation), ("Succeeded", "V2"))
    data = [disk.snapshot.id.rsplit("/", 1)[-1] for disk in image.storage_profile.data_disks]
    judge.equal("made of", [image.storage_profile.os_disk.snapshot.id.rsplit("/", 1)[-1], *data], ["az-os", *SNAPSHOTS[:2]])


def definition_and_versions():
    definition = compute.gallery_images.get(*DEFINITION)
    judge.equal("identifier", (definition.identifier.publisher, definition.identifier.sku), ("example", "22_04"))
    judge.equal("description", definition.description, "second")
    listed = [version.name for version in compute.gallery_image_versions.list_by_gallery_image(*DEFINITION)]
    judge.holds("versions", "1.0.0" in listed, listed)
    version = compute.gallery_image_versions.get(*DEFINITION, "1.0.0", expand="ReplicationStatus")
    judge.equal("state", version.provisioning_state, "Succeeded")
    judge.equal("replication", version.replication_status.aggregated_state, "Completed")
    regions = sorted(region.name for region in version.publishing_profile.target_regions)
    judge.holds("regions", "East US 2" in regions, regions)


def pool():
    found = batch.get_pool("az-pool")
    judge.equal("state", (found.state, found.allocation_state), ("active", "steady"))
    image = found.virtual_machine_configuration.image_reference.virtual_machine_image_id
    judge.holds("image", image.endswith("/images/az-ubuntu/versions/1.0.0"), image)
    nodes = list(batch.list_nodes("az-pool"))
    judge.equal("nodes", len(nodes), found.current_dedicated_nodes)
    judge.equal("errors", found.resize_errors, None)


judge.run([snapshots_and_image, definition_and_versions, pool])
