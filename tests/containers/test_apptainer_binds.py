"""What containers of Apptainer are given to see."""

import os
from pathlib import Path

import pytest

from hstdputils.containers.mounts import VARIABLES, bind


@pytest.fixture(autouse=True)
def _own_place(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (*VARIABLES, "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "")  # so that what is set meanwhile is taken back


def bound(places):
    bind(places)
    assert os.environ[VARIABLES[0]] == os.environ[VARIABLES[1]]
    return [Path(text) for text in os.environ[VARIABLES[0]].split(",") if text]


def test_stores_and_files_of_aws(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    (tmp_path / "config").touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    found = bound([str(tmp_path / "store/new"), "s3://bucket", "work"])
    assert found == [tmp_path / "store", tmp_path / "config"]


def test_a_device_is_left_as_it_is(tmp_path, monkeypatch):
    """Bound by name, /dev/null is a file that nobody may open."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    assert bound([str(tmp_path)]) == [tmp_path]
