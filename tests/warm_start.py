"""Starts of the package's commands that need not wait for the imports of other people's libraries.

These imports are most of the time of a short command. One process makes them once, and forks for each command; the
package itself is imported by each command anew. What a command reads, says and leaves is as after a start of its own.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

_LIBRARIES = """
numpy requests lxml.etree parsley yaml rich.console PIL.Image
astropy.io.fits astropy.table astropy.coordinates astropy.io.votable astropy.wcs
boto3 botocore.client botocore.httpsession s3transfer.manager
matplotlib.figure matplotlib.backends.backend_agg
asdf snakemake.cli
""".split()
"""They read none of a command's variables when they are imported."""


class WarmStarts:
    """The process that forks, begun with the first command."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str, timeout: float
    ) -> tuple[int, str, str]:
        """Run ``python -m`` with these words to its end, and return exit status, output and errors."""
        if self._process is None:
            command = [sys.executable, __file__]
            variables = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # a process with threads should not fork
            self._process = subprocess.Popen(
                command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as name:
            streams = Path(name)
            (streams / "stdin").write_text(stdin)
            call = {"argv": argv, "folder": str(folder), "environment": dict(environment), "streams": name}
            print(json.dumps(call), file=self._process.stdin, flush=True)
            if not select.select([self._process.stdout], [], [], timeout)[0]:
                self.stop()
                raise subprocess.TimeoutExpired(list(argv), timeout)
            status = int(self._process.stdout.readline())
            return status, (streams / "stdout").read_text(), (streams / "stderr").read_text()

    def stop(self) -> None:
        """End the process, and the command that it may be running."""
        if self._process is not None:
            for process in psutil.Process(self._process.pid).children(recursive=True):
                process.kill()
            self._process.communicate()
            self._process = None


WARM_STARTS = WarmStarts()


def _serve() -> dict[str, Any] | None:
    """Fork for each call that comes; in a fork, return its call, and after the last call none."""
    sys.path.pop(0)
    for library in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    gc.freeze()  # or each fork would copy all memory to look for garbage in it
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return json.loads(line)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)
    return None


def _become(call: dict[str, Any]) -> None:
    """Turn this fork into the command."""
    streams = Path(call["streams"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.open(streams / name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(call["environment"])
    os.chdir(call["folder"])
    sys.path.insert(0, call["folder"])
    module, *arguments = call["argv"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__" and (call := _serve()):
    _become(call)
