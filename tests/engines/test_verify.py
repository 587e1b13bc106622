"""Reading batches back: a batch that is as it has to be, and each thing that can be wrong with one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

NAME = "ldem01acq"


@pytest.fixture
def store(folder_run, tmp_path) -> Path:
    """Return a copy of a store with a batch of five datasets."""
    return Path(shutil.copytree(folder_run.store, tmp_path / "store"))


def edit(path: Path, change: Callable[[dict], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_batch_that_is_as_it_has_to_be(store, commands):
    ran = commands.hstdputils("verify", store, "b")
    assert ran.status == 0, ran.said
    n_succeeded = len(list((store / "b/markers/succeeded").iterdir()))
    assert ran.out == f"b: all is as it has to be: {n_succeeded} succeeded, {5 - n_succeeded} failed\n"


DAMAGES = {
    "byte": (lambda b: flip(next(b.glob(f"{NAME}/*_flt.fits"))), "_flt.fits has other bytes than its manifest says"),
    "cut": (lambda b: next(b.glob(f"{NAME}/*_flt.fits")).write_bytes(b"x"), "_flt.fits has 1 bytes, not"),
    "gone": (lambda b: next(b.glob(f"{NAME}/previews/*")).unlink(), " is missing"),
    "log": (lambda b: (b / NAME / "process.log").unlink(), "process.log is missing"),
    "more": (lambda b: (b / NAME / "x_flt.fits").write_bytes(b"x"), "x_flt.fits is in no manifest"),
    "manifest": (lambda b: (b / NAME / "manifest.json").unlink(), "manifest.json is missing"),
    "other manifest": (
        lambda b: edit(b / NAME / "manifest.json", lambda v: v["files"].pop()),
        "manifest.json is not the one that the marker speaks of",
    ),
    "no manifest": (lambda b: (b / NAME / "manifest.json").write_text("[]"), "manifest.json is not a valid manifest"),
    "marker": (lambda b: (b / f"markers/succeeded/{NAME}.json").write_text("{"), "cannot be read"),
    "outcome": (
        lambda b: edit(b / f"markers/succeeded/{NAME}.json", lambda v: v.update(outcome="timeout")),
        "says timeout, among those that succeeded",
    ),
    "moved": (
        lambda b: shutil.move(b / f"markers/succeeded/{NAME}.json", folder(b / "markers/failed") / f"{NAME}.json"),
        "says that it succeeded, among the failures",
    ),
    "other dataset": (
        lambda b: edit(b / f"markers/succeeded/{NAME}.json", lambda v: v.update(ipppssoot="ldem01tnq")),
        f"markers/succeeded/{NAME}.json is of ldem01tnq in batch b",
    ),
    "no marker": (lambda b: (b / f"markers/succeeded/{NAME}.json").unlink(), "files and no marker"),
    "context": (
        lambda b: edit(b / f"markers/succeeded/{NAME}.json", lambda v: v.update(crds_context="hst_0001.pmap")),
        "was made with hst_0001.pmap, its batch with hst_9001.pmap",
    ),
    "version": (
        lambda b: edit(b / f"markers/succeeded/{NAME}.json", lambda v: v["versions"].update(calcos="1.0")),
        "was made with calcos 1.0, its batch with",
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.slow
def test_what_is_wrong_is_named(store, commands, kind):
    damage, text = DAMAGES[kind]
    damage(store / "b")
    before = sorted((path, path.stat().st_mtime_ns) for path in store.rglob("*"))
    ran = commands.hstdputils("verify", store, "b")
    assert ran.status == 29, ran.said
    assert any(line.startswith(f"{NAME}  ") and text in line for line in ran.out.splitlines()), ran.said
    assert "with 1 of 5 datasets" in ran.out
    assert sorted((path, path.stat().st_mtime_ns) for path in store.rglob("*")) == before


@pytest.mark.slow
def test_no_batch_description(store, commands):
    (store / "b/batch.json").unlink()
    ran = commands.hstdputils("verify", store, "b")
    assert ran.status == 29
    assert "b/batch.json is missing" in ran.out


@pytest.mark.slow
def test_sizes_alone(store, commands):
    flip(next((store / "b" / NAME).glob("*_flt.fits")))
    assert commands.hstdputils("verify", store, "b", "--sizes-only").status == 0


def test_no_batch(store, commands):
    ran = commands.hstdputils("verify", store, "c")
    assert (ran.status, ran.err) == (2, f"error: no batch 'c' in {store}: correct the store or the name\n")


@pytest.mark.engine("S3 (moto)")
@pytest.mark.slow
def test_in_s3(store, commands, s3):
    s3.make_bucket("out")
    s3.upload(store, "out")
    reader = type(commands)(commands.folder, **commands.variables, **s3.variables)
    assert reader.hstdputils("verify", "s3://out", "b").status == 0
    key = next(key for key in s3.keys("out") if key.endswith("_counts.fits"))
    data = s3.client.get_object(Bucket="out", Key=key)["Body"].read()
    s3.client.put_object(Bucket="out", Key=key, Body=data[:-1] + b"!")
    ran = reader.hstdputils("verify", "s3://out", "b")
    assert ran.status == 29
    assert "has other bytes than its manifest says" in ran.out
