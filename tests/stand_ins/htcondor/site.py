"""A store in a folder, an HTCondor pool, and commands that reach both; the jobs run a quick stand-in."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from tests.conftest import Commands
from tests.stand_ins.aws_batch.site import row
from tests.stand_ins.htcondor.pool import CondorPool

_STAND_IN = """\
#!{python} -SE
import datetime, json, os, pathlib, signal, sys, time
output, batch, name, *further = sys.argv[1:]
row = json.loads(os.environ["HSTDP_PLAN_ROW"])
job = os.environ["HSTDP_JOB"]
assert (row["ipppssoot"], row["batch"]) == (name, batch), row
start = datetime.datetime.now(datetime.UTC)
folder = pathlib.Path({folder!r})
print(f"stand-in at work on {{name}}", *further, flush=True)
with (folder / "started.txt").open("a") as file:
    file.write(f"{{name}} {{job}} {{row['memory_mib']}}\\n")

def end(outcome, code, reason=""):
    kind = "succeeded" if outcome == "succeeded" else "failed"
    marker = dict.fromkeys("wall_seconds cpu_seconds peak_memory_mib bytes_in bytes_out n_products".split(), 0)
    marker |= dict(ipppssoot=name, batch=batch, outcome=outcome, exit_code=code, reason=reason, attempt=1, job=job)
    marker |= dict(plan_row=row, crds_context="", versions={{}}, host="", manifest_sha256="", start=start.isoformat())
    marker["end"] = datetime.datetime.now(datetime.UTC).isoformat()
    path = pathlib.Path(output) / batch / "markers" / kind / f"{{name}}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_text(json.dumps(marker))
    path.with_suffix(".part").replace(path)
    os._exit(code)

signal.signal(signal.SIGTERM, lambda *_: end("cancelled", 143, "stopped by SIGTERM"))
told = folder / "told" / name
words = told.read_text().split() if told.exists() else []
if words and words[0] == "fill" and row["memory_mib"] < int(words[1]):
    filled = bytearray(int(words[1]) * 2**20)
    time.sleep(120)
if words and words[0] == "wait":
    while told.exists():
        time.sleep(0.1)
if words and words[0] == "exit":
    end(words[2], int(words[1]), "told to") if len(words) > 2 else os._exit(int(words[1]))
end("succeeded", 0)
"""


class CondorSite:
    """A store in a folder, a pool, and commands that reach both."""

    def __init__(self, commands: Commands, pool: CondorPool) -> None:
        self.pool, self.folder = pool, commands.folder
        self.store = self.folder / "store"
        self.plan = self.folder / "plan.out"
        (self.folder / "told").mkdir()
        programs = self.folder / "programs"
        programs.mkdir()
        program = programs / "hstdp-process"
        program.write_text(_STAND_IN.format(python=sys.executable, folder=str(self.folder)))
        program.chmod(0o755)
        path = f"{programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{pool.variables['PATH']}"
        self.commands = Commands(self.folder, **(commands.variables | pool.variables | {"PATH": path}))

    def write(self, count, **more):
        """Write a plan of so many rows, and return their datasets."""
        return self.write_rows([self.row(n, **more) for n in range(count)])

    def row(self, number, **more):
        """Return a row."""
        return row(number, **({"output": str(self.store), "memory_mib": 64, "max_seconds": 600} | more))

    def write_rows(self, rows):
        """Write a plan, and return its datasets."""
        self.plan.write_text("".join(f"{json.dumps(item)}\n" for item in rows))
        return [item["ipppssoot"] for item in rows]

    def tell(self, name, *words):
        """Tell the stand-in what to do with a dataset: wait, fill MIB, exit CODE [OUTCOME]."""
        (self.folder / "told" / name).write_text(" ".join(str(word) for word in words))

    def go_on(self, name):
        """Let a job end that was told to wait."""
        (self.folder / "told" / name).unlink()

    def submit(self, *arguments, timeout=180, **variables):
        argv = (self.plan, "--engine=htcondor", *arguments)
        return self.commands.hstdputils("submit", *argv, timeout=timeout, **variables)

    def start(self):
        """Start to submit."""
        return self.commands.start([sys.executable, "-m", "hstdputils.submit", self.plan, "--engine=htcondor"])

    def is_on_record(self, batch):
        """Tell whether the first submission of a batch has been recorded."""
        return (self.store / batch / "jobs/0001/wave.json").exists()

    def run(self, command, *arguments, timeout=180):
        """Run a command on the batch."""
        return self.commands.hstdputils(command, f"{self.store}/b", *arguments, timeout=timeout)

    def watch(self, *arguments, timeout=180):
        return self.run("watch", "--every=0.5", *arguments, timeout=timeout)

    def started(self):
        """Return how often the job of each dataset has started."""
        return Counter(name for name, _, _ in self.starts())

    def starts(self):
        """Return the starts: dataset, job, and memory of the row."""
        path = self.folder / "started.txt"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def marker(self, name, kind="failed"):
        """Return a marker."""
        return json.loads((self.store / f"b/markers/{kind}/{name}.json").read_text())

    def has_succeeded(self, name, batch="b"):
        """Tell whether a dataset has its marker."""
        return (self.store / f"{batch}/markers/succeeded/{name}.json").exists()

    def decisions(self):
        """Return the decisions of the ledger, by dataset, in order."""
        found = {}
        for path in sorted((self.store / "b/decisions").glob("*.jsonl")):
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                found.setdefault(entry["ipppssoot"], []).append(entry)
        return found
