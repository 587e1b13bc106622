"""How cost grows with the number of datasets, from `snakemake` to the report, with a stand-in for what runs them.

    python benchmarks/scale.py [N ...] [--seconds S] [--peers N] [--prototype FOLDER] [--requests N ...] [--plot FILE]

For each N (100, 1,000 and 10,000), `snakemake --profile onsite` runs a list of N made-up ids in an empty folder. In
place of `hstdputils process` a shell script waits 0.1 s (--seconds) and writes a marker. What it takes on all cores,
N × 0.1 s ÷ cores, is the stand-in's own share; the rest is overhead. Memory is the largest sum over Snakemake and
what it has started, but for the stand-in.

--peers N compares, in the same run, with plain Snakemake (one rule, a job a dataset, the same script) and, with
--prototype FOLDER (a checkout of spacetelescope/calcloud at commit 69ef181), with the prototype's own loop, one
dataset after another, in which the script stands for `process`. --requests counts what an S3 store (moto) is asked.
"""

import argparse
import contextlib
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from plan_speed import STUBS

ROOT = Path(__file__).resolve().parents[1]
VARIABLE = "STAND_IN_SECONDS"
"""How long the stand-in waits, s."""

STAND_IN = """\
#!/bin/bash
# the arguments end with store, batch and dataset, or are followed by the options of a job of Snakemake
for ((i = 1; i <= $#; i++)); do
    case ${!i} in --plan-row|--memory-mib|--max-seconds|--try|--copy-marker) j=$((i + 1)); last=${!j}
        [ "${!i}" = --copy-marker ] && copy=$last; ((i++)) ;;
    --*) ;;
    *) store=$batch; batch=$name; name=${!i} ;;
    esac
done
sleep $STAND_IN_SECONDS
marker='{"ipppssoot": "'$name'", "batch": "'$batch'", "outcome": "succeeded", "exit_code": 0, "reason": "",
"attempt": 1, "plan_row": null, "crds_context": "hst_9001.pmap", "versions": {}, "host": "h", "wall_seconds": 0.1,
"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-01T00:00:01+00:00", "cpu_seconds": 0.1, "peak_memory_mib": 1,
"bytes_in": 0, "bytes_out": 0, "n_products": 0, "manifest_sha256": ""}'
mkdir -p "$store/$batch/markers/succeeded"
echo "$marker" > "$store/$batch/markers/succeeded/$name.json"
[ -z "$copy" ] || cp "$store/$batch/markers/succeeded/$name.json" "$copy" 2>/dev/null || true
"""
PLAIN = """\
NAMES = [line.strip() for line in open("my.ids")]

rule all:
    input: expand("done/{name}", name=NAMES)

rule process:
    output: "done/{name}"
    shell: "./stand-in results b {wildcards.name} && touch {output}"
"""
LOOP = """\
import subprocess, sys
from hstdputils import process
process.process = lambda name, bucket, prefix: subprocess.run(["./stand-in", "results", "b", name], check=True)
process.process_ipppssoots([line.strip() for line in open("my.ids")], None, None)
"""


@dataclass(frozen=True)
class Used:
    """What a run has used."""

    n: int
    wall: float
    """Wall time, s."""
    cpu: float
    """User and system time of all processes, s."""
    mib: float
    """Largest memory of all processes but the stand-ins, MiB."""

    @property
    def overhead(self) -> float:
        """Return the wall time without the stand-in's own share, s."""
        return self.wall - self.n * float(os.environ[VARIABLE]) / cores()


def cores() -> int:
    """Return the number of cores."""
    return len(os.sched_getaffinity(0))


def names(n: int) -> list[str]:
    """Return made-up ids of COS exposures."""
    symbols = "0123456789abcdefghijklmnopqrstuvwxyz"
    return [f"l{''.join(symbols[number // 36**place % 36] for place in range(6, -1, -1))}q" for number in range(n)]


@contextlib.contextmanager
def project(n: int) -> Iterator[Path]:
    """Return a folder that looks like the project's root, with a list of N ids and the stand-in."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("Snakefile", "rules", "config", "profiles"):
            (folder / part).symlink_to(ROOT / part)
        (folder / "onsite").symlink_to("profiles/onsite")
        (folder / "my.ids").write_text("".join(f"{item}\n" for item in names(n)))
        (folder / "stand-in").write_text(STAND_IN)
        (folder / "stand-in").chmod(0o755)
        yield folder


def measured(n: int, argv: Sequence[str], folder: Path, **variables: str) -> Used:
    """Run a command, and return what it used."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **variables,
    }
    start = time.perf_counter()
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=said, stderr=said)
    largest, over = [0.0], threading.Event()
    looking = threading.Thread(target=_look, args=(process.pid, largest, over))
    looking.start()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    over.set()
    looking.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} failed: {(folder / 'said.txt').read_text()[-2000:]}")
    return Used(n, wall, used.ru_utime + used.ru_stime, largest[0])


