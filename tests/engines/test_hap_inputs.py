"""Inputs and products of mosaics, with stand-ins for the programs."""

import os
import tarfile
from pathlib import Path

import pytest
from astropy.io import fits

from tests.conftest import Commands, Ran
from tests.engines.conftest import S3
from tests.engines.honesty import assert_complete, marker_of, product_names
from tests.madeup.visits import write_flt, write_sky_cell, write_visit
from tests.stand_ins.programs.hap import install_hap
from tests.stand_ins.programs.hstcal import write_program

pytestmark = pytest.mark.engine("CRDS")

VISIT, CELL = "acs_dem_01", "skycell-p1359x02y12"
EXPOSURES = ("jdem01a1q_flt.fits", "jdem01a2q_flt.fits")
ALIGNED = ("hst_9999_01_acs_hrc_f555w_jdem01a1_flt.fits", "hst_9999_02_acs_hrc_f555w_jdem02a3_flt.fits")
ENDS = ("drz.fits", "trl.txt")
PRODUCTS = {
    VISIT: {f"hst_9999_01_acs_hrc_{part}_jdem01_{end}" for part in ("f555w", "total") for end in ENDS},
    CELL: {f"hst_{CELL}_acs_hrc_f555w_all_{end}" for end in ENDS},
}
FLAT = dict.fromkeys((*EXPOSURES, *ALIGNED), "")
PUBLIC = {
    **{name: f"{name[:4]}/{name[:9]}/" for name in EXPOSURES},
    ALIGNED[0]: "jdem/jdem01a1q/",
    ALIGNED[1]: "jdem/jdem02a3s/",
}
STORED = {**PUBLIC, ALIGNED[0]: "acs_dem_01/", ALIGNED[1]: "acs_dem_02/"}


@pytest.fixture
def site(commands: Commands) -> Commands:
    """Return commands that find stand-ins first on PATH."""
    install_hap(commands)
    return commands


def write_inputs(folder: Path, places: dict[str, str], home: str = "") -> Path:
    for name, place in places.items():
        write_flt(folder / place / name)
    write_visit(folder / home.format(VISIT), VISIT, EXPOSURES)
    write_sky_cell(folder / home.format(CELL), CELL, ALIGNED)
    return folder


def process(site: Commands, *arguments: str, **variables: str) -> Ran:
    return site.hstdputils("process", "out", "b", *arguments, **variables)


def assert_both_complete(site: Commands) -> None:
    for dataset, products in PRODUCTS.items():
        assert_complete(site.folder / "out", dataset)
        made = {name for name in product_names(site.folder / "out", dataset) if not name.startswith("previews/")}
        assert made == products | {f"{dataset}_input.out", f"{dataset}_manifest.txt"}


@pytest.mark.parametrize(
    ("places", "home"),
    [(FLAT, ""), (PUBLIC, ""), (PUBLIC, "{}/"), (STORED, "")],
    ids=["flat", "public", "own", "store"],
)
def test_exposures_are_found_however_a_folder_is_arranged(site, places, home):
    write_inputs(site.folder / "inputs", places, home)
    ran = process(site, "--inputs=inputs", VISIT.upper(), CELL)
    assert ran.status == 0, ran.said
    assert_both_complete(site)


def test_they_are_found_in_s3(site, s3: S3, tmp_path):
    uri = s3.make_bucket("raws")
    s3.upload(write_inputs(tmp_path / "files", PUBLIC), "raws", "some/prefix/")
    ran = process(site, f"--inputs={uri}/some/prefix", VISIT, CELL, **s3.variables)
    assert ran.status == 0, ran.said
    assert_both_complete(site)


def test_they_come_from_tarballs_and_what_those_lack_from_other_sources(site):
    loose = write_inputs(site.folder / "loose", PUBLIC)
    packed = site.folder / "packed"
    packed.mkdir()
    for dataset, names in ((VISIT, EXPOSURES), (CELL, ALIGNED[:1])):
        with tarfile.open(packed / f"{dataset}.tar.gz", "w:gz") as archive:
            (poller,) = loose.glob(f"{dataset}_input.out")
            archive.add(poller, poller.name)
            poller.unlink()
            for name in names:
                archive.add(loose / PUBLIC[name] / name, f"{dataset}/{name}")
    ran = process(site, "--inputs=packed", "--inputs=loose", VISIT, CELL)
    assert ran.status == 0, ran.said
    assert_both_complete(site)


def test_what_is_missing_is_named(site):
    inputs = write_inputs(site.folder / "inputs", PUBLIC)
    (inputs / PUBLIC[EXPOSURES[1]] / EXPOSURES[1]).unlink()
    (inputs / PUBLIC[ALIGNED[1]] / ALIGNED[1]).unlink()
    ran = process(site, "--inputs=inputs", VISIT, CELL, "wfc3_dem_01")
    assert ran.status == 21
    for dataset, said in (
        (VISIT, f"no {EXPOSURES[1]}, which {VISIT}_input.out names, in inputs"),
        (CELL, f"no {ALIGNED[1]}, which {CELL}_input.out names, in inputs"),
        ("wfc3_dem_01", "neither wfc3_dem_01_input.out nor wfc3_dem_01.tar.gz in inputs"),
    ):
        marker = marker_of(site.folder / "out", dataset, "failed")
        assert (marker["outcome"], marker["reason"].partition(":")[0]) == ("bad_input", said)


