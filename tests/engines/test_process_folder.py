"""Real calcos into a folder store: products, manifest, marker, log, and what a second call does."""

import json
import re
import shutil

import numpy as np
import pytest
from astropy.io import fits

from tests.engines.honesty import assert_complete, digest, marker_of, previews_of, product_names

pytestmark = pytest.mark.engine("calcos", "CRDS")

PRODUCTS = {
    "ldem01acq": "acq.tra acq_counts acq_flt acq_rawacq acq_spt",
    "ldem01tnq": "tnq.tra tnq_corrtag tnq_counts tnq_flt tnq_rawtag tnq_spt tnq_x1d",
    "ldem01010": "010_asn 010_jnk 010_x1dsum 010_x1dsum2 010_x1dsum3 "
    "f1q.tra f1q_corrtag f1q_counts f1q_flt f1q_rawtag f1q_spt f1q_x1d "
    "f2q.tra f2q_corrtag f2q_counts f2q_flt f2q_rawtag f2q_spt f2q_x1d",
    "ldem01pkq": "pkq_rawacq pkq_spt",
    "ldem01omq": "omq_rawtag omq_spt",
}
CALIBRATED = ("ldem01acq", "ldem01tnq", "ldem01010")


def expected_names(ipppssoot):
    words = PRODUCTS[ipppssoot].split()
    names = {f"ldem01{word}" if word.endswith(".tra") else f"ldem01{word}.fits" for word in words}
    return names | previews_of(names)


@pytest.mark.slow
def test_all_five_succeed_and_each_gets_one_line(folder_run):
    assert folder_run.ran.status == 0, folder_run.ran.said
    lines = folder_run.ran.out.splitlines()
    assert [line.split()[:2] for line in lines] == [[name, "succeeded:"] for name in PRODUCTS]
    assert re.fullmatch(
        r"ldem01acq succeeded: 7 files, \d+\.\d MB, \d+\.\d s, peak \d+ MiB -> results/b/ldem01acq", lines[0]
    )


@pytest.mark.parametrize("ipppssoot", PRODUCTS)
def test_store_holds_what_the_manifest_and_the_marker_say(folder_run, ipppssoot):
    assert product_names(folder_run.store, ipppssoot) == expected_names(ipppssoot)
    marker = assert_complete(folder_run.store, ipppssoot)
    assert marker["crds_context"] == "hst_9001.pmap"
    assert marker["versions"] == {"calcos": "3.6.2"}
    assert (marker["attempt"], marker["earlier"], marker["batch"]) == (1, [], "b")
    assert marker["peak_memory_mib"] > (150 if ipppssoot in CALIBRATED else 30)
    assert marker["cpu_seconds"] > (1 if ipppssoot in CALIBRATED else -1)
    assert marker["bytes_in"] > 0
    assert marker["start"] < marker["end"]


@pytest.mark.parametrize(
    ("ipppssoot", "reason"),
    [
        ("ldem01pkq", "calcos does not process ldem01pkq: EXPTYPE is ACQ/PEAKXD"),
        ("ldem01omq", "calcos does not process ldem01omq: all its calibration switches are OMIT"),
    ],
)
def test_what_calcos_leaves_alone_succeeds_with_the_reason(folder_run, ipppssoot, reason):
    assert marker_of(folder_run.store, ipppssoot)["reason"] == reason
    assert f"({reason})" in folder_run.ran.out
    assert reason in (folder_run.store / "b" / ipppssoot / "process.log").read_text()


def test_nothing_is_left_of_the_work(folder_run):
    work = folder_run.folder / "work"
    assert not work.exists() or not list(work.iterdir())
    assert not list(folder_run.store.rglob("*.part"))


@pytest.mark.parametrize("ipppssoot", CALIBRATED)
def test_log_has_what_calcos_printed_line_by_line_with_times(folder_run, ipppssoot):
    lines = (folder_run.store / "b" / ipppssoot / "process.log").read_text().splitlines()
    shape = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) +\| ?(.*)")
    entries = [shape.fullmatch(line) for line in lines]
    assert all(entries), lines
    of_calcos = [entry[2] for entry in entries if entry[1] == "calcos"]
    assert "CALCOS version 3.6.2" in of_calcos
    assert any("DQICORR   PERFORM" in line for line in of_calcos)
    assert of_calcos[-1] == "exit status 0"
    assert entries[-1][2] == "succeeded"


@pytest.mark.parametrize("ipppssoot", PRODUCTS)
def test_metrics_have_an_entry_for_each_step(folder_run, ipppssoot):
    steps = json.loads((folder_run.store / "b" / ipppssoot / "metrics.json").read_text())["steps"]
    calibration = ["references", "calcos"] if ipppssoot in CALIBRATED else []
    assert [step["name"] for step in steps] == ["inputs", *calibration, "products", "previews", "manifest", "save"]
    told = [line.split()[1] for line in folder_run.ran.err.splitlines() if line.startswith(ipppssoot)]
    assert told == [step["name"] for step in steps]
    for step in steps:
        assert step["wall_seconds"] >= 0
        assert step["peak_memory_mib"] > 30
    if calibration:
        assert steps[2]["written_bytes"] > 10_000_000


def test_raw_files_in_the_store_have_the_seed_that_makes_runs_repeatable(folder_run):
    raws = sorted((folder_run.store / "b").glob("ldem01[atf0]*/*_raw*.fits"))
    assert len(raws) == 4
    assert {fits.getval(raw, "RANDSEED") for raw in raws} == {1}