def _look(pid: int, largest: list[float], over: threading.Event) -> None:
    """Note the largest memory of a process and all that it has started, without shared pages counted twice."""
    while not over.wait(1.0):
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(pid)
            for process in [first, *first.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.name() not in ("stand-in", "sleep", "bash"):
                        total += process.memory_full_info().pss
        largest[0] = max(largest[0], total / 2**20)


def ours(n: int, store: str = "results", **variables: str) -> Used:
    """Measure the workflow."""
    with project(n) as folder:
        config = {"ids": "my.ids", "batch": "b", "store": store, "process_command": "./stand-in"}
        given = [f"{name}={value}" for name, value in (config | {"plan_read_headers": "never"}).items()]
        return measured(n, ["snakemake", "--profile", "onsite", "--config", *given], folder, **variables)


def plain(n: int) -> Used:
    """Measure plain Snakemake."""
    with project(n) as folder:
        (folder / "Plainfile").write_text(PLAIN)
        return measured(n, ["snakemake", "-s", "Plainfile", "--cores", str(cores()), "--scheduler", "greedy"], folder)


def prototype(n: int, checkout: Path) -> Used:
    """Measure the prototype's loop."""
    with project(n) as folder:
        for path, text in STUBS.items():
            (folder / "stubs" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "stubs" / path).write_text(text)
        path = f"{folder / 'stubs'}{os.pathsep}{checkout}"
        return measured(n, [sys.executable, "-c", LOOP], folder, PYTHONPATH=path)


def row(what: str, used: Used) -> str:
    """Return one line of the table."""
    each = 1000 * used.overhead / used.n
    times = f"{used.wall:.1f} | {used.overhead:.1f} | {each:.1f} | {used.cpu:.1f}"
    return f"| {what} | {used.n:,} | {times} | {used.mib:.0f} |"


class _Requests(logging.Handler):
    """Counts the requests that moto answers."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        if match := re.search(r"(GET|PUT|HEAD|POST|DELETE) /", record.getMessage()):
            self.counts[match[1]] += 1


def requests(n: int) -> Mapping[str, int]:
    """Return how many requests of each kind a store in S3 gets while N datasets are run, the stand-in's own aside."""
    import boto3
    from moto.server import ThreadedMotoServer

    counting = _Requests()
    logging.getLogger("werkzeug").addHandler(counting)
    logging.getLogger("werkzeug").setLevel(logging.INFO)
    logging.getLogger("werkzeug").propagate = False
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=True)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"})
    client = boto3.client("s3")
    bucket = f"out-{n}"  # what one server of this process holds, the next holds too
    client.create_bucket(Bucket=bucket)
    with project(n) as folder:
        text = (
            "import sys, boto3, subprocess\n"
            "arguments = sys.argv[1:]\n"
            "subprocess.run(['./stand-in.sh', *arguments], check=True)\n"
            "name = arguments[-1]\n"
            "marker = f'b/markers/succeeded/{name}.json'\n"
            f"boto3.client('s3').upload_file(f's3:/{bucket}/{{marker}}', {bucket!r}, marker)\n"
        )
        (folder / "stand-in").rename(folder / "stand-in.sh")
        (folder / "stand-in").write_text(f"#!{sys.executable}\n{text}")
        (folder / "stand-in").chmod(0o755)
        config = {"ids": "my.ids", "batch": "b", "store": f"s3://{bucket}", "process_command": "./stand-in"}
        given = [
            f"{name}={value}" for name, value in (config | {"plan_read_headers": "never", "jobs_up_to": "0"}).items()
        ]
        counting.counts.clear()
        measured(n, ["snakemake", "--profile", "onsite", "--config", *given], folder)
    server.stop()
    counting.counts["PUT"] -= n
    return counting.counts


def plot(results: Sequence[Used], path: Path) -> None:
    """Draw how overhead and memory grow."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = [used.n for used in results]
    left.loglog(counts, [used.overhead for used in results], "o-", color="C0", label="overhead, s")
    left.loglog(counts, [used.cpu for used in results], "s--", color="C1", label="user and system, s")
    right.semilogx(counts, [used.mib for used in results], "o-", color="C2", label="memory, MiB")
    right.set_ylim(0)
    for axes in (left, right):
        axes.set_xlabel("datasets")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", nargs="*", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--peers", type=int, default=0, metavar="N")
    parser.add_argument("--prototype", type=Path, metavar="FOLDER")
    parser.add_argument("--requests", type=int, nargs="*", default=[], metavar="N")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    options = parser.parse_args()
    os.environ[VARIABLE] = str(options.seconds)
    print(f"{cores()} cores; a stand-in of {options.seconds} s\n")
    print("| | datasets | wall time, s | overhead, s | overhead a dataset, ms | user and system, s | memory, MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    results = []
    for n in options.n:
        results.append(ours(n))
        print(row("`snakemake --profile onsite`", results[-1]), flush=True)
    if options.peers:
        print(row("`snakemake --profile onsite`", ours(options.peers)), flush=True)
        print(row("plain Snakemake, a job a dataset", plain(options.peers)), flush=True)
        if options.prototype:
            print(row("the loop of the prototype of 2020", prototype(options.peers, options.prototype.resolve())))
    for n in options.requests:
        counts = requests(n)
        listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()) if count > 0)
        print(f"\nrequests to the store for {n:,} datasets: {sum(counts.values()):,} ({listed})", flush=True)
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
