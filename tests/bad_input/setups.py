"""How bad input is made: what several files of the table share."""

import os
import shutil
import subprocess

import pytest

from hstdputils.core.errors import ExitCode
from tests.bad_input.kinds import Place, Setup


def file(name: str, content: str | bytes) -> Setup:
    return lambda place: place.write(name, content)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def unprivileged(setup: Setup) -> Setup:
    """Take from root the power to pass over permissions: ``{unprivileged}`` before the command."""

    def with_words(place: Place) -> None:
        words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if os.geteuid() != 0:
            words = []
        elif not shutil.which("setpriv") or subprocess.run([*words, "true"], check=False).returncode:
            pytest.skip("root cannot be kept from writing everywhere here: no setpriv, or it is refused")
        place.words["unprivileged"] = " ".join(words)
        setup(place)

    return with_words


def mode(name: str, mode: int) -> Setup:
    """Make a folder with these permissions."""

    def setup(place: Place) -> None:
        folder = place.folder / name
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
        place.cleanup.callback(folder.chmod, 0o755)

    return setup


def batch_of_another_context(place: Place) -> None:
    ran = place.run("hstdputils process out b ldem99zzq --inputs {inputs} --crds-context hst_9001.pmap")
    assert ran.status == ExitCode.INPUTS
