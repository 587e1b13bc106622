"""How long `hstdputils plan` takes for many ids with full evidence, beside the prototype of 2020.

    python benchmarks/plan_speed.py PROTOTYPE IDS MEASURED FEATURES [RUNS]

PROTOTYPE is a checkout of spacetelescope/calcloud at commit 69ef181, whose `hstdputils/plan.py` writes a fixed table;
its two heavy imports, drizzlepac and crds, are stubbed. IDS is a list of ids, packed with gzip or not; MEASURED and
FEATURES are tables of finished runs and of features: the first goes into a history database beforehand, the second is
given with --features. Both planners run RUNS times (7) in turn, each in a new process, and wall time, CPU time and
largest memory of the whole process are printed. Then ids are made up, to see that ten times as many take ten times
as long.
"""

import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

STUBS = {
    "drizzlepac/__init__.py": "",
    "drizzlepac/hlautils/__init__.py": "",
    "drizzlepac/hlautils/astroquery_utils.py": "retrieve_observation = None\n",
    "crds/__init__.py": "",
    "crds/bestrefs.py": "bestrefs = None\n",
}
MADE_UP = 1_600_000


@dataclass(frozen=True)
class Used:
    """What a process has used."""

    wall: float
    """Wall time, s."""
    cpu: float
    """User and system time, s."""
    mib: float
    """Largest resident memory, MiB."""


def run(argv: list[str], environment: dict[str, str], folder: Path, out: Path) -> Used:
    """Run a command, with its output in a file, and return what it used."""
    with out.open("wb") as file, (folder / "said.txt").open("wb") as said:
        start = time.perf_counter()
        process = subprocess.Popen(argv, env=environment, cwd=folder, stdout=file, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{argv[1:4]} failed: {(folder / 'said.txt').read_text()}")
    return Used(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def middle(values: list[float]) -> str:
    """Return median, minimum and maximum."""
    return f"{statistics.median(values):7.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Measure, and print."""
    prototype, ids, measured, features = (Path(argument).resolve() for argument in sys.argv[1:5])
    runs = int(sys.argv[5]) if len(sys.argv) > 5 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in STUBS.items():
            (folder / "stubs" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "stubs" / path).write_text(text)
        plain = folder / "plain.ids"
        plain.write_bytes(gzip.decompress(ids.read_bytes()) if ids.suffix == ".gz" else ids.read_bytes())
        history = folder / "history.sqlite"
        fill(history, measured)
        theirs_in = {**os.environ, "PYTHONPATH": f"{folder / 'stubs'}{os.pathsep}{prototype}"}
        theirs = [sys.executable, "-m", "hstdputils.plan", str(plain), "s3://bucket", "b"]
        ours = [sys.executable, "-m", "hstdputils.plan", "s3://bucket", "b"]
        ours += ["--features", str(features), "--history", str(history), "--read-headers=never"]
        pairs = []
        for number in range(runs + 1):
            pair = (
                run([*ours, f"@{plain}"], dict(os.environ), folder, folder / "ours.out"),
                run(theirs, theirs_in, folder, folder / "theirs.out"),
            )
            pairs += [pair] if number else []
        lines = [len((folder / side).read_bytes().splitlines()) for side in ("ours.out", "theirs.out")]
        print(f"{lines[0]} and {lines[1]} rows, {runs} runs in turn: median (min to max)")
        for side, title in enumerate(("hstdputils plan", "prototype of 2020")):
            used = [pair[side] for pair in pairs]
            print(
                f"{title:<18} wall {middle([one.wall for one in used])} s   cpu {middle([one.cpu for one in used])} s"
            )
            print(f"{'':<18} memory {max(one.mib for one in used):.0f} MiB")
        for kind in ("wall", "cpu"):
            ratios = [getattr(one, kind) / getattr(two, kind) for one, two in pairs]
            print(f"{'ratio of ' + kind:<18}      {middle(ratios)}")
        for n_ids in (MADE_UP // 10, MADE_UP):
            plain.write_text("".join(f"{made_up}\n" for made_up in made_up_ids(n_ids)))
            used = run([*ours, f"@{plain}"], dict(os.environ), folder, folder / "ours.out")
            print(f"{n_ids:>9} made-up ids: wall {used.wall:.2f} s, cpu {used.cpu:.2f} s, memory {used.mib:.0f} MiB")


def fill(history: Path, table: Path) -> None:
    """Make a history database of a table of finished runs."""
    from hstdputils.model.history import History
    from hstdputils.model.tables import read_table

    with History(history, create=True) as runs:
        runs.add_table(read_table(table), "2021-05-15")


def made_up_ids(n_ids: int) -> list[str]:
    """Return so many ids that are all different."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    names = (f"{''.join(word)}0q" for word in product("ijlo", "abcd", letters, letters, letters, "0123", letters))
    return [name for name, _ in zip(names, range(n_ids), strict=False)]


if __name__ == "__main__":
    main()
