"""How long `hstdputils resources fit` takes for the markers of a batch in a bucket, on an S3 server of this machine.

    python benchmarks/refit_from_markers.py [MARKERS]

makes the markers of MARKERS (10,000) finished datasets, serves them with quick_s3.py, and fits a model to them three
times, each in a process of its own: first with an empty history, then with a history that has them all.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from plan_speed import made_up_ids, run
from quick_s3 import quick_s3

from hstdputils.core.outcomes import Outcome
from hstdputils.records.marker import Marker
from hstdputils.store.layout import marker_key

VERSIONS = dict.fromkeys(("hstdputils", "calcos", "hstcal", "drizzlepac", "crds", "astropy", "python"), "1.2.3")
END = "2026-01-02T01:00:00+00:00"


def markers(n: int) -> dict[str, bytes]:
    """Return the objects of a batch's markers."""
    random = np.random.default_rng(0)
    objects = {}
    for name in np.random.default_rng(1).permutation(made_up_ids(40 * n))[:n].tolist():
        memory, wall = int(random.lognormal(7, 0.6)), float(random.lognormal(5, 1))
        row = {"output": "s3://bucket", "batch": "b", "ipppssoot": name, "vcpus": 1, "memory_mib": 2048}
        marker = Marker(
            name, "b", Outcome.SUCCEEDED, 0, "", 1, row, "hst_0729.pmap", VERSIONS, "host", END, END, wall, wall,
            memory, 10**8, 10**8, 12, 64 * "0",
        )  # fmt: skip
        objects[marker_key("b", name, succeeded=True)] = marker.to_json()
    return objects


def main() -> None:
    """Measure, and print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    objects = markers(n)
    for _ in range(3):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with quick_s3(objects) as server:
                environment = {**os.environ, "AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
                environment |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
                fit = [sys.executable, "-m", "hstdputils.resources", "fit", "--model=m.json"]
                first = run([*fit, "s3://bucket/b"], environment, folder, folder / "first.txt")
                alone = run(fit, environment, folder, folder / "alone.txt")
            said = (folder / "first.txt").read_text().splitlines()[0]
            print(
                f"{said}: {first.wall:.1f} s, {first.cpu:.1f} s of CPU, {first.mib:.0f} MiB, of which the fit alone "
                f"{alone.wall:.1f} s; {server.requests / n:.3f} requests and {server.object_bytes / n:.0f} bytes each"
            )


if __name__ == "__main__":
    main()
