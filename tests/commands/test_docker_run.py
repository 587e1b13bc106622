"""The command lines that start containers, as ``--dry-run`` shows them."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from hstdputils import docker_run
from hstdputils.core.errors import UserError
from hstdputils.references import crds_settings as settings

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "known-to-all", "AWS_SECRET_ACCESS_KEY": "very-secret"}


FROM_OUTSIDE = ("AWS_", "CRDS_", "CURL_", "HSTDP_", "REQUESTS_", "SSL_")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty current folder, with a home folder, and with an engine that is never started."""
    for name in [name for name in os.environ if name.startswith(FROM_OUTSIDE)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    engine(tmp_path, monkeypatch, "docker")
    settings.crds_settings.cache_clear()
    yield tmp_path
    settings.crds_settings.cache_clear()


def engine(folder: Path, monkeypatch, name):
    program = folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\nexit 99\n")
    program.chmod(0o755)
    monkeypatch.setenv("HSTDP_CONTAINER_ENGINE", str(program))


def command(capsys, run, *arguments):
    """Return the words of the command that would run."""
    assert run(arguments) == 0
    return shlex.split(capsys.readouterr().out)


def mount(path, target=None, writable=False):
    return f"--mount=type=bind,source={path},target={target or path}{'' if writable else ',readonly'}"


def test_pipeline_sees_what_its_arguments_name(here, capsys):
    (here / "raws").mkdir()
    (here / "my.ids").write_text("ldem01acq\n")
    words = ["results", "b", "--inputs=raws", "--inputs", "s3://stpubdata/hst/public", "--inputs=mast:", "@my.ids"]
    argv = command(capsys, docker_run.pipeline, "--dry-run", "--image=mine:1", *words)
    assert argv[-len(words) - 2 :] == ["mine:1", "hstdp-process", *words]
    assert argv[1:4] == ["run", "--rm", f"--user={os.getuid()}:{os.getgid()}"]
    mounts = {word for word in argv if word.startswith("--mount")}
    expected = {mount(here / name, writable=True) for name in ("results", "work")}
    assert mounts == expected | {mount(here / "raws"), mount(here / "my.ids")}
    assert (here / "results").is_dir()
    assert f"--workdir={here}" in argv
    assert "--network=host" not in argv


def test_none_and_s3_are_no_folders(here, capsys):
    for output in ("none", "s3://bucket/prefix"):
        argv = command(capsys, docker_run.pipeline, "--dry-run", output, "none", "ldem01acq")
        assert [word for word in argv if word.startswith("--mount")] == [mount(here / "work", writable=True)]


@pytest.mark.parametrize(
    "given", [["--memory=2g", "--cpus", "2", "--"], ["--docker-option=--memory=2g", "--docker-option=--cpus=2"]]
)
def test_options_of_the_engine(here, capsys, given):
    argv = command(capsys, docker_run.pipeline, "--dry-run", *given, "none", "none", "ldem01acq")
    end = argv.index("calcloud:latest")
    assert " ".join(argv[:end]).replace("=", " ").endswith("--memory 2g --cpus 2")


def test_cache_is_written_only_where_it_grows(here, capsys, monkeypatch):
    cache = here / "cache"
    monkeypatch.setenv("CRDS_PATH", "cache")
    monkeypatch.setenv("CRDS_SERVER_URL", "https://hst-crds.stsci.edu")
    argv = command(capsys, docker_run.container, "--dry-run", "calcos")
    assert mount(cache, writable=True) in argv
    assert f"--env=CRDS_PATH={cache}" in argv
    assert "--env=CRDS_SERVER_URL" in argv
    monkeypatch.setenv("CRDS_READONLY_CACHE", "1")
    settings.crds_settings.cache_clear()
    assert mount(cache) in command(capsys, docker_run.container, "--dry-run", "calcos")


def test_secrets_are_not_shown(here, capsys, monkeypatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    (here / "home/.aws").mkdir(parents=True)
    argv = command(
        capsys, docker_run.container, "--dry-run", "--env=MAST_API_TOKEN=very-secret", "--", "env", "--version"
    )
    assert "very-secret" not in " ".join(argv)
    assert {f"--env={name}" for name in CREDENTIALS} | {"--env=MAST_API_TOKEN=***"} <= set(argv)
    assert not [word for word in argv if ".aws" in word]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    argv = command(capsys, docker_run.container, "--dry-run", "env")
    assert mount(here / "home/.aws", "/home/hstdp/.aws") in argv


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("http://127.0.0.1:5000", True),
        ("http://localhost:9000/", True),
        ("http://[::1]:1", True),
        ("https://s3.x", False),
    ],
)
def test_servers_of_this_machine_are_reached(here, capsys, monkeypatch, address, is_here):
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    assert ("--network=host" in command(capsys, docker_run.container, "--dry-run", "env")) is is_here
    own = command(capsys, docker_run.container, "--dry-run", "--network=mine", "--", "env")
    assert [word for word in own if word.startswith("--network")] == ["--network=mine"]


def test_podman(here, capsys, monkeypatch):
    engine(here, monkeypatch, "podman")
    argv = command(capsys, docker_run.container, "--dry-run", "env")
    assert "--security-opt=label=disable" in argv
    assert ("--userns=keep-id" in argv) is (os.getuid() != 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to run: see hstdputils-docker-run-pipeline --help"),
        (["--engine=no-such", "none", "none", "ldem01acq"], "'no-such' is not a container engine here"),
        (["none", "none", "--inputs=absent", "ldem01acq"], "absent does not exist, so that it cannot be mounted"),
        (["--memory=2g", "none", "none", "ldem01acq"], "unrecognized arguments: --memory=2g"),
        (["none", "a/b", "ldem01acq"], "a/b"),
    ],
)
def test_errors_are_said_before_anything_starts(here, arguments, said):
    with pytest.raises(UserError) as caught:
        docker_run.pipeline(arguments)
    assert said in str(caught.value)


def test_no_engine_at_all(here, monkeypatch):
    monkeypatch.delenv("HSTDP_CONTAINER_ENGINE")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent / "none"))
    with pytest.raises(UserError, match="neither docker nor podman is on PATH"):
        docker_run.container(["env"])
