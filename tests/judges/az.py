"""The az judge: the az command line, installed from PyPI and unmodified, against the emulator.

It is used as a person would: a cloud is registered, a service principal signs in, commands are typed.
"""

import az_batch
import az_compute
import az_login
import az_page
import az_printed
from az_world import judge

# The last chapter of Batch deletes what the printed commands look at.
*BATCH, DELETIONS = az_batch.CHAPTERS

judge.run(
    az_login.CHAPTERS + az_compute.CHAPTERS + BATCH + az_printed.CHAPTERS + [DELETIONS] + az_page.CHAPTERS
)
