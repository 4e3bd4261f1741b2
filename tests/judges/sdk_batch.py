"""Accounts, pools, nodes, jobs and tasks, as `azure-batch` and `azure-mgmt-batch` ask for them.

Its pools have the prefix `sdk-` and use the version that the compute chapters made.
"""

import datetime
import json

from azure.batch import models
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.batch import models as arm

from sdk_compute import VERSION_ID
from sdk_world import GROUP, batch, batch_client, compute, emulator, judge, management, refusal, refused

SIZE = "STANDARD_D4S_V5"
AGENT = "batch.node.ubuntu 22.04"
QUICK = {"polling_interval": 0}
TASKS = [("t0", "success"), ("t1", "success"), ("t2", "success")]


def accounts():
    account = management.batch_account.get(GROUP, "acct1")
    judge.equal("name", account.name, "acct1")
    judge.equal("state", account.properties.provisioning_state, "Succeeded")
    judge.equal("endpoint", account.properties.account_endpoint, f"{emulator.host}/batch/acct1")
    judge.equal("mode", account.properties.pool_allocation_mode, "BatchService")
    judge.holds("quota", account.properties.dedicated_core_quota > 0, account.properties)
    names = sorted(a.name for a in management.batch_account.list_by_resource_group(GROUP))
    judge.equal("list", names, ["acct1", "acct2"])
    judge.equal("list of all", sorted(a.name for a in management.batch_account.list()), names)
    keys = management.batch_account.get_keys(GROUP, "acct1")
    judge.holds("keys", keys.primary and keys.primary != keys.secondary, "keys are missing or equal")
    quota = management.location.get_quotas("eastus2")
    judge.holds("location's quota", quota.account_quota > 0, quota)
    sizes = [sku.name for sku in management.location.list_supported_virtual_machine_skus("eastus2")]
    judge.holds("sizes", "Standard_D4s_v5" in sizes, sizes)
    taken = management.location.check_name_availability("eastus2", arm.CheckNameAvailabilityParameters(name="acct1"))
    judge.equal("name is taken", (taken.name_available, taken.reason), (False, "AlreadyExists"))
    created = management.batch_account.begin_create(
        GROUP, "sdkacct", arm.BatchAccountCreateParameters(location="eastus2")
    ).result()
    judge.equal("created", created.properties.provisioning_state, "Succeeded")
    changed = management.batch_account.update(GROUP, "sdkacct", arm.BatchAccountUpdateParameters(tags={"k": "v"}))
    judge.equal("tags", changed.tags, {"k": "v"})
    management.batch_account.begin_delete(GROUP, "sdkacct").result()
    refused("gone", 404, "ResourceNotFound", lambda: management.batch_account.get(GROUP, "sdkacct"))


def supported_images():
    images = list(batch.list_supported_images())
    judge.holds("agents", AGENT in {image.node_agent_sku_id for image in images}, len(images))
    windows = list(batch.list_supported_images(filter="osType eq 'windows'"))
    judge.equal("filter", {image.os_type for image in windows}, {"windows"})
    judge.holds("both worlds", 0 < len(windows) < len(images), (len(windows), len(images)))


def configuration(image=VERSION_ID, agent=AGENT):
    reference = models.BatchVmImageReference(virtual_machine_image_id=image)
    return models.VirtualMachineConfiguration(image_reference=reference, node_agent_sku_id=agent)


def new_pool(pool_id, **more):
    wanted = {"vm_size": SIZE, "virtual_machine_configuration": configuration(), **more}
    return models.BatchPoolCreateOptions(id=pool_id, **wanted)


def exists(pool_id):
    """azure-batch 15.1.0 raises where its own `pool_exists` wants to answer no."""
    try:
        return batch.pool_exists(pool_id)
    except ResourceNotFoundError:
        return False


def settled(pool_id):
    emulator.advance(1)
    return batch.get_pool(pool_id)


