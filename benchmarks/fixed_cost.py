"""What processing one dataset costs beside the calibration program itself.

    python benchmarks/fixed_cost.py [RUNS]

processes the made-up ACQ/IMAGE of tests/madeup RUNS times (7) into an empty folder store, each time in a new process,
and prints where the wall time goes: start-up and imports, CRDS, each step, and what is left. The last row is the
fixed cost of a dataset: wall time of the whole process less that of calcos. Imports are timed in processes of their
own, so that what is left can be below zero.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import madeup

DATASET = "ldem01acq"


def wall_seconds(argv: list[str], environment: dict[str, str]) -> float:
    """Return the wall time of a command, s."""
    start = time.perf_counter()
    subprocess.run(argv, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def one_run(folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Process the dataset once, and return wall times by what they were spent on, s."""
    store = Path(tempfile.mkdtemp(dir=folder))
    options = ["--inputs", str(folder / "inputs"), "--work", str(folder / "work"), "--crds-context", madeup.CONTEXT]
    total = wall_seconds(
        [sys.executable, "-m", "hstdputils.process", str(store), "b", *options, DATASET], environment
    )
    metrics = json.loads((store / "b" / DATASET / "metrics.json").read_text())
    parts = {step["name"]: step["wall_seconds"] for step in metrics["steps"]}
    parts["import of hstdputils"] = wall_seconds([sys.executable, "-c", "import hstdputils.process"], environment)
    parts["import of crds"] = wall_seconds(
        [sys.executable, "-c", "import gc; gc.disable(); import crds"], environment
    ) - wall_seconds([sys.executable, "-c", "pass"], environment)
    parts["rest"] = total - sum(parts.values())
    return parts | {"total": total, "total less calcos": total - parts["calcos"]}


def main() -> None:
    """Measure, and print minimum, median and maximum."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        madeup.write_demo(folder)
        environment = {**os.environ, "CRDS_PATH": str(folder / "crds")}
        one_run(folder, environment)
        measured = [one_run(folder, environment) for _ in range(runs)]
    print(f"{'wall time, s':<24}{'min':>8}{'median':>8}{'max':>8}   ({runs} runs)")
    for part in measured[0]:
        values = [run[part] for run in measured]
        print(f"{part:<24}{min(values):8.2f}{statistics.median(values):8.2f}{max(values):8.2f}")


if __name__ == "__main__":
    main()
