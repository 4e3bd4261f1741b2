"""What `docs/emulator.md` tells a newcomer to type, typed as it stands there.

Only the port and the folder are those of this run. The emulator is started as the page says: the example alone, a minute in a
second.
"""

import os
import re
import subprocess

from az_world import AZ, LIMIT, emulator, judge

# The page's own emulator, which nothing else has asked.
PAGE_ENDPOINT, PAGE_CA = os.environ["JUDGE_PAGE_ENDPOINT"], os.environ["JUDGE_PAGE_CA"]

# The page's own port and folder.
ENDPOINT, CA = "https://127.0.0.1:8443", "/tmp/azure/ca.pem"


def commands():
    """The blocks below the page's heading `az CLI`, as one script."""
    with open(os.environ["JUDGE_PAGE"], encoding="utf-8") as file:
        chapter = re.search(r"^### az CLI$(.*?)^##", file.read(), re.MULTILINE | re.DOTALL)
    judge.holds("the page has a chapter for az", chapter, "### az CLI")
    script = "\n".join(re.findall(r"^```sh$(.*?)^```$", chapter.group(1), re.MULTILINE | re.DOTALL))
    for fixed, ours in ((ENDPOINT, PAGE_ENDPOINT), (CA, PAGE_CA)):
        judge.contains("the page", script, fixed)
        script = script.replace(fixed, ours)
    return script


def what_the_page_says():
    script = commands()
    folder = os.path.join(emulator.folder, "page")
    os.makedirs(folder)
    environment = {"PATH": f"{os.path.dirname(AZ)}:{os.environ['PATH']}", "HOME": folder}
    finished = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT * 2,
    )
    judge.equal(f"the page's commands ({finished.stderr[-2000:]})", finished.returncode, 0)
    # One check for each command that bash says it ran.
    judge.passed += len(re.findall(r"^\++ az ", finished.stderr, re.MULTILINE))
    judge.contains("the page's commands", finished.stdout, "vm-build", "first-os", "1.0.0", "tvmps_")
    judge.equal("the last line", finished.stdout.splitlines()[-1].split(), ["first", "steady", "5"])


CHAPTERS = [what_the_page_says]
