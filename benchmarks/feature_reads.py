"""How many datasets a second `hstdputils plan` reads the features of, from an S3 server on this machine.

    python benchmarks/feature_reads.py [DATASETS]

makes a bucket laid out as the public one is, with DATASETS (6000) in visits of ten exposures and two associations of
four of them each, of ACS, and plans them, each time with and without `--inputs`, in processes of their own. Each
exposure has a dozen files, as in the public bucket, and raw headers of 20 KB. The server (quick_s3.py) runs on the
same machine and takes part of its cores.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from astropy.io import fits
from quick_s3 import quick_s3
from tests.madeup.associations import write_association

PREFIX = "hst/public/"
EXPOSURES, ASSOCIATIONS, MEMBERS = 10, 2, 4
PRODUCTS = "asc_fit.csv crj.fits flc.fits flt.fits flt.jpg flt_thumb.jpg jif.fits jit.fits log.txt trl.fits".split()
"""Files of an exposure beside raw and support files."""


def raw_start() -> bytes:
    """Return a primary header of 20 KB, and some data."""
    header = fits.Header({"SIMPLE": True, "BITPIX": 16, "NAXIS": 0, "EXTEND": True, "NEXTEND": 3})
    header.update({f"FILL{number:04}": ("a value of a keyword", "and what it means") for number in range(220)})
    header.update({"DETECTOR": "WFC", "SUBARRAY": False, "DRIZCORR": "PERFORM", "PCTECORR": "PERFORM", "CRSPLIT": 1})
    text = header.tostring().encode()
    return text + bytes(70_000 - len(text))


def make_bucket(n_datasets: int, folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the objects of a bucket, and the datasets in it."""
    raw, support, product = raw_start(), bytes(5760), b"x"
    objects: dict[str, bytes] = {}
    names: list[str] = []
    for visit in range(-(-n_datasets // (EXPOSURES + ASSOCIATIONS))):
        start = f"j{visit // 60:03}{visit % 60:02}"
        exposures = [f"{start}e{number}q" for number in range(EXPOSURES)]
        for name in exposures:
            files = {"raw.fits": raw, "spt.fits": support} | dict.fromkeys(PRODUCTS, product)
            objects |= {f"{PREFIX}{name[:4]}/{name}/{name}_{file}": data for file, data in files.items()}
        for number in range(ASSOCIATIONS):
            name = f"{start}0{number + 1}0"
            members = exposures[number * MEMBERS : (number + 1) * MEMBERS]
            table = write_association(folder, name, members, instrument="ACS", detector="WFC", kind="DTH")
            objects[f"{PREFIX}{name[:4]}/{name}/{name}_asn.fits"] = table.read_bytes()
            table.unlink()
            names.append(name)
        names += exposures
    return objects, names[:n_datasets]


def seconds_of_plan(ids: Path, environment: dict[str, str], *options: str) -> tuple[float, list[str]]:
    """Plan once; return the wall time, s, and what each row rests on."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "hstdputils.plan", "none", "b", f"@{ids}", *options]
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, [json.loads(line)["evidence"] for line in ran.stdout.splitlines()]


def main() -> None:
    """Measure three times, and print."""
    n_datasets = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        objects, names = make_bucket(n_datasets, folder)
        ids = folder / "my.ids"
        ids.write_text("".join(f"{one}\n" for one in names))
        for _ in range(3):
            with quick_s3(objects) as server:
                environment = {**os.environ, "AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
                environment |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
                alone, _ = seconds_of_plan(ids, environment, "--read-headers=never")
                seconds, evidence = seconds_of_plan(ids, environment, f"--inputs=s3://some-bucket/{PREFIX}")
            if {"instrument", "program"} & set(evidence):
                raise SystemExit(f"not all features were read: {evidence.count('features')} of {n_datasets}")
            print(
                f"{n_datasets / seconds:6.0f} datasets a second, whole process ({seconds:.1f} s; without headers "
                f"{alone:.1f} s); for each {server.requests / n_datasets:.2f} requests, "
                f"{server.object_bytes / n_datasets / 1024:.1f} KiB of files and "
                f"{server.listed_bytes / n_datasets / 1024:.1f} KiB of listings"
            )


if __name__ == "__main__":
    main()
