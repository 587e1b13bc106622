"""How long `hstdputils report` takes for a large batch, from a folder and from an S3 server of this machine.

    python benchmarks/report_speed.py [DATASETS] [RUNS] [FOLDER]

makes up the markers, logs, metrics and previews of a batch of DATASETS (10,000) with its plan, of which 3 % have
failed, and reports it RUNS (3) times from a folder and, served with quick_s3.py, from a bucket, each time in a
process of its own. The pages stay in FOLDER, where one is named.
"""

import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from plan_speed import made_up_ids, run
from quick_s3 import quick_s3

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import Outcome
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.layout import marker_key

VERSIONS = {"calcos": "3.6.2"}
START, END = "2026-01-02T00:00:00+00:00", "2026-01-02T01:00:00+00:00"
BAD = (Outcome.BAD_INPUT, Outcome.NO_REFERENCES, Outcome.CALIBRATION_ERROR, Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT)
SIZES = (512, 1024, 2112, 4096, 8192, 16384)
LIMITS = (5400, 43200, 86400)


def made_up_batch(n: int) -> tuple[dict[str, bytes], str]:
    """Return the objects of a batch, and its plan."""
    random = np.random.default_rng(0)
    line = b"2026-01-02T00:00:00.000Z calcos       | one of the many lines that a calibration program prints\n"
    log, picture = 200 * line, io.BytesIO()
    Image.fromarray(random.integers(0, 255, (128, 128), dtype=np.uint8)).save(picture, "jpeg", quality=85)
    metrics = b'{"steps": [{"name": "inputs", "wall_seconds": 2.5}, {"name": "calcos", "wall_seconds": 60.0}]}\n'
    objects = {"b/batch.json": b'{"crds_context": "hst_0729.pmap", "programs": {"calcos": "3.6.2"}}\n'}
    rows = []
    for name in np.random.default_rng(1).permutation(made_up_ids(40 * n))[:n].tolist():
        name = "iijlo"[len(rows) % 5] + name[1:]
        peak, wall = random.lognormal(7, 0.7), random.lognormal(5, 1.2)
        size = next((size for size in SIZES if size > peak * random.lognormal(0.35, 0.2)), SIZES[-1])
        limit = next((limit for limit in LIMITS if limit > 2 * wall), LIMITS[-1])
        instrument, cost = parse_dataset(name).instrument, round(wall * random.lognormal(0, 0.4) * 1.3e-5, 6)
        row = PlanRow("store", "b", name, instrument, "hstdp-process", 1, size, limit, "features", 9, cost)
        rows.append(row)
        outcome = Outcome.SUCCEEDED if random.random() > 0.03 else BAD[random.integers(len(BAD))]
        given, earlier = size, []
        if outcome is Outcome.TIMEOUT:
            wall = limit
        elif outcome is Outcome.OUT_OF_MEMORY:
            peak = 5 * size
        while given < min(peak, 4 * size):
            earlier.append({
                "attempt": len(earlier) + 1, "outcome": "out_of_memory", "reason": "", "wall_seconds": wall / 2,
                "cpu_seconds": wall / 2, "peak_memory_mib": given, "memory_mib": given, "end": END,
            })  # fmt: skip
            given *= 2
        succeeded = outcome is Outcome.SUCCEEDED
        marker = Marker(
            name, "b", outcome, 0 if succeeded else 23, "" if succeeded else f"calcos: no row for {name} in it",
            len(earlier) + 1, {**{key: getattr(row, key) for key in row.__slots__}, "memory_mib": given},
            "hst_0729.pmap", VERSIONS, f"node{len(rows) % 40:02d}", START, END, round(wall, 2), round(0.9 * wall, 2),
            int(min(peak, given)), 10**7, 10**8 * succeeded, 12 * succeeded, 64 * "0", earlier=earlier,
        )  # fmt: skip
        objects[marker_key("b", name, succeeded=succeeded)] = marker.to_json()
        objects[f"b/{name}/process.log"] = log
        objects[f"b/{name}/metrics.json"] = metrics
        if succeeded:
            objects[f"b/{name}/previews/{name}_flt_thumb.jpg"] = picture.getvalue()
    return objects, "".join(f"{row.to_json()}\n" for row in rows)


def main() -> None:
    """Measure, and print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    objects, plan = made_up_batch(n)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(sys.argv[3] if len(sys.argv) > 3 else name).resolve()
        for key, data in objects.items():
            path = folder / "store" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (folder / "plan.out").write_text(plan)
        (folder / "s3.out").write_text(plan.replace('"output": "store"', '"output": "s3://bucket"'))
        argv = [sys.executable, "-m", "hstdputils", "report"]
        files = ["--json=report.json", "--csv=report.csv"]
        folder_argv = [*argv, "store", "b", "--plan=plan.out", "--html=folder.html", *files]
        s3_argv = [*argv, "s3://bucket", "b", "--plan=s3.out", "--html=s3.html", *files]
        for _ in range(runs):
            used = run(folder_argv, dict(os.environ), folder, folder / "said.txt")
            size = (folder / "folder.html").stat().st_size / 1e6
            print(f"folder: {used.wall:.1f} s, {used.cpu:.1f} s of CPU, {used.mib:.0f} MiB; page {size:.2f} MB")
        for _ in range(runs):
            with quick_s3(objects) as server:
                environment = {**os.environ, "AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
                environment |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
                used = run(s3_argv, environment, folder, folder / "said.txt")
            size = (folder / "s3.html").stat().st_size / 1e6
            print(
                f"bucket: {used.wall:.1f} s, {used.cpu:.1f} s of CPU, {used.mib:.0f} MiB; page {size:.2f} MB; "
                f"{server.requests:,} requests, {server.object_bytes / 1e6:.1f} MB of objects"
            )


if __name__ == "__main__":
    main()
