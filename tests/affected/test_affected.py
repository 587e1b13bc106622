"""``hstdputils affected``: names exactly the datasets that another context changes."""

import csv
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.conftest import ROOT, Commands, Ran
from tests.madeup import changing_contexts as made
from tests.madeup.crds_cache import write_config
from tests.madeup.markers import made_up_marker
from tests.madeup.small_exposures import write_exposure, write_exposures_of, write_poller

COS = {
    "INSTRUME": "COS",
    "DETECTOR": "NUV",
    "OPT_ELEM": "G230L",
    "FLATCORR": "PERFORM",
    "DATE-OBS": "2012-01-02",
    "TIME-OBS": "03:04:05",
}
STIS = {"INSTRUME": "STIS", "DETECTOR": "CCD", "CCDAMP": "D", "CCDGAIN": "1", "TIME-OBS": "03:04:05"}
BATCH = "mybatch"


@pytest.fixture
def site(tmp_path: Path) -> Commands:
    """Return commands in a folder with two contexts and some raw files."""
    made.write_changing_contexts(tmp_path / "crds")
    raws = tmp_path / "raws"
    write_exposure(raws, "lbbb01aaq", "rawtag", COS)
    write_exposure(raws, "lbbb01abq", "rawtag", {**COS, "OPT_ELEM": "G185M"})
    write_exposure(raws, "lbbb01acq", "rawtag", {**COS, "FLATCORR": "OMIT"})
    write_exposures_of(raws, "lbbb02010", {"lbbb02aaq": {**COS, "OPT_ELEM": "G185M"}, "lbbb02abq": COS}, "rawtag")
    write_exposure(raws, "obbb01aaq", "raw", {**STIS, "DATE-OBS": "2009-07-08"})
    write_exposure(raws, "obbb01abq", "raw", {**STIS, "DATE-OBS": "2013-07-08"})
    return Commands(tmp_path, CRDS_PATH=str(tmp_path / "crds"), CRDS_READONLY_CACHE="1")


ALL = ("lbbb01aaq", "lbbb01abq", "lbbb01acq", "lbbb02010", "obbb01aaq", "obbb01abq")
AFFECTED = ["lbbb01aaq", "lbbb02010", "obbb01abq"]


def affected(site: Commands, *words: str | Path, status: int = 0) -> Ran:
    ran = site.hstdputils("affected", *words)
    assert ran.status == status, ran.said
    return ran


def results(site: Commands, *words: str | Path) -> dict[str, dict[str, Any]]:
    affected(site, *words, "--json", "out.json")
    return {one["ipppssoot"]: one for one in json.loads((site.folder / "out.json").read_text())["datasets"]}


