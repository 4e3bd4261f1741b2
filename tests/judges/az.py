"""The az judge: the az command line, installed from PyPI and unmodified, against the emulator.

It is used as a person would: a cloud is registered, a service principal signs in, commands are typed.
"""

import az_batch
import az_compute
import az_login
import az_page
from az_world import judge

judge.run(az_login.CHAPTERS + az_compute.CHAPTERS + az_batch.CHAPTERS + az_page.CHAPTERS)
