"""Real calacs.e and cs0.e, where they are, on real exposures with made-up reference files."""

import re
import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.conftest import Commands
from tests.engines.honesty import assert_complete
from tests.madeup import acs_references, stis_references
from tests.madeup.acs import detectors
from tests.shared_cases import unpack_case

pytestmark = [pytest.mark.engine("hstcal", "CRDS", "real HST data"), pytest.mark.slow]

CONTEXT = "hst_0729.pmap"
HRC, STIS, SBC = "j8bt06o6q", "o56502010", "jbz504010"
SBC_CONTEXT = "hst_0651.pmap"
"""The context of the archive's headers of the SBC association."""
SATUFILE = "mad0401mj_sat.fits"
"""The saturation map, on which calacs.e insists since 10.5, and which no rule of the context names."""


def needs(program: str) -> pytest.MarkDecorator:
    own = Path(sys.prefix) / "hstcal/bin" / program
    reason = f"{program} is not on PATH: make hstcal brings it"
    return pytest.mark.skipif(not own.exists() and shutil.which(program) is None, reason=reason)


@pytest.fixture
def site(tmp_path: Path, real_data: Path) -> Commands:
    """Return commands with a cache of real contexts and without references."""
    with tarfile.open(real_data / "crds" / "hst_0729.tar.xz") as archive:
        archive.extractall(tmp_path / "crds", filter="data")
    (tmp_path / "crds/references/hst").mkdir(parents=True)
    return Commands(tmp_path, CRDS_PATH=str(tmp_path / "crds"))


def copy_inputs(site: Commands, real_data: Path, dataset: str, **keywords: str) -> Path:
    """Copy the raw files of a dataset, set keywords in its raw file, and return its path."""
    source = real_data / "stpubdata/hst/public" / dataset[:4] / dataset
    folder = shutil.copytree(source, site.folder / "inputs" / dataset[:4] / dataset)
    raw = folder / f"{dataset}_raw.fits"
    with fits.open(raw, mode="update") as hdus:
        hdus[0].header.update(keywords)
    return raw


def best_references(site: Commands, raw: Path, context: str = CONTEXT) -> dict[str, str]:
    """Return the names of the best references, by keyword, and write an empty file for each."""
    copy = Path(shutil.copy(raw, site.folder))
    ran = site.run(
        "crds",
        "bestrefs",
        "--update-bestrefs",
        "--new-context",
        context,
        "--files",
        copy.name,
        CRDS_OBSERVATORY="hst",
        CRDS_SERVER_URL="https://hst-serverless-mode.stsci.edu",
    )
    assert ran.status == 0, ran.said
    values = fits.getheader(copy).items()
    names = {key: match[1] for key, value in values if (match := re.match(r"[jo]ref\$(\S+)", str(value)))}
    for name in names.values():
        fits.PrimaryHDU().writeto(references_of(site) / name, overwrite=True)
    return names


def references_of(site: Commands) -> Path:
    return site.folder / "crds/references/hst"


def process(site: Commands, dataset: str, context: str = CONTEXT) -> Path:
    """Process a dataset, check the store, and return the folder of its products."""
    options = ("--inputs=inputs", f"--crds-context={context}", "--astrometry=off")
    ran = site.hstdputils("process", "out", "b", *options, dataset)
    assert ran.status == 0, ran.said
    assert_complete(site.folder / "out", dataset)
    return site.folder / "out/b" / dataset


