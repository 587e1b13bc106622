"""The folder in which each kind of bad input is made, and what the kinds share."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.bad_input.kinds import Place
from tests.conftest import Commands, MadeUp


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """Start a server of S3 that has no bucket; no kind makes one."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def place(tmp_path: Path, commands: Commands, made_up: MadeUp, request: pytest.FixtureRequest) -> Iterator[Place]:
    with contextlib.ExitStack() as cleanup:
        yield Place(tmp_path, made_up, commands, cleanup, partial(request.getfixturevalue, "s3_address"))
