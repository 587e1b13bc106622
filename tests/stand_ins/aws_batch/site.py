"""A bucket, a stand-in for AWS Batch, and commands that reach both."""

import gzip
import json
import string
import sys
from collections import Counter

from tests.conftest import Commands

SYMBOLS = string.digits + string.ascii_lowercase
LETTERS = {"acs": "j", "cos": "l", "stis": "o", "wfc3": "i"}


def name_of(number, instrument="cos"):
    """Return an ipppssoot that is made of a number."""
    return LETTERS[instrument] + "".join(SYMBOLS[number // 36**place % 36] for place in range(6, -1, -1)) + "q"


def row(number, *, instrument="cos", memory_mib=2048, max_seconds=1200, **more):
    """Return a row; its ipppssoot is made of the number."""
    sizes = {"vcpus": 1, "memory_mib": memory_mib, "max_seconds": max_seconds}
    sizes["expected_seconds"] = max_seconds // 2
    evidence = {"evidence": "instrument", "evidence_n": 1, "cost_usd": None}
    home = {"output": "s3://out", "batch": "b", "ipppssoot": name_of(number, instrument), "instrument": instrument}
    return {**home, "command": "hstdp-process", **sizes, **evidence, **more}


def succeeded_marker(name, batch="b"):
    """Return the marker of a dataset that has succeeded, as bytes."""
    numbers = dict.fromkeys("wall_seconds cpu_seconds peak_memory_mib bytes_in bytes_out n_products".split(), 0)
    texts = dict.fromkeys("reason crds_context host start end manifest_sha256".split(), "")
    own = {"ipppssoot": name, "batch": batch, "outcome": "succeeded", "exit_code": 0, "attempt": 1}
    return json.dumps(own | numbers | texts | {"plan_row": None, "versions": {}}, indent=1).encode()


class Site:
    """A bucket, Batch, and commands that reach both."""

    def __init__(self, commands, s3, batch, crds="/crds"):
        self.s3, self.batch = s3, batch
        s3.make_bucket("out")
        batch.client.register_job_definition(
            jobDefinitionName="hstdp",
            type="container",
            containerProperties={
                "image": "calcloud:1",
                "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
                "environment": [{"name": "CRDS_PATH", "value": str(crds)}],
            },
        )
        batch.calls.clear()
        self.commands = Commands(commands.folder, **(commands.variables | s3.variables | batch.address))
        self.plan = commands.folder / "plan.out"

    def write(self, rows):
        """Write the plan, and return its datasets."""
        self.plan.write_text("".join(f"{json.dumps(item)}\n" for item in rows))
        return [item["ipppssoot"] for item in rows]

    def submit(self, *arguments, timeout=180):
        return self.commands.hstdputils("submit", self.plan, "--settle=0.2", *arguments, timeout=timeout)

    def start(self, *arguments):
        """Start to submit."""
        argv = [sys.executable, "-m", "hstdputils.submit", self.plan, "--settle=0.2", *arguments]
        return self.commands.start(argv)

    def run(self, command, *arguments, timeout=180):
        """Run a command on the batch."""
        return self.commands.hstdputils(command, "s3://out/b", *arguments, timeout=timeout)

    def watch(self, *arguments, timeout=180):
        return self.run("watch", "--every=0.1", *arguments, timeout=timeout)

    def sent(self):
        """Return how often each dataset has been submitted, as the containers would see it."""
        counts = Counter()
        for job in self.batch.submissions():
            command = job.spec.command
            if job.children is None:
                counts[command[3]] += 1
            else:
                names = self.slice(command[command.index("--slice") + 1])
                assert len(names) == len(job.children)
                counts.update(names)
        return counts

    def slice(self, name):
        """Return the datasets of a slice."""
        answer = self.s3.client.get_object(Bucket="out", Key=f"b/plan-slices/{name}.jsonl.gz")
        return [json.loads(line)["ipppssoot"] for line in gzip.decompress(answer["Body"].read()).splitlines()]

    def succeed(self, names):
        """Put ``succeeded`` markers."""
        for name in names:
            body = succeeded_marker(name)
            self.s3.client.put_object(Bucket="out", Key=f"b/markers/succeeded/{name}.json", Body=body)

    def marker(self, name, kind="failed"):
        """Return a marker."""
        return json.loads(self.text(f"b/markers/{kind}/{name}.json"))

    def text(self, key):
        """Return an object."""
        return self.s3.client.get_object(Bucket="out", Key=key)["Body"].read().decode()

    def keys(self, prefix="b/"):
        """Return the keys of the bucket."""
        pages = self.s3.client.get_paginator("list_objects_v2").paginate(Bucket="out", Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def decisions(self):
        """Return the decisions of the ledger, by dataset, in order."""
        found = {}
        for key in sorted(self.keys("b/decisions/")):
            for line in self.text(key).splitlines():
                entry = json.loads(line)
                found.setdefault(entry["ipppssoot"], []).append(entry)
        return found
