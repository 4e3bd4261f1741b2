"""What every judge needs: where the emulator is, its control port, and the count of checks.

It knows nothing of any client. A judge stops at its first wrong answer and shows the client's own words.
"""

import json
import os
import sys
import traceback
import urllib.request


class Wrong(Exception):
    """An answer that is not Azure's."""


class Emulator:
    """The running emulator, as `cargo xtask judges` describes it in the environment."""

    def __init__(self):
        self.endpoint = os.environ["JUDGE_ENDPOINT"]
        self.control = os.environ["JUDGE_CONTROL"]
        self.ca = os.environ["JUDGE_CA"]
        self.folder = os.environ["JUDGE_FOLDER"]
        with open(os.environ["JUDGE_SEED"], encoding="utf-8") as file:
            self.example = json.load(file)
        tenant = self.example["tenant"]
        application = tenant["applications"][0]
        self.tenant = tenant["id"]
        self.client = application["clientId"]
        self.object = application["objectId"]
        self.secret = application["secrets"][0]["value"]
        self.subscription = self.example["subscriptions"][0]["id"]
        self.group = "rg-images"

    @property
    def host(self):
        return self.endpoint.removeprefix("https://")

    def group_id(self):
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    def compute_id(self, rest):
        return f"{self.group_id()}/providers/Microsoft.Compute/{rest}"

    def batch_id(self, account):
        return f"{self.group_id()}/providers/Microsoft.Batch/batchAccounts/{account}"

    def batch_endpoint(self, account):
        return f"{self.endpoint}/batch/{account}"

    def ask(self, method, path, body=None):
        """Asks the control port and gives its JSON, or its text."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            text = answer.read().decode()
        return json.loads(text) if path != "/journal" else [json.loads(line) for line in text.splitlines()]

    def seed(self, seed):
        self.ask("POST", "/seed", seed)

    def advance(self, seconds):
        self.ask("POST", "/advance", {"seconds": seconds})

    def fault(self, **fault):
        self.ask("DELETE", "/faults")
        self.ask("POST", "/faults", fault)

    def no_faults(self):
        self.ask("DELETE", "/faults")

    def journal(self, after=0):
        return [entry for entry in self.ask("GET", "/journal") if entry["number"] > after]

    def last(self):
        """The number of the last request so far."""
        return max((entry["number"] for entry in self.ask("GET", "/journal")), default=0)

    def assertion(self, subject, issuer="https://oidc.example.com/cluster", audience="api://AzureADTokenExchange"):
        credential = {"issuer": issuer, "subject": subject, "audience": audience}
        return self.ask("POST", "/assertion", credential)["value"]

    def register_certificate(self, pem):
        """Adds a certificate to the application; everything else about the tenant stays."""
        tenant = json.loads(json.dumps(self.example["tenant"]))
        tenant["applications"][0]["certificates"] = [pem]
        self.seed({"tenant": tenant})


class Judge:
    """Counts checks; the first that fails ends the run."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.doing = "start"

    def holds(self, what, condition, shown=""):
        if not condition:
            raise Wrong(f"{what}: {shown}")
        self.passed += 1

    def equal(self, what, found, wanted):
        self.holds(what, found == wanted, f"found {found!r}, wanted {wanted!r}")

    def contains(self, what, text, *parts):
        for part in parts:
            self.holds(what, part in text, f"does not say {part!r}: {text}")

    def run(self, chapters):
        """Runs chapters, functions without arguments, and ends the process."""
        try:
            for chapter in chapters:
                self.doing = chapter.__name__.replace("_", " ")
                before = self.passed
                chapter()
                print(f"  {self.doing}: {self.passed - before}", flush=True)
        except Wrong as wrong:
            print(f"{self.name}: {self.doing}: {wrong}", file=sys.stderr)
        except Exception:  # The client's own words are what matters here, whatever they are.
            traceback.print_exc()
        else:
            print(f"{self.name}: {self.passed} passed, 0 failed", flush=True)
            sys.exit(0)
        print(f"{self.name}: {self.passed} passed, 1 failed", flush=True)
        sys.exit(1)


def make_certificate(folder, name):
    """A key and a self-signed certificate in one PEM file, as `az ad sp create-for-rbac --create-cert` leaves it.

    Gives the file and the certificate's PEM text.
    """
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    path = os.path.join(folder, f"{name}.pem")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(private + certificate)
    return path, certificate
