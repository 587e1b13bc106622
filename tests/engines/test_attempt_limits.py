"""An attempt ends, and leaves its marker: at slow stores and sources, on full disks, at SIGHUP, with large logs."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.process.products import save_marker
from hstdputils.process.unfinished import never_began
from hstdputils.records.batch import Batch
from hstdputils.store.folder import FolderStore
from hstdputils.store.registry import open_store
from tests.engines.honesty import assert_complete, assert_not_misleading, marker_of
from tests.engines.interrupting import Running
from tests.engines.test_interrupted import DATASET, assert_no_work_is_left, call

pytestmark = [pytest.mark.engine("CRDS", "S3 (moto)"), pytest.mark.slow]

ENOUGH = 12
"""Seconds in which an attempt begins on a busy machine, too."""

SLOW = {
    "inputs": (
        "GET",
        f"{DATASET}_rawacq.fits",
        "drip",
        (Outcome.STORAGE_ERROR, 26),
        "the source of the inputs is slow",
    ),
    "products": ("PUT", f"{DATASET}_flt.fits", "hold", (Outcome.STORAGE_ERROR, 25), "the store is slow"),
}


@pytest.mark.parametrize("what", SLOW)
def test_attempt_ends_where_s3_does_not(with_stand_in, s3, public_bucket, proxy, what):
    method, name, how, ending, why = SLOW[what]
    s3.make_bucket("out")
    proxy.disturb(method, name, **{how: True})
    start = time.monotonic()
    ran = with_stand_in.run_warm(
        *call(public_bucket, "s3://out")[2:],
        f"--overhead-seconds={ENOUGH}",
        **{**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint},
    )
    assert time.monotonic() - start < 90
    assert ran.status == ending[1], ran.said
    assert "Traceback" not in ran.said
    store = s3.download("out", with_stand_in.folder / "after")
    failed = marker_of(store, DATASET, "failed")
    assert (failed["outcome"], failed["exit_code"]) == ending
    assert failed["reason"] == (
        f"stopped in the step {'save' if what == 'products' else what}, after {ENOUGH} s besides calibration; {why}: "
        "see --overhead-seconds"
    )
    assert_not_misleading(store, DATASET)
    proxy.let_go()
    ran = with_stand_in.run_warm(*call(public_bucket, "s3://out")[2:], **s3.variables)
    assert ran.status == 0, ran.said


def test_attempt_ends_where_the_store_does_not_even_take_its_marker(with_stand_in, s3, public_bucket, proxy):
    s3.make_bucket("out")
    proxy.disturb("PUT", "/process.log", hold=True)
    ran = with_stand_in.run_warm(
        *call(public_bucket, "s3://out")[2:],
        f"--overhead-seconds={ENOUGH}",
        **{**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint},
    )
    assert ran.status == 25, ran.said
    assert f"the store s3://out has not answered in {ENOUGH} s: check it, and try again" in ran.err
    assert "Traceback" not in ran.said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the folder where a file system of 300 kB is mounted, or skip the test."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=300k,nr_inodes=40", "tmpfs", str(folder)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(words, capture_output=True, check=False).returncode
    ):
        pytest.skip("no small disk: only root may mount a tmpfs, and not in every container")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leave no byte on a disk."""
    with (disk / "full").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def fill_with_files(disk: Path) -> None:
    """Leave no room for another file."""
    try:
        for number in range(1000):
            (disk / f"file-{number}").touch()
    except OSError:
        return


FULL = {
    "inputs do not fit": lambda disk: (disk / "large").write_bytes(bytes(280_000)),
    "not a byte is left": fill,
    "no file can be made": fill_with_files,
}


@pytest.mark.parametrize("how", FULL.values(), ids=FULL)
def test_full_work_disk_leaves_its_marker_in_the_store(with_stand_in, made_up, small_disk, how):
    how(small_disk)
    ran = with_stand_in.run_warm(*call(made_up.inputs)[2:], "--work", small_disk)
    assert "Traceback" not in ran.said
    failed = marker_of(with_stand_in.folder / "results", DATASET, "failed")
    assert failed is not None, ran.said
    assert failed["outcome"] == "storage_error"
    assert "No space left on device" in failed["reason"] or "free some space" in failed["reason"]
    assert ran.status == failed["exit_code"] != 0
    again = with_stand_in.run_warm(*call(made_up.inputs)[2:])
    assert again.status == 0, again.said


def test_full_disk_in_the_midst_of_a_program(with_stand_in, made_up, small_disk):
    """The log itself cannot be written any more; the store still gets what there is, and the reason."""
    (small_disk / "large").write_bytes(bytes(150_000))
    program = with_stand_in.folder / "calcos"
    program.write_text("#!/bin/sh\ncase $1 in --version) echo 3.6.1; exit;; esac\nyes 'some words of a program'\n")
    program.chmod(0o755)
    ran = with_stand_in.run_warm(
        *call(made_up.inputs)[2:], "--work", small_disk, f"--programs=calcos={program}", "--max-seconds=60"
    )
    assert "Traceback" not in ran.said
    failed = marker_of(with_stand_in.folder / "results", DATASET, "failed")
    assert failed["outcome"] == "storage_error", ran.said
    log = (with_stand_in.folder / "results/b" / DATASET / "process.log").read_text()
    assert log.rstrip().endswith(f"storage_error: {failed['reason']}")
    assert (with_stand_in.folder / "results/b" / DATASET / "metrics.json").stat().st_size > 0


@pytest.mark.parametrize("is_ignored", [False, True], ids=["heeded", "as under nohup"])
def test_hangup(with_stand_in, made_up, is_ignored):
    nohup = ["nohup"] if is_ignored else []
    running = Running(with_stand_in, *nohup, *call(made_up.inputs), SVM_SECONDS="4")
    running.wait_for(lambda: any((with_stand_in.folder / "work").rglob("*_counts.fits")))
    running.process.send_signal(signal.SIGHUP)
    ran = running.end()
    if is_ignored:
        assert ran.status == 0, ran.said
        assert_complete(with_stand_in.folder / "results", DATASET)
    else:
        assert ran.status == 143, ran.said
        assert marker_of(with_stand_in.folder / "results", DATASET, "failed")["reason"] == "stopped by SIGHUP"
        assert_no_work_is_left(with_stand_in.folder)


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_large_log_is_delivered_in_little_memory(tmp_path, s3, monkeypatch, kind):
    work, size = tmp_path / "attempt", 120_000_000 if kind == "folder" else 20_000_000
    work.mkdir()
    with (work / "process.log").open("wb") as log:
        for _ in range(size // 1_000_000):
            log.write(b"x" * 999_999 + b"\n")
    (work / "metrics.json").write_text("{}")
    if kind == "s3":
        s3.make_bucket("out")
        for name, value in s3.variables.items():
            monkeypatch.setenv(name, value)
    store = FolderStore(tmp_path / "out") if kind == "folder" else open_store("s3://out")
    before = psutil.Process().memory_info().rss
    failure = AttemptFailed(Outcome.TIMEOUT, ExitCode.TIME, "made up")
    save_marker(
        Batch(store, "b"), never_began("b", parse_dataset(DATASET), failure, "hst_9001.pmap", None, None), work
    )
    if kind == "folder":  # the S3 server of the tests, which holds all, is in this process
        assert psutil.Process().memory_info().rss - before < 60_000_000
    (entry,) = [entry for entry in store.entries(f"b/{DATASET}/") if entry.key.endswith("/process.log")]
    assert entry.size == size
    assert (work / "process.log").stat().st_size == size
    assert sorted(path.name for path in work.iterdir()) == ["metrics.json", "process.log"]
