"""Inputs as people have them: every source brings the same files, and only what the programs want."""

import gzip
import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.header_features import read_features
from hstdputils.inputs.registry import open_sources
from hstdputils.inputs.unpacking import Unpacker
from hstdputils.sync.raw_headers import header_transfer, read_headers
from tests.madeup.associations import write_association
from tests.madeup.small_raws import write_small_raw

SINGLE, ASSOCIATION, MEMBERS = "j99901e3q", "j99901010", ("j99901e1q", "j99901e2q")
INPUTS = {f"{ASSOCIATION}_asn.fits", *(f"{name}_{suffix}.fits" for name in MEMBERS for suffix in ("raw", "spt"))}


def write_exposure(folder: Path, name: str, instrument: str = "acs") -> None:
    write_small_raw(folder, name, instrument)
    fits.PrimaryHDU().writeto(folder / f"{name}_spt.fits")
    (folder / f"{name}_flt.fits").write_bytes(b"an old product")


def write_visit(root: Path, place: Callable[[str], str]) -> Path:
    """Write an exposure and an association, each file in the folder that ``place`` says for its owner."""
    for name in (SINGLE, *MEMBERS):
        write_exposure(root / place(name), name)
    write_association(root / place(ASSOCIATION), ASSOCIATION, list(MEMBERS), instrument="ACS", kind="DTH")
    fits.PrimaryHDU().writeto(root / place(ASSOCIATION) / f"{ASSOCIATION}_spt.fits")
    return root


def public(name: str) -> str:
    return f"{name[:4]}/{name}"


def of_mast(name: str) -> str:
    return f"mastDownload/HST/{name}"


def in_upper_case(name: str) -> str:
    return f"mastDownload/HST/{name.upper()}"


def in_association(name: str) -> str:
    return public(ASSOCIATION if name in MEMBERS else name)


def in_association_in_upper_case(name: str) -> str:
    return in_upper_case(ASSOCIATION if name in MEMBERS else name)


def flat(name: str) -> str:
    return ""


LAYOUTS = (public, of_mast, in_upper_case, in_association, in_association_in_upper_case, flat)


def as_they_are(root: Path) -> None:
    """Leave the files."""