def by_status(found: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    statuses: dict[str, list[str]] = {}
    for name, one in found.items():
        statuses.setdefault(one["status"], []).append(name)
    return statuses


def from_to(*words: str | Path) -> tuple[str | Path, ...]:
    return ("--from", "hst_9201", "--to", "hst_9202", *words)


def references(one: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(r["type"], r["old"], r["new"], r["without_effect"]) for r in one["references"]]


def test_an_id_list_by_its_raw_files(site: Commands):
    found = results(site, *from_to("--inputs", "raws", "--ids", "affected.ids", "--csv", "out.csv"), *ALL)
    assert by_status(found)["affected"] == AFFECTED
    assert sorted(by_status(found)["unaffected"]) == ["lbbb01abq", "lbbb01acq", "obbb01aaq"]
    assert references(found["lbbb01aaq"]) == [("flatfile", made.OLD_FLAT, made.NEW_FLAT, "")]
    assert references(found["obbb01abq"]) == [("darkfile", "d201307_drk.fits", "d201307n_drk.fits", "")]
    assert found["lbbb01aaq"]["mode"] == "COS NUV G230L"
    assert found["lbbb01aaq"]["expected_seconds"] > 0
    ids = (site.folder / "affected.ids").read_text().split("\n")
    assert ids == ["# hst_9201.pmap to hst_9202.pmap: 3 of 6 datasets", *AFFECTED, ""]
    rows = list(csv.DictReader((site.folder / "out.csv").read_text().splitlines()))
    assert [row["new"] for row in rows if row["ipppssoot"] == "lbbb01aaq"] == [made.NEW_FLAT]
    planned = site.hstdputils("plan", "results", "b", "@affected.ids")
    assert [json.loads(line)["ipppssoot"] for line in planned.out.splitlines()] == AFFECTED


def test_a_plan_and_an_id_file(site: Commands):
    (site.folder / "plan.out").write_text(site.hstdputils("plan", "none", "b", *ALL).out)
    (site.folder / "my.ids").write_text("\n".join(ALL))
    for words in (("plan.out",), ("@my.ids",)):
        assert by_status(results(site, *from_to("--inputs", "raws"), *words))["affected"] == AFFECTED


def test_what_cannot_be_told_has_its_reason(site: Commands):
    broken = write_exposure(site.folder / "raws", "lbbb03aaq", "rawtag", COS)
    broken.write_bytes(broken.read_bytes()[:2000])
    write_exposures_of(site.folder / "raws", "lbbb04010", {"lbbb04aaq": COS}, "rawtag")
    shutil.rmtree(site.folder / "raws/lbbb/lbbb04aaq")
    words = from_to("--inputs", "raws", "--ids", "out.ids", "--with-unknown")
    found = results(site, *words, "lbbb03aaq", "lbbb04010", "lbbb05aaq", "lbbb01aaq", "lbbb01abq")
    assert by_status(found)["cannot tell"] == ["lbbb03aaq", "lbbb04010", "lbbb05aaq"]
    assert "cut short" in found["lbbb03aaq"]["reason"]
    assert "no raw file of its exposure lbbb04aaq" in found["lbbb04010"]["reason"]
    assert "no raw file of it in " in found["lbbb05aaq"]["reason"]
    ids = (site.folder / "out.ids").read_text().split("\n")[1:-1]
    assert ids == ["lbbb03aaq", "lbbb04010", "lbbb05aaq", "lbbb01aaq"]


def test_a_visit_is_affected_by_its_exposures(site: Commands):
    acs = {"INSTRUME": "ACS", "DETECTOR": "WFC", "CCDAMP": "ABCD", "CCDGAIN": "2", "TIME-OBS": "00:00:01"}
    acs |= {"XCORNER": "0", "YCORNER": "0", "NAXIS1": "64", "NAXIS2": "32", "BIASCORR": "OMIT"}
    for name, date in {"jbbb01aaq": "2013-01-02", "jbbb02aaq": "2010-01-02"}.items():
        write_exposure(site.folder / "raws", name, "flc", {**acs, "DATE-OBS": date})
    for visit, name in {"acs_bbb_01": "jbbb01aaq", "acs_bbb_02": "jbbb02aaq"}.items():
        write_poller(site.folder / "raws", visit, [f"{name}_flc.fits"])
    found = results(site, *from_to("--inputs", "raws"), "acs_bbb_01", "acs_bbb_02")
    assert by_status(found) == {"affected": ["acs_bbb_01"], "unaffected": ["acs_bbb_02"]}
    assert [one[0] for one in references(found["acs_bbb_01"])] == ["darkfile"]


def test_products_do_not_say_by_what_a_bias_was_selected(site: Commands):
    acs = {"INSTRUME": "ACS", "DETECTOR": "WFC", "CCDAMP": "ABCD", "CCDGAIN": "2", "TIME-OBS": "00:00:01"}
    acs |= {"XCORNER": "0", "YCORNER": "0", "BIASCORR": "COMPLETE", "DATE-OBS": "2010-01-02"}
    write_exposure(site.folder / "raws", "jbbb01aaq", "flc", acs)
    write_poller(site.folder / "raws", "acs_bbb_01", ["jbbb01aaq_flc.fits"])
    found = results(site, *from_to("--inputs", "raws"), "acs_bbb_01")
    assert by_status(found) == {"cannot tell": ["acs_bbb_01"]}
    assert "does not say all by which biasfile is selected" in found["acs_bbb_01"]["reason"]


def write_flats(site: Commands, change: float, mode: int = 0) -> None:
    folder = site.folder / "crds/references/hst"
    folder.mkdir(parents=True, exist_ok=True)
    for name, factor in {made.OLD_FLAT: 1.0, made.NEW_FLAT: 1.0 + change}.items():
        pixels = np.full((8, 8), factor, np.float32)
        hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels, name="SCI")])
        hdus[0].header.update({"FILENAME": name, "PEDIGREE": f"INFLIGHT {mode}", "DESCRIP": f"of {name}"})
        hdus.writeto(folder / name, overwrite=True)


def test_flats_with_equal_data_change_nothing(site: Commands):
    write_flats(site, change=0.0)
    found = results(site, *from_to("--inputs", "raws"), "lbbb01aaq", "lbbb02010", "obbb01abq")
    assert by_status(found) == {"unaffected": ["lbbb01aaq", "lbbb02010"], "affected": ["obbb01abq"]}
    assert references(found["lbbb01aaq"]) == [
        ("flatfile", made.OLD_FLAT, made.NEW_FLAT, "the data of both files are equal")
    ]
    write_flats(site, change=1e-4)
    assert by_status(results(site, *from_to("--inputs", "raws"), *ALL))["affected"] == AFFECTED


