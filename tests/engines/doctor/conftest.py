"""Set-ups for the doctor."""

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest
import yaml

from tests.conftest import Commands, MadeUp
from tests.stand_ins.programs.calcos import write_calcos


@pytest.fixture
def sound(commands: Commands, made_up: MadeUp) -> Commands:
    """Return commands in a folder whose set-up is in order for COS."""
    write_calcos(commands.folder / "bin")
    commands.variables["PATH"] = f"{commands.folder / 'bin'}{os.pathsep}{commands.environment()['PATH']}"
    (commands.folder / "config").mkdir()
    config = {"ids": "my.ids", "batch": "night-1", "inputs": str(made_up.inputs)}
    (commands.folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    return commands


@pytest.fixture
def hanging() -> Iterator[str]:
    """Return the address of a server that takes connections, and never answers."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
