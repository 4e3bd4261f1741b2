"""Microsoft's clients read back what our own tools made.

What our tools had to do is known from `cargo xtask judges`, which ran them before: a publish of `vm-build` as
`gal1/ubuntu` 1.0.0, and a roll-out of it to `pool1` with two nodes.
"""

from sdk_world import GROUP, batch, compute, emulator, judge, management

OURS = (GROUP, "gal1", "ubuntu")
VERSION = emulator.compute_id("galleries/gal1/images/ubuntu/versions/1.0.0")


def our_version():
    definition = compute.gallery_images.get(*OURS)
    judge.equal("OS", (definition.os_type, definition.os_state), ("Linux", "Generalized"))
    judge.equal("generation", definition.hyper_v_generation, "V2")
    found = [version.name for version in compute.gallery_image_versions.list_by_gallery_image(*OURS)]
    judge.equal("versions", found, ["1.0.0"])
    version = compute.gallery_image_versions.get(*OURS, "1.0.0", expand="ReplicationStatus")
    judge.equal("state", version.provisioning_state, "Succeeded")
    judge.equal("id", version.id.lower(), VERSION.lower())
    judge.equal("replication", version.replication_status.aggregated_state, "Completed")
    regions = {region.name: region.regional_replica_count for region in version.publishing_profile.target_regions}
    judge.equal("regions and replicas for 700 nodes", regions, {"East US 2": 4})
    judge.equal("data disks", [disk.lun for disk in version.storage_profile.data_disk_images], [0, 1])
    left = [snapshot.name for snapshot in compute.snapshots.list_by_resource_group(GROUP)]
    judge.equal("snapshots left behind", left, [])


def our_pool():
    pool = batch.get_pool("pool1")
    judge.equal("state", (pool.state, pool.allocation_state), ("active", "steady"))
    judge.equal("size", pool.vm_size.lower(), "standard_d4s_v5")
    judge.equal("nodes", (pool.target_dedicated_nodes, pool.current_dedicated_nodes), (2, 2))
    image = pool.virtual_machine_configuration.image_reference.virtual_machine_image_id
    judge.equal("image", image.lower(), VERSION.lower())
    judge.equal("errors", pool.resize_errors, None)
    judge.equal("node states", [node.state for node in batch.list_nodes("pool1")], ["idle", "idle"])
    other = management.pool.get(GROUP, "acct1", "pool1")
    judge.equal("other plane", other.properties.current_dedicated_nodes, 2)
    configuration = other.properties.deployment_configuration.virtual_machine_configuration
    judge.equal("image on the other plane", configuration.image_reference.id.lower(), VERSION.lower())


CHAPTERS = [our_version, our_pool]
