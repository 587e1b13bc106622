"""What ``make image`` asks of docker or podman, for which a recording stand-in stands here."""

import shutil
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Commands, Ran
from tests.stand_ins.programs.hstcal import write_program

RECORDS = """#!/bin/sh
for word; do printf '%s\\n' "$word"; done > asked
cp container/hstcal-source.tar copied 2>/dev/null || true
"""


@pytest.fixture
def clone(tmp_path: Path) -> Commands:
    """Return commands in a clone of the project, as far as the image asks for it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "container").mkdir()
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    write_program(tmp_path / "bin", "docker", RECORDS)
    return Commands(tmp_path, PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", HSTDP_CONTAINER_ENGINE="")


def make_image(clone: Commands, *variables: str) -> Ran:
    (clone.folder / "copied").unlink(missing_ok=True)
    return clone.run("make", "image", *variables)


def build_arguments(clone: Commands) -> dict[str, str]:
    """Return the arguments of the build, by their names."""
    words = (clone.folder / "asked").read_text().splitlines()
    pairs = [words[place + 1] for place, word in enumerate(words) if word == "--build-arg"]
    return dict(pair.split("=", 1) for pair in pairs)


def test_nothing_is_said_of_base_and_hstcal(clone):
    assert make_image(clone).status == 0
    assert set(build_arguments(clone)) == {"VERSION", "REVISION"}
    assert not (clone.folder / "copied").exists()


def test_a_tarball_of_hstcal_is_where_the_build_sees_it(clone):
    (clone.folder / "my.tar.xz").write_bytes(b"source")
    ran = make_image(clone, "BASE_IMAGE=debian:12", "HSTCAL_SOURCE=my.tar.xz")
    assert ran.status == 0, ran.said
    assert build_arguments(clone)["BASE_IMAGE"] == "debian:12"
    assert build_arguments(clone)["HSTCAL_SOURCE"] == "copy"
    assert (clone.folder / "copied").read_bytes() == b"source"
    assert make_image(clone).status == 0
    assert not (clone.folder / "copied").exists(), "the next image has none of it"


def test_a_folder_of_hstcal_is_packed(clone):
    source = clone.folder / "hstcal"
    (source / "pkg").mkdir(parents=True)
    (source / "CMakeLists.txt").write_text("project(hstcal)")
    ran = make_image(clone, f"HSTCAL_SOURCE={source}")
    assert ran.status == 0, ran.said
    with tarfile.open(clone.folder / "copied") as archive:
        assert "./CMakeLists.txt" in archive.getnames()


def test_the_release_is_left_to_the_build(clone):
    assert make_image(clone, "HSTCAL_SOURCE=release").status == 0
    assert build_arguments(clone)["HSTCAL_SOURCE"] == "release"
    assert not (clone.folder / "copied").exists()


def test_a_source_that_is_not_there_is_one_line(clone):
    ran = make_image(clone, "HSTCAL_SOURCE=no.tar.gz")
    assert ran.status == 2
    errors = [line for line in ran.said.splitlines() if line.startswith("error: ")]
    assert errors == [
        "error: HSTCAL_SOURCE is 'no.tar.gz', which is not there: name a folder or a tarball with hstcal's source, "
        "or say release"
    ]
    assert not (clone.folder / "asked").exists()
