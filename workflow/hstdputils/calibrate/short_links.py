"""Short links to the folders of reference files, for programs that keep paths in short buffers.

hstcal 3 copies the path of a reference table, its extension included, into 256 bytes without looking at its length
(``c_tbtopn``, the same in calacs.e, calwf3.e and cs0.e), so that a long ``$jref`` corrupts the program's memory.
Measured with folders of so many characters: calacs.e works at 234 and aborts at 236, cs0.e works at 240 and aborts
at 244, calwf3.e works at 244 and aborts at 250. Brackets, commas and blanks in a path mean something to it, too. A
link in the folder where the program runs, named by a relative path, is short and plain wherever the cache is.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hstdputils.calibrate.recipe import Program
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome

LONGEST_FOLDER = 200
"""Characters of a folder of references that all programs can take: 255 without a file's name and an extension."""


LONGEST_WORK = 1000
"""Characters of a folder that hstcal can run in: CFITSIO keeps the path of the current folder in 1,025 bytes."""


_VARIABLE = re.compile(r"[a-z]ref")


_PLAIN = re.compile(r"[\w./~@%=:-]*", re.ASCII)


def has_short_buffers(program: Program) -> bool:
    """Tell whether a program cannot take every path."""
    return program.distribution == "hstcal"


@contextlib.contextmanager
def short_links(program: Program, folder: Path, variables: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Give a program short paths to its references while the block runs; no link stays.

    Parameters
    ----------
    program
        The program. Those that are written in Python take any path, change folders, and get the paths as they are.
    folder
        Where it will run.
    variables
        Its environment variables. Those that name folders of references (``jref`` and its like) are shortened.

    Yields
    ------
    variables
        The same, with ``jref=.jref/`` and its like.

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
    """Return why hstcal's programs cannot use references in a folder as it is; empty where they can."""
    if len(folder) > LONGEST_FOLDER:
        return f"a path of {len(folder)} characters, and it takes {LONGEST_FOLDER}"
    return "" if _PLAIN.fullmatch(folder) else "a path with other characters than letters, digits and ._-"


def work_problem(folder: Path) -> str:
    """Return why hstcal's programs cannot run in a folder; empty where they can."""
    length = len(str(folder))
    return f"a path of {length} characters, and hstcal takes {LONGEST_WORK}" if length > LONGEST_WORK else ""