def packed(root: Path) -> None:
    for path in root.rglob("*.fits"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


def packed_in_upper_case(root: Path) -> None:
    packed(root)
    in_upper(root)


def packed_under_plain_names(root: Path) -> None:
    for path in root.rglob("*.fits"):
        path.write_bytes(gzip.compress(path.read_bytes()))


def in_upper(root: Path) -> None:
    for path in [path for path in root.rglob("*") if path.is_file()]:
        path.rename(path.with_name(path.name.upper()))


def fetched(source: Path, name: str, folder: Path) -> tuple[set[str], list[str]]:
    """Fetch a dataset; return the names of its files and the notes, and check that all are plain FITS files."""
    folder.mkdir(parents=True)
    dataset, unpacker = parse_dataset(name), Unpacker()
    recipe = recipe_for(dataset)
    paths, _ = fetch_inputs(
        *(dataset, open_sources([str(source)]), recipe.input_suffixes, folder),
        has_member_files=recipe.has_member_files,
        unpacker=unpacker,
    )
    assert {path.name for path in folder.iterdir()} == {path.name for path in paths}
    for path in paths:
        assert path.read_bytes().startswith(b"SIMPLE  ="), path
    return {path.name for path in paths}, unpacker.notes


def why_not(source: Path, name: str, folder: Path) -> str:
    with pytest.raises(AttemptFailed) as failure:
        fetched(source, name, folder)
    assert failure.value.outcome == "bad_input"
    return failure.value.reason


@pytest.mark.parametrize("arrange", [as_they_are, packed, packed_in_upper_case, packed_under_plain_names, in_upper])
@pytest.mark.parametrize("place", LAYOUTS)
def test_files_are_found_and_read_as_people_have_them(tmp_path, place, arrange):
    """Planning sees the same files; under the association's own name only the table is an input."""
    root = write_visit(tmp_path / "raws", place)
    arrange(root)
    assert fetched(root, ASSOCIATION, tmp_path / "a") == (INPUTS, [])
    assert fetched(root, SINGLE, tmp_path / "s") == ({f"{SINGLE}_raw.fits", f"{SINGLE}_spt.fits"}, [])
    found = read_features([ASSOCIATION, SINGLE], open_sources([str(root)]), lambda number: None)
    assert found.problems == {}
    assert found.features[SINGLE].n_files == 2
    assert found.features[SINGLE].drizcorr == 1


@pytest.mark.parametrize("arrange", [as_they_are, packed, packed_under_plain_names])
def test_packed_files_count_with_their_plain_size(tmp_path, arrange):
    root = write_visit(tmp_path / "raws", public)
    raw = root / public(SINGLE) / f"{SINGLE}_raw.fits"
    with raw.open("ab") as file:
        file.write(bytes(3_000_000))
    arrange(root)
    found = read_features([SINGLE], open_sources([str(root)]), lambda number: None)
    assert found.features[SINGLE].total_mb == 3


def test_of_two_copies_the_plain_one_is_used_and_the_other_noted(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    own = root / public(SINGLE)
    (own / f"{SINGLE}_raw.fits.gz").write_bytes(gzip.compress(b"SIMPLE  =  another file"))
    names, notes = fetched(root, SINGLE, tmp_path / "s")
    assert names == {f"{SINGLE}_raw.fits", f"{SINGLE}_spt.fits"}
    assert notes == [f"{SINGLE}_raw.fits is used, and not {SINGLE}_raw.fits.gz beside it"]
    assert (tmp_path / "s" / f"{SINGLE}_raw.fits").stat().st_size > 2880


def test_a_member_in_its_own_folder_comes_before_one_in_the_association_s(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    (root / public(ASSOCIATION) / f"{MEMBERS[0]}_raw.fits").write_bytes(b"another")
    fetched(root, ASSOCIATION, tmp_path / "a")


def test_names_in_a_table_may_be_of_any_case(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    table = root / public(ASSOCIATION) / f"{ASSOCIATION}_asn.fits"
    with fits.open(table, mode="update") as hdus:
        hdus[1].data["MEMNAME"] = [name.title() for name in hdus[1].data["MEMNAME"]]
    assert fetched(root, ASSOCIATION, tmp_path / "a")[0] == INPUTS


def test_support_files_alone_are_not_a_dataset(tmp_path):
    whole = write_visit(tmp_path / "whole", public)
    root = write_visit(tmp_path / "raws", public)
    (root / public(SINGLE) / f"{SINGLE}_raw.fits").unlink()
    dataset = parse_dataset(SINGLE)
    (tmp_path / "s").mkdir()
    sources = open_sources([str(root), str(whole)])
    paths, uri = fetch_inputs(dataset, sources, frozenset({"raw", "spt"}), tmp_path / "s")
    assert (len(paths), uri) == (2, str(whole))
    reason = why_not(root, SINGLE, tmp_path / "t")
    assert f"no raw files of {SINGLE} in {root}, where there are only" in reason
    assert f"{SINGLE}_spt.fits" in reason
    assert "check the id" not in reason


def broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.fits")


def packed_otherwise(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.bz2"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (broken_link, f"{SINGLE}_raw.fits (a broken link)"),
        (packed_otherwise, f"{SINGLE}_raw.fits.bz2, {SINGLE}_flt.fits, {SINGLE}_spt.fits: unpack what is packed, or"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, spoil, says):
    root = write_visit(tmp_path / "raws", public)
    spoil(root / public(SINGLE) / f"{SINGLE}_raw.fits")
    reason = why_not(root, SINGLE, tmp_path / "s")
    assert says in reason
    assert "check the id" not in reason


def test_gzip_files_that_cannot_be_unpacked_are_named(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    raw = root / public(SINGLE) / f"{SINGLE}_raw.fits"
    whole = gzip.compress(raw.read_bytes())
    for content, says in (
        (whole[:-20], "is not a whole gzip file (Compressed file ended"),
        (whole[:-8] + b"\0" * 8, "is not a whole gzip file (CRC check failed"),
        (gzip.compress(b"<html>"), "is packed, and holds no FITS file"),
    ):
        raw.write_bytes(content)
        assert f"{SINGLE}_raw.fits {says}" in why_not(root, SINGLE, tmp_path / says[:30])


def test_only_an_id_that_nothing_resembles_is_to_be_checked(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    assert why_not(root, "j99909zzq", tmp_path / "z").endswith("check the id, or name another source with --inputs")
    shutil.rmtree(root / public(MEMBERS[1]))
    reason = why_not(root, ASSOCIATION, tmp_path / "a")
    assert reason == (
        f"no raw files of {MEMBERS[1]}, a member of {ASSOCIATION}, in {root}: name another source with --inputs"
    )
    (root / public(ASSOCIATION) / f"{ASSOCIATION}_asn.fits").unlink()
    assert f"no {ASSOCIATION}_asn.fits in {root}, where there is only {ASSOCIATION}_spt.fits" in why_not(
        root, ASSOCIATION, tmp_path / "b"
    )


@pytest.mark.parametrize("place", [public, in_upper_case, flat])
@pytest.mark.parametrize("arrange", [as_they_are, packed, packed_under_plain_names])
def test_a_member_or_product_is_answered_with_its_association(tmp_path, place, arrange):
    root = tmp_path / "raws"
    write_association(root / place("o99901010"), "o99901010", ["o99901abq"], instrument="STIS", kind="CRSPLIT")
    arrange(root)
    place_of = f"in {root}, where it is a"
    assert why_not(root, "o99901abq", tmp_path / "m") == (
        f"no raw files of o99901abq {place_of} member of the association o99901010: give o99901010 instead"
    )


def test_a_product_of_an_association_is_answered_with_its_name(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    with fits.open(root / public(ASSOCIATION) / f"{ASSOCIATION}_asn.fits", mode="update") as hdus:
        hdus[1].data["MEMNAME"][-1] = "J99901011"
    reason = why_not(root, "j99901011", tmp_path / "p")
    assert reason.endswith(f"where it is a product of the association {ASSOCIATION}: give {ASSOCIATION} instead")
    (root / public(ASSOCIATION) / "j99901011_spt.fits").write_bytes(b"made by a program")
    assert fetched(root, ASSOCIATION, tmp_path / "a")[0] == INPUTS


@pytest.mark.parametrize("arrange", [as_they_are, packed, packed_under_plain_names, in_upper])
def test_headers_for_references_are_read_of_the_same_files(tmp_path, arrange):
    root = write_visit(tmp_path / "raws", public)
    raw = root / public(SINGLE) / f"{SINGLE}_raw.fits"
    noise = np.random.default_rng(1).integers(0, 1000, (400, 400), np.int16)
    fits.append(raw, noise, fits.Header())
    arrange(root)
    dataset = parse_dataset(SINGLE)
    (tmp_path / "s").mkdir()
    recipe = recipe_for(dataset)
    paths, _ = fetch_inputs(
        *(dataset, open_sources([str(root)]), recipe.input_suffixes, tmp_path / "s"),
        transfer=header_transfer(recipe),
    )
    assert [path.name for path in paths] == [f"{SINGLE}_raw.fits"]
    assert read_headers(paths[0])[0]["DETECTOR"] == "HRC"


def tarball(path: Path, *members: tuple[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def contents_of(root: Path, *names: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*.*") if path.name.startswith(names)}


STRAYS = (
    *(f"{ASSOCIATION}_spt.fits", f"{MEMBERS[0]}_x1d.fits", f"{MEMBERS[0]}_flt.fits.gz", f"{SINGLE}_raw.fits"),
    *("manifest.json", "metrics.json", "process.log", f"{MEMBERS[0]}_raw.fits.part", "j99901011_spt.fits", "a.txt"),
)


@pytest.mark.parametrize("ending", [".tar.gz", ".TAR.GZ", ".tgz", ".tar", ".tar.bz2"])
def test_a_tarball_brings_only_the_inputs(tmp_path, ending):
    root = write_visit(tmp_path / "raws", public)
    wanted = {name: data for name, data in contents_of(root, ASSOCIATION, *MEMBERS).items() if name in INPUTS}
    (tmp_path / "tars").mkdir()
    packing = {".tar": "w:", ".tar.bz2": "w:bz2"}.get(ending, "w:gz")
    name = ASSOCIATION.upper() if ending.isupper() else ASSOCIATION
    strays = dict.fromkeys(STRAYS, b"not an input") | {f"{SINGLE}_raw.fits": next(iter(wanted.values()))}
    with tarfile.open(tmp_path / "tars" / f"{name}{ending}", packing) as archive:
        for number, (file, content) in enumerate({**strays, **wanted}.items()):
            member = tarfile.TarInfo(f"HST/{ASSOCIATION.upper()}/{number}/{file.upper() if number % 2 else file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("latest")
        link.type, link.linkname = tarfile.SYMTYPE, "HST"
        archive.addfile(link)
    names, notes = fetched(tmp_path / "tars", ASSOCIATION, tmp_path / "a")
    assert names == INPUTS
    (note,) = notes
    assert note.startswith(f"{ASSOCIATION}{ending.lower()}: left out, since they are not inputs of {ASSOCIATION}: ")
    for stray in ("manifest.json", "process.log", f"{MEMBERS[0]}_x1d.fits"):
        assert stray in note.lower()
    assert note.endswith(" and 1 more")


def test_two_members_of_one_name_have_to_be_the_same(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    files = contents_of(root / public(SINGLE), f"{SINGLE}_raw", f"{SINGLE}_spt")
    raw = files[f"{SINGLE}_raw.fits"]
    (tmp_path / "tars").mkdir()
    twice = (f"again/{SINGLE.upper()}_RAW.FITS.GZ", gzip.compress(raw))
    tarball(tmp_path / "tars" / f"{SINGLE}.tar.gz", *files.items(), twice)
    names, notes = fetched(tmp_path / "tars", SINGLE, tmp_path / "s")
    assert names == set(files)
    assert notes == [f"{SINGLE}.tar.gz holds {SINGLE}_raw.fits twice; both are the same"]
    other = (f"again/{SINGLE}_raw.fits", raw[:-1] + b"!")
    tarball(tmp_path / "tars" / f"{SINGLE}.tar.gz", *files.items(), other)
    reason = why_not(tmp_path / "tars", SINGLE, tmp_path / "t")
    assert f"holds two different files named '{SINGLE}_raw.fits'" in reason


def test_a_hard_link_in_a_tarball_is_a_copy(tmp_path):
    root = write_visit(tmp_path / "raws", public)
    own = root / public(SINGLE)
    (tmp_path / "tars").mkdir()
    (own / "copies").mkdir()
    (own / "copies" / f"{SINGLE}_raw.fits").hardlink_to(own / f"{SINGLE}_raw.fits")
    with tarfile.open(tmp_path / "tars" / f"{SINGLE}.tar.gz", "w:gz") as archive:
        archive.add(own, SINGLE)
    names, notes = fetched(tmp_path / "tars", SINGLE, tmp_path / "s")
    assert names == {f"{SINGLE}_raw.fits", f"{SINGLE}_spt.fits"}
    assert f"{SINGLE}.tar.gz holds {SINGLE}_raw.fits twice; both are the same" in notes
