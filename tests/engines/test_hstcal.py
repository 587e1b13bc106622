"""Real ACS and STIS exposures under real CRDS contexts, with stand-ins for hstcal's programs and runastrodriz.

The stand-ins insist on what the real programs insist on (arguments, variables, no earlier outputs), and write files
of the names that the real ones write.
"""

import os
import sys
import tarfile
from pathlib import Path

import pytest
from astropy.io import fits

from tests.conftest import Commands
from tests.engines.honesty import assert_complete, marker_of

pytestmark = pytest.mark.engine("CRDS", "real HST data")

_PROGRAM = """\
#!{python} -SE
import os, pathlib, sys
if "--version" in sys.argv:
    sys.exit("10.5.0 (stand-in)")
print("stand-in", *sys.argv[1:], flush=True)
arguments, makes, needs, variable = {arguments!r}, {makes!r}, {needs!r}, {variable!r}
if sys.argv[1:] != arguments.split():
    sys.exit(f"ERROR: called with {{sys.argv[1:]}}")
if not os.environ[variable].endswith("/") or os.environ["OMP_THREAD_LIMIT"] != "1":
    sys.exit(f"ERROR: the environment is wrong: {{os.environ[variable]}}")
if missing := [name for name in needs.split() if not pathlib.Path(name).exists()]:
    sys.exit(f"ERROR: missing {{missing}}")
{behaviour}
cards = ["SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2"]
cards += ["NAXIS1  =                   40", "NAXIS2  =                   36", "END"]
header = "".join(card.ljust(80) for card in cards).ljust(2880).encode()
for name in makes.split():
    if pathlib.Path(name).exists():
        sys.exit(f"ERROR: {{name}} exists")
    pathlib.Path(name).write_bytes(header + bytes(range(240)) * 12)
"""

SBC = {
    "calacs.e": {
        "arguments": "--nthreads 1 jbz504010_asn.fits",
        "needs": "jbz504ejq_raw.fits jbz504ekq_raw.fits",
        "makes": "jbz504ejq_flt.fits jbz504ekq_flt.fits jbz504011_sfl.fits jbz504ejq.tra",
    },
    "runastrodriz": {
        "arguments": "-n 1 jbz504010_asn.fits",
        "needs": "jbz504ejq_flt.fits jbz504ekq_flt.fits",
        "makes": "jbz504011_drz.fits",
    },
}
STIS = {
    "cs0.e": {
        "arguments": "-tv o56502010_raw.fits",
        "needs": "o56502010_raw.fits",
        "makes": "o56502010_crj.fits o56502010_flt.fits o56502010_sx1.fits o56502010_sx2.fits",
    }
}
SBC_REFERENCES = (
    "u451251ej_bpx k9c13374j_lin pbg1450lj_pfl xb61855jj_imp v6m2008mj_idc s5f20000j_dxy ub215379j_mdz xc215013j_npl"
).split()
STIS_REFERENCES = (
    "h1v11475o_bpx k1a1902to_drk n491401io_pfl p822207no_pht y2i1649no_imp y2r1559to_apt 0841734eo_ccd k4b0828ro_bia "
    "j3m1403io_crr 16j16005o_apd qa31608go_1dt l2j0137to_dsp h5s11397o_iac l421050oo_lmp 16j16006o_sdc n7p1031qo_1dx "
    "q541740oo_pct 16j1600co_wcp t9a1003so_tds p9r19203o_gac"
).split()


@pytest.fixture
def site(tmp_path: Path, real_data: Path) -> Commands:
    """Return commands with a cache of real contexts, and empty files under the names of the references."""
    cache = tmp_path / "crds"
    with tarfile.open(real_data / "crds" / "hst_0729.tar.xz") as archive:
        archive.extractall(cache, filter="data")
    (cache / "references" / "hst").mkdir(parents=True)
    for name in (*SBC_REFERENCES, *STIS_REFERENCES):
        fits.PrimaryHDU().writeto(cache / "references" / "hst" / f"{name}.fits")
    return Commands(tmp_path, CRDS_PATH=str(cache))


