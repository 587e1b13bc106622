"""What the jobs of a batch have in common: the folder, variables and image that they run with, and how they queue."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from hstdputils.core.errors import UserError
from hstdputils.records.plan_slices import ROW_VARIABLE
from hstdputils.supervision.machine import JOB_VARIABLE

PASSED = ("CRDS_*", "AWS_*", "HSTDP_*", "ASTROMETRY_*", "?ref", "LANG", "LC_*", "CSYS_VER", "AWSDPVER", "AWSYSVER")
"""Variables that jobs get: of CRDS, of boto3, of the package and of the programs."""


OF_THIS_SYSTEM = ("PATH", "HOME", "PYTHONPATH", "XDG_CONFIG_HOME", "LD_LIBRARY_PATH")
"""Variables that jobs get besides, where they do not run in an image of their own."""


SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_*", "*_TOKEN")
"""Variables that jobs do not get: everybody who can ask the scheduler sees what jobs get."""


_LINE = re.compile(r"\s*(my\.|\+)?[A-Za-z_][\w.]*\s*=.*", re.ASCII)


NOT_ONE_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]|\\\s*$")
"""What ends a line of a submit description, or joins it with the next one."""


_OURS = """
arguments environment executable transfer_executable initialdir output error log queue max_idle requirements
request_memory request_cpus request_disk periodic_hold periodic_remove periodic_hold_reason periodic_hold_subcode
""".split()


@dataclass(frozen=True, slots=True)
class Site:
    """What the jobs of a batch have in common, recorded with its first submission and the same for the later ones."""

    folder: str
    """The folder in which they were submitted: where logs go, and what paths are relative to."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Their environment variables."""
    disk_mib: int = 10_240
    """Disk space of each, MiB."""
    image: str = ""
    """The container image; empty for the machines' own programs."""
    max_idle: int = 1000
    """Jobs that wait for a machine at the same time; the others are made when these have started."""
    lines: Sequence[str] = ()
    """Further lines of the submit description."""


def environment(more: Sequence[str] = (), *, has_image: bool = False) -> dict[str, str]:
    """Return the variables of this process that jobs get.

    Parameters
    ----------
    more
        Names of variables that they get too.
    has_image
        Whether the jobs run in an image of their own.

    Raises
    ------
    UserError
        A name in ``more`` is not set, or a variable is a URL with a password.
    """
    for name in more:
        if name not in os.environ:
            raise UserError(f"--env {name}: there is no such variable: set it, or leave the option out")
    wanted = PASSED if has_image else (*PASSED, *OF_THIS_SYSTEM)
    unwanted = (*SECRET, *more)
    chosen = {name: value for name, value in os.environ.items() if _fits(name, wanted) and not _fits(name, unwanted)}
    for name, value in chosen.items():
        if "@" in value and urlsplit(value).password:
            raise UserError(
                f"{name} holds a password, which all who can ask the scheduler would see: take it out of the URL, or "
                f"give --env {name} if that may be"
            )
    chosen |= {name: os.environ[name] for name in more}
    return {name: chosen[name] for name in sorted(chosen.keys() - {ROW_VARIABLE, JOB_VARIABLE})}


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def here(more: Sequence[str] = (), image: str = "") -> Site:
    """Return a site for jobs that run as this process does, in this folder."""
    return Site(str(Path.cwd()), environment(more, has_image=bool(image)), image=image_of(image))


def check_lines(lines: Iterable[str]) -> None:
    """Raise `UserError` where a further line is not one, or sets what the engine itself sets."""
    for line in lines:
        name = line.partition("=")[0].strip().lower()
        if NOT_ONE_LINE.search(line) or not _LINE.fullmatch(line) or name in _OURS:
            raise UserError(f"--line {line!r} cannot be used: give NAME = VALUE, with a name that is not set already")


def image_of(name: str) -> str:
    """Return a container image as HTCondor wants it: an address with its protocol, or a path.

    Raises
    ------
    UserError
        It is a relative path, and nothing is there.
    """
    path = Path(name)
    if not name or "://" in name or path.is_absolute():
        return name
    if path.exists():
        return str(path.absolute())
    if path.suffix == ".sif" or name.startswith("."):
        raise UserError(f"--image {name}: there is no such file or folder: correct the path")
    return f"docker://{name}"