def pool_of_our_image():
    judge.equal("exists before", exists("sdk-pool"), False)
    batch.create_pool(
        new_pool(
            "sdk-pool",
            target_dedicated_nodes=0,
            start_task=models.BatchStartTask(command_line="echo ready", wait_for_success=True),
            metadata=[models.BatchMetadataItem(name="team", value="images")],
        )
    )
    judge.equal("exists", exists("sdk-pool"), True)
    pool = settled("sdk-pool")
    judge.equal("state", (pool.state, pool.allocation_state), ("active", "steady"))
    judge.equal("image", pool.virtual_machine_configuration.image_reference.virtual_machine_image_id, VERSION_ID)
    judge.equal("metadata", [(m.name, m.value) for m in pool.metadata], [("team", "images")])
    judge.equal("start task", pool.start_task.command_line, "echo ready")
    refused("twice", 409, "PoolExists", lambda: batch.create_pool(new_pool("sdk-pool")))
    refused("no such pool", 404, "PoolNotFound", lambda: batch.get_pool("none"))


def resize():
    options = models.BatchPoolResizeOptions(target_dedicated_nodes=3, resize_timeout=datetime.timedelta(minutes=10))
    batch.begin_resize_pool("sdk-pool", options, **QUICK).result()
    pool = settled("sdk-pool")
    judge.equal("nodes", (pool.target_dedicated_nodes, pool.current_dedicated_nodes), (3, 3))
    judge.equal("timeout", pool.resize_timeout, datetime.timedelta(minutes=10))
    nodes = list(batch.list_nodes("sdk-pool"))
    judge.equal("states", [node.state for node in nodes], ["idle"] * 3)
    judge.equal(
        "image", {node.virtual_machine_info.image_reference.virtual_machine_image_id for node in nodes}, {VERSION_ID}
    )
    judge.equal("start task", {node.start_task_info.exit_code for node in nodes}, {0})
    one = batch.get_node("sdk-pool", nodes[0].id)
    judge.equal("node", (one.id, one.vm_size.lower(), one.is_dedicated), (nodes[0].id, SIZE.lower(), True))
    counts = {c.pool_id: c.dedicated.idle for c in batch.list_pool_node_counts(filter="poolId eq 'sdk-pool'")}
    judge.equal("counts", counts, {"sdk-pool": 3})


def scripted_allocation():
    emulator.fault(target="acct1/sdk-pool", kind="allocationTimeout", deliver=1, code="AllocationTimedout")
    options = models.BatchPoolResizeOptions(target_dedicated_nodes=6, resize_timeout=datetime.timedelta(minutes=5))
    batch.begin_resize_pool("sdk-pool", options, **QUICK).result()
    pool = settled("sdk-pool")
    judge.equal("nodes", pool.current_dedicated_nodes, 4)
    judge.equal("errors", [error.code for error in pool.resize_errors], ["AllocationTimedout"])
    emulator.fault(target="acct1/sdk-pool", kind="operationStuck", path="*/resize")
    batch.begin_resize_pool("sdk-pool", models.BatchPoolResizeOptions(target_dedicated_nodes=9))
    judge.equal("resizing", settled("sdk-pool").allocation_state, "resizing")
    refused(
        "one resize at a time",
        409,
        "PoolBeingResized",
        lambda: batch.begin_resize_pool("sdk-pool", models.BatchPoolResizeOptions(target_dedicated_nodes=1)),
    )
    batch.begin_stop_pool_resize("sdk-pool", **QUICK).result()
    stopped = settled("sdk-pool")
    judge.equal("stopped", stopped.allocation_state, "steady")
    judge.equal("why", [error.code for error in stopped.resize_errors], ["ResizeStopped"])
    emulator.no_faults()


