"""Features of datasets from listings and first header blocks, in folders and in S3."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstdputils.inputs.header_features import read_features
from hstdputils.inputs.registry import open_sources
from hstdputils.model.features import Features
from tests.conftest import Commands, MadeUp
from tests.engines.conftest import S3
from tests.madeup.associations import write_association
from tests.madeup.small_raws import write_small_raw
from tests.stand_ins.s3.disturbing_proxy import DisturbingProxy

pytestmark = pytest.mark.engine("moto S3")

MIB = 2**20
ASSOCIATION, SINGLE, STIS = "i99901010", "i99901e3q", "o99901010"
MEMBERS = ("i99901e1q", "i99901e2q", "i99902e1q")
WFC3 = Features(n_files=8, total_mb=3, drizcorr=1, pctecorr=0, crsplit=2, subarray=1, detector=1, dtype=1)
ONE = Features(n_files=2, total_mb=1, drizcorr=1, pctecorr=0, crsplit=0, subarray=0, detector=1, dtype=0)
SPECTRUM = Features(n_files=3, total_mb=1, drizcorr=0, pctecorr=0, crsplit=0, subarray=0, detector=0, dtype=1)
EXPECTED = {ASSOCIATION: WFC3, SINGLE: ONE, STIS: SPECTRUM}


def write_raw(folder: Path, name: str, instrument: str, **keywords: object) -> None:
    """Write a raw file of 1 MB with a header of 20 KB, its support file, and a product."""
    path = write_small_raw(folder, name, instrument)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.update({f"FILL{number:04}": "x" for number in range(240)})
        hdus[0].header.update(keywords)
        hdus.append(fits.ImageHDU(np.zeros(2880 * 346 - 23040, np.uint8)))
    (folder / f"{name}_spt.fits").write_bytes(bytes(2880))
    (folder / f"{name}_flt.fits").write_bytes(bytes(MIB))


@pytest.fixture
def raws(tmp_path: Path) -> Path:
    """Return a folder laid out as the public bucket is; a member of the association is of another visit."""
    root = tmp_path / "raws"
    for name in (*MEMBERS, SINGLE):
        keywords = {"CRSPLIT": 1, "SUBARRAY": True} if name != SINGLE else {}
        write_raw(root / name[:4] / name, name, "wfc3", **keywords)
    write_association(root / "i999" / ASSOCIATION, ASSOCIATION, MEMBERS, instrument="WFC3", kind="DTH")
    (root / "i999" / ASSOCIATION / f"{ASSOCIATION}_spt.fits").write_bytes(bytes(2880))
    write_raw(root / "o999" / STIS, STIS, "stis")
    write_association(root / "o999" / STIS, STIS, [STIS[:6] + "abq"], instrument="STIS")
    return root


def planned(ran) -> dict[str, str]:
    assert ran.status == 0, ran.said
    return {row["ipppssoot"]: row["evidence"] for row in map(json.loads, ran.out.splitlines())}


def look(root: Path, *names: str):
    return read_features(names, open_sources([str(root)]), lambda number: None)


def test_features_from_a_folder_as_operations_counted_them(raws):
    found = look(raws, ASSOCIATION, SINGLE, STIS, "i99901e9q", "acs_999_01")
    assert found.features == EXPECTED
    assert found.problems == {}


def test_a_folder_without_order_in_it(raws, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in raws.rglob("*.fits"):
        path.rename(flat / path.name.upper().replace(".FITS", ".fits").replace(path.stem.upper(), path.stem))
    assert look(flat, *EXPECTED).features == EXPECTED


def test_support_files_that_a_source_lacks_are_counted(raws):
    for path in raws.rglob("*_spt.fits"):
        path.unlink()
    found = look(raws, *EXPECTED).features
    assert {name: known.n_files for name, known in found.items()} == {ASSOCIATION: 7, SINGLE: 2, STIS: 3}


def test_a_long_header_is_read_on(raws):
    path = raws / "i999" / SINGLE / f"{SINGLE}_raw.fits"
    with fits.open(path, mode="update") as hdus:
        for number in range(900):
            hdus[0].header.insert("DETECTOR", (f"MORE{number:04}", "x"))
    assert path.read_bytes().index(b"DETECTOR") > 60_000
    assert look(raws, SINGLE).features == {SINGLE: ONE}


def test_what_cannot_be_read_is_a_problem_of_its_dataset_alone(raws):
    (raws / "i999" / SINGLE / f"{SINGLE}_raw.fits").write_bytes(b"<html>no FITS</html>")
    table = raws / "o999" / STIS / f"{STIS}_raw.fits"
    table.write_bytes(table.read_bytes()[:2880])
    found = look(raws, *EXPECTED)
    assert set(found.features) == {ASSOCIATION}
    assert found.problems == {SINGLE: "not a FITS file", STIS: "cut short"}
    (raws / "i999" / ASSOCIATION / f"{ASSOCIATION}_asn.fits").unlink()
    assert look(raws, ASSOCIATION).problems == {ASSOCIATION: f"{ASSOCIATION}_asn.fits is not there"}


@pytest.mark.slow
def test_features_from_s3_by_listings_and_first_blocks(raws, s3: S3, proxy: DisturbingProxy, commands: Commands):
    """One listing a visit, one header a dataset, one table an association; no file but tables is read whole."""
    s3.make_bucket("raws")
    s3.upload(raws, "raws", "hst/public/")
    plan = ("plan", "none", "b", *EXPECTED, "--inputs=s3://raws/hst/public")
    ran = commands.hstdputils(*plan, **{**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint})
    assert set(planned(ran).values()) == {"features"}
    assert ran.out == commands.hstdputils("plan", "none", "b", *EXPECTED, f"--inputs={raws}").out
    listings = [request for request in proxy.requests if "list-type" in request.query]
    reads = [request for request in proxy.requests if request not in listings]
    # of two visits, of the member that is of a third, and of the association, whose table names members in the list
    assert len(listings) <= 5
    assert {request.name for request in reads} == {
        *(f"{MEMBERS[0]}_raw.fits", f"{ASSOCIATION}_asn.fits", f"{SINGLE}_raw.fits", f"{STIS}_raw.fits")
    }
    assert {request.method for request in proxy.requests} == {"GET"}
    assert all(request.start == 0 for request in reads)
    assert proxy.bytes_sent / len(EXPECTED) < 64 * 1024


def test_a_public_bucket_needs_no_credentials(public_bucket, s3: S3, commands: Commands, made_up: MadeUp):
    names = ("ldem01acq", "ldem01010")
    ran = commands.hstdputils("plan", "none", "b", *names, f"--inputs={public_bucket}", **s3.address)
    assert set(planned(ran).values()) == {"features"}


def test_errors_that_pass_are_tried_again(raws, s3: S3, proxy: DisturbingProxy, commands: Commands):
    s3.make_bucket("raws")
    s3.upload(raws, "raws")
    proxy.disturb("GET", f"{SINGLE}_raw", status=503, times=2)
    proxy.disturb("GET", "list-type", status=500, times=2)
    proxy.disturb("GET", f"{ASSOCIATION}_asn", cut_after=100, times=1)
    variables = {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
    ran = commands.hstdputils("plan", "none", "b", *EXPECTED, "--inputs=s3://raws", **variables)
    assert set(planned(ran).values()) == {"features"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("s3://nobodys-bucket", "note: no headers are read: cannot list s3://nobodys-bucket"),
        ("mast:", "sizes rest on"),
    ],
)
def test_a_source_that_cannot_be_looked_into_leaves_a_plan_by_names(s3: S3, commands: Commands, source, says):
    ran = commands.hstdputils("plan", "none", "b", "izzz01010", "izzz02010", f"--inputs={source}", **s3.variables)
    assert set(planned(ran).values()) == {"instrument"}
    assert ran.err.count(says) == 1


def test_a_table_comes_before_headers(raws, commands: Commands, tmp_path):
    table = tmp_path / "features.csv"
    table.write_text(
        "ipst,n_files,total_mb,drizcorr,pctecorr,crsplit,subarray,detector,dtype,instr\n"
        f"{ASSOCIATION},9,140,1,1,2,0,1,1,3\n"
    )
    (raws / "i999" / ASSOCIATION / f"{ASSOCIATION}_asn.fits").unlink()
    ran = commands.hstdputils("plan", "none", "b", ASSOCIATION, SINGLE, f"--inputs={raws}", f"--features={table}")
    assert set(planned(ran).values()) == {"features"}
    assert "no features of" not in ran.err


def test_real_exposures_are_like_those_that_operations_recorded(real_data: Path):
    """Each kind of exposure is found with these very features among the runs of operations, but for one segment."""
    root = real_data / "stpubdata/hst/public"
    kinds = {
        "j8bt05njq": Features(2, 2, 1, 0, 2, 0, 0, 0),
        "ldfd01vlq": Features(2, 9, 0, 0, 0, 1, 0, 0),
        "ldfd01vnq": Features(3, 7, 0, 0, 0, 1, 0, 0),
        "o56502010": Features(3, 2, 0, 0, 2, 0, 0, 1),
    }
    assert look(root, *kinds).features == kinds
    with gzip.open(real_data / "history/features_train.csv.gz", "rt") as lines:
        recorded = {
            (row["ipst"][0], *(float(row[column]) for column in Features._fields)) for row in csv.DictReader(lines)
        }
    del kinds["ldfd01vnq"]
    assert {(name[0], *known) for name, known in kinds.items()} <= recorded


def test_a_real_association_is_counted_with_its_exposures(real_data: Path):
    found = look(real_data / "stpubdata/hst/public", "jbz504010")
    assert found.features == {"jbz504010": Features(5, 4, 1, 0, 0, 0, 0, 1)}


@pytest.mark.parametrize("kind", ["rawtag", "rawaccum"])
@pytest.mark.parametrize("segments", ["a", "b", "ab"])
def test_an_exposure_of_one_segment_is_planned_as_one_of_both(tmp_path, commands: Commands, kind, segments):
    root, name = tmp_path / "raws", "l99901e1q"
    for segment in segments:
        write_raw(root, name, "stis", DETECTOR="FUV")
        (root / f"{name}_raw.fits").rename(root / f"{name}_{kind}_{segment}.fits")
    assert look(root, name).features[name]._replace(detector=0) == Features(3, 2, 0, 0, 0, 0, 0, 0)
    ran = commands.hstdputils("plan", "none", "b", name, f"--inputs={root}")
    assert ran.status == 0, ran.said
    assert json.loads(ran.out)["memory_mib"] >= 1280


def test_an_association_counts_both_segments_of_each_member(tmp_path):
    root, members = tmp_path / "raws", ("l99901e1q", "l99901e2q")
    for name, segments in zip(members, ("b", "ab"), strict=True):
        for segment in segments:
            write_raw(root, name, "stis", DETECTOR="FUV")
            (root / f"{name}_raw.fits").rename(root / f"{name}_rawtag_{segment}.fits")
    write_association(root, "l99901010", members, instrument="COS")
    found = look(root, "l99901010").features["l99901010"]
    assert (found.n_files, found.total_mb) == (7, 4)


def test_the_plan_says_which_ids_no_source_has(raws, commands: Commands, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    names = ["lonestars", *EXPECTED]
    ran = commands.hstdputils("plan", "none", "b", *names, f"--inputs={empty}", f"--inputs={raws}")
    assert ran.status == 0, ran.said
    said = [line for line in ran.err.splitlines() if "none of the sources" in line]
    assert said == [
        f"note: 1 of 4 ids are in none of the sources that were looked into ({empty}, {raws}): lonestars: check them"
    ]
    many = [f"l9990{number}e1q" for number in range(8)]
    ran = commands.hstdputils("plan", "none", "b", *many, f"--inputs={empty}")
    assert "note: 8 of 8 ids are in none of" in ran.err
    assert "l99904e1q and 3 more: check them" in ran.err
    ran = commands.hstdputils("plan", "none", "b", *EXPECTED, f"--inputs={raws}")
    assert "none of the sources" not in ran.err


def test_an_exposure_of_the_nuv_detector_has_no_segments(tmp_path):
    write_raw(tmp_path / "raws", "l99901e1q", "stis", DETECTOR="NUV")
    assert look(tmp_path / "raws", "l99901e1q").features["l99901e1q"].n_files == 2
