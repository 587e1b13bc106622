"""Where inputs may be, and that nothing of an earlier attempt gets among them."""

import json
import os
import shutil
import tarfile

import pytest
from astropy.io import fits

from tests.engines.honesty import assert_complete, marker_of, product_names
from tests.stand_ins.programs.calcos import write_bare_python, write_calcos

pytestmark = pytest.mark.engine("CRDS")

NAMES = {"ldem01acq_counts.fits", "ldem01acq_flt.fits", "ldem01acq_rawacq.fits", "ldem01acq_spt.fits"}


def as_bucket(raws, folder):
    shutil.copytree(raws, folder / raws.name[:4] / raws.name)


def in_its_own_folder(raws, folder):
    shutil.copytree(raws, folder / raws.name)


def flat(raws, folder):
    shutil.copytree(raws, folder)


def as_tarball(raws, folder):
    folder.mkdir()
    with tarfile.open(folder / f"{raws.name}.tar.gz", "w:gz") as archive:
        for path in raws.iterdir():
            archive.add(path, path.name)


def as_tarball_with_folders(raws, folder):
    folder.mkdir()
    with tarfile.open(folder / f"{raws.name}.tar.gz", "w:gz") as archive:
        archive.add(raws, f"MAST/HST/{raws.name}")


ARRANGED = {
    "ldem01acq": as_bucket,
    "ldem01tnq": in_its_own_folder,
    "ldem01f1q": flat,
    "ldem01f2q": as_tarball,
    "ldem01omq": as_tarball_with_folders,
}


def test_raw_files_are_found_however_they_are_arranged(with_stand_in, made_up):
    """Each dataset is in a source of its own; the first one that has it serves it."""
    folder = with_stand_in.folder
    for name, arrange in ARRANGED.items():
        arrange(made_up.inputs / "ldem" / name, folder / arrange.__name__)
    flat(made_up.inputs / "ldem/ldem01acq", folder / "never-asked")
    sources = [f"--inputs={arrange.__name__}" for arrange in ARRANGED.values()]
    names = [name.upper() for name in ARRANGED]
    ran = with_stand_in.hstdputils("process", "results", "b", *sources, "--inputs=never-asked", *names)
    assert ran.status == 0, ran.said
    for name, arrange in ARRANGED.items():
        assert_complete(folder / "results", name)
        log = (folder / "results/b" / name / "process.log").read_text()
        assert f"{name}_spt.fits from {arrange.__name__}\n" in log
    assert product_names(folder / "results", "ldem01acq") == NAMES


def cut(path):
    path.write_bytes(path.read_bytes()[:-5000])


def test_broken_inputs_are_named_in_one_line_each(with_stand_in, made_up):
    folder = with_stand_in.folder / "raws"
    shutil.copytree(made_up.inputs, folder, ignore=shutil.ignore_patterns("ldem01f2q", "ldem01fuq", "ldem01pkq"))
    cut(folder / "ldem/ldem01acq/ldem01acq_rawacq.fits")
    (folder / "ldem/ldem01tnq/ldem01tnq_rawtag.fits").write_text("<html>not found</html>")
    fits.setval(folder / "ldem/ldem01omq/ldem01omq_rawtag.fits", "INSTRUME", value="STIS")
    (folder / "ldem01pkq.tar.gz").write_bytes(b"\x1f\x8b broken")
    names = ("ldem01acq", "ldem01tnq", "ldem01omq", "ldem01pkq", "ldem01010")
    ran = with_stand_in.hstdputils("process", "results", "b", "--inputs=raws", *names)
    assert ran.status == 21, ran.said
    reasons = [
        "ldem01acq_rawacq.fits is cut short (",
        "ldem01tnq_rawtag.fits is not a FITS file (",
        "ldem01omq_rawtag.fits says INSTRUME = STIS, but ldem01omq is a dataset of COS: ",
        "the inputs tarball ldem01pkq.tar.gz is not a whole tarball (",
        "no raw files of ldem01f2q, a member of ldem01010, in raws: name another source with --inputs",
    ]
    for name, reason, line in zip(names, reasons, ran.out.splitlines(), strict=True):
        assert line.startswith(f"{name} bad_input (exit code 21): {reason}"), line


