"""How the az judge runs az.

It judges nothing itself.
"""

import json
import os
import subprocess

from judge import Emulator, Judge

emulator = Emulator()
judge = Judge("az")

AZ = os.environ["JUDGE_AZ"]
CLOUD = "Emulator"
# What `docs/emulator.md` tells people to set, and what keeps az from asking anything else.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": emulator.folder,
    "AZURE_CONFIG_DIR": os.path.join(emulator.folder, "azure-config"),
    "REQUESTS_CA_BUNDLE": emulator.ca,
    "SSL_CERT_FILE": emulator.ca,
    "AZURE_CORE_INSTANCE_DISCOVERY": "false",
    "AZURE_CORE_COLLECT_TELEMETRY": "false",
    "AZURE_CORE_NO_COLOR": "true",
    "AZURE_CORE_DISABLE_PROGRESS_BAR": "true",
    "AZURE_CORE_ENCRYPT_TOKEN_CACHE": "false",
    "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    "NO_PROXY": "127.0.0.1,localhost",
}
# az needs half a second and waits a second for an operation; a minute means that it waits for something else.
LIMIT = 120


class Said:
    """What a command said."""

    def __init__(self, finished):
        self.code = finished.returncode
        self.out = finished.stdout
        self.err = finished.stderr

    @property
    def json(self):
        return json.loads(self.out) if self.out.strip() else None


def run(*words, environment=None):
    """Runs `az words…`."""
    finished = subprocess.run(
        [AZ, *words], env={**ENVIRONMENT, **(environment or {})}, capture_output=True, text=True, timeout=LIMIT
    )
    return Said(finished)


def az(command, *words, environment=None):
    """Runs a command that must succeed, and gives its JSON."""
    said = run(*command.split(), *words, environment=environment)
    judge.holds(f"az {command} {' '.join(words)}", said.code == 0, said.err or said.out)
    return said.json


def fails(command, *words, code, says, environment=None):
    """Runs a command that must fail with that code and those words."""
    said = run(*command.split(), *words, environment=environment)
    judge.equal(f"az {command}: code ({said.err.strip()})", said.code, code)
    for part in [says] if isinstance(says, str) else says:
        judge.contains(f"az {command}", said.err, part)
