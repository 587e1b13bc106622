"""Real runsinglehap and runmultihap: mosaics of made-up ACS/HRC exposures, and runs with nothing to do."""

import fcntl
import json
import threading
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tests.conftest import Commands, MadeUp, Ran
from tests.engines.honesty import assert_complete, product_names
from tests.engines.test_runastrodriz import DITHERED, MEMBERS
from tests.engines.test_runastrodriz import store as drizzled  # noqa: F401, the fixture
from tests.madeup import dataset_folder
from tests.madeup.hrc import STARS
from tests.madeup.visits import add_exposure, write_flt, write_sky_cell, write_visit

pytestmark = pytest.mark.engine("drizzlepac", "CRDS")

VISIT, CELL = "acs_dem_01", "skycell-p1359x02y12"
START = "hst_9999_01_acs_hrc_f555w_jdem01"
ALIGNED = [f"{START}{number}_flt.fits" for number in ("d1", "d2")]
MOSAICS = {f"{START}_drz.fits", "hst_9999_01_acs_hrc_total_jdem01_drz.fits"}

MAKES_CATALOGUES = int(metadata.version("photutils").partition(".")[0]) < 3
"""Drizzlepac 3.11 takes photutils 3, and fails with it where it makes catalogues of sources."""


@dataclass(frozen=True)
class Run:
    """One visit, and one sky cell made from what the visit's mosaics left in the store."""

    store: Path
    visit: Ran
    cell: Ran
    asked: int
    """Requests that came to the proxy while the programs ran."""


@pytest.fixture(scope="session")
def run(made_up: MadeUp, drizzled: Path) -> Run:  # noqa: F811
    """Return the run, made once for all workers of a test run; its store is not to be changed."""
    folder = made_up.crds.parent / "hap"
    folder.mkdir(exist_ok=True)
    said = folder / "ran.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            said.write_text(json.dumps(_mosaics(folder, made_up.crds, drizzled / "b" / DITHERED)))
    facts = json.loads(said.read_text())
    return Run(folder / "out", Ran(**facts["visit"]), Ran(**facts["cell"]), facts["asked"])


def _mosaics(folder: Path, crds: Path, exposures: Path) -> dict[str, object]:
    inputs = folder / "inputs"
    for member in MEMBERS:
        add_exposure(dataset_folder(inputs, member), exposures / f"{member}_flt.fits")
    write_visit(inputs, VISIT, [f"{member}_flt.fits" for member in MEMBERS])
    write_sky_cell(inputs, CELL, ALIGNED)
    if not MAKES_CATALOGUES:
        (inputs / f"{VISIT}_cal_env.txt").write_text("SVM_CATALOG_HRC=off\n")
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(502)

        do_CONNECT = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), address)
    commands = Commands(folder, CRDS_PATH=str(crds), no_proxy="", NO_PROXY="", **proxies)
    try:
        options = ("--inputs=inputs", "--astrometry=off")
        visit = commands.hstdputils("process", "out", "b", *options, VISIT.upper(), timeout=400)
        cell = commands.hstdputils("process", "out", "b", *options, "--inputs=out/b", CELL, timeout=400)
    finally:
        server.shutdown()
        server.server_close()
    return {"visit": asdict(visit), "cell": asdict(cell), "asked": len(asked)}


@pytest.mark.slow
def test_a_visit_has_its_mosaics_and_all_that_belongs_to_them(run):
    assert run.visit.status == 0, run.visit.said
    marker = assert_complete(run.store, VISIT)
    assert marker["versions"] == {"runsinglehap": metadata.version("drizzlepac")}
    images = MOSAICS | {f"{START}{number}_{kind}.fits" for number in ("d1", "d2") for kind in ("flt", "drz")}
    made = product_names(run.store, VISIT)
    assert {name for name in made if name.endswith(".fits")} == images
    drawn = {f"previews/{name.removesuffix('.fits')}{size}.jpg" for name in images for size in ("", "_thumb")}
    assert {name for name in made if name.startswith("previews/")} == drawn
    assert {f"{VISIT}_input.out", f"{VISIT}_manifest.txt"} <= made
    assert not any(name.startswith("jdem") for name in made), "the exposures themselves are not saved again"
    assert (len([name for name in made if name.endswith("-cat.ecsv")]) == 4) is MAKES_CATALOGUES


@pytest.mark.slow
def test_a_sky_cell_is_made_from_the_visits_mosaics_in_a_store(run):
    assert run.cell.status == 0, run.cell.said
    assert_complete(run.store, CELL)
    layer = f"hst_{CELL}_acs_hrc_f555w_all"
    assert product_names(run.store, CELL) == {
        *(f"{layer}_drz.fits", f"{layer}_trl.txt", f"{CELL}_input.out", f"{CELL}_manifest.txt"),
        *(f"previews/{layer}_drz.jpg", f"previews/{layer}_drz_thumb.jpg"),
    }


@pytest.mark.slow
def test_the_stars_are_where_they_are_on_the_sky(run):
    images = [
        run.store / "b" / VISIT / f"{START}_drz.fits",
        run.store / "b" / CELL / f"hst_{CELL}_acs_hrc_f555w_all_drz.fits",
    ]
    for path in images:
        with fits.open(path) as hdus:
            sky, wcs = np.nan_to_num(hdus["SCI"].data), WCS(hdus["SCI"].header)
        for star in STARS:
            column, row = (int(np.rint(value)) for value in wcs.world_to_pixel_values(star.ra, star.dec))
            around = sky[row - 3 : row + 4, column - 3 : column + 4]
            assert around.max() > 10 * np.median(sky[sky != 0]), (path.name, star)


def test_without_astrometry_nothing_is_asked_of_the_network(run):
    assert run.visit.status == 0
    assert run.asked == 0


@pytest.fixture
def site(commands: Commands) -> Commands:
    """Return commands with an empty folder ``inputs``."""
    (commands.folder / "inputs").mkdir()
    return commands


def process(site: Commands, dataset: str, **variables: str) -> Ran:
    return site.hstdputils("process", "out", "b", "--inputs=inputs", dataset, timeout=400, **variables)


@pytest.mark.slow
def test_a_visit_without_an_exposure_to_drizzle_is_nothing_to_do(site):
    write_flt(site.folder / "inputs" / "jdem01a1q_flt.fits", EXPTIME=0.0)
    write_visit(site.folder / "inputs", VISIT, ["jdem01a1q_flt.fits"])
    ran = process(site, VISIT)
    assert ran.status == 0, ran.said
    marker = assert_complete(site.folder / "out", VISIT)
    failed, _, rest = marker["reason"].partition("; ")
    assert failed == "jdem01a1q failed: EXPTIME = 0"
    assert rest.startswith("nothing to do: runsinglehap found no exposure that can be drizzled")
    assert marker["reason"].endswith("(status 65)")
    assert product_names(site.folder / "out", VISIT) == {f"{VISIT}_input.out", f"{VISIT}_manifest.txt"}


@pytest.mark.slow
def test_a_sky_cell_of_small_detectors_alone_is_nothing_to_do_where_these_are_left_out(site):
    write_flt(site.folder / "inputs" / ALIGNED[0])
    write_sky_cell(site.folder / "inputs", CELL, ALIGNED[:1])
    ran = process(site, CELL, MVM_INCLUDE_SMALL="false")
    assert ran.status == 0, ran.said
    marker = assert_complete(site.folder / "out", CELL)
    assert marker["reason"].startswith("nothing to do: runmultihap found only HRC and SBC exposures")
