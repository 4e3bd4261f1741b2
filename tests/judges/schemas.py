"""The schema judge: closed schemas of the SDKs' own models, on every body that went over the wire.

It reads the journals that the other judges left: each answer of the emulator, and each request that our own tools sent.
What is different is listed below with a reason, and a reason that nothing needs any more is an error.
"""

import collections
import glob
import json
import os
import re

from judge import Judge, Wrong
from schema_models import PACKAGES, Models, operations

judge = Judge("schemas")
RESULTS = os.environ["JUDGE_RESULTS"]

# Our own tools, by the first word of their user agent.
OURS = "azure-batch"

# Where an answer may differ from the newest models, by the end of its path, and why.
ANSWERS = {
    ".certificateReferences": "api-versions before 2025-06-01 have it, and the older clients speak those",
    ".ipv6Address": "a pool without IPv6 has none; azure-batch 15.1.0 says that every node has one",
    ".lastBootTime": "a node that has never booted has none, as recorded; azure-batch 15.1.0 says that all have one",
}
# The same for what our tools send.
REQUESTS = {}

# Every kind of body that our tools send; one that is sent for the first time is added here.
SENT = [
    "PATCH Microsoft.Compute/galleries/{galleryName}/images/{galleryImageName}",
    "POST /batch/{account}/pools",
    "POST /batch/{account}/pools/{poolId}/resize",
    "PUT Microsoft.Compute/galleries/{galleryName}",
    "PUT Microsoft.Compute/galleries/{galleryName}/images/{galleryImageName}",
    "PUT Microsoft.Compute/galleries/{galleryName}/images/{galleryImageName}/versions/{galleryImageVersionName}",
    "PUT Microsoft.Compute/images/{imageName}",
    "PUT Microsoft.Compute/snapshots/{snapshotName}",
]

# Answers that no model of the packages describes, by method and path, and why. Their errors are looked at all the same.
STRANGERS = {
    r"GET /subscriptions/[^/]+/providers/[^/]+/locations/[^/]+/(\w+Operations|operations|operationResults)/.*": "polls",
    r"GET /subscriptions/[^/]+/(resource[gG]roups/[^/]+/.*/)?(pool)?operation(Statuses|Results|s)(/.*)?": "polls",
    r"(GET|POST) /[^/]+/(v2\.0/)?(\.well-known/.*|oauth2/.*|discovery/.*)": "Entra, whose answers azure-identity and msal read",
    r"GET /(common/)?discovery/.*": "Entra, whose answers azure-identity and msal read",
    r"GET /(msi|oidc)/token": "tokens of a machine and of GitHub, which azure-identity reads",
    r"GET /metadata/.*": "the cloud's endpoints, which az and azure-arm read",
    r"(GET|PUT|POST|PATCH|DELETE|HEAD) (/subscriptions|/tenants)(/[^/]+)?(/locations|/resources|/tagNames.*)?": "the resource package",
    r"\w+ /subscriptions/[^/]+/resource[gG]roups(/[^/]+)?(/resources)?": "the resource package",
    r"\w+ /subscriptions/[^/]+/providers(/[^/]+(/register)?)?": "the resource package",
    r"\w+ /subscriptions/.*/deployments/.*": "the resource package; azure-arm reads them",
    r"\w+ /subscriptions/.*/providers/Microsoft\.Network/.*": "the network package; azure-arm reads them",
    r"\w+ /subscriptions/.*/providers/Microsoft\.Storage/.*": "the storage package; azure-arm reads them",
    r"\w+ /subscriptions/.*/providers/Microsoft\.KeyVault/.*": "the key vault package; azure-arm reads them",
    r"GET /secrets/.*": "secrets of a key vault; azure-arm reads them",
    r"\w+ /(images|system|vhds)/.*": "blobs, which speak XML; azure-arm reads them",
    r"\w+ /subscriptions/.*/providers/Microsoft\.Authorization/.*": "the authorization package",
    r"\w+ /subscriptions/.*/providers/Microsoft\.ManagedIdentity/.*": "the managed identity package; az reads them",
}
# What a poll says, whatever it polls: `Azure-AsyncOperation`'s form. Results and lists of operations have forms of their own.
POLL = {"startTime", "endTime", "status", "name", "id", "percentComplete", "properties", "error"}
STATUSES = {"InProgress", "Running", "Accepted", "Creating", "Updating", "Deleting", "Succeeded", "Failed", "Canceled"}
# The judges whose journals are read when all judge.
JUDGES = {"sdk", "az", "sample", "arm", "schemas"}


