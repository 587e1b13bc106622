"""Calibration programs: where they are, and in which versions."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from hstdputils.calibrate.recipe import Program
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.supervision.program_environment import environment_of_programs

VERSION_SECONDS = 60
"""How long a program may take to tell its version."""


_KILLED = (-9, 128 + 9)
"""Exit statuses of what was killed, as for want of memory."""


class Programs:
    """The programs of this set-up.

    Parameters
    ----------
    named
        Commands that stand for programs, by the program's name: a path, or several words such as
        ``apptainer exec hstcal.sif calacs.e``. Other programs are looked for on PATH, beside the Python that runs
        this, and where ``make hstcal`` puts them: in ``hstcal/bin`` of its environment.
    variables
        Names, or patterns of names, of further environment variables that programs get.
    """

    def __init__(self, named: Mapping[str, str] | None = None, variables: Iterable[str] = ()) -> None:
        self._named = dict(named or {})
        self._variables = tuple(variables)

    def environment(self, variables: Mapping[str, str], home: Path) -> dict[str, str]:
        """Return the environment of a program, as `environment_of_programs` builds it."""
        return environment_of_programs(variables, home, self._variables)

    def find(self, program: Program) -> list[str]:
        """Return the words that start a program, the first of them a path.

        Raises
        ------
        UserError
            The program is not there; the message says how to get it.
        """
        own = [Path(sys.executable).parent, Path(sys.prefix) / "hstcal/bin"]
        folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, own)])
        named = self._named.get(program.name)
        words = shlex.split(named) if named else [program.name]
        path = shutil.which(words[0], path=folders) if words else None
        if path is None and named:
            raise UserError(
                f"{named!r}, which is named as the program {program.name}, is not there or cannot be run: correct it "
                f"(--programs, or programs in the configuration), or {program.advice}"
            )
        if path is None:
            raise UserError(f"the program {program.name} is not on PATH: {program.advice}")
        return [str(Path(path).absolute()), *words[1:]]

    def version(self, program: Program, seconds: float = VERSION_SECONDS) -> str:
        """Return a program's version.

        It is that of the program's distribution, where a Python runs it; else the program is asked.

        Raises
        ------
        UserError
            The program cannot be run, or was killed.
        """
        words = self.find(program)
        if Path(words[0]).parent == Path(sys.executable).parent:
            from importlib import metadata

            try:
                return metadata.version(program.distribution)
            except metadata.PackageNotFoundError:
                pass
        questions = [[*words, "--version"]]
        if python := _python_of(Path(words[0])):
            # runastrodriz knows no --version, and takes seconds to say so
            ask = f"from importlib.metadata import version; print(version({program.distribution!r}))"
            questions.insert(0, [python, "-c", ask])
        try:
            with tempfile.TemporaryDirectory(prefix="hstdp-version-") as home:
                environment = self.environment({}, Path(home))
                for question in questions:
                    answer = subprocess.run(
                        question, env=environment, capture_output=True, text=True, timeout=seconds, check=False
                    )
                    if answer.returncode == 0 or answer.returncode in _KILLED:
                        break
        except subprocess.TimeoutExpired as error:
            raise UserError(f"{words[0]} --version does not end: fix the program {program.name}") from error
        except OSError as error:
            raise UserError(f"{words[0]} cannot be run ({error.strerror}): fix the program {program.name}") from error
        if answer.returncode in _KILLED:  # a wrong answer would be pinned for the whole batch
            raise UserError(
                f"{words[0]} was killed (signal 9) when it was asked for its version: give more memory, or try again",
                ExitCode.SUBPROCESS_MEMORY,
            )
        match = re.search(r"\d+(\.\w+)+", answer.stdout + answer.stderr)
        return match[0] if match else "unknown"


def _python_of(program: Path) -> str:
    """Return the Python that a script names in its first line, or an empty string."""
    with program.open("rb") as file:
        first = file.readline(512)
    match = re.fullmatch(rb"#!\s*(/\S*python[\d.]*)\s*", first)
    return match[1].decode() if match else ""
