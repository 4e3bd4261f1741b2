"""Makes the sample's pool with the current SDK, for the sample judge, whose own environment has the old one.

Arguments: pool, VM size, image version, node agent, start task.
"""

import sys

from azure.batch import models

from sdk_world import batch

pool, size, version, agent, command = sys.argv[1:]
batch.create_pool(
    models.BatchPoolCreateOptions(
        id=pool,
        vm_size=size,
        target_dedicated_nodes=1,
        virtual_machine_configuration=models.VirtualMachineConfiguration(
            image_reference=models.BatchVmImageReference(virtual_machine_image_id=version), node_agent_sku_id=agent
        ),
        start_task=models.BatchStartTask(command_line=command),
    )
)
