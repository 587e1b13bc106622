"""Programs that are killed when they are asked for their version, which is pinned for all of a batch."""

import pytest

from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Program
from hstdputils.core.errors import ExitCode, UserError


@pytest.mark.parametrize("end", ["kill -9 $$", "exit 137"])
def test_no_version_is_made_up(tmp_path, monkeypatch, end):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / "calxyz"
    path.write_text(f"#!/bin/sh\necho 1.2.3\n{end}\n")
    path.chmod(0o755)
    with pytest.raises(UserError, match=r"was killed .* more memory, or try again") as raised:
        Programs().version(Program("calxyz", "calxyz", "get it"))
    assert raised.value.exit_code == ExitCode.SUBPROCESS_MEMORY