def install(site: Commands, programs: dict, variable: str, **behaviours: str) -> None:
    """Write the stand-ins into a folder that is first on PATH."""
    folder = site.folder / "bin"
    folder.mkdir(exist_ok=True)
    for name, facts in programs.items():
        text = _PROGRAM.format(
            python=sys.executable, variable=variable, behaviour=behaviours.get(name.split(".")[0], ""), **facts
        )
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    site.variables["PATH"] = f"{folder}{os.pathsep}{site.environment()['PATH']}"


def process(site: Commands, real_data: Path, context: str, ipppssoot: str):
    inputs = real_data / "stpubdata" / "hst" / "public"
    return site.hstdputils("process", "out", "b", f"--inputs={inputs}", f"--context={context}", ipppssoot)


def references_in(path: Path) -> dict[str, str]:
    """Return the reference files that a header names, by keyword."""
    header = fits.getheader(path)
    return {key: value.strip() for key, value in header.items() if isinstance(value, str) and "ref$" in value}


def test_an_acs_association_from_raw_files_to_the_drizzled_image(site, real_data):
    install(site, SBC, "jref")
    ran = process(site, real_data, "hst_0651.pmap", "jbz504010")
    assert ran.status == 0, ran.said
    marker = assert_complete(site.folder / "out", "jbz504010")
    assert marker["versions"]["calacs.e"] == "10.5.0"
    home = site.folder / "out" / "b" / "jbz504010"
    made = {path.name for path in home.glob("*.fits")} - {"jbz504010_asn.fits"}
    assert made == {
        *("jbz504ejq_raw.fits", "jbz504ekq_raw.fits", "jbz504ejq_flt.fits", "jbz504ekq_flt.fits"),
        *("jbz504011_sfl.fits", "jbz504011_drz.fits"),
    }
    assert (home / "previews" / "jbz504011_drz.jpg").exists()
    for member in ("jbz504ejq", "jbz504ekq"):
        archived = references_in(real_data / "stpubdata/hst/public/jbz5" / member / f"{member}_raw.fits")
        assert references_in(home / f"{member}_raw.fits") == archived


def test_stis_references_are_the_archives_but_for_two_that_are_newer(site, real_data):
    install(site, STIS, "oref")
    ran = process(site, real_data, "hst_0729.pmap", "o56502010")
    assert ran.status == 0, ran.said
    assert_complete(site.folder / "out", "o56502010")
    ours = references_in(site.folder / "out/b/o56502010/o56502010_raw.fits")
    archived = references_in(real_data / "stpubdata/hst/public/o565/o56502010/o56502010_raw.fits")
    assert {key for key in archived if ours.get(key) != archived[key]} == {"IMPHTTAB", "PHOTTAB"}


@pytest.mark.parametrize(
    ("behaviours", "status", "said"),
    [
        ({"calacs": "sys.exit(0)"}, 29, "jbz504ejq_flt.fits, jbz504ekq_flt.fits missing, which runastrodriz needs"),
        (
            {"calacs": "os.kill(os.getpid(), 11)"},
            23,
            "calibration_error (exit code 23): calacs.e was ended by SIGSEGV",
        ),
        (
            {"calacs": "sys.exit('ERROR:    status = 1021')"},
            23,
            "calacs.e ended with status 1: ERROR:    status = 1021",
        ),
        ({"calacs": "print('Cannot allocate memory'); sys.exit(111)"}, 34, "out_of_memory (exit code 34)"),
        ({"runastrodriz": "sys.exit(0)"}, 29, "incomplete_products (exit code 29): jbz504011_drz.fits is missing"),
        ({"runastrodriz": "sys.exit(1)"}, 24, "calibration_error (exit code 24): runastrodriz ended with status 1"),
    ],
)
def test_programs_that_fail(site, real_data, behaviours, status, said):
    install(site, SBC, "jref", **behaviours)
    ran = process(site, real_data, "hst_0651.pmap", "jbz504010")
    assert ran.status == status, ran.said
    assert said in ran.out
    assert marker_of(site.folder / "out", "jbz504010") is None
    assert marker_of(site.folder / "out", "jbz504010", "failed")["exit_code"] == status
