"""The rule `references`: all references are brought once, before the jobs begin."""

import json
import os
from pathlib import Path

import pytest

from tests.projects import Project
from tests.stand_ins.crds.server import CrdsServer
from tests.stand_ins.programs.calcos import write_calcos

pytestmark = pytest.mark.engine("Snakemake")

FLAT = "mad0001ml_flat.fits"


@pytest.fixture
def server(made_up):
    server = CrdsServer(made_up.crds)
    yield server
    server.close()


@pytest.fixture
def off_site(project: Project, server: CrdsServer, made_up, tmp_path: Path):
    """Return a function that runs Snakemake with the profile laptop-remote, a CRDS server and a calcos."""

    def run(*arguments: str, stand_in: str = "", **config: str):
        write_calcos(tmp_path / "bin", stand_in)
        path = f"{tmp_path / 'bin'}{os.pathsep}{project.commands.environment()['PATH']}"
        settings = {"ids": "my.ids", "batch": "night-1", "inputs": str(made_up.inputs), **config}
        return project.commands.run_warm(
            *("snakemake", "--profile", "laptop-remote", *arguments),
            *("--config", *(f"{name}={value}" for name, value in settings.items())),
            PATH=path,
            HOME=str(tmp_path),
            CRDS_SERVER_URL=server.url,
        )

    return run


def synced(project: Project) -> dict:
    return json.loads((project.folder / "results/night-1/references.json").read_text())


@pytest.mark.slow
def test_references_come_once_and_the_jobs_need_no_server(project, server, off_site):
    project.set_ids("ldem01acq", "ldem01tnq", "ldem01f1q")
    dry = off_site("-n")
    assert dry.status == 0, dry.said
    assert "references of batch night-1" in dry.said
    assert (server.calls, server.downloads) == ([], {})
    ran = off_site()
    assert ran.status == 0, ran.said
    assert server.calls == ["get_server_info"]
    assert set(server.downloads.values()) == {1}
    assert len(synced(project)["references"]) == 6
    assert "to download    6          0.004 GB" in ran.out
    for name in ("ldem01acq", "ldem01tnq", "ldem01f1q"):
        assert project.marker_of("night-1", name)["crds_context"] == "hst_9001.pmap"
    again = off_site()
    assert again.status == 0, again.said
    assert "Nothing to be done" in again.said
    assert server.calls == ["get_server_info"]


@pytest.mark.slow
def test_what_is_left_is_synced_again_in_the_next_run(project, server, off_site):
    project.set_ids("ldem01acq", "ldem01tnq")
    ran = off_site(stand_in="sys.exit(1) if 'tnq' in target else None", retries="0")
    assert ran.status == 1
    assert project.marker_of("night-1", "ldem01acq")
    assert project.marker_of("night-1", "ldem01tnq", "failed")["outcome"] == "calibration_error"
    for path in (project.folder / "crds_cache").rglob("mad0004ml_1dx.fits"):
        path.unlink(missing_ok=True)
    ran = off_site()
    assert ran.status == 0, ran.said
    assert project.marker_of("night-1", "ldem01tnq")
    assert server.downloads["mad0004ml_1dx.fits"] == 2
    assert server.calls == ["get_server_info"] * 2


@pytest.mark.slow
def test_a_server_that_fails_for_good_stops_before_the_jobs(project, server, off_site):
    project.set_ids("ldem01acq")
    server.disturb(FLAT, status=503)
    ran = off_site()
    assert ran.status == 1
    assert f"{FLAT}: the server answered 503 (Service Unavailable): try again later" in ran.said
    assert "Traceback" not in ran.said
    assert project.marker_of("night-1", "ldem01acq") is None
    assert project.marker_of("night-1", "ldem01acq", "failed") is None


@pytest.mark.slow
def test_without_the_key_each_job_brings_its_own(project, server, off_site):
    project.set_ids("ldem01acq", "ldem01tnq")
    ran = off_site(crds_sync="false")
    assert ran.status == 0, ran.said
    assert not (project.folder / "results/night-1/references.json").exists()
    assert server.calls == ["get_server_info"] * 2
    assert set(server.downloads.values()) == {1}


@pytest.mark.slow
def test_a_cache_that_is_only_read_is_checked_before_the_jobs(project, made_up, tmp_path: Path):
    project.set_ids("ldem01acq")
    project.config |= {"crds_sync": True, "crds_context": "hst_9003.pmap"}
    ran = project.snakemake("--cores", "1")
    assert ran.status == 1
    assert (
        "missing in the CRDS cache: mad0903ml_bpix.fits: sync the cache with hst_9003.pmap"
        in (project.folder / "logs/night-1/references.log").read_text()
    )
