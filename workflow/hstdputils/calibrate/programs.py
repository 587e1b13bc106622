"""Calibration programs: where they are, in which versions, and with which environment they run.

hstcal 3 copies the path of a reference table, its extension included, into 256 bytes without looking at its length
(``c_tbtopn``, the same in calacs.e, calwf3.e and cs0.e), so that a long ``$jref`` corrupts the program's memory.
Measured: calacs.e works with folders of 234 characters and aborts at 236, cs0.e works at 240 and aborts at 244,
calwf3.e works at 244 and aborts at 250. Brackets, commas and blanks in a path have a meaning for them, too. A link in
the folder where the program runs, given by a relative path, is short and plain wherever the cache is.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hstdputils.calibrate.recipe import Program
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.supervision.program_environment import environment_of_programs

VERSION_SECONDS = 60
"""How long a program may take to print its version, s."""


_KILLED = (-9, 128 + 9)
"""Exit statuses of a killed program, as when memory runs out."""


class Programs:
    """The programs of this set-up.

    Parameters
    ----------
    named
        Commands that replace programs, by the program's name: a path, or several words such as
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

    def check(self, program: Program, folder: Path) -> None:
        """Raise `UserError` where a program is not there, or cannot run in a folder."""
        self.find(program)
        if has_short_buffers(program) and (problem := work_problem(folder)):
            raise UserError(f"{program.name} cannot run in {folder} ({problem}): name another --work")

    def version(self, program: Program, seconds: float = VERSION_SECONDS) -> str:
        """Return a program's version.

        For a program written in Python it is that of its distribution; any other program is asked.

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
            # runastrodriz has no --version, and takes seconds to reject it
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
        if answer.returncode in _KILLED:  # a wrong version would be pinned for the whole batch
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


LONGEST_FOLDER = 200
"""Longest path of a folder of references for all programs: 255 characters less a file's name and an extension."""


LONGEST_WORK = 1000
"""Longest path of a folder that hstcal can run in: CFITSIO keeps the current folder in 1,025 bytes."""


_VARIABLE = re.compile(r"[a-z]ref")


_PLAIN = re.compile(r"[\w./~@%=:-]*", re.ASCII)


def has_short_buffers(program: Program) -> bool:
    """Tell whether a program cannot handle every path."""
    return program.distribution == "hstcal"


@contextlib.contextmanager
def short_links(program: Program, folder: Path, variables: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Give a program short paths to its references while the block runs; the links are removed after it.

    Parameters
    ----------
    program
        The program. Those written in Python handle any path and change folders: they get the paths unchanged.
    folder
        Where it will run.
    variables
        Its environment variables. Those that name folders of references (``jref`` and the like) are shortened.

    Yields
    ------
    variables
        The same, with ``jref=.jref/`` and the like.

    Raises
    ------
    AttemptFailed
        Links cannot be made there, and a path is too long without one (``no_references``).
    """
    shortened = dict(variables)
    links: list[Path] = []
    try:
        for name, value in variables.items() if has_short_buffers(program) else ():
            if not _VARIABLE.fullmatch(name) or not value.startswith("/"):
                continue
            link = folder / f".{name}"
            try:
                link.symlink_to(value, target_is_directory=True)
            except OSError as error:
                if problem := path_problem(value):
                    reason = (
                        f"{program.name} cannot use the references in {value} ({problem}), and no link to them can "
                        f"be made in {folder} ({error.strerror}): set CRDS_PATH to a shorter path, or name another "
                        "--work"
                    )
                    raise AttemptFailed(Outcome.NO_REFERENCES, ExitCode.REFERENCES, reason) from error
            else:
                links.append(link)
                shortened[name] = f"{link.name}/"
        yield shortened
    finally:
        for link in links:
            link.unlink(missing_ok=True)


def path_problem(folder: str) -> str:
    """Return why hstcal's programs cannot use references in a folder by its own path; empty where they can."""
    if len(folder) > LONGEST_FOLDER:
        return f"a path of {len(folder)} characters, and it takes {LONGEST_FOLDER}"
    return "" if _PLAIN.fullmatch(folder) else "a path with other characters than letters, digits and ._-"


def work_problem(folder: Path) -> str:
    """Return why hstcal's programs cannot run in a folder; empty where they can."""
    length = len(str(folder))
    return f"a path of {length} characters, and hstcal takes {LONGEST_WORK}" if length > LONGEST_WORK else ""