def node_operations():
    nodes = [node for node in batch.list_nodes("sdk-pool") if node.state == "idle"]
    one = nodes[0].id
    batch.disable_node_scheduling(
        "sdk-pool", one, models.BatchNodeDisableSchedulingOptions(node_disable_scheduling_option="requeue")
    )
    judge.equal("disabled", batch.get_node("sdk-pool", one).scheduling_state, "disabled")
    batch.enable_node_scheduling("sdk-pool", one)
    judge.equal("enabled", batch.get_node("sdk-pool", one).scheduling_state, "enabled")
    # Without options azure-batch 15.1.0 cannot write its own content type.
    for what, options in (
        ("begin_reboot_node", {"nodeRebootOption": "requeue"}),
        ("begin_reimage_node", {"nodeReimageOption": "requeue"}),
    ):
        getattr(batch, what)("sdk-pool", one, options, **QUICK).result()
        emulator.advance(1)
        judge.equal(what, batch.get_node("sdk-pool", one).state, "idle")
    batch.begin_deallocate_node("sdk-pool", one, {"nodeDeallocateOption": "requeue"}, **QUICK).result()
    emulator.advance(1)
    judge.equal("deallocated", batch.get_node("sdk-pool", one).state, "deallocated")
    batch.begin_start_node("sdk-pool", one, **QUICK).result()
    emulator.advance(1)
    judge.equal("started", batch.get_node("sdk-pool", one).state, "idle")
    files = [file.name for file in batch.list_node_files("sdk-pool", one, recursive=True)]
    judge.holds("files", "startup/stdout.txt" in files, files)
    text = b"".join(batch.download_node_file("sdk-pool", one, "startup/stdout.txt"))
    properties = batch.get_node_file_properties("sdk-pool", one, "startup/stdout.txt")
    judge.equal("length", properties.content_length, len(text))
    judge.holds("login", batch.get_node_remote_login_settings("sdk-pool", one).remote_login_port > 0)
    container = "https://example.blob.core.windows.net/logs"
    logs = models.UploadBatchServiceLogsOptions(
        container_url=f"{container}?sp=w&sig=c2ln",
        start_time=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
    )
    judge.holds("logs", batch.upload_node_logs("sdk-pool", one, logs).number_of_files_uploaded > 0)
    unsigned = models.UploadBatchServiceLogsOptions(container_url=container, start_time=logs.start_time)
    upload = lambda: batch.upload_node_logs("sdk-pool", one, unsigned)
    refused("logs without a signature", 400, "InvalidPropertyValue", upload)
    judge.equal("extensions", list(batch.list_node_extensions("sdk-pool", one)), [])
    before = batch.get_pool("sdk-pool").current_dedicated_nodes
    batch.begin_remove_nodes("sdk-pool", models.BatchNodeRemoveOptions(node_ids=[one]), **QUICK).result()
    emulator.advance(1)
    judge.equal("removed", batch.get_pool("sdk-pool").current_dedicated_nodes, before - 1)
    refused("no such node", 404, "NodeNotFound", lambda: batch.get_node("sdk-pool", one))


def conditions():
    pool = batch.get_pool("sdk-pool")
    stale = {"etag": "0x8D000000000000", "match_condition": MatchConditions.IfNotModified}
    update = models.BatchPoolUpdateOptions(metadata=[models.BatchMetadataItem(name="team", value="pools")])
    error = refusal("stale ETag", lambda: batch.update_pool("sdk-pool", update, **stale))
    judge.equal("status", error.status_code, 412)
    batch.update_pool("sdk-pool", update, etag=pool.etag, match_condition=MatchConditions.IfNotModified)
    changed = batch.get_pool("sdk-pool")
    judge.equal("changed", changed.metadata[0].value, "pools")
    judge.holds("another ETag", changed.etag != pool.etag, changed.etag)
    batch.replace_pool_properties(
        "sdk-pool", models.BatchPoolReplaceOptions(application_package_references=[], metadata=[])
    )
    replaced = batch.get_pool("sdk-pool")
    judge.equal("replaced", (replaced.metadata, replaced.start_task), (None, None))


def lists():
    for number in range(3):
        batch.create_pool(new_pool(f"sdk-page-{number}"))
    names = [pool.id for pool in batch.list_pools(filter="startswith(id, 'sdk-page')", max_results=1)]
    judge.equal("pages", sorted(names), ["sdk-page-0", "sdk-page-1", "sdk-page-2"])
    selected = next(iter(batch.list_pools(filter="id eq 'sdk-page-0'", select=["id", "state"])))
    judge.equal("selected", (selected.id, selected.state, selected.vm_size), ("sdk-page-0", "active", None))
    for number in range(3):
        batch.begin_delete_pool(f"sdk-page-{number}", **QUICK).result()
    judge.equal("deleted", exists("sdk-page-0"), False)


