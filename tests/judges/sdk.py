"""The SDK judge: Microsoft's current Python SDKs against the emulator.

Its chapters are in the files beside it, in the order in which an image comes to be.
"""

import sdk_batch
import sdk_compute
import sdk_identity
import sdk_ours
from sdk_world import judge

judge.run(sdk_identity.CHAPTERS + sdk_ours.CHAPTERS + sdk_compute.CHAPTERS + sdk_batch.CHAPTERS)
