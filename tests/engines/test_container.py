"""Datasets in containers of the project's own image, as the console commands start them with Docker."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hstdputils.containers.mounts import HOME
from tests.conftest import Commands, MadeUp, Ran
from tests.engines.comparing import assert_same_products
from tests.engines.conftest import S3, FolderRun
from tests.engines.honesty import assert_complete, marker_of
from tests.engines.interrupting import Running
from tests.madeup.demo_hstcal import ACS_MEMBERS, ACS_PAIR, write_acs_pair
from tests.madeup.modes_cache import CONTEXT, write_modes_cache
from tests.stand_ins.aws.metadata_server import MetadataServer
from tests.stand_ins.programs.snooping import SECRET, assert_nothing_found, secrets, write_snooping_calcos

pytestmark = [pytest.mark.engine("Docker"), pytest.mark.engine("CRDS")]

PIPELINE, ANY = "hstdputils-docker-run-pipeline", "hstdputils-docker-run-container"
COMPARED = ("ldem01acq", "ldem01010")
LARGE = "ldem01fuq"

SLOW = """#!/bin/sh
[ "$1" = --version ] && { echo 3.6.2; exit 0; }
echo begun
sleep 60
"""
HIDES_A_KILL = """#!/bin/sh
[ "$1" = --version ] && { echo 3.6.2; exit 0; }
python -c 'print("grows", flush=True); kept = b"x" * 2_000_000_000'
exit 0
"""


@pytest.fixture
def docked(commands: Commands, container_image: str, docker_daemon: dict[str, str]) -> Commands:
    """Return commands that start containers of the image."""
    variables = {
        "DOCKER_HOST": docker_daemon["DOCKER_HOST"],
        "HSTDP_CONTAINER_ENGINE": docker_daemon["client"],
        "HSTDP_IMAGE": container_image,
        "HOME": str(commands.folder),
    }
    return Commands(commands.folder, **commands.variables, **variables)


def docker(docked: Commands, *arguments: str) -> str:
    """Run the client of Docker, and return what it prints."""
    ran = docked.run(docked.variables["HSTDP_CONTAINER_ENGINE"], *arguments)
    assert ran.status == 0, ran.said
    return ran.out


def test_image(docked: Commands):
    said = json.loads(docker(docked, "image", "inspect", docked.variables["HSTDP_IMAGE"]))[0]["Config"]
    assert (said["User"], said["Entrypoint"]) == ("hstdp", None)
    assert said["Cmd"] == ["hstdp-process", "--help"]
    assert said["Labels"]["org.opencontainers.image.version"] not in ("", "unknown")
    assert f"HOME={HOME}" in said["Env"]
    history = docker(docked, "history", "--no-trunc", docked.variables["HSTDP_IMAGE"])
    assert not [word for word in ("PIP_", "PROXY", "CERT") if word in history.upper() + str(said["Env"]).upper()]
    alone = docker(docked, "run", "--rm", docked.variables["HSTDP_IMAGE"])
    assert "usage: hstdputils process" in alone


def test_any_command_as_the_user_in_this_folder(docked: Commands):
    ran = docked.run(ANY, "--docker-option=--cpus=1", "sh", "-c", "id -u; pwd; touch made; calcos --version")
    assert ran.status == 0, ran.said
    made = docked.folder / "made"
    assert ran.out.split() == [str(made.stat().st_uid), str(docked.folder), "3.6.2"]
    assert docked.run(ANY, "sh", "-c", "exit 24").status == 24
    # what the trigger's function is started with on AWS Lambda
    assert (
        docked.run(ANY, "python", "-c", "import awslambdaric, hstdputils.trigger.handler as t; t.handler").status == 0
    )


def test_the_way_on_aws_gives_the_same_products(
    docked: Commands, s3: S3, public_bucket: str, made_up: MadeUp, folder_run: FolderRun
):
    """Inputs, CRDS and store in S3, and nothing of this machine but the empty cache."""
    s3.make_bucket("contained")
    s3.make_bucket("container-crds")
    s3.upload(made_up.crds, "container-crds")
    kinds = {"CONFIG": "config", "MAPPING": "mappings", "REFERENCE": "references"}
    crds = {f"CRDS_{kind}_URI": f"s3://container-crds/{folder}/hst" for kind, folder in kinds.items()}
    variables = {**s3.variables, **crds, "CRDS_S3_ENABLED": "1", "CRDS_PATH": str(docked.folder / "cache")}
    argv = ("s3://contained", "b", f"--inputs={public_bucket}", *COMPARED)
    dry = docked.run(PIPELINE, "--dry-run", *argv, **variables)
    assert "testing" not in dry.out
    ran = docked.run(PIPELINE, *argv, **variables)
    assert ran.status == 0, ran.said
    store = s3.download("contained", docked.folder / "downloaded")
    for dataset in COMPARED:
        marker = assert_complete(store, dataset)
        assert marker["peak_memory_mib"] > 50
        assert marker["cpu_seconds"] > 0.5
        assert_same_products(folder_run.store / "b" / dataset, store / "b" / dataset)


@pytest.mark.usefixtures("container_hstcal")
@pytest.mark.engine("hstcal", "drizzlepac")
def test_an_association_of_acs(docked: Commands):
    write_acs_pair(docked.folder / "inputs")
    write_modes_cache(docked.folder / "crds")
    argv = ("results", "b", "--inputs=inputs", f"--crds-context={CONTEXT}", "--astrometry=off", ACS_PAIR)
    ran = docked.run(PIPELINE, *argv, CRDS_PATH=str(docked.folder / "crds"))
    assert ran.status == 0, ran.said
    marker = assert_complete(docked.folder / "results", ACS_PAIR)
    assert {"calacs.e", "runastrodriz"} <= {*marker["versions"]}
    made = {path.name for path in (docked.folder / "results/b" / ACS_PAIR).glob("*.fits")}
    assert {f"{ACS_PAIR}_crj.fits", f"{ACS_PAIR}_drz.fits", *(f"{name}_flt.fits" for name in ACS_MEMBERS)} <= made


@pytest.mark.usefixtures("container_hstcal")
def test_programs_of_hstcal_without_what_built_them(docked: Commands):
    said = docker(
        *(docked, "run", "--rm", docked.variables["HSTDP_IMAGE"], "sh", "-c"),
        "calacs.e --version; calwf3.e --version; cs0.e --version; command -v cc gcc cmake gfortran || echo none",
    )
    assert [line[:1].isdigit() for line in said.splitlines()] == [True, True, True, False], said
    assert said.splitlines()[-1] == "none"


def test_products_stay_in_the_work_folder(docked: Commands, made_up: MadeUp):
    ran = docked.run(PIPELINE, "none", "none", f"--inputs={made_up.inputs}", "ldem01acq", CRDS_READONLY_CACHE="1")
    assert ran.status == 0, ran.said
    (marker,) = (docked.folder / "work").rglob("marker.json")
    assert json.loads(marker.read_text())["outcome"] == "succeeded"
    assert str(marker.parent) in ran.out
    assert list(marker.parent.glob("data/*_flt.fits"))


def process(docked: Commands, made_up: MadeUp, *options: str, dataset: str = LARGE, **variables: str) -> Ran:
    """Process a dataset into a folder, with options for Docker."""
    return docked.run(PIPELINE, *options, "--", "results", "b", f"--inputs={made_up.inputs}", dataset, **variables)


def test_program_that_exceeds_the_memory(docked: Commands, made_up: MadeUp):
    ran = process(docked, made_up, "--memory=160m")
    marker = marker_of(docked.folder / "results", LARGE, "failed")
    assert marker["outcome"] == "out_of_memory", ran.said
    assert ran.status == marker["exit_code"]
    assert marker["exit_code"] in (31, 33)
    assert "(limit 160 MiB)" in marker["reason"]


def test_process_itself_exceeds_the_memory(docked: Commands, made_up: MadeUp):
    """Nothing of the work is left then to say so."""
    ran = process(docked, made_up, "--memory=64m", "--env=HSTDP_PLAN_ROW")
    marker = marker_of(docked.folder / "results", LARGE, "failed")
    assert (marker["outcome"], marker["exit_code"], ran.status) == ("out_of_memory", 33, 33), ran.said
    assert marker["reason"].endswith("(limit 64 MiB)")
    assert marker["peak_memory_mib"] > 20
    again = process(docked, made_up, "--memory=64m")
    assert again.status == 33
    marker = marker_of(docked.folder / "results", LARGE, "failed")
    assert (marker["attempt"], marker["earlier"][0]["outcome"]) == (2, "out_of_memory")


def test_kill_that_a_program_hides(docked: Commands, made_up: MadeUp):
    ran = with_program(docked, HIDES_A_KILL, "--memory=600m", made_up=made_up)
    marker = marker_of(docked.folder / "results", "ldem01acq", "failed")
    assert (marker["outcome"], marker["exit_code"]) == ("out_of_memory", 31), ran.said
    # the kernel may as well choose the program itself, which then hides nothing
    assert "(limit 600 MiB)" in marker["reason"]


def test_a_program_finds_no_secret(docked: Commands, made_up: MadeUp):
    script = write_snooping_calcos(docked.folder / "bin").read_text()
    docked.variables |= {**secrets(), "AWS_SECRET_ACCESS_KEY": SECRET}
    ran = with_program(docked, script, *(f"--env={name}" for name in secrets()), made_up=made_up)
    assert ran.status == 23, ran.said
    assert SECRET not in ran.said
    assert_nothing_found((docked.folder / "results/b/ldem01acq/process.log").read_text())


def with_program(docked: Commands, script: str, *options: str, made_up: MadeUp, **variables: str) -> Ran:
    return docked.run(*_with_program(docked, script, options, made_up), **variables)


def _with_program(docked: Commands, script: str, options: tuple[str, ...], made_up: MadeUp) -> list[str]:
    """Return a command line on which a script stands for calcos."""
    program = docked.folder / "calcos.sh"
    program.write_text(script)
    program.chmod(0o755)
    mount = f"--volume={program}:{program}:ro"
    words = ["results", "b", f"--inputs={made_up.inputs}", f"--programs=calcos={program}", "ldem01acq"]
    return [PIPELINE, *options, mount, "--", *words]


@pytest.fixture
def metadata() -> Iterator[MetadataServer]:
    """Return the metadata service of a spot instance."""
    with MetadataServer() as running:
        yield running


@pytest.mark.parametrize("outcome", ["cancelled", "host_lost"])
def test_docker_stop(docked: Commands, made_up: MadeUp, metadata: MetadataServer, outcome: str):
    name = f"hstdp-test-{outcome}-{time.time_ns()}"
    argv = _with_program(docked, SLOW, (f"--name={name}",), made_up)
    if outcome == "host_lost":
        metadata.notice = {"action": "terminate", "time": "2026-01-01T00:00:00Z"}
    on_aws = {
        "AWS_BATCH_JOB_ID": "0",
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
    }
    running = Running(docked, *argv, **on_aws)
    running.wait_for(running.has_told("references", "done"))
    log = docked.folder / "work/b/ldem01acq"
    running.wait_for(lambda: any("begun" in path.read_text() for path in log.glob("*/process.log")))
    start = time.monotonic()
    docker(docked, "stop", "--time=10", name)
    ran = running.end()
    assert time.monotonic() - start < 9
    assert ran.status == 143, ran.said
    marker = marker_of(docked.folder / "results", "ldem01acq", "failed")
    assert (marker["outcome"], marker["exit_code"]) == (outcome, 143)
    assert ("terminate at 2026-01-01T00:00:00Z" in marker["reason"]) is (outcome == "host_lost")
    assert subprocess.run(["pgrep", "-f", f"name={name}"], check=False).returncode == 1
    assert list(Path(docked.folder / "work").rglob("attempt-*")) == []