def autoscale():
    batch.create_pool(new_pool("sdk-auto"))
    emulator.advance(1)
    formula = "$TargetDedicatedNodes=2"
    batch.enable_pool_auto_scale(
        "sdk-auto",
        models.BatchPoolEnableAutoScaleOptions(
            auto_scale_formula=formula, auto_scale_evaluation_interval=datetime.timedelta(minutes=5)
        ),
    )
    pool = settled("sdk-auto")
    judge.equal("enabled", (pool.enable_auto_scale, pool.auto_scale_formula), (True, formula))
    run = batch.evaluate_pool_auto_scale(
        "sdk-auto", models.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula=formula)
    )
    judge.contains("results", run.results, formula)
    bad = models.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula="$Target=")
    refused(
        "bad formula", 400, "AutoScalingFormulaSyntaxError", lambda: batch.evaluate_pool_auto_scale("sdk-auto", bad)
    )
    batch.disable_pool_auto_scale("sdk-auto")
    judge.equal("disabled", settled("sdk-auto").enable_auto_scale, False)
    batch.begin_delete_pool("sdk-auto", **QUICK).result()


def image_is_patched_on_an_empty_pool():
    batch.create_pool(new_pool("sdk-patch"))
    emulator.advance(1)
    ours = emulator.compute_id("galleries/gal1/images/ubuntu/versions/1.0.0")
    batch.update_pool("sdk-patch", models.BatchPoolUpdateOptions(virtual_machine_configuration=configuration(ours)))
    image = batch.get_pool("sdk-patch").virtual_machine_configuration.image_reference.virtual_machine_image_id
    judge.equal("image", image, ours)
    batch.begin_delete_pool("sdk-patch", **QUICK).result()
    update = models.BatchPoolUpdateOptions(virtual_machine_configuration=configuration(ours))
    error = refusal("with nodes", lambda: batch.update_pool("sdk-pool", update))
    judge.equal("status", error.status_code, 409)


def images_that_cannot_be_used():
    """POST takes them; the allocation finds out, as on Azure."""
    nowhere = VERSION_ID.replace("1.0.0", "9.9.9")
    for what, pool in (
        ("no such version", new_pool("sdk-bad-image", virtual_machine_configuration=configuration(nowhere))),
        (
            "wrong agent",
            new_pool("sdk-bad-agent", virtual_machine_configuration=configuration(agent="batch.node.windows amd64")),
        ),
        ("wrong generation", new_pool("sdk-bad-size", vm_size="STANDARD_A1_V2")),
    ):
        pool.target_dedicated_nodes = 1
        batch.create_pool(pool)
        found = settled(pool.id)
        judge.equal(f"{what}: nodes", found.current_dedicated_nodes, 0)
        judge.holds(f"{what}: errors", found.resize_errors and found.resize_errors[0].code, found.resize_errors)
        judge.holds(f"{what}: values", found.resize_errors[0].error_values is not None, found.resize_errors)
        batch.begin_delete_pool(pool.id, **QUICK).result()


def shared_keys():
    keys = management.batch_account.get_keys(GROUP, "acct1")
    by_key = batch_client(proof=AzureNamedKeyCredential("acct1", keys.primary))
    judge.equal("reads", by_key.get_pool("sdk-pool").id, "sdk-pool")
    error = refused("gallery image", 403, "AuthenticationFailed", lambda: by_key.create_pool(new_pool("sdk-key")))
    linked = "The specified type of authentication SharedKey is not allowed when external resources of type Compute"
    judge.contains("details", json.dumps(error.response.json()), linked)
    market = models.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts", version="latest"
    )
    plain = models.VirtualMachineConfiguration(image_reference=market, node_agent_sku_id=AGENT)
    by_key.create_pool(new_pool("sdk-key", virtual_machine_configuration=plain))
    judge.equal("marketplace image", exists("sdk-key"), True)
    by_key.begin_delete_pool("sdk-key", **QUICK).result()
    wrong = batch_client(proof=AzureNamedKeyCredential("acct1", "d3Jvbmcga2V5IHdyb25nIGtleQ=="))
    error = refused("wrong key", 403, "AuthenticationFailed", lambda: wrong.get_pool("sdk-pool"))
    management.batch_account.regenerate_key(GROUP, "acct1", arm.BatchAccountRegenerateKeyParameters(key_name="Primary"))
    refused("old key", 403, "AuthenticationFailed", lambda: by_key.get_pool("sdk-pool"))


