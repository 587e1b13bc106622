"""A program that looks for credentials finds none: in its environment, in those of others, and in its home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Commands, MadeUp
from tests.engines.honesty import marker_of
from tests.madeup import dataset_folder, write_acq_image
from tests.stand_ins.programs.calcos import write_calcos
from tests.stand_ins.programs.snooping import SECRET, assert_nothing_found, secrets, write_snooping_calcos

DATASET = "ldem01acq"

SNOOPING = """
import glob, os
seen = [f"{name}={value}" for name, value in os.environ.items()]
places = [*glob.glob("/proc/[0-9]*/environ"), *map(os.path.expanduser, ("~/.aws/credentials", "~/.netrc"))]
for place in places:
    try:
        with open(place, errors="replace") as file:
            seen += file.read().split(chr(0))
    except OSError:
        pass
print("SEEN", *sorted({line[:300] for line in seen if "%s" in line}), "END")
print("HAS", *sorted(os.environ))
"""


@pytest.fixture
def site(commands: Commands, made_up: MadeUp) -> Commands:
    """Return commands with credentials wherever programs could look, and a calcos that looks there."""
    home = commands.folder / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws/credentials").write_text(f"[default]\naws_secret_access_key = {SECRET}\n")
    (home / ".netrc").write_text(f"machine mast.stsci.edu password {SECRET}\n")
    write_calcos(commands.folder / "bin", SNOOPING % SECRET)
    commands.variables |= {
        "HOME": str(home),
        "PATH": f"{commands.folder / 'bin'}{os.pathsep}{commands.environment()['PATH']}",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/credentials/{SECRET}",
        "MAST_API_TOKEN": SECRET,
        "CRDS_PASSWORD": SECRET,
        "APPTAINER_DOCKER_PASSWORD": SECRET,
        "https_proxy": f"http://me:{SECRET}@proxy.example:3128",
        "MYSITE_FLAVOUR": "vanilla",
    }
    return commands


def log_of(site: Commands) -> str:
    return (site.folder / "out/b" / DATASET / "process.log").read_text()


def process(site: Commands, *options: str, inputs: Path) -> str:
    """Process the dataset in a process of its own, below one that has the credentials in its environment, too."""
    argv = (
        "hstdputils",
        "process",
        "out",
        "b",
        f"--inputs={inputs}",
        "--crds-context=hst_9001.pmap",
        *options,
        DATASET,
    )
    ran = site.run("bash", "-c", '"$@"; true', "bash", *argv)
    assert f"{DATASET}" in ran.said, ran.said
    assert SECRET not in ran.said
    return log_of(site)


def test_a_program_finds_no_secret(site, made_up):
    alone = subprocess.run(
        [sys.executable, "-c", SNOOPING % SECRET], env=site.environment(), capture_output=True, text=True, check=True
    )
    assert alone.stdout.count(SECRET) >= 7, "started by itself, it finds them all"
    log = process(site, inputs=made_up.inputs)
    assert "SEEN END" in log
    assert SECRET not in log
    marker = marker_of(site.folder / "out", DATASET)
    assert marker is not None
    assert marker["outcome"] == "succeeded"


def test_a_program_gets_what_the_site_names_and_a_home_of_its_own(site, made_up):
    log = process(site, "--program-variables=MYSITE_*", inputs=made_up.inputs)
    has = next(line for line in log.splitlines() if "HAS " in line).split()
    assert {"MYSITE_FLAVOUR", "PATH", "HOME", "lref", "OMP_THREAD_LIMIT", "PYTHONSAFEPATH"} <= set(has)
    assert not [name for name in has if name.startswith("AWS_") or "proxy" in name]


def test_data_choose_no_code(site, tmp_path):
    inputs = tmp_path / "in"
    folder = dataset_folder(inputs, DATASET)
    write_acq_image(folder, DATASET)
    (folder / "sitecustomize.py").write_text("print('FOREIGN CODE')\n")
    names = (
        "PYTHONPATH",
        "LD_PRELOAD",
        "PATH",
        "BASH_ENV",
        "ASTROMETRY_SERVICE_URL",
        "APPTAINER_BIND",
        "lref",
        "HOME",
    )
    lines = [*(f"{name}=." for name in names), "SVM_CATALOG_HRC=off", "MYSITE_FLAVOUR=mint"]
    (folder / f"{DATASET}_cal_env.txt").write_text("\n".join(lines))
    log = process(site, "--dataset-variables=MYSITE_*", "--dataset-variables=*", inputs=inputs)
    assert "FOREIGN CODE" not in log
    assert f"{DATASET}_cal_env.txt sets MYSITE_FLAVOUR, SVM_CATALOG_HRC" in log
    marker = marker_of(site.folder / "out", DATASET)
    assert marker is not None
    refused = [line for line in marker["warnings"] if "refused" in line]
    assert [name for name in names if any(f"may not set {name}:" in line for line in refused)] == list(names)


@pytest.mark.engine("Snakemake")
def test_a_program_finds_no_secret_in_snakemake(project, tmp_path):
    write_snooping_calcos(tmp_path / "bin")
    path = f"{tmp_path / 'bin'}{os.pathsep}{project.commands.environment()['PATH']}"
    project.set_ids(DATASET)
    ran = project.snakemake("--profile=onsite", PATH=path, AWS_SECRET_ACCESS_KEY=SECRET, **secrets())
    assert ran.status != 0, ran.said
    assert_nothing_found((project.folder / "results/night-1" / DATASET / "process.log").read_text())