def is_known_stranger(entry, needed):
    line = f"{entry['method']} {entry['path']}"
    for pattern in STRANGERS:
        if re.fullmatch(pattern, line, re.IGNORECASE):
            needed.add(pattern)
            body = entry.get("response")
            if STRANGERS[pattern] == "polls" and isinstance(body, dict) and "status" in body:
                judge.holds(f"poll {line}", set(body) <= POLL and body["status"] in STATUSES, body)
            return True
    return False


class Side:
    """Answers or requests: what was compared and what was found."""

    def __init__(self, what, reasons):
        self.what, self.reasons = what, reasons
        self.compared = collections.Counter()
        self.unexplained = collections.Counter()
        self.needed = set()

    def compare(self, models, schema, value, place):
        self.compared[place] += 1
        for path, problem in models.differences(schema, value):
            reason = next(
                (known for known in self.reasons if f"{path} {problem}".startswith(known) or path.endswith(known)), None
            )
            if reason is None:
                self.unexplained[f"{place}: {path} {problem}"] += 1
            else:
                self.needed.add(reason)

    def report(self):
        judge.passed += sum(self.compared.values()) - 1
        judge.holds(
            self.what, not self.unexplained, "\n".join(f"{n} × {d}" for d, n in self.unexplained.most_common(60))
        )
        judge.equal(f"{self.what}: reasons that are still needed", set(self.reasons) - self.needed, set())


def journals():
    found = sorted(glob.glob(os.path.join(RESULTS, "*", "journal.jsonl")))
    there = {os.path.basename(os.path.dirname(file)) for file in found}
    wanted = JUDGES if "arm" in there or "az" in there else {"sdk", "sample", "schemas"}
    judge.equal("journals", there, wanted)
    for file in found:
        with open(file, encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)


def known_operations():
    every = []
    for package, file, prefix in PACKAGES:
        models = Models(package)
        every += [(models, operation) for operation in operations(package, file, prefix)]
    return sorted(every, key=lambda pair: -pair[1].fixed)


def find(known, entry):
    for models, operation in known:
        if operation.method == entry["method"] and operation.pattern.fullmatch(entry["path"]):
            return models, operation
    return None, None


def page(models, operation, body, side, place):
    """A list: its items, and nothing beside them but the link to the next page."""
    beside = set(body) - {"value", "nextLink", "odata.nextLink", "odata.metadata"}
    if beside:
        side.unexplained[f"{place}: beside the items {sorted(beside)}"] += 1
    for item in body.get("value", []):
        side.compare(models, {"model": operation.answer}, item, place)


def error(models, entry, side):
    body, place = entry["response"], f"error {entry['status']}"
    if "error" in body and isinstance(body["error"], dict):
        arm = {
            "type": "object",
            "open": False,
            "required": [("error", False)],
            "properties": {
                "error": {
                    "type": "object",
                    "open": False,
                    "required": [("code", False), ("message", False)],
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "target": {"type": "string"},
                        "details": {"type": "array", "items": {}},
                        "innererror": {},
                        "additionalInfo": {},
                    },
                }
            },
        }
        side.compare(models, arm, body, place)
    elif "/batch/" in entry["path"]:
        side.compare(models, {"model": "BatchError"}, {k: v for k, v in body.items() if k != "odata.metadata"}, place)


def bodies():
    known = known_operations()
    data_plane = next(models for models, operation in known if operation.url.startswith("/batch/"))
    answers, requests = Side("answers", ANSWERS), Side("requests of our tools", REQUESTS)
    strangers, known_strangers = collections.Counter(), set()
    for entry in journals():
        body, sent = entry.get("response"), entry.get("request")
        if "fault" in entry:
            continue
        if entry.get("status", 0) >= 400:
            if isinstance(body, dict):
                error(data_plane, entry, answers)
            continue
        models, operation = find(known, entry)
        if operation is None:
            if not is_known_stranger(entry, known_strangers):
                strangers[f"{entry['method']} {entry['path']}"] += 1
            continue
        place = f"{operation.method} {operation.url.rsplit('/providers/')[-1]}"
        if isinstance(sent, dict) and operation.body and OURS in entry.get("userAgent", ""):
            requests.compare(models, {"model": operation.body}, sent, place)
        if not isinstance(body, dict) or operation.answer is None or entry["query"].get("$select"):
            continue
        if operation.is_list:
            page(models, operation, body, answers, place)
        else:
            rest = {name: value for name, value in body.items() if name != "odata.metadata"}
            answers.compare(models, {"model": operation.answer}, rest, place)
    for side in (answers, requests):
        print(f"  {side.what}: {sum(side.compared.values())} of {len(side.compared)} kinds")
    judge.equal("answers of which nobody knows a model", dict(strangers), {})
    judge.holds("strangers", known_strangers, "none came, so nothing was read")
    judge.equal("kinds of bodies that our tools send", sorted(requests.compared), sorted(SENT))
    answers.report()
    requests.report()


judge.run([bodies])
