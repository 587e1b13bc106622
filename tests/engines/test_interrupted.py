"""SIGTERM and SIGKILL at many moments: nothing that can be seen is wrong, and the same command completes it."""

import signal
import sys

import pytest

from tests.engines.honesty import assert_complete, assert_not_misleading, assert_true_to_manifest, marker_of
from tests.engines.interrupting import Running

pytestmark = pytest.mark.engine("CRDS", "S3 (moto)")

DATASET = "ldem01acq"


def name_of(value):
    return value.name if isinstance(value, signal.Signals) else value


BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=name_of)

ATTEMPT = {signal.SIGTERM: 2, signal.SIGKILL: 1}
"""Number of the attempt after one that was cut off: SIGKILL leaves no marker to count from."""


def call(source, output="results"):
    return (sys.executable, "-m", "hstdputils.process", output, "b", f"--inputs={source}", DATASET)


def assert_ended_by(running, number, seconds):
    """Check what the user of a command that was interrupted sees."""
    ran = running.end()
    assert "Traceback" not in ran.said, ran.said
    if number is signal.SIGTERM:
        assert ran.status == 143, ran.said
        assert seconds < 10
        assert "stopped by SIGTERM" in ran.said
    else:
        assert ran.status == -signal.SIGKILL


def assert_recorded_as(store, number):
    """Check that SIGTERM has left a marker that says so, and SIGKILL none."""
    assert marker_of(store, DATASET) is None
    failed = marker_of(store, DATASET, "failed")
    if number is signal.SIGTERM:
        assert (failed["outcome"], failed["exit_code"], failed["attempt"]) == ("cancelled", 143, 1)
        assert failed["reason"] == "stopped by SIGTERM"
        assert "cancelled: stopped by SIGTERM" in (store / "b" / DATASET / "process.log").read_text()
    else:
        assert failed is None


def assert_another_call_completes(commands, argv, variables=None):
    ran = commands.run_warm(*argv[2:], **(variables or {}))
    assert ran.status == 0, ran.said


def assert_whole(store, attempt):
    """Check the dataset after the attempt that completed it."""
    marker = assert_complete(store, DATASET)
    assert marker["attempt"] == attempt
    assert [earlier["outcome"] for earlier in marker["earlier"]] == ["cancelled"] * (attempt - 1)
    assert not list(store.rglob("*.part"))


def assert_no_work_is_left(folder):
    work = folder / "work"
    assert not work.exists() or not list(work.rglob("*"))


FOLDER_MOMENTS = {
    "before-inputs": lambda running, folder: any((folder / "work").glob(f"b/{DATASET}/attempt-*")),
    "references": lambda running, folder: running.has_told("inputs", "done")(),
    "calcos": lambda running, folder: any((folder / "work").rglob("*_counts.fits")),
    "products": lambda running, folder: running.has_told("calcos", "done")(),
    "save": lambda running, folder: running.has_told("products", "done")(),
}


INTO_A_FOLDER = [
    *((moment, signal.SIGTERM) for moment in FOLDER_MOMENTS),
    *((moment, signal.SIGKILL) for moment in ("before-inputs", "calcos", "save")),
]


@pytest.mark.parametrize(("moment", "number"), INTO_A_FOLDER, ids=name_of)
@pytest.mark.slow
def test_into_a_folder(with_stand_in, made_up, moment, number):
    folder, store, argv = with_stand_in.folder, with_stand_in.folder / "results", call(made_up.inputs)
    waiting = {"SVM_SECONDS": "30"} if moment == "calcos" else {}
    running = Running(with_stand_in, *argv, **waiting)
    running.wait_for(lambda: FOLDER_MOMENTS[moment](running, folder))
    seconds = running.interrupt(number)
    assert_not_misleading(store, DATASET)
    succeeded = marker_of(store, DATASET) is not None
    if moment in ("products", "save") and succeeded:
        running.end()
        return  # the last steps take a few milliseconds: it had ended
    assert_ended_by(running, number, seconds)
    assert_recorded_as(store, number)
    if number is signal.SIGTERM:
        assert_no_work_is_left(folder)
    assert_another_call_completes(with_stand_in, argv)
    assert_whole(store, ATTEMPT[number])
    assert_no_work_is_left(folder)


@BOTH
@pytest.mark.slow
def test_while_real_calcos_runs(commands, made_up, number):
    folder, store, argv = commands.folder, commands.folder / "results", call(made_up.inputs)
    running = Running(commands, *argv)
    running.wait_for(lambda: any((folder / "work").rglob("*_flt.fits")))
    seconds = running.interrupt(number)
    assert_ended_by(running, number, seconds)
    assert_not_misleading(store, DATASET)
    assert_recorded_as(store, number)
    assert_another_call_completes(commands, argv)
    assert_whole(store, ATTEMPT[number])
    assert_no_work_is_left(folder)


