"""A new instrument is an entry in the table of instruments and a recipe: no other file of the package knows of it."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

import hstdputils
from tests.madeup import dataset_folder
from tests.madeup.small_raws import KINDS, Kind, write_small_raw

PACKAGE = Path(hstdputils.__file__).parent

ROOT = PACKAGE.parents[1]

END_OF_TABLE = '    )\n}\n"""Instruments whose datasets can be processed'

ENTRY = """\
        Instrument(
            name="hypo",
            letter="k",
            raw_suffixes=_suffixes("rawq"),
            support_suffixes=_suffixes("asn spt"),
            needs=DefaultNeeds(memory_mib=768, max_seconds=5_400, work_gb=0.1),
        ),
"""

RECIPE = '''\
"""HYPO: calhypo on each raw file."""

from hstdputils.calibrate.recipe import Command, Expectation, Program, Recipe
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.inputs.observation import Observation

CALHYPO = Program("calhypo", "calhypo", "write one")


def _commands(observation: Observation, vcpus: int) -> list[Command]:
    return [Command(CALHYPO, (raw.path.name,), ExitCode.STAGE1) for raw in observation.raws]


def _expected(observation: Observation) -> Expectation:
    return Expectation(frozenset(f"{raw.exposure}_flt.fits" for raw in observation.raws))


RECIPE = Recipe(
    inputs=INSTRUMENTS["hypo"],
    programs=(CALHYPO,),
    keywords={"RANDSEED": 7},
    commands=_commands,
    expected=_expected,
    needs_references=lambda observation: (),
)
'''

PROGRAM = f"""\
#!{sys.executable}
import sys
from astropy.io import fits

if sys.argv[1] == "--version":
    print("calhypo 4.2.1")
else:
    with fits.open(sys.argv[1]) as raw:
        raw["SCI"].data = raw["SCI"].data * 2
        raw.writeto(sys.argv[1].replace("_rawq", "_flt"))
"""

DATASETS = ("kdem01aaq", "kdem01abq")


@pytest.fixture
def hypo(tmp_path, commands, monkeypatch):
    """Return commands of a copy of the package to which nothing but an entry and a recipe is added."""
    package = tmp_path / "source/workflow/hstdputils"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "source/config").symlink_to(ROOT / "config")
    table = (package / "core/instruments.py").read_text()
    assert table.count(END_OF_TABLE) == 1
    (package / "core/instruments.py").write_text(table.replace(END_OF_TABLE, ENTRY + END_OF_TABLE))
    (package / "calibrate/hypo.py").write_text(RECIPE)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "calhypo").write_text(PROGRAM)
    (programs / "calhypo").chmod(0o755)
    monkeypatch.setitem(KINDS, "hypo", Kind("k", "kref", {"DETECTOR": "ONE"}))
    for name in DATASETS:
        raw = write_small_raw(dataset_folder(tmp_path / "inputs", name), name, "hypo")
        raw.rename(raw.with_name(f"{name}_rawq.fits"))
    path = f"{programs}:{commands.environment()['PATH']}"
    commands.variables |= {"PYTHONPATH": str(package.parent), "PATH": path}
    return commands


@pytest.mark.slow
def test_a_new_instrument_needs_an_entry_and_a_recipe(hypo):
    folder = hypo.folder

    def run(*words):
        ran = hypo.run("hstdputils", *words)
        assert ran.status == 0, ran.said
        return ran

    (folder / "my.ids").write_text(f"{DATASETS[0]}\n{DATASETS[1].upper()}\n")
    ran = run("plan", "results", "b", "@my.ids", "--inputs", "inputs")
    (folder / "plan.out").write_text(ran.out)
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [(row["ipppssoot"], row["instrument"]) for row in rows] == [(name, "hypo") for name in DATASETS]
    assert {(row["vcpus"], row["memory_mib"], row["max_seconds"], row["evidence"]) for row in rows} == {
        (1, 768, 5400, "instrument")
    }
    assert re.search(r"^hypo +2 ", run("plan", "--show", "plan.out").out, re.MULTILINE)

    message = run("doctor", "--instrument", "hypo", "--config", "inputs=inputs", "--config", "store=results").out
    assert "calhypo" in message
    assert "4.2.1" in message

    run("process", "results", "b", "--inputs", "inputs", "@my.ids")
    marker = json.loads((folder / f"results/b/markers/succeeded/{DATASETS[0]}.json").read_text())
    assert marker["versions"] == {"calhypo": "4.2.1"}
    assert (folder / f"results/b/{DATASETS[0]}/previews/{DATASETS[0]}_flt.jpg").exists()

    run("verify", "results", "b")
    assert "hypo" in run("status", "results/b", "--instrument", "hypo").out
    report = run("report", "results", "b", "--plan", "plan.out", "--json", "report.json").out
    assert report.count("hypo") >= len(DATASETS)
    assert DATASETS[0] in report


def test_a_dataset_of_an_instrument_that_is_not_in_the_table_is_refused(commands):
    ran = commands.run("hstdputils", "plan", "results", "b", DATASETS[0])
    assert ran.status == 2
    assert "no HST instrument has the letter 'k'" in ran.err