def writes_are_thirty_seconds_apart():
    """`world.json` gives the account 18,000 seconds, which the judges' time scale makes 30."""
    other = batch_client("acct2")
    other.create_pool(new_pool("sdk-hurry"))
    emulator.advance(31)
    options = models.BatchPoolResizeOptions(target_dedicated_nodes=1)
    other.begin_resize_pool("sdk-hurry", options, **QUICK).result()
    emulator.advance(1)
    impatient = batch_client("acct2", retry_total=0)
    again = models.BatchPoolResizeOptions(target_dedicated_nodes=2)
    error = refusal("too soon", lambda: impatient.begin_resize_pool("sdk-hurry", again))
    judge.holds("status", error.status_code in (429, 503), error.status_code)
    emulator.advance(31)
    other.begin_resize_pool("sdk-hurry", again, **QUICK).result()
    emulator.advance(1)
    judge.equal("later", other.get_pool("sdk-hurry").current_dedicated_nodes, 2)


def throttled_and_cut():
    emulator.fault(
        path="*/pools/sdk-pool", occurrence={"first": 2}, kind="status", status=503, code="ServerBusy", retryAfter=1
    )
    after = emulator.last()
    judge.equal("asked again", batch.get_pool("sdk-pool").id, "sdk-pool")
    statuses = [entry.get("status") for entry in emulator.journal(after) if entry["path"].endswith("/pools/sdk-pool")]
    judge.equal("statuses", statuses, [503, 503, 200])
    emulator.fault(path="*/pools/sdk-pool", kind="resetBeforeEffect")
    judge.equal("after a reset", batch.get_pool("sdk-pool").id, "sdk-pool")
    emulator.no_faults()


def resource_manager_pools():
    vm = arm.VirtualMachineConfiguration(image_reference=arm.ImageReference(id=VERSION_ID), node_agent_sku_id=AGENT)
    scale = arm.ScaleSettings(fixed_scale=arm.FixedScaleSettings(target_dedicated_nodes=1))
    wanted = arm.Pool(
        properties=arm.PoolProperties(
            vm_size=SIZE,
            deployment_configuration=arm.DeploymentConfiguration(virtual_machine_configuration=vm),
            scale_settings=scale,
        )
    )
    made = management.pool.create(GROUP, "acct1", "sdk-arm", wanted)
    judge.equal("state", made.properties.provisioning_state, "Succeeded")
    emulator.advance(1)
    found = management.pool.get(GROUP, "acct1", "sdk-arm")
    judge.equal("nodes", found.properties.current_dedicated_nodes, 1)
    judge.equal("on the other plane", batch.get_pool("sdk-arm").current_dedicated_nodes, 1)
    names = [pool.name for pool in management.pool.list_by_batch_account(GROUP, "acct1")]
    judge.holds("list", {"sdk-arm", "sdk-pool"} <= set(names), names)
    scale = arm.ScaleSettings(auto_scale=arm.AutoScaleSettings(formula="$TargetDedicatedNodes=1"))
    changed = management.pool.update(
        GROUP, "acct1", "sdk-arm", arm.Pool(properties=arm.PoolProperties(scale_settings=scale))
    )
    judge.equal("formula", changed.properties.scale_settings.auto_scale.formula, "$TargetDedicatedNodes=1")
    fixed = management.pool.disable_auto_scale(GROUP, "acct1", "sdk-arm")
    judge.equal("fixed", fixed.properties.scale_settings.auto_scale, None)
    management.pool.begin_delete(GROUP, "acct1", "sdk-arm").result()
    refusal("gone", lambda: management.pool.get(GROUP, "acct1", "sdk-arm"))


