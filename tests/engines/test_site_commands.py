"""The console commands of the places where datasets are processed by hand."""

import os
from pathlib import Path

import pytest

from tests.conftest import Commands
from tests.stand_ins.programs.calcos import write_calcos

pytestmark = pytest.mark.engine("CRDS")

PRODUCTS = {"ldem01acq_counts.fits", "ldem01acq_flt.fits"}


@pytest.fixture
def at_hand(tmp_path: Path) -> Commands:
    """Return commands with a stand-in for calcos, in a shell in which nothing of CRDS is set."""
    write_calcos(tmp_path / "bin")
    commands = Commands(tmp_path, HOME=str(tmp_path))
    commands.variables["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{commands.environment()['PATH']}"
    return commands


def products_in_work(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("work/none/ldem01acq/attempt-*/data/*.fits")}


def test_on_site_the_cache_is_read_and_never_written(at_hand, made_up):
    before = sorted(made_up.crds.rglob("*"))
    call = ("hstdputils-onsite-process", "--inputs", made_up.inputs, "LDEM01ACQ")
    ran = at_hand.run(*call, CRDS_PATH=str(made_up.crds))
    assert ran.status == 0, ran.said
    assert products_in_work(at_hand.folder) >= PRODUCTS
    assert sorted(made_up.crds.rglob("*")) == before
    if not Path("/grp/crds/cache").exists():
        ran = at_hand.run(*call)
        assert ran.status == 27
        assert ran.err.startswith("error: /grp/crds/cache is not a CRDS cache for HST")


def test_off_site_the_cache_grows_in_the_home_folder(at_hand, made_up, server):
    call = ("hstdputils-remote-process", "--inputs", made_up.inputs, "ldem01acq")
    ran = at_hand.run(*call, CRDS_SERVER_URL=server.url)
    assert ran.status == 0, ran.said
    assert products_in_work(at_hand.folder) >= PRODUCTS
    assert [path.name for path in (at_hand.folder / "crds_cache").rglob("*_flat.fits")] == ["mad0001ml_flat.fits"]


@pytest.mark.parametrize("command", ["hstdputils-onsite-process", "hstdputils-remote-process"])
def test_help_says_where_the_products_are(at_hand, command):
    ran = at_hand.run(command, "--help")
    assert ran.status == 0
    assert f"usage: {command} " in ran.out
    assert "leave the products in the work folder" in ran.out
    assert "output batch" not in ran.out