def test_a_step_that_is_omitted_uses_no_reference(site: Commands):
    switches = {"DARKCORR": "OMIT", "FLATCORR": "PERFORM"}
    write_exposure(site.folder / "raws", "obbb02aaq", "raw", {**STIS, "DATE-OBS": "2013-07-08", **switches})
    found = results(site, *from_to("--inputs", "raws"), "obbb02aaq")
    assert by_status(found) == {"unaffected": ["obbb02aaq"]}
    assert references(found["obbb02aaq"])[0][3] == "DARKCORR is OMIT"


def test_what_crds_lists_as_bad_is_said_and_no_dataset_dropped_for_it(site: Commands):
    write_config(site.folder / "crds", made.NEW, bad_files=[made.NEW_FLAT])
    found = results(site, *from_to("--inputs", "raws"), *ALL)
    assert by_status(found)["affected"] == AFFECTED
    assert found["lbbb01aaq"]["reason"] == f"{made.NEW} names {made.NEW_FLAT} for it, which CRDS lists as bad"
    assert found["obbb01abq"]["reason"] == ""


def test_the_second_source_has_what_the_first_has_broken(site: Commands):
    broken = write_exposure(site.folder / "first", "lbbb01aaq", "rawtag", COS)
    broken.write_bytes(broken.read_bytes()[:1000])
    found = results(site, *from_to("--inputs", "first", "--inputs", "raws"), "lbbb01aaq", "lbbb01abq")
    assert by_status(found) == {"affected": ["lbbb01aaq"], "unaffected": ["lbbb01abq"]}


def write_batch(site: Commands, context: str = made.OLD) -> None:
    """Write markers as a batch leaves them, from the raw files."""
    script = """
import sys
from pathlib import Path
from hstdputils.references.exposure_keywords import pack, read_keywords
from hstdputils.records.batch import Batch, Pins
from hstdputils.store.registry import open_store
from tests.madeup.markers import made_up_marker
members = {"lbbb02010": ["lbbb02aaq", "lbbb02abq"]}
batch = Batch(open_store("store"), sys.argv[1])
batch.pin(Pins(sys.argv[2], {}))
for name in sys.argv[3:]:
    raws = [path for one in members.get(name, [name]) for path in Path("raws").rglob(f"{one}_raw*.fits")]
    used = [{"type": "flatfile", "name": "flat1_flat.fits", "digest": "", "digest_from": "none"}]
    used = used if name in ("lbbb01aaq", "lbbb02010") else []
    kept = pack(read_keywords(raws, ()))
    batch.markers.write(made_up_marker(name, batch=sys.argv[1], crds_context=sys.argv[2], exposure_keywords=kept,
                                       references=used))
"""
    ran = site.run(sys.executable, "-c", script, BATCH, context, *ALL, PYTHONPATH=str(ROOT))
    assert ran.status == 0, ran.said


def test_a_batch_is_told_by_its_markers_alone(site: Commands):
    write_batch(site)
    shutil.rmtree(site.folder / "raws")
    found = results(site, "--to", "hst_9202", f"store/{BATCH}")
    assert by_status(found)["affected"] == AFFECTED
    assert len(by_status(found)["unaffected"]) == 3
    assert found["lbbb01aaq"]["expected_seconds"] == pytest.approx(60, rel=0.5)


@pytest.mark.slow
def test_lists_longer_than_what_is_read_at_once(site: Commands):
    write_batch(site)
    script = "import sys; from hstdputils.affected import command; command.CHUNK = 2; command.main(sys.argv[1:])"
    for words in (from_to(f"store/{BATCH}"), from_to("--inputs", "raws", *ALL)):
        ran = site.run(sys.executable, "-c", script, *words, "--ids", "out.ids")
        assert ran.status == 0, ran.said
        assert sorted((site.folder / "out.ids").read_text().split("\n")[1:-1]) == AFFECTED


def test_what_was_used_against_a_context(site: Commands):
    write_batch(site)
    found = results(site, "--used", "--to", "hst_9202", f"store/{BATCH}")
    assert ("flatfile", made.OLD_FLAT, made.NEW_FLAT, "") in references(found["lbbb01aaq"])
    assert ("deadtab", "N/A", "x_dead.fits", "") in references(found["lbbb01aaq"])