def jobs_and_tasks():
    batch.create_job(models.BatchJobCreateOptions(id="sdk-job", pool_info=models.BatchPoolInfo(pool_id="sdk-pool")))
    tasks = [models.BatchTaskCreateOptions(id=f"t{n}", command_line=f"exit {n}") for n in range(3)]
    added = batch.create_tasks("sdk-job", tasks).as_dict()
    # The client sends them in an order of its own; the service writes the status with a capital.
    judge.equal("added", sorted((result["taskId"], result["status"].lower()) for result in added["value"]), TASKS)
    emulator.advance(3)
    codes = {task.id: task.execution_info.exit_code for task in batch.list_tasks("sdk-job")}
    judge.equal("exit codes", codes, {"t0": 0, "t1": 1, "t2": 2})
    counts = batch.get_job_task_counts("sdk-job").task_counts
    judge.equal("counts", (counts.completed, counts.succeeded, counts.failed), (3, 1, 2))
    text = b"".join(batch.download_task_file("sdk-job", "t0", "stdout.txt"))
    judge.holds("file", text, text)
    batch.begin_disable_job("sdk-job", models.BatchJobDisableOptions(disable_tasks="requeue"), **QUICK).result()
    judge.equal("disabled", batch.get_job("sdk-job").state, "disabled")
    batch.update_job("sdk-job", models.BatchJobUpdateOptions(pool_info=models.BatchPoolInfo(pool_id="pool1")))
    judge.equal("other pool", batch.get_job("sdk-job").pool_info.pool_id, "pool1")
    batch.begin_enable_job("sdk-job", **QUICK).result()
    judge.equal("jobs", [job.id for job in batch.list_jobs()], ["sdk-job"])
    batch.begin_terminate_job("sdk-job", {"terminateReason": "done"}, **QUICK).result()
    batch.begin_delete_job("sdk-job", **QUICK).result()
    refused("gone", 404, "JobNotFound", lambda: batch.get_job("sdk-job"))
    schedule = models.BatchJobScheduleCreateOptions(
        id="sdk-schedule",
        schedule=models.BatchJobScheduleConfiguration(recurrence_interval=datetime.timedelta(hours=1)),
        job_specification=models.BatchJobSpecification(pool_info=models.BatchPoolInfo(pool_id="sdk-pool")),
    )
    batch.create_job_schedule(schedule)
    judge.equal("schedule", batch.job_schedule_exists("sdk-schedule"), True)
    judge.equal("schedule's state", batch.get_job_schedule("sdk-schedule").state, "active")
    batch.begin_delete_job_schedule("sdk-schedule", **QUICK).result()


def a_version_in_use_can_go():
    """Azure lets it be deleted; nodes stay, growth fails."""
    before = batch.get_pool("sdk-pool").current_dedicated_nodes
    compute.gallery_image_versions.begin_delete(GROUP, "gal1", "sdk-ubuntu", "1.0.0").result()
    judge.equal("nodes stay", settled("sdk-pool").current_dedicated_nodes, before)
    options = models.BatchPoolResizeOptions(target_dedicated_nodes=before + 1)
    batch.begin_resize_pool("sdk-pool", options, **QUICK).result()
    pool = settled("sdk-pool")
    judge.equal("no growth", pool.current_dedicated_nodes, before)
    judge.equal("why", [error.code for error in pool.resize_errors], ["AllocationFailed"])
    batch.begin_delete_pool("sdk-pool", **QUICK).result()
    refused("gone", 404, "PoolNotFound", lambda: batch.get_pool("sdk-pool"))


CHAPTERS = [
    accounts,
    supported_images,
    pool_of_our_image,
    resize,
    scripted_allocation,
    node_operations,
    conditions,
    lists,
    autoscale,
    image_is_patched_on_an_empty_pool,
    images_that_cannot_be_used,
    shared_keys,
    writes_are_thirty_seconds_apart,
    throttled_and_cut,
    resource_manager_pools,
    jobs_and_tasks,
    a_version_in_use_can_go,
]
