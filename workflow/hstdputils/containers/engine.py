"""Which program starts containers here."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from hstdputils.errors import UserError

VARIABLE = "HSTDP_CONTAINER_ENGINE"
"""The environment variable that names the program."""

KNOWN = ("docker", "podman")


@dataclass(frozen=True, slots=True)
class Engine:
    """Docker or podman."""

    path: str
    """The program."""

    @property
    def is_podman(self) -> bool:
        """Tell whether it takes podman's options."""
        return "podman" in Path(os.path.realpath(self.path)).name or "podman" in Path(self.path).name

    def as_user(self) -> list[str]:
        """Return the options with which files in the container belong to the user of this process."""
        user = f"--user={os.getuid()}:{os.getgid()}"
        if not self.is_podman:
            return [user]
        # else SELinux keeps a container from folders that are mounted into it
        labels = "--security-opt=label=disable"
        return [user, labels] if os.getuid() == 0 else [user, "--userns=keep-id", labels]


def find_engine(named: str | None = None) -> Engine:
    """Return the engine that is named, or that HSTDP_CONTAINER_ENGINE names, or the first that is there.

    Raises
    ------
    UserError
        There is none.
    """
    wanted = named or os.environ.get(VARIABLE)
    for name in (wanted,) if wanted else KNOWN:
        if path := shutil.which(name):
            return Engine(path)
    if wanted:
        raise UserError(f"{wanted!r} starts no containers here: name docker or podman (--engine, {VARIABLE})")
    raise UserError(f"neither docker nor podman is on PATH: install one of them, or name it ({VARIABLE})")


def has_terminal() -> bool:
    """Tell whether a person sits in front of this process."""
    return sys.stdin.isatty() and sys.stdout.isatty()