def test_tarball_without_the_raw_file_of_a_member_is_refused(commands, made_up):
    """Real calcos would pass over the member and end with 0."""
    wanted = [
        "ldem01010/ldem01010_asn",
        "ldem01f1q/ldem01f1q_rawtag",
        "ldem01f1q/ldem01f1q_spt",
        "ldem01f2q/ldem01f2q_spt",
    ]
    with tarfile.open(commands.folder / "ldem01010.tar.gz", "w:gz") as archive:
        for name in wanted:
            archive.add(made_up.inputs / f"ldem/{name}.fits", f"{name}.fits")
    ran = commands.hstdputils("process", "results", "b", "--inputs=.", "ldem01010")
    assert ran.status == 21, ran.said
    assert "no raw files of ldem01f2q, a member of ldem01010, in .: name another source" in ran.out


@pytest.mark.slow
def test_forced_run_leaves_nothing_of_the_earlier_one(with_stand_in, made_up):
    """A product that is not made any more goes; what lies in the store is never taken for an input."""
    call = ("process", "results", "b", f"--inputs={made_up.inputs}", "ldem01acq")
    store = with_stand_in.folder / "results"
    assert with_stand_in.hstdputils(*call).status == 0
    (store / "b/ldem01acq/ldem01acq_old.fits").write_bytes(b"of an earlier version")
    (store / "b/ldem01acq/previews").mkdir()
    (store / "b/ldem01acq/previews/ldem01acq_old.jpg").write_bytes(b"of an earlier version")
    left = with_stand_in.folder / "work/b/ldem01acq/attempt-killed/data"
    left.mkdir(parents=True)
    (left / "ldem01acq_counts.fits").write_bytes(b"of a killed attempt")

    assert "already succeeded" in with_stand_in.hstdputils(*call).out
    assert "ldem01acq_old.fits" in product_names(store, "ldem01acq"), "nothing is touched without --force"

    ran = with_stand_in.hstdputils(*call[:3], "--force", *call[3:])
    assert ran.status == 0, ran.said
    assert "succeeded: 4 files" in ran.out
    assert product_names(store, "ldem01acq") == NAMES
    marker = assert_complete(store, "ldem01acq")
    assert marker["start"] > "2020"
    assert not (with_stand_in.folder / "work/b").exists()


def test_forced_run_that_fails_leaves_the_products_that_are_there(with_stand_in, made_up):
    call = ("process", "results", "b", "ldem01acq")
    store = with_stand_in.folder / "results"
    assert with_stand_in.hstdputils(*call, f"--inputs={made_up.inputs}").status == 0
    (with_stand_in.folder / "empty").mkdir()
    ran = with_stand_in.hstdputils(*call, "--inputs=empty", "--force")
    assert ran.status == 21, ran.said
    assert marker_of(store, "ldem01acq", "failed")["outcome"] == "bad_input"
    assert_complete(store, "ldem01acq")


def test_variables_of_a_dataset_reach_its_program_and_no_other(commands, made_up):
    own = commands.folder / "in" / "ldem" / "ldem01acq"
    shutil.copytree(made_up.inputs / "ldem" / "ldem01acq", own)
    (own / "ldem01acq_cal_env.txt").write_text("SVM_DRILL=yes\nno variable\n\n")
    write_calcos(commands.folder / "bin", "import os; print('SVM_DRILL is', os.environ.get('SVM_DRILL'))")
    path = f"{commands.folder / 'bin'}{os.pathsep}{commands.environment()['PATH']}"
    ran = commands.hstdputils(
        *("process", "results", "b", "--inputs=in", f"--inputs={made_up.inputs}", "ldem01acq", "ldem01tnq"), PATH=path
    )
    assert ran.status == 0, ran.said
    logs = {
        name: (commands.folder / f"results/b/{name}/process.log").read_text() for name in ("ldem01acq", "ldem01tnq")
    }
    assert "SVM_DRILL is yes" in logs["ldem01acq"]
    assert "SVM_DRILL is None" in logs["ldem01tnq"]
    marker = json.loads((commands.folder / "results/b/markers/succeeded/ldem01acq.json").read_text())
    assert "ldem01acq_cal_env.txt:2: ignored, not NAME=value: no variable" in marker["warnings"]


@pytest.mark.slow
def test_a_program_that_is_missing_does_not_stop_datasets_that_do_without_it(with_stand_in, made_up):
    bare = with_stand_in.folder / "bare"
    variables = write_bare_python(bare)
    variables["PATH"] = f"{with_stand_in.folder / 'programs'}{os.pathsep}{variables['PATH']}"
    argv = ("process", "results", "b", f"--inputs={made_up.inputs}", "o56502010", "ldem01acq")
    ran = with_stand_in.run(bare / "python", "-m", "hstdputils", *argv, **variables)
    assert ran.status == 2, ran.said
    assert "error: the program cs0.e is not on PATH" in ran.err
    assert marker_of(with_stand_in.folder / "results", "ldem01acq")["outcome"] == "succeeded"
