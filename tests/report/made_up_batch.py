"""A batch of any size as its store has it after a run, made up by a simulated queue: for the page, and for pictures.

    python -m tests.report.made_up_batch FOLDER DATASETS

Datasets wait for a core of one of the hosts, run, and end as their kind does, some after further attempts; the same
seed makes the same batch.
"""

import heapq
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.layout import marker_key

BATCH = "demo"
BEGINS = 1_772_442_000.0
"""2026-03-02 09:00 UTC."""
FAILURES = (
    (Outcome.NO_REFERENCES, 27, "{name[0]}{number:03x}1459gl_drk.fits is missing in the CRDS cache: sync the cache"),
    (Outcome.CALIBRATION_ERROR, 23, "calacs.e: ERROR: No matching row in CCDTAB for {name}_raw.fits"),
    (Outcome.CALIBRATION_ERROR, 23, "calcos: KeyError: \"Keyword 'EXPSTART' not found.\""),
    (Outcome.BAD_INPUT, 21, "{name}_raw.fits is truncated: {number} of 10567 blocks of 2880 bytes"),
    (Outcome.TIMEOUT, 35, "calacs.e was stopped after {number} s, its time limit"),
    (Outcome.OUT_OF_MEMORY, 32, "calwf3.e was killed: out of memory, {number} MiB at its peak"),
    (Outcome.STORAGE_ERROR, 26, "cannot read s3://stpubdata/hst/public/{name}: S3 answered 503 (SlowDown)"),
)
LIMITS = (1800, 5400, 21600, 86400)
SIZES = (512, 1024, 2048, 4096, 8192, 16384)


def names(n: int) -> list[str]:
    """Return the names of so many datasets, a third of them associations."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return [
        f"{'iijlo'[k % 5]}{letters[k // 46656 % 26]}{letters[k // 1296 % 36]}{letters[k // 36 % 36]}"
        f"{letters[k % 36]}1{letters[k // 7 % 36]}{'0' if k % 3 == 0 else 'x'}{'0' if k % 3 == 0 else 'q'}"
        for k in range(n)
    ]


def write_batch(
    folder: Path,
    n: int,
    *,
    hosts: int = 1,
    cores: int = 8,
    failing: float = 0.03,
    seed: int = 0,
    is_pending: int = 0,
) -> Path:
    """Write the store and the plan of a batch of ``n`` datasets, of which the last ``is_pending`` have not run.

    Returns
    -------
    plan
        The plan; the store is the folder beside it.
    """
    random = np.random.default_rng(seed)
    free = [(BEGINS + 0.2 * slot, f"node{slot // cores + 1:03d}") for slot in range(hosts * cores)]
    heapq.heapify(free)
    store, rows = folder / "store", []
    for ending in ("succeeded", "failed"):
        (store / BATCH / "markers" / ending).mkdir(parents=True, exist_ok=True)
    (store / BATCH / "batch.json").write_text(json.dumps({
        "crds_context": "hst_1203.pmap", "programs": {"calcos": "3.6.2", "hstcal": "3.1.0"}, "hstdputils": "0.9.0"
    }))  # fmt: skip
    kinds = random.random(n)
    for number, name in enumerate(names(n)):
        wall = float(min(random.lognormal(5.2, 0.9), 40_000))
        peak = int(min(random.lognormal(6.9, 0.6), 15_000))
        size = next((size for size in SIZES if size > peak * random.lognormal(0.3, 0.3)), SIZES[-1])
        limit = next((limit for limit in LIMITS if limit > wall * random.lognormal(1.0, 0.4)), LIMITS[-1])
        instrument = {"i": "wfc3", "j": "acs", "l": "cos", "o": "stis"}[name[0]]
        place = "store", BATCH, name, instrument, "hstdp-process"
        expected = max(1, int(wall * random.lognormal(0, 0.4)))
        cost = round(expected * 1.2e-5, 8)
        row = PlanRow(*place, 1, size, limit, "features", 12, cost, expected_seconds=expected)
        rows.append(f"{row.to_json()}\n")
        if number >= n - is_pending:
            continue
        outcome, code, text = Outcome.SUCCEEDED, 0, ""
        if kinds[number] < failing:
            outcome, code, text = FAILURES[int(random.integers(len(FAILURES)) * random.random())]
            wall = float(limit) if outcome is Outcome.TIMEOUT else 0.3 * wall
            peak = 2 * size if outcome is Outcome.OUT_OF_MEMORY else peak
        earlier, given = [], size
        while True:
            begin, host = heapq.heappop(free)
            is_short = given < peak and outcome is Outcome.SUCCEEDED and random.random() < 0.7 and len(earlier) < 2
            took = wall * (0.5 if is_short else 1.0)
            heapq.heappush(free, (begin + took + 2.0, host))
            if not is_short:
                break
            earlier.append({
                "attempt": len(earlier) + 1, "outcome": "out_of_memory", "reason": "killed", "wall_seconds": took,
                "cpu_seconds": 0.9 * took, "peak_memory_mib": given, "memory_mib": given,
                "end": iso_time(begin + took),
            })  # fmt: skip
            given *= 2
        succeeded = outcome is Outcome.SUCCEEDED
        marker = Marker(
            name, BATCH, outcome, code, text.format(name=name, number=number % 4000), len(earlier) + 1,
            asdict(row) | {"memory_mib": given}, "hst_1203.pmap", {"calcos": "3.6.2"}, host, iso_time(begin),
            iso_time(begin + took), round(took, 2), round(0.88 * took, 2), min(peak, 2 * given), 10**7,
            int(random.lognormal(18, 1)) * succeeded, 9 * succeeded, 64 * "0", earlier=earlier,
        )  # fmt: skip
        (store / marker_key(BATCH, name, succeeded=succeeded)).write_bytes(marker.to_json())
        if number < 400 or not succeeded:
            _write_files(store / BATCH / name, name, text.format(name=name, number=number % 4000), took, random)
    (folder / "plan.out").write_text("".join(rows))
    return folder / "plan.out"


def _write_files(folder: Path, name: str, reason: str, wall: float, random: np.random.Generator) -> None:
    """Write log, metrics and a preview of one dataset."""
    (folder / "previews").mkdir(parents=True, exist_ok=True)
    lines = [f"2026-03-02T09:{k:02d}:12.041Z calacs.e     | Completed step {k} of {name}" for k in range(14)]
    (folder / "process.log").write_text("\n".join([*lines, f"2026-03-02T09:15:00.000Z hstdputils   | {reason}", ""]))
    steps = [{"name": step, "wall_seconds": round(wall * part, 1)} for step, part in STEPS]
    (folder / "metrics.json").write_text(json.dumps({"steps": steps}))
    if not reason:
        y, x = np.mgrid[:96, :96] / 96 - random.random((2, 1, 1))
        sky = 40 + 200 * np.exp(-((x**2 + y**2) * 40)) + random.normal(0, 9, (96, 96))
        data = io.BytesIO()
        Image.fromarray(sky.clip(0, 255).astype(np.uint8)).save(data, "jpeg", quality=70)
        (folder / "previews" / f"{name}_flt_thumb.jpg").write_bytes(data.getvalue())
        (folder / "previews" / f"{name}_flt.jpg").write_bytes(data.getvalue())


STEPS = (("calibration", 0.7), ("inputs", 0.15), ("products", 0.1), ("previews", 0.05))


if __name__ == "__main__":
    print(write_batch(Path(sys.argv[1]), int(sys.argv[2]), hosts=max(1, int(sys.argv[2]) // 500)))
