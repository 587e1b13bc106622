"""Caches and work folders with paths that are too long, or too odd, for hstcal's programs."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.calibrate.drizzlepac import RUNASTRODRIZ
from hstdputils.calibrate.hstcal import CALACS, CALWF3
from hstdputils.calibrate.programs import LONGEST_FOLDER, path_problem, short_links
from hstdputils.core.outcomes import AttemptFailed, Outcome
from tests.conftest import Commands
from tests.engines.honesty import assert_complete, marker_of
from tests.engines.test_failing_programs import CALSTIS, PROGRAMS
from tests.engines.test_failing_programs import RUNASTRODRIZ as DRIZZLING
from tests.engines.test_real_hstcal import CONTEXT, HRC, SATUFILE, STIS, best_references, copy_inputs, needs, site
from tests.madeup import acs_references, dataset_folder, stis_references
from tests.madeup.small_raws import KINDS, write_small_raw
from tests.stand_ins.programs.hstcal import install

pytestmark = pytest.mark.engine("CRDS")

__all__ = ["site"]

ODD = "my cache, [1] (of two)/" + "long/" * 50
READS = """
folder = os.environ[variable]
print("references in", folder, *sorted(os.listdir(folder)))
assert len(folder) < 10 and folder.endswith("/") and not folder.startswith("/")
make()
"""


def own_cache(crds: Path, target: Path, layout: str) -> Path:
    """Copy a cache, with its references in one folder or in a folder for each instrument."""
    shutil.copytree(crds, target)
    (target / "config/hst/ref_cache_subdir_mode").write_text(f"{layout}\n")
    folder = target / "references/hst"
    for path in folder.glob("*.fits") if layout == "instrument" else ():
        for instrument in ("acs", "cos", "stis", "wfc3"):
            (folder / instrument).mkdir(exist_ok=True)
            shutil.copyfile(path, folder / instrument / path.name)
        path.unlink()
    return target


@pytest.mark.parametrize("layout", ["flat", "instrument"])
@pytest.mark.parametrize("name", ["calacs.e", "calwf3.e", "cs0.e"])
def test_programs_get_a_short_path_to_any_cache(tmp_path, made_up, name, layout):
    program = PROGRAMS[name]
    kind = KINDS[program.instrument]
    dataset = f"{kind.letter}dem01a1q"
    cache = own_cache(made_up.crds, tmp_path / ODD / "crds", layout)
    here = Commands(tmp_path, CRDS_PATH=str(cache))
    write_small_raw(dataset_folder(tmp_path / "inputs", dataset), dataset, program.instrument)
    install(here, name, kind.variable, program.call(dataset), all=READS)
    # what is written in Python changes folders, and takes any path
    install(here, "runastrodriz", kind.variable, DRIZZLING.call(dataset))
    ran = here.hstdputils("process", "out", "b", "--inputs=inputs", "--keep-work=always", dataset)
    assert ran.status == 0, ran.said
    (log,) = (tmp_path / "out").rglob("process.log")
    said = re.search(rf"references in \.{kind.variable}/ (.*)", log.read_text())
    assert said, ran.said
    assert "mad0" in said[1]
    assert_complete(tmp_path / "out", dataset)
    assert not list(tmp_path.rglob(f".{kind.variable}*")), "links stay neither in store nor work folder"


def test_a_link_goes_when_the_program_fails(tmp_path, made_up):
    here = Commands(tmp_path, CRDS_PATH=str(made_up.crds))
    write_small_raw(dataset_folder(tmp_path / "inputs", "odem01a1q"), "odem01a1q", "stis")
    install(here, "cs0.e", "oref", CALSTIS.call("odem01a1q"), all="sys.exit(2)")
    ran = here.hstdputils("process", "out", "b", "--inputs=inputs", "--keep-work=always", "odem01a1q")
    assert ran.status == 23, ran.said
    assert not list(tmp_path.rglob(".oref"))


def test_python_programs_and_other_variables_keep_their_paths(tmp_path):
    variables = {"jref": "/a/b/", "lref": "/c/", "OMP_THREAD_LIMIT": "1", "mref": "kept/"}
    with short_links(RUNASTRODRIZ, tmp_path, variables) as short:
        assert short == variables
    with short_links(CALACS, tmp_path, variables) as short:
        assert short == variables | {"jref": ".jref/", "lref": ".lref/"}
        assert (tmp_path / ".jref").readlink() == Path("/a/b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["/long" * 50, "/with [brackets]/", "/with,comma/"])
def test_where_no_link_can_be_made_a_long_path_is_one_line(tmp_path, folder):
    nowhere = tmp_path / "gone"
    with pytest.raises(AttemptFailed) as failed, short_links(CALWF3, nowhere, {"iref": folder}):
        pass
    assert (failed.value.outcome, failed.value.exit_code) == (Outcome.NO_REFERENCES, 27)
    assert f"calwf3.e cannot use the references in {folder} (a path " in failed.value.reason
    assert failed.value.reason.endswith("set CRDS_PATH to a shorter path, or name another --work")
    with short_links(CALWF3, nowhere, {"iref": "/short/enough/"}) as short:
        assert short == {"iref": "/short/enough/"}


def test_a_work_folder_that_is_too_deep_is_one_line(tmp_path, made_up):
    here = Commands(tmp_path, CRDS_PATH=str(made_up.crds))
    install(here, "cs0.e", "oref", CALSTIS.call("odem01a1q"))
    ran = here.hstdputils("process", "out", "b", f"--inputs={made_up.inputs}", f"--work={'deep/' * 200}", "odem01a1q")
    (line,) = ran.err.splitlines()
    assert (ran.status, line.startswith("error: cs0.e cannot run in ")) == (2, True), ran.said
    assert line.endswith("and hstcal takes 1000): name another --work")
    assert marker_of(tmp_path / "out", "odem01a1q", "failed") is None


def test_longest_paths():
    assert path_problem(f"/{'x' * (LONGEST_FOLDER - 1)}") == ""
    assert path_problem(f"/{'x' * LONGEST_FOLDER}")


def long_cache(site: Commands) -> Path:
    """Move the cache to a path that would corrupt the memory of hstcal's programs."""
    target = site.folder / ODD / "crds"
    target.parent.mkdir(parents=True)
    shutil.move(site.variables["CRDS_PATH"], target)
    site.variables["CRDS_PATH"] = str(target)
    return target / "references/hst"


