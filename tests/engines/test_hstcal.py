"""Real ACS and STIS exposures from a copy of the public bucket, with real CRDS contexts and stand-ins for programs.

The stand-ins insist on what the real programs insist on, and write files of the names that the real ones write.
"""

import fcntl
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from astropy.io import fits

from tests.conftest import Commands, MadeUp
from tests.engines.honesty import RECORDS, assert_complete
from tests.stand_ins.programs.hstcal import Call, install

pytestmark = pytest.mark.engine("CRDS", "S3 (moto)", "real HST data")


@dataclass(frozen=True)
class Observed:
    """A real dataset, and what must come of it."""

    ipppssoot: str
    context: str
    calls: dict[str, Call]
    """The call of each program."""
    references: str
    """The best reference files."""
    saved: str
    """The names of all FITS files in the store."""
    pictured: str
    """Those that have a preview."""
    differing: Mapping[str, str | None] = field(default_factory=dict)
    """Files that the archive, under another context, named otherwise, by keyword; none where it named one."""

    @property
    def raws(self) -> list[str]:
        return [f"{stem}.fits" for stem in self.saved.split() if stem.endswith("_raw")]


def hrc(root: str, references: str) -> Observed:
    return Observed(
        root,
        "hst_0729.pmap",
        {
            "calacs.e": Call(f"--nthreads 1 {root}_raw.fits", f"{root}_raw.fits", f"{root}_flt.fits {root}.tra"),
            "runastrodriz": Call(
                f"-n 1 {root}_raw.fits", f"{root}_flt.fits", f"{root}_drz.fits {root}_flt_hlet.fits"
            ),
        },
        f"{references} m8r09169j_bpx o1515069j_ccd 14s1737dj_osc m4r1753rj_bia n3o1059hj_drk 2391649pj_imp "
        "p7d1548qj_idc ub215378j_mdz",
        f"{root}_raw {root}_flt {root}_flt_hlet {root}_drz",
        f"{root}_raw {root}_flt {root}_drz",
        # the archive's headers are of 2011: later contexts name no file for a step that is not performed
        {"OSCNTAB": "14s1737dj_osc.fits", "ATODTAB": None, "CRREJTAB": None, "SHADFILE": None},
    )


def stis(root: str) -> Observed:
    products = [f"{root}_{suffix}" for suffix in ("crj", "flt", "sx1", "sx2")]
    makes = " ".join(f"{product}.fits" for product in products)
    return Observed(
        root,
        "hst_0729.pmap",
        {"cs0.e": Call(f"-tv {root}_raw.fits", f"{root}_raw.fits", makes)},
        "h1v11475o_bpx k1a1902to_drk n491401io_pfl p822207no_pht y2i1649no_imp y2r1559to_apt 0841734eo_ccd "
        "k4b0828ro_bia j3m1403io_crr 16j16005o_apd qa31608go_1dt l2j0137to_dsp h5s11397o_iac l421050oo_lmp "
        "16j16006o_sdc n7p1031qo_1dx q541740oo_pct 16j1600co_wcp t9a1003so_tds p9r19203o_gac",
        " ".join([*products, f"{root}_asn", f"{root}_raw", f"{root}_spt", f"{root}_wav"]),
        f"{root}_raw {root}_crj {root}_flt {root}_sx2",
        {"IMPHTTAB": "y2i1649no_imp.fits", "PHOTTAB": "p822207no_pht.fits"},
    )


SBC = Observed(
    "jbz504010",
    "hst_0651.pmap",
    {
        "calacs.e": Call(
            "--nthreads 1 jbz504010_asn.fits",
            "jbz504ejq_raw.fits jbz504ekq_raw.fits",
            "jbz504ejq_flt.fits jbz504ekq_flt.fits jbz504011_sfl.fits jbz504ejq.tra jbz504ekq.tra jbz504010.tra",
        ),
        "runastrodriz": Call(
            "-n 1 jbz504010_asn.fits", "jbz504ejq_flt.fits jbz504ekq_flt.fits", "jbz504011_drz.fits"
        ),
    },
    "u451251ej_bpx k9c13374j_lin pbg1450lj_pfl xb61855jj_imp v6m2008mj_idc s5f20000j_dxy ub215379j_mdz xc215013j_npl",
    "jbz504010_asn jbz504ejq_raw jbz504ekq_raw jbz504ejq_flt jbz504ekq_flt jbz504011_sfl jbz504011_drz",
    "jbz504ejq_raw jbz504ekq_raw jbz504ejq_flt jbz504ekq_flt jbz504011_sfl jbz504011_drz",
)
DATASETS = (
    SBC,
    hrc("j8bt05njq", "o3u1448rj_pfl o8u2214mj_dxy v9718263j_npl"),
    hrc("j8bt06o6q", "o3u1449dj_pfl o8u2214nj_dxy v9718264j_npl"),
    stis("o56502010"),
    stis("o56502020"),
)


