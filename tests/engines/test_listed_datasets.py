"""Id lists that an archive explains: proposals, which MAST knows, and associations listed with their members."""

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Commands, mast_settings
from tests.stand_ins.mast.server import MastServer

pytestmark = pytest.mark.engine("astroquery", "CRDS")

DATASETS = ["ldem01010", "ldem01acq"]


@pytest.fixture
def with_mast(commands: Commands, mast: MastServer) -> Commands:
    """Return commands that reach a MAST which has two proposals, and have a home of their own."""
    mast.proposals["13124"] = ["LDEM01ACQ", "ldem01010", "n8yj26010", "hst_13124_01_acs_wfc_f814w_jdem01"]
    mast.proposals["9000"] = ["n8yj26010"]
    home = commands.folder / "home"
    home.mkdir()
    return Commands(
        commands.folder, **commands.variables, XDG_CONFIG_HOME=str(mast_settings(mast.url)), HOME=str(home)
    )


def planned(ran) -> list[str]:
    assert ran.status == 0, ran.said
    return [json.loads(line)["ipppssoot"] for line in ran.out.splitlines()]


def test_a_proposal_is_its_datasets_and_is_looked_up_once(with_mast, mast):
    assert planned(with_mast.hstdputils("plan", "none", "b", "proposal:13124")) == DATASETS
    (with_mast.folder / "my.ids").write_text("# of my proposal\nProposal:13124\nldem01tnq\n")
    assert planned(with_mast.hstdputils("plan", "none", "b", "@my.ids")) == [*DATASETS, "ldem01tnq"]
    assert mast.of("proposal") == ["13124"]


def test_the_cached_answer_is_used_while_mast_is_away(with_mast, mast):
    assert planned(with_mast.hstdputils("plan", "none", "b", "proposal:13124")) == DATASETS
    (kept,) = (with_mast.folder / "home").rglob("13124.json")
    os.utime(kept, (kept.stat().st_atime, kept.stat().st_mtime - 5 * 86_400))
    away = with_mast.hstdputils("plan", "none", "b", "proposal:13124", XDG_CONFIG_HOME=nobody(with_mast))
    assert planned(away) == DATASETS
    assert "note: proposal:13124 is as MAST had it 5 days ago (cannot ask http" in away.err
    assert planned(with_mast.hstdputils("plan", "none", "b", "proposal:13124")) == DATASETS
    assert mast.of("proposal") == ["13124", "13124"]


def nobody(commands: Commands) -> str:
    """Return the settings of a MAST that does not answer."""
    return str(mast_settings("http://127.0.0.1:9"))


@pytest.mark.parametrize("damage", ["", "[1]", "{}", "[" * 100_000])
def test_a_damaged_cached_answer_is_asked_for_again(with_mast, mast, damage):
    kept = Path(with_mast.folder / "home/.cache/hstdputils/proposals/13124.json")
    kept.parent.mkdir(parents=True)
    kept.write_text(damage)
    assert planned(with_mast.hstdputils("plan", "none", "b", "proposal:13124")) == DATASETS
    assert json.loads(kept.read_text()) == DATASETS


def test_off_line_it_is_one_line(with_mast):
    ran = with_mast.hstdputils("plan", "none", "b", "proposal:13124", XDG_CONFIG_HOME=nobody(with_mast))
    assert (ran.status, ran.out) == (22, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(
        "error: argument 1: cannot look up proposal:13124: cannot ask http://127.0.0.1:9 for proposal"
    )
    assert line.endswith(": check the network; or list its datasets")


@pytest.mark.parametrize("number", [9000, 9001])
def test_a_proposal_without_datasets_that_can_be_processed(with_mast, number):
    ran = with_mast.hstdputils("plan", "none", "b", f"proposal:{number}")
    assert ran.status == 2
    says = f"error: argument 1: MAST has no dataset of proposal:{number} that can be processed: check its number"
    assert ran.err.splitlines() == [says]


def test_an_association_is_known_from_mast(with_mast, mast):
    ran = with_mast.hstdputils("plan", "none", "b", "ldem01010", "ldem01f1q", "ldem01acq", "--inputs=mast:")
    assert planned(ran) == ["ldem01010", "ldem01acq"]
    assert (
        "note: 1 exposure is a member of associations in the list, and not run alone: ldem01f1q of ldem01010"
        in ran.err
    )


def test_a_member_is_not_processed_beside_its_association(with_stand_in, made_up):
    (with_stand_in.folder / "my.csv").write_text("obs_id,s_ra\nldem01f1q,1\nldem01010,1\nLDEM01010,1\n")
    ran = with_stand_in.hstdputils("process", "results", "b", "--inputs", str(made_up.inputs), "@my.csv")
    assert "note: my.csv: 1 row or file is of a dataset that is in the list already" in ran.err
    assert "note: 1 exposure is a member of associations in the list, and not run alone: ldem01f1q" in ran.err
    # the stand-in knows no associations, so that this one fails
    assert [path.stem for path in (with_stand_in.folder / "results/b/markers").rglob("*.json")] == ["ldem01010"]