def test_broken_exposures_and_pollers_are_named(site):
    inputs = write_inputs(site.folder / "inputs", FLAT)
    (inputs / EXPOSURES[0]).write_bytes(b"no FITS")
    (inputs / f"{CELL}_input.out").write_text("one,two\n")
    ran = process(site, "--inputs=inputs", VISIT, CELL)
    assert ran.status == 21
    assert f"{EXPOSURES[0]} is no FITS file" in ran.out
    assert f"{CELL}_input.out:1 is not a line of a poller file of {CELL}: it has 2 fields, not 10" in ran.out


def test_a_sky_cell_that_has_all_its_exposures_is_nothing_to_do_and_fetches_none(commands):
    """The program ends with the status that the real one has for it."""
    write_program(commands.folder / "bin", "runmultihap", "#!/bin/sh\nls *.fits && exit 1\nexit 65\n")
    path = f"{commands.folder / 'bin'}{os.pathsep}{commands.environment()['PATH']}"
    write_sky_cell(commands.folder / "inputs", CELL, ALIGNED, state="OLD")
    ran = process(commands, "--inputs=inputs", CELL, PATH=path)
    assert ran.status == 0, ran.said
    assert assert_complete(commands.folder / "out", CELL)["reason"].endswith("(status 65)")


CHOKES = """
print("KeyError: \\"Keyword 'TARGNAME' not found.\\"")
sys.exit(1)
"""


def test_what_the_programs_choke_on_is_a_calibration_error_with_a_code_of_its_own(commands):
    """The words are those of the real programs for an exposure without that keyword."""
    install_hap(commands, CHOKES)
    write_inputs(commands.folder / "inputs", FLAT)
    ran = process(commands, "--inputs=inputs", VISIT, CELL)
    assert ran.status == 1, ran.said
    for dataset, code in ((VISIT, 40), (CELL, 41)):
        marker = marker_of(commands.folder / "out", dataset, "failed")
        assert (marker["outcome"], marker["exit_code"]) == ("calibration_error", code)
        assert "Keyword 'TARGNAME' not found" in marker["reason"]


INCOMPLETE = {
    "acs_de1_01": ("makes.pop()", "hst_9999_01_acs_hrc_total_jde101_drz.fits is missing"),
    "acs_de2_01": ("makes.pop(); listed.pop()", "hst_9999_01_acs_hrc_total_jde201_drz.fits is missing"),
    "acs_de3_01": (
        "listed.append('hst_9999_01_acs_hrc_total_jde301_point-cat.ecsv')",
        "jde301_point-cat.ecsv is missing",
    ),
    "acs_de4_01": ("image = image[:3000]", "hst_9999_01_acs_hrc_f555w_jde401_drz.fits is cut short"),
    "acs_de5_01": ("sys.exit(0)", "acs_de5_01_manifest.txt is missing"),
}
"""What the program does to a visit, and what is said."""


def test_a_run_that_leaves_a_product_out_is_incomplete(commands):
    behaviours = {visit: behaviour for visit, (behaviour, _) in INCOMPLETE.items()}
    install_hap(commands, f"exec({behaviours}[name])")
    for visit in INCOMPLETE:
        exposure = f"j{visit[4:7]}01a1q_flt.fits"
        write_flt(commands.folder / "inputs" / exposure)
        write_visit(commands.folder / "inputs", visit, [exposure])
    ran = process(commands, "--inputs=inputs", *INCOMPLETE)
    assert ran.status == 29, ran.said
    for visit, (_, said) in INCOMPLETE.items():
        marker = marker_of(commands.folder / "out", visit, "failed")
        assert marker["outcome"] == "incomplete_products"
        assert said in marker["reason"]


def test_only_grisms_without_a_distortion_model_need_reference_files(site, made_up):
    write_inputs(site.folder / "inputs", FLAT)
    for name in EXPOSURES:
        fits.setval(site.folder / "inputs" / name, "IDCTAB", value="jref$not_there_idc.fits")
    assert process(site, "--inputs=inputs", VISIT).status == 0

    grism = site.folder / "inputs" / "jdem01a3q_flt.fits"
    write_flt(grism, FILTER1="G800L", DRIZCORR="OMIT", IDCTAB="jref$not_there_idc.fits")
    with (site.folder / "inputs" / f"{VISIT}_input.out").open("a") as poller:
        poller.write(f"{grism.name},9999,DEM,01,60.0,G800L;CLEAR2L,HRC,/a/{grism.name}\n")
    ran = process(site, "--inputs=inputs", "--force", VISIT)
    assert ran.status == 27, ran.said
    assert "not_there_idc.fits: sync the cache" in ran.out
