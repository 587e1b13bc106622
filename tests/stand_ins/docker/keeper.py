"""Keeps the engines for containers: makes them in the background, and ends them with the test run.

``python -m tests.stand_ins.docker.keeper FOLDER PID WHAT...``: FOLDER gets a file for each of WHAT (``daemon``,
``image``, ``sif``) once it is there, or with the reason why it is not; PID is the process of the test run.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tests.stand_ins.docker.apptainer import make_sif
from tests.stand_ins.docker.building import build_image
from tests.stand_ins.docker.daemon import Daemon
from tests.stand_ins.docker.running import CannotStart


class _End(BaseException):
    """The test run has ended, or asks for the end."""


class Keeper:
    """Makes one thing after another, and waits for the end."""

    def __init__(self, folder: Path, test_run: int, wanted: list[str]) -> None:
        self.folder = folder
        self.test_run = test_run
        self.wanted = wanted
        self.daemon = Daemon(folder)

    def keep(self) -> None:
        """Make what is wanted, wait for the end of the test run, and leave nothing behind."""
        threading.Thread(target=self._watch, daemon=True).start()
        steps: dict[str, Callable[[], dict[str, str]]] = {
            "daemon": self.daemon.start,
            "image": lambda: build_image(self.folder, self.daemon.variables),
            "sif": lambda: make_sif(self.folder, self.daemon.variables),
        }
        try:
            missing = ""
            for name in [name for name in steps if name in self.wanted]:
                missing = self._make(name, steps[name], missing)
            threading.Event().wait()
        except _End:
            pass
        finally:
            self.daemon.stop()
            subprocess.run(["rm", "-rf", self.folder], check=False)  # quicker than Python with so many files

    def _watch(self) -> None:
        """Ask for the end once the test run has ended, even where something is still being made."""
        while _is_alive(self.test_run):
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _make(self, name: str, make: Callable[[], dict[str, str]], missing: str) -> str:
        """Make one thing and say how that went; return why what comes after it cannot be made either."""
        start = time.monotonic()
        said: dict[str, str] = {"missing": missing}
        if not missing:
            try:
                said = make()
            except CannotStart as error:
                said = {"missing": str(error)}
            except (OSError, subprocess.SubprocessError) as error:
                said = {"failed": str(error)}
        said["seconds"] = f"{time.monotonic() - start:.0f}"
        part = self.folder / f"{name}.part"
        part.write_text(json.dumps(said))
        part.rename(self.folder / f"{name}.json")
        return said.get("missing") or said.get("failed") or ""


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _raise_end(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _End


def main() -> None:
    """Go into the background, and keep."""
    folder, test_run, *wanted = sys.argv[1:]
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGTERM, _raise_end)
    (Path(folder) / "pid").write_text(str(os.getpid()))
    Keeper(Path(folder), int(test_run), wanted).keep()


if __name__ == "__main__":
    main()