def run(program, site: Commands, raw: Path, arguments: tuple[str, ...], variables: Mapping[str, str]) -> None:
    with short_links(program, raw.parent, variables) as short:
        done = subprocess.run(
            [shutil.which(program.name), *arguments, raw.name],
            cwd=raw.parent,
            env=site.environment(OMP_THREAD_LIMIT="1", **short),
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stdout[-2000:]


@needs("calacs.e")
@pytest.mark.engine("hstcal", "real HST data")
@pytest.mark.slow
def test_real_calacs_with_a_long_path(site, real_data):
    raw = copy_inputs(site, real_data, HRC, SATUFILE=f"jref${SATUFILE}")
    folder = site.folder / "crds/references/hst"
    names = best_references(site, raw)
    acs_references.write_references(folder, names, fits.getheader(raw))
    with fits.open(raw, mode="update") as hdus:
        hdus[0].header.update({keyword: f"jref${name}" for keyword, name in names.items()})
    folder = long_cache(site)
    assert len(str(folder)) > LONGEST_FOLDER
    run(CALACS, site, raw, ("--nthreads", "1"), {"jref": f"{folder}/"})
    header = fits.getheader(raw.with_name(f"{HRC}_flt.fits"))
    assert header["CCDTAB"] == f"jref${names['CCDTAB']}", "headers name references as they did"


@needs("cs0.e")
@pytest.mark.engine("hstcal", "real HST data")
@pytest.mark.slow
def test_real_cs0_with_a_long_path(site, real_data):
    raw = copy_inputs(site, real_data, STIS, WAVECORR="OMIT", FLUXCORR="OMIT")
    stis_references.write_references(
        site.folder / "crds/references/hst", best_references(site, raw), fits.getheader(raw)
    )
    long_cache(site)
    ran = site.hstdputils("process", "out", "b", "--inputs=inputs", f"--crds-context={CONTEXT}", STIS)
    assert ran.status == 0, ran.said
    assert_complete(site.folder / "out", STIS)
