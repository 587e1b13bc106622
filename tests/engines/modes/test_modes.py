"""Every way of taking data goes through its real programs, and comes out as the handbooks say."""

import fcntl
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Commands
from tests.engines.honesty import assert_complete
from tests.engines.modes import MODES
from tests.engines.modes.mode import Mode, extensions_of
from tests.madeup.modes_cache import CONTEXT, write_modes_cache

pytestmark = [pytest.mark.slow, pytest.mark.engine("CRDS")]

HSTCAL = ("calacs.e", "calwf3.e", "cs0.e")


def is_there(program: str) -> bool:
    """Tell whether a program is on PATH, or in the environment's own folder of hstcal."""
    return shutil.which(program) is not None or (Path(sys.prefix) / "hstcal/bin" / program).exists()


def as_parameter(mode: Mode) -> object:
    """Return a mode as a parameter of a test, skipped where a program is not there."""
    absent = [program for program in mode.programs if program in HSTCAL and not is_there(program)]
    skip = pytest.mark.skipif(bool(absent), reason=f"{', '.join(absent)}: make hstcal brings it")
    engines = {
        "hstcal" if name in HSTCAL else "drizzlepac" if name == "runastrodriz" else name for name in mode.programs
    }
    return pytest.param(mode, marks=[*mode.marks, skip, pytest.mark.engine(*sorted(engines))], id=str(mode))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the CRDS cache of all modes, written once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "modes"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "crds").exists():
            write_modes_cache(folder / "making")
            (folder / "making").rename(folder / "crds")
    return folder / "crds"


@pytest.mark.parametrize("mode", [as_parameter(mode) for mode in MODES])
def test_mode(mode: Mode, tmp_path: Path, cache: Path, record_property: Callable[[str, object], None]) -> None:
    site = Commands(tmp_path, CRDS_PATH=str(cache))
    mode.write(tmp_path / "inputs")
    planned = site.hstdputils("plan", "out", "b", "--inputs=inputs", mode.dataset)
    assert planned.status == 0, planned.said
    row = json.loads(planned.out)

    options = ("--inputs=inputs", f"--crds-context={CONTEXT}", "--astrometry=off")
    ran = site.hstdputils("process", "out", "b", *options, mode.dataset, timeout=600)
    assert ran.status == 0, ran.said
    marker = assert_complete(tmp_path / "out", mode.dataset)
    assert (marker.get("reason") or "").startswith(mode.reason), marker
    assert set(mode.programs) <= {*marker["versions"]}, marker

    home = tmp_path / "out/b" / mode.dataset
    inputs = {path.name for path in (tmp_path / "inputs").rglob("*.fits")}
    made = {path.name: extensions_of(path) for path in home.glob("*.fits") if path.name not in inputs}
    assert made == {name: list(extensions) for name, extensions in mode.products.items()}
    if mode.check is not None:
        mode.check(home)

    used = {"MiB": marker["peak_memory_mib"], "s": marker["wall_seconds"]}
    record_property("mode", {"name": mode.name, "programs": mode.programs, "row": row, "used": used})
    assert used["MiB"] <= row["memory_mib"]
    assert used["s"] <= row["max_seconds"]