def test_what_headers_say_was_used(site: Commands):
    used = {"FLATFILE": f"lref${made.NEW_FLAT}", "DEADTAB": "lref$x_dead.fits"}
    write_exposure(site.folder / "raws", "lbbb01aaq", "rawtag", COS | used)
    words = ("--used", "--inputs", "raws", "lbbb01aaq")
    assert by_status(results(site, *words, "--to", "hst_9202")) == {"unaffected": ["lbbb01aaq"]}
    found = results(site, *words, "--to", "hst_9201")
    assert references(found["lbbb01aaq"]) == [("flatfile", made.NEW_FLAT, made.OLD_FLAT, "")]


def test_markers_of_earlier_versions_are_read_by_their_products(site: Commands):
    store = site.folder / "store"
    marker = made_up_marker("lbbb01aaq", batch=BATCH, crds_context=made.OLD)
    (store / BATCH / "markers/succeeded").mkdir(parents=True)
    (store / BATCH / "markers/succeeded/lbbb01aaq.json").write_bytes(marker.to_json())
    product = write_exposure(site.folder / "made", "lbbb01aaq", "corrtag", {**COS, "FLATCORR": "COMPLETE"})
    home = store / BATCH / "lbbb01aaq"
    home.mkdir()
    shutil.copy(product, home)
    entry = {"name": "lbbb01aaq_corrtag.fits", "kind": "product", "size": product.stat().st_size, "sha256": "0"}
    (home / "manifest.json").write_text(json.dumps({"ipppssoot": "lbbb01aaq", "batch": BATCH, "files": [entry]}))
    found = results(site, *from_to(), f"store/{BATCH}")
    assert by_status(found) == {"affected": ["lbbb01aaq"]}, found
    (home / "manifest.json").unlink()
    found = results(site, *from_to(), f"store/{BATCH}")
    assert "does not say by which keywords" in found["lbbb01aaq"]["reason"]


def test_the_page_and_the_summary(site: Commands):
    ran = affected(site, *from_to("--inputs", "raws", "--html", "out.html"), *ALL)
    assert ran.out.startswith("hst_9201 → hst_9202: 3 of 6 datasets affected, 3 unaffected, 0 unknown\n")
    assert len(ran.out.splitlines()) <= 15, ran.out
    page = (site.folder / "out.html").read_text()
    for text in ("COS NUV G230L", made.OLD_FLAT, made.NEW_FLAT, "STIS darkfile", "lbbb02010"):
        assert text in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("words", "text", "status"),
    [
        (["--inputs", "raws", "lbbb01aaq"], "name it, as --from hst_0613, or give --used", 2),
        (["--from", "hst_9201", "lbbb01aaq"], "say where they are, as --inputs FOLDER", 2),
        (["--from", "hst_1", "--inputs", "raws", "lbbb01aaq"], "hst_1.pmap' is not in the cache", 27),
        (
            ["--from", "x", "--inputs", "raws", "lbbb01aaq"],
            "'x' is not a CRDS context: give one like hst_0729.pmap",
            27,
        ),
        (["--from", "hst_9201", "store/none"], "no dataset of store/none has ended", 2),
        (["--from", "hst_9201", "--inputs", "raws", "xyz"], "xyz", 2),
        (["--from", "hst_9201", "--used", "lbbb01aaq"], "not allowed with argument", 2),
        (["--from", "hst_9201", "--inputs", "raws", "--csv", "raws", "lbbb01aaq"], "another file with --csv", 2),
    ],
)
def test_bad_input_is_one_line(site: Commands, words: list[str], text: str, status: int):
    ran = affected(site, *words, status=status)
    assert text in ran.err, ran.said
    assert len(ran.err.strip().splitlines()) <= 2, ran.err
    assert "Traceback" not in ran.said


def test_a_context_that_is_not_all_there_is_one_line(site: Commands):
    for path in (site.folder / "crds/mappings/hst").glob("hst_cos_flatfile_9202.rmap"):
        path.unlink()
    ran = affected(site, *from_to("--inputs", "raws"), "lbbb01aaq", status=27)
    assert "does not have hst_9202.pmap, whole" in ran.err, ran.said
    assert "Traceback" not in ran.said


def test_values_of_headers_are_shown_and_do_nothing(site: Commands):
    write_exposure(site.folder / "raws", "lbbb06aaq", "rawtag", {**COS, "INSTRUME": "<i>=1"})
    affected(site, *from_to("--inputs", "raws", "--html", "out.html"), "lbbb06aaq")
    assert "<i>=1" not in (site.folder / "out.html").read_text()
    assert by_status(results(site, *from_to("--inputs", "raws"), "lbbb06aaq")) == {"cannot tell": ["lbbb06aaq"]}
