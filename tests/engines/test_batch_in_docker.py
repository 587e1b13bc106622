"""The stand-in for AWS Batch with jobs in containers of Docker, where its daemon runs."""

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stand_ins.aws_batch import Batch, attempt_results, docker_containers
from tests.stand_ins.aws_batch.requests import needs, submit

IMAGE = f"hstdp-batch-stand-in:{os.getpid()}"
PROGRAMS = ("sh", "sleep", "head", "tail", "env")
pytestmark = pytest.mark.engine("Docker")


@pytest.fixture
def image(docker_daemon: dict[str, str]) -> Iterator[str]:
    """Return an image with some programs of this machine, or skip the test."""
    client: Any = docker_containers.client()
    paths = {f"/bin/{name}": shutil.which(name) or "" for name in PROGRAMS}
    for path in list(paths.values()):
        libraries = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        paths |= {library: library for library in re.findall(r"(/\S+) \(", libraries)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, path in paths.items():
            tar.add(Path(path).resolve(), arcname=name.lstrip("/"))
    name, _, tag = IMAGE.partition(":")
    client.api.import_image_from_data(packed.getvalue(), repository=name, tag=tag)
    yield IMAGE
    client.images.remove(IMAGE, force=True)
    client.close()


@pytest.fixture
def docked(batch: Batch, image: str) -> Batch:
    """Return the stand-in with a definition, where a minute takes a second."""
    assert batch.runner
    batch.runner.start = docker_containers.DockerContainer
    batch.runner.time_scale = 1 / 60
    batch.runner.grace = 1
    for name, of in (("shell", image), ("no-image", "no-such-image:0")):
        container = {"image": of, "command": ["/bin/env"], "resourceRequirements": needs()}
        batch.client.register_job_definition(jobDefinitionName=name, type="container", containerProperties=container)
    return batch


@pytest.mark.parametrize(
    ("definition", "command", "status_reason", "code", "reason"),
    [
        ("shell", ["sh", "-c", "exit 24"], attempt_results.EXITED, 24, None),
        (
            "shell",
            ["sh", "-c", "head -c 200m /dev/zero | tail"],
            attempt_results.EXITED,
            137,
            attempt_results.KILLED_FOR_MEMORY,
        ),
        ("shell", ["sleep", "60"], attempt_results.timed_out().status_reason, 137, None),
        ("shell", ["no-such-program"], attempt_results.NOT_STARTED, None, "CannotStartContainerError: "),
        ("no-image", [], attempt_results.NOT_STARTED, None, "CannotPullContainerError: "),
    ],
)
def test_containers_end_as_processes_do(
    docked: Batch, definition: str, command: list[str], status_reason: str, code: int | None, reason: str | None
):
    minute = {"attemptDurationSeconds": 60}
    job = docked.service.jobs[submit(docked, *command, definition=definition, timeout=minute)]
    docked.wait()
    assert job.ended
    assert (job.ended.status_reason, job.ended.exit_code) == (status_reason, code)
    assert (job.ended.reason or "").startswith(reason or "")
    assert (job.ended.reason is None) == (reason is None)


def test_containers_have_the_environment_of_the_job(docked: Batch):
    job = docked.service.jobs[submit(docked, arrayProperties={"size": 2})]
    docked.wait()
    assert job.children
    said = docked.log(job.children[1]).splitlines()
    assert {"AWS_BATCH_JOB_ARRAY_INDEX=1", f"AWS_BATCH_JOB_ID={job.id}:1", "HOME=/"} <= set(said)
    assert f"AWS_ENDPOINT_URL_S3={docked.environment['AWS_ENDPOINT_URL_S3']}" in said