@pytest.mark.parametrize(
    "name", ["ldem01tnq/ldem01tnq_x1d.fits", "ldem01010/ldem01f1q_x1d.fits", "ldem01010/ldem01010_x1dsum.fits"]
)
def test_spectrum_is_one_of_g185m(folder_run, name):
    with fits.open(folder_run.store / "b" / name) as hdus:
        table = hdus["SCI"].data
    assert list(table["SEGMENT"]) == ["NUVA", "NUVB", "NUVC"]
    assert 1650 < table["WAVELENGTH"].min() < table["WAVELENGTH"].max() < 2050
    assert (np.diff(table["WAVELENGTH"], axis=1) > 0).all()
    assert np.isfinite(table["FLUX"]).all()
    assert (np.median(table["FLUX"], axis=1) > 0).all()


def test_second_call_finds_all_done_and_does_nothing(folder_run, made_up, commands):
    before = {path: path.stat().st_mtime_ns for path in folder_run.store.rglob("*") if path.is_file()}
    again = commands.hstdputils("process", folder_run.store, "b", f"--inputs={made_up.inputs}", *PRODUCTS)
    assert again.status == 0, again.said
    assert [line.split()[:3] for line in again.out.splitlines()] == [[n, "already", "succeeded"] for n in PRODUCTS]
    assert again.err == ""
    assert {path: path.stat().st_mtime_ns for path in folder_run.store.rglob("*") if path.is_file()} == before


def test_one_that_fails_in_the_middle_does_not_stop_the_others(commands, made_up):
    ran = commands.hstdputils(
        "process", "results", "b", f"--inputs={made_up.inputs}", "ldem01omq", "ldem01zzq", "ldem01pkq"
    )
    assert ran.status == 21, ran.said
    assert [line.split()[:2] for line in ran.out.splitlines()] == [
        ["ldem01omq", "succeeded:"],
        ["ldem01zzq", "bad_input"],
        ["ldem01pkq", "succeeded:"],
    ]
    assert f"no raw files of ldem01zzq in {made_up.inputs}: check the id" in ran.out
    failed = marker_of(commands.folder / "results", "ldem01zzq", "failed")
    assert (failed["outcome"], failed["exit_code"], failed["attempt"]) == ("bad_input", 21, 1)
    assert (commands.folder / "results/b/ldem01zzq/process.log").exists()
    assert not (commands.folder / "results/b/ldem01zzq/manifest.json").exists()


def test_failures_that_differ_end_with_1(commands, made_up):
    ran = commands.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", "--crds-context=hst_9003.pmap"),
        *("ldem01zzq", "ldem01acq", "ldem01pkq"),
    )
    assert ran.status == 1, ran.said
    assert re.search(r"^ldem01acq no_references \(exit code 27\): .*\bmad0903ml_bpix.fits\b", ran.out, re.MULTILINE)
    assert "ldem01pkq succeeded" in ran.out


def test_without_a_store_the_products_stay_in_the_work_folder(with_stand_in, made_up):
    ran = with_stand_in.hstdputils("process", "none", "none", f"--inputs={made_up.inputs}", "ldem01acq")
    assert ran.status == 0, ran.said
    (folder,) = (with_stand_in.folder / "work/none/ldem01acq").glob("attempt-*")
    assert f"-> {folder}" in ran.out
    marker = json.loads((folder / "marker.json").read_text())
    assert marker["manifest_sha256"] == digest(folder / "manifest.json")
    for item in json.loads((folder / "manifest.json").read_text())["files"]:
        assert digest(folder / "data" / item["name"]) == item["sha256"]


def test_calcos_that_fails_is_quoted(commands, made_up, tmp_path):
    """A reference file of the wrong kind: the reason is calcos's own, and the log has the rest."""
    shutil.copytree(made_up.crds, tmp_path / "crds")
    flat = tmp_path / "crds/references/hst/mad0001ml_flat.fits"
    flat.chmod(0o644)
    shutil.copyfile(made_up.crds / "references/hst/mad0002ml_dead.fits", flat)
    ran = commands.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", "ldem01tnq"), CRDS_PATH=str(tmp_path / "crds")
    )
    assert ran.status == 23, ran.said
    (line,) = ran.out.splitlines()
    assert line.startswith(
        "ldem01tnq calibration_error (exit code 23): calcos ended with status 1: ERROR:  Wrong FILETYPE"
    )
    log = (commands.folder / "results/b/ldem01tnq/process.log").read_text()
    assert "Traceback" in log
    assert "filetype should be FLAT FIELD REFERENCE IMAGE" in log


def test_reference_that_is_no_fits_file_is_named(commands, made_up, tmp_path):
    shutil.copytree(made_up.crds, tmp_path / "crds")
    flat = tmp_path / "crds/references/hst/mad0001ml_flat.fits"
    flat.chmod(0o644)
    flat.write_bytes(b"broken")
    ran = commands.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", "ldem01tnq"), CRDS_PATH=str(tmp_path / "crds")
    )
    assert ran.status == 27, ran.said
    assert "no_references (exit code 27): mad0001ml_flat.fits in the CRDS cache" in ran.out
    assert "is not a FITS file: sync it anew" in ran.out


def test_time_limit_stops_calibration(with_stand_in, made_up):
    ran = with_stand_in.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", "--max-seconds=1", "ldem01acq"),
        SVM_SECONDS="60",
    )
    assert ran.status == 35, ran.said
    assert "ldem01acq timeout (exit code 35): calcos was stopped after 1 s" in ran.out
    assert marker_of(with_stand_in.folder / "results", "ldem01acq", "failed")["outcome"] == "timeout"
