"""Runs of ``hstdputils doctor``, and what they say."""

import contextlib
import io
import os
from pathlib import Path
from unittest import mock

from hstdputils.core import command_line
from hstdputils.doctor.command import main
from hstdputils.references.crds_settings import crds_settings
from tests.conftest import Commands, Ran

NOWHERE = "http://127.0.0.1:9"
SLOWEST_SECONDS = 45.0
"""Within this the doctor ends, whatever hangs: 20 s for the checks, and its start on a busy machine."""


def doctor(site: Commands, *arguments: str, **variables: str) -> Ran:
    """Run the command with the folder and the environment of ``site``, and without the time that a start takes."""
    out, err = io.StringIO(), io.StringIO()
    crds_settings.cache_clear()  # they are read once a process
    with (
        mock.patch.dict(os.environ, site.environment(**variables), clear=True),
        mock.patch("boto3.DEFAULT_SESSION", None),  # it remembers credentials
        contextlib.chdir(site.folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = command_line.run(main, arguments)
    crds_settings.cache_clear()
    return Ran(status, out.getvalue(), err.getvalue())


def lines(ran: Ran) -> dict[str, tuple[str, str]]:
    """Return status and text of each line, by its subject; of several, the first that is worst."""
    assert "Traceback" not in ran.said, ran.said
    found: dict[str, tuple[str, str]] = {}
    for line in ran.out.splitlines():
        if line[:4].strip() in ("ok", "warn", "FAIL"):
            subject, _, text = line[6:].partition("  ")
            if line.startswith("FAIL") or subject not in found:
                found[subject.strip()] = (line[:4].strip(), text.strip())
    assert found, ran.said
    return found


def contents(folder: Path) -> set[str]:
    """Return the paths of all that is in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