@pytest.fixture(scope="session")
def real_crds(real_data: Path, made_up: MadeUp) -> Path:
    """Return a cache with real contexts, and empty files under the names of the references."""
    cache = made_up.crds.parent / "crds-real-contexts"
    cache.mkdir(exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / "complete").exists():
            with tarfile.open(real_data / "crds" / "hst_0729.tar.xz") as archive:
                archive.extractall(cache, filter="data")
            (cache / "references/hst").mkdir(parents=True)
            for name in {name for observed in DATASETS for name in observed.references.split()}:
                fits.PrimaryHDU().writeto(cache / "references/hst" / f"{name}.fits")
            (cache / "complete").touch()
    return cache


def references_in(path: Path) -> dict[str, str]:
    """Return the reference files that calibration programs read by a header, by keyword."""
    header = fits.getheader(path)
    return {key: match[1] for key, value in header.items() if (match := re.match(r"[ijlo]ref\$(\S+)", str(value)))}


def write_wavecal(folder: Path, raw: Path, table: Path) -> None:
    """Write what stands for the wavecal of a STIS association, which is not there; its headers are the raw file's."""
    names = [row["MEMNAME"] for row in fits.getdata(table) if "WAVECAL" in row["MEMTYPE"]]
    with fits.open(raw) as hdus:
        for hdu in hdus[1:]:
            hdu.header["EXPNAME"] = names[hdu.ver - 1].lower()
        hdus.writeto(folder / raw.name.replace("_raw", "_wav"))


@pytest.mark.parametrize("observed", DATASETS, ids=lambda observed: observed.ipppssoot)
@pytest.mark.slow
def test_from_the_public_bucket_to_products(tmp_path, real_data, real_crds, s3, observed):
    name = observed.ipppssoot
    site = Commands(tmp_path, CRDS_PATH=str(real_crds), **s3.variables)
    for program, call in observed.calls.items():
        install(site, program, "oref" if program == "cs0.e" else "jref", call)
    public = real_data / "stpubdata/hst/public" / name[:4]
    s3.make_bucket("stpubdata")
    for folder in public.iterdir():
        s3.upload(folder, "stpubdata", f"hst/public/{name[:4]}/{folder.name}/")
    if f"{name}_wav" in observed.saved.split():
        (tmp_path / "wavecal").mkdir()
        write_wavecal(tmp_path / "wavecal", *(public / name / f"{name}_{suffix}.fits" for suffix in ("raw", "asn")))
        s3.upload(tmp_path / "wavecal", "stpubdata", f"hst/public/{name[:4]}/{name}/")

    ran = site.hstdputils("process", "out", "b", f"--crds-context={observed.context}", name)

    assert ran.status == 0, ran.said
    marker = assert_complete(tmp_path / "out", name)
    assert set(marker["versions"]) == set(observed.calls)
    home = tmp_path / "out/b" / name
    assert {path.stem for path in home.glob("*.fits")} == set(observed.saved.split())
    assert {path.name for path in home.glob("*.tra")} == {
        word for call in observed.calls.values() for word in call.makes.split() if word.endswith(".tra")
    }
    pictures = {path.stem for path in (home / "previews").glob("*.*") if not path.stem.endswith("_thumb")}
    assert pictures == set(observed.pictured.split())
    assert {path.name for path in home.iterdir() if path.suffix in (".json", ".log")} == RECORDS
    best: set[str] = set()
    for raw in observed.raws:
        ours, archived = references_in(home / raw), references_in(next(public.glob(f"*/{raw}")))
        assert {key: ours.get(key) for key in archived if ours.get(key) != archived[key]} == observed.differing
        best |= {value.removesuffix(".fits") for value in ours.values()}
    assert best == set(observed.references.split())