@needs("calacs.e")
@pytest.mark.engine("drizzlepac")
@pytest.mark.parametrize("dataset", ["j8bt05njq", HRC])
def test_an_hrc_image_is_calibrated_and_drizzled(site, real_data, dataset):
    raw = copy_inputs(site, real_data, dataset, SATUFILE=f"jref${SATUFILE}")
    names = best_references(site, raw)
    acs_references.write_references(references_of(site), names, fits.getheader(raw))
    home = process(site, dataset)
    with fits.open(home / f"{dataset}_flt.fits") as hdus, fits.open(raw) as raws:
        for switch in ("DQICORR", "BLEVCORR", "BIASCORR", "DARKCORR", "FLATCORR", "PHOTCORR", "DRIZCORR"):
            assert hdus[0].header[switch] == "COMPLETE", switch
        assert hdus["SCI"].header["PHOTFLAM"] == pytest.approx(detectors.HRC.phot_flam)
        light = hdus["SCI"].data
        counts = raws["SCI"].data[: light.shape[0], 19:1043].astype(float)
    level = counts * detectors.HRC.gain / detectors.HRC.flat - light
    assert level.max() - level.min() < 1, "bias, dark and flat field are the same for all pixels"
    drizzled = fits.getdata(home / f"{dataset}_drz.fits", "SCI")
    assert np.nansum(drizzled) == pytest.approx(light.sum() / fits.getval(raw, "EXPTIME"), rel=0.1)


@needs("calacs.e")
@pytest.mark.engine("drizzlepac")
def test_an_sbc_association_is_summed_and_drizzled(site, real_data):
    public = real_data / "stpubdata/hst/public" / SBC[:4]
    members = sorted(folder.name for folder in public.iterdir() if folder.name != SBC)
    shutil.copytree(public, site.folder / "inputs" / SBC[:4])
    counts = []
    for member in members:
        raw = public / member / f"{member}_raw.fits"
        counts.append(fits.getdata(raw, "SCI").astype(float))
        acs_references.write_references(
            references_of(site), best_references(site, raw, SBC_CONTEXT), fits.getheader(raw)
        )
    home = process(site, SBC, SBC_CONTEXT)
    made = {path.name for path in home.glob("*.fits")}
    assert made == {
        f"{SBC}_asn.fits",
        *(f"{member}_{suffix}.fits" for member in members for suffix in ("raw", "flt", "flt_hlet")),
        *(f"{SBC[:-1]}1_{suffix}.fits" for suffix in ("sfl", "drz")),
    }
    with fits.open(home / f"{SBC[:-1]}1_sfl.fits") as hdus:
        assert hdus[0].header["EXPTIME"] == 800.0
        summed = hdus["SCI"].data
    assert np.allclose(summed, sum(counts) / detectors.SBC.flat, rtol=1e-3)
    drizzled = fits.getdata(home / f"{SBC[:-1]}1_drz.fits", "SCI")
    assert np.nansum(drizzled) == pytest.approx(summed.sum() / 800.0, rel=0.1)


@needs("cs0.e")
@pytest.mark.parametrize("dataset", [STIS, "o56502020"])
def test_a_stis_spectrum_is_extracted(site, real_data, dataset):
    raw = copy_inputs(site, real_data, dataset)
    truth = real_data / "truth" / dataset / f"{dataset}_sx1.fits"
    with fits.open(truth) as hdus:
        shift, theirs = tuple(hdus[1].header[f"SHIFTA{axis}"] for axis in (1, 2)), hdus[1].data[0]
    row = theirs["A2CENTER"] - shift[1]
    stis_references.write_wavecal(raw, raw.with_name(f"{dataset}_asn.fits"), row, shift)
    names, archived = best_references(site, raw), fits.getheader(raw)
    differing = {key for key, name in names.items() if archived[key] != f"oref${name}"}
    assert differing == {"IMPHTTAB", "PHOTTAB"}, "the archive's context is a later one"
    stis_references.write_references(references_of(site), names, archived, row)
    home = process(site, dataset)
    made = {path.stem.partition("_")[2] for path in home.glob(f"{dataset}_*.fits")}
    assert made == {"asn", "raw", "spt", "wav", "crj", "flt", "sx1", "sx2"}
    with fits.open(home / f"{dataset}_sx1.fits") as hdus:
        switches = {name: hdus[0].header[name] for name in ("WAVECORR", "FLUXCORR", "HELCORR", "CRCORR")}
        found, ours = tuple(hdus[1].header[f"SHIFTA{axis}"] for axis in (1, 2)), hdus[1].data[0]
    assert switches == dict.fromkeys(switches, "COMPLETE")
    assert found == pytest.approx(shift, abs=0.25)
    # the made-up dispersion is a straight line, and the made-up sensitivity the same at all wavelengths
    assert np.allclose(ours["WAVELENGTH"], theirs["WAVELENGTH"], atol=0.5)
    assert np.median(ours["NET"] / theirs["NET"]) == pytest.approx(1, abs=0.1)
    parts = np.median((ours["FLUX"] / theirs["FLUX"])[:504].reshape(8, 63), axis=1)
    assert parts.std() < 0.2 * parts.mean()
    assert (home / "previews" / f"{dataset}_sx1.png").exists()


