"""The profiles, as `snakemake --profile NAME` finds them from the project's root."""

import os
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.stand_ins.crds.server import CrdsServer
from tests.stand_ins.programs.calcos import write_calcos

pytestmark = pytest.mark.engine("Snakemake")

PROFILES = sorted(path.name for path in (ROOT / "profiles").iterdir())


@pytest.mark.parametrize("profile", PROFILES)
def test_every_key_of_a_profile_has_a_comment(profile):
    lines = (ROOT / "profiles" / profile / "config.yaml").read_text().splitlines()
    keys = [number for number, line in enumerate(lines) if line and not line.startswith((" ", "#"))]
    first_of_block = [number for number in keys if number - 1 not in keys]
    assert [lines[number] for number in first_of_block if not lines[number - 1].startswith(("#", " "))] == []


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_uses_the_greedy_scheduler(profile):
    assert yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())["scheduler"] == "greedy"


@pytest.mark.slow
def test_laptop_remote_takes_references_from_the_server(project, made_up, tmp_path: Path):
    write_calcos(tmp_path / "bin")
    path = f"{tmp_path / 'bin'}{os.pathsep}{project.commands.environment()['PATH']}"
    project.set_ids("ldem01acq")
    server = CrdsServer(made_up.crds)
    try:
        ran = project.commands.run_warm(
            *("snakemake", "--profile", "laptop-remote"),
            *("--config", "ids=my.ids", "batch=night-1", f"inputs={made_up.inputs}"),
            PATH=path,
            HOME=str(tmp_path),
            CRDS_SERVER_URL=server.url,
        )
    finally:
        server.close()
    assert ran.status == 0, ran.said
    assert project.marker_of("night-1", "ldem01acq")["crds_context"] == "hst_9001.pmap"
    # the profile's own setting, in the home folder
    assert [path.name for path in (tmp_path / "crds_cache").rglob("*_flat.fits")] == ["mad0001ml_flat.fits"]
