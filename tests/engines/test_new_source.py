"""A new kind of source: a class with three methods and a line of the registry serve plan, sync and process."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Commands, MadeUp, Ran

pytestmark = pytest.mark.engine("CRDS")

NAMES = ("ldem01acq", "ldem01tnq")
RUN = """
import runpy, sys
from hstdputils.inputs.registry import SOURCES
SOURCES["zip"] = "tests.engines.zip_source:ZipSource"
command = sys.argv.pop(1)
runpy.run_module(f"hstdputils.{command}", run_name="__main__", alter_sys=True)
"""


def call(commands: Commands, command: str, *arguments: str) -> Ran:
    """Run a command with the registry's line for the source."""
    root = Path(__file__).resolve().parents[2]
    return commands.run(sys.executable, "-c", RUN, command, *arguments, PYTHONPATH=str(root))


@pytest.fixture
def archive(off_site: Commands, made_up: MadeUp) -> str:
    """Return a zip archive with the raw files of two exposures, and nothing else, as a source."""
    folder = off_site.folder / "raws"
    for name in NAMES:
        shutil.copytree(made_up.inputs / "ldem" / name, folder / name)
    shutil.make_archive(str(off_site.folder / "raws"), "zip", folder)
    shutil.rmtree(folder)
    return f"zip://{off_site.folder}/raws.zip"


def test_it_is_planned_from_synced_from_and_processed_from(off_site: Commands, archive: str):
    planned = call(off_site, "plan", "results", "b", *NAMES, f"--inputs={archive}")
    assert planned.status == 0, planned.said
    assert [json.loads(line)["evidence"] for line in planned.out.splitlines()] == ["features"] * 2
    (off_site.folder / "plan.out").write_text(planned.out)
    synced = call(off_site, "sync", "plan.out", f"--inputs={archive}", "--list=list.json")
    assert (synced.status, synced.err) == (0, ""), synced.said
    references = json.loads((off_site.folder / "list.json").read_text())["references"]
    assert len(references) == 6
    arguments = (f"--inputs={archive}", "--keep-inputs=cache-of-inputs", "--references=list.json")
    processed = call(off_site, "process", "results", "b", *arguments, *NAMES)
    assert processed.status == 0, processed.said
    for name in NAMES:
        assert (off_site.folder / f"results/b/markers/succeeded/{name}.json").exists()
        assert f"from {archive}" in (off_site.folder / f"results/b/{name}/process.log").read_text()
    again = call(off_site, "process", "results", "c", *arguments, *NAMES)
    assert again.status == 0, again.said
    assert "from cache-of-inputs" in (off_site.folder / f"results/c/{NAMES[0]}/process.log").read_text()


def test_missing_inputs_are_reported_as_for_any_source(off_site: Commands, archive: str):
    ran = call(off_site, "process", "none", "b", f"--inputs={archive}", "ldem01omq")
    assert ran.status == 21, ran.said
    assert f"no raw files of ldem01omq in {archive}: check the id" in ran.out