@needs("calacs.e")
@pytest.mark.engine("drizzlepac")
def test_an_exposure_of_no_time_keeps_what_is_made_of_it(site):
    folder = unpack_case("acs_zero", site.folder / "inputs") / "j8bt" / HRC
    raw = folder / f"{HRC}_raw.fits"
    fits.setval(raw, "SATUFILE", value=f"jref${SATUFILE}")
    names = best_references(site, raw)
    acs_references.write_references(references_of(site), names, fits.getheader(raw))
    home = process(site, HRC)
    marker = assert_complete(site.folder / "out", HRC)
    assert marker["reason"].startswith(f"{HRC} failed: EXPTIME = 0, EXPFLAG = NO DATA")
    assert (home / f"{HRC}_flt.fits").exists()
    assert (home / f"{HRC}_drz.fits").exists()


@needs("cs0.e")
def test_a_stis_spectrum_that_is_too_faint_keeps_its_images(site, real_data):
    raw = copy_inputs(site, real_data, STIS, WAVECORR="OMIT", FLUXCORR="OMIT")
    with fits.open(raw, mode="update") as hdus:
        for number in (1, 2):
            noise = np.random.default_rng(number).normal(1500, 3, hdus["SCI", number].data.shape)
            hdus["SCI", number].data[:] = noise.astype(np.int16)
    stis_references.write_references(references_of(site), best_references(site, raw), fits.getheader(raw))
    home = process(site, STIS)
    made = {path.stem.partition("_")[2] for path in home.glob(f"{STIS}_*.fits")}
    assert made == {"asn", "raw", "spt", "crj", "flt", "sx2"}
    assert f"there is no {STIS}_sx1.fits" in assert_complete(site.folder / "out", STIS)["reason"]


@needs("cs0.e")
@pytest.mark.parametrize("dataset", ["octr11h4q", "octr11hrq", "od3v01bfq", "o4er06llq"])
def test_target_acquisitions_of_stis_are_kept_as_they_are(site, real_data, dataset):
    best_references(site, copy_inputs(site, real_data, dataset))
    home = process(site, dataset)
    said = f"cs0.e does not process {dataset}_raw.fits: all its calibration switches are OMIT"
    failed = {"o4er06llq": "o4er06llq failed: EXPFLAG = INTERRUPTED, all pixels are the same in o4er06llq_raw.fits; "}
    assert assert_complete(site.folder / "out", dataset)["reason"] == failed.get(dataset, "") + said
    assert {path.name for path in home.glob("*.fits")} == {f"{dataset}_raw.fits", f"{dataset}_spt.fits"}
    assert (home / "previews" / f"{dataset}_raw.jpg").exists()


@needs("cs0.e")
def test_a_wavecal_that_is_needed_is_looked_for_before_cs0_dies_without_it(site, real_data):
    copy_inputs(site, real_data, STIS)
    ran = site.hstdputils("process", "out", "b", "--inputs=inputs", f"--crds-context={CONTEXT}", STIS)
    assert ran.status == 21, ran.said
    assert f"its wavecal {STIS}_wav.fits (WAVECAL) is not among the inputs" in ran.out