S3_MOMENTS = {
    "inputs": ("GET", f"{DATASET}_rawacq.fits"),
    "first-product": ("PUT", f"{DATASET}_flt.fits"),
    "manifest": ("PUT", "manifest.json"),
}


HANGING = [
    *((moment, signal.SIGTERM) for moment in S3_MOMENTS),
    *((moment, signal.SIGKILL) for moment in ("first-product", "manifest")),
]


@pytest.mark.parametrize(("moment", "number"), HANGING, ids=name_of)
@pytest.mark.slow
def test_while_s3_hangs(with_stand_in, s3, public_bucket, proxy, moment, number):
    """The request that is held is lost in the end; a transfer that hangs does not keep the process alive."""
    s3.make_bucket("out")
    argv = call(public_bucket, "s3://out")
    through_proxy = {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
    held = proxy.disturb(*S3_MOMENTS[moment], hold=True)
    running = Running(with_stand_in, *argv, **through_proxy)
    running.wait_for(held.seen.is_set)
    seconds = running.interrupt(number)
    proxy.let_go()
    assert_ended_by(running, number, seconds)
    store = s3.download("out", with_stand_in.folder / "after")
    assert_not_misleading(store, DATASET)
    assert_recorded_as(store, number)
    assert_another_call_completes(with_stand_in, argv, s3.variables)
    assert_whole(s3.download("out", with_stand_in.folder / "at-the-end"), ATTEMPT[number])
    assert_no_work_is_left(with_stand_in.folder)


@BOTH
@pytest.mark.slow
def test_just_before_the_marker(with_stand_in, s3, public_bucket, proxy, number):
    """All else is saved: SIGTERM waits for the marker; after SIGKILL all is done again."""
    s3.make_bucket("out")
    argv = call(public_bucket, "s3://out")
    through_proxy = {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
    held = proxy.disturb("PUT", "metrics.json", hold=True)
    running = Running(with_stand_in, *argv, **through_proxy)
    running.wait_for(held.seen.is_set)
    if number is signal.SIGTERM:
        running.process.send_signal(number)
        proxy.let_go()
        assert running.end().status == 143
        assert_whole(s3.download("out", with_stand_in.folder / "after"), 1)
    else:
        seconds = running.interrupt(number)
        proxy.let_go()
        assert_ended_by(running, number, seconds)
        store = s3.download("out", with_stand_in.folder / "after")
        assert_true_to_manifest(store, DATASET)
        assert_recorded_as(store, number)
    ran = with_stand_in.run_warm(*argv[2:], **s3.variables)
    assert ran.status == 0
    assert ("already succeeded" in ran.out) is (number is signal.SIGTERM)
    assert_whole(s3.download("out", with_stand_in.folder / "at-the-end"), 1)
    assert_no_work_is_left(with_stand_in.folder)


@pytest.mark.slow
def test_forced_run_that_is_killed_leaves_no_manifest_of_other_products(with_stand_in, s3, public_bucket, proxy):
    s3.make_bucket("out")
    argv = call(public_bucket, "s3://out")
    assert with_stand_in.run_warm(*argv[2:], **s3.variables).status == 0
    held = proxy.disturb("PUT", f"{DATASET}_flt.fits", hold=True)
    running = Running(with_stand_in, *argv, "--force", **{**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint})
    running.wait_for(held.seen.is_set)
    running.interrupt(signal.SIGKILL)
    running.end()
    store = s3.download("out", with_stand_in.folder / "after")
    assert marker_of(store, DATASET) is None
    assert not (store / "b" / DATASET / "manifest.json").exists()
    assert with_stand_in.run_warm(*argv[2:], **s3.variables).status == 0
    assert_complete(s3.download("out", with_stand_in.folder / "at-the-end"), DATASET)


@pytest.mark.slow
def test_ctrl_c_ends_with_130(with_stand_in, made_up):
    running = Running(with_stand_in, *call(made_up.inputs), SVM_SECONDS="30")
    running.wait_for(lambda: any((with_stand_in.folder / "work").rglob("*_counts.fits")))
    seconds = running.interrupt(signal.SIGINT)
    assert seconds < 10
    ran = running.end()
    assert ran.status == 130, ran.said
    assert f"{DATASET} cancelled (exit code 130): stopped by SIGINT" in ran.out
