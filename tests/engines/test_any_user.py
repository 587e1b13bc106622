"""Commands of any user, with any home: a number without a name, no home, one that cannot be written."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Commands, MadeUp
from tests.engines.honesty import assert_complete

pytestmark = [pytest.mark.engine("CRDS"), pytest.mark.slow]

READS_ALL = "+dac_read_search"
"""Lets the user without a name read what belongs to the one that runs the tests."""

AS_A_NUMBER = ("setpriv", "--reuid=12345", "--clear-groups", f"--inh-caps={READS_ALL}", f"--ambient-caps={READS_ALL}")


@pytest.fixture
def nobody(made_up: MadeUp) -> Iterator[Commands]:
    """Return commands of a user who has a number and no name, in a folder of their own that they can reach."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("another user can be had by root alone, with setpriv")
    if subprocess.run([*AS_A_NUMBER, "true"], check=False).returncode:
        pytest.skip("setpriv is refused here")
    with tempfile.TemporaryDirectory(prefix="any-user-") as name:
        folder = Path(name)
        shutil.copytree(made_up.inputs, folder / "inputs")
        shutil.copytree(made_up.crds, folder / "crds")
        folder.chmod(0o755)
        os.chown(folder, 12345, -1)
        yield Commands(folder, CRDS_PATH=str(folder / "crds"))


@pytest.mark.parametrize("home", [None, "/nonexistent", "/proc", ""], ids=["none", "absent", "read-only", "empty"])
def test_a_dataset_is_processed(nobody, home):
    set_home = ["-u", "HOME"] if home is None else [f"HOME={home}"]
    words = ("process", "out", "b", "--inputs=inputs", "--crds-context=hst_9001.pmap", "ldem01acq")
    ran = nobody.run(*AS_A_NUMBER, "env", "-u", "USER", "-u", "LOGNAME", *set_home, "hstdputils", *words)
    assert ran.status == 0, ran.said
    assert_complete(nobody.folder / "out", "ldem01acq")


def test_doctor_says_what_snakemake_wants_of_a_home(nobody):
    words = ("doctor", "--config", "inputs=inputs", "--instrument=cos")
    ran = nobody.run(*AS_A_NUMBER, "env", "-u", "HOME", "hstdputils", *words)
    assert "cannot write /nonexistent/.cache (Permission denied), which Snakemake needs to start" in ran.out
    with_home = nobody.run(*AS_A_NUMBER, "env", f"HOME={nobody.folder}", "hstdputils", *words)
    assert "Snakemake needs to start" not in with_home.out, with_home.said
