"""Docker or podman on this machine, and the environment of its containers."""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hstdputils.core.errors import UserError

_PASSED = re.compile(
    r"AWS_.*|CRDS_.*|HSTDP_(?!CONTAINER_ENGINE$|IMAGE$).*|ASTROMETRY_.*|MAST_API_TOKEN|CSYS_VER|AWSDPVER|AWSYSVER|"
    r"(?:https?|all|no)_proxy|(?:REQUESTS|CURL)_CA_BUNDLE|SSL_CERT_FILE|TZ",
    re.IGNORECASE,
)


_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment variables of a container."""

    names: tuple[str, ...]
    """Variables passed on with this process's values; only their names are on the command line."""
    set: Mapping[str, str]
    """Variables with other values, none of them a secret."""

    @property
    def needs_host_network(self) -> bool:
        """Tell whether a variable is the address of a server on this machine's loopback."""
        return any(_is_loopback(os.environ[name]) for name in self.names)

    def options(self) -> list[str]:
        """Return the options that pass the variables."""
        return [f"--env={name}" for name in self.names] + [f"--env={key}={value}" for key, value in self.set.items()]


def environment(**more: str) -> Environment:
    """Return the variables of a container: those of AWS, CRDS, MAST, proxies and certificates, and ``more``."""
    names = (name for name, value in os.environ.items() if _PASSED.fullmatch(name) and value)
    return Environment(tuple(sorted(name for name in names if name not in more)), more)


def _is_loopback(value: str) -> bool:
    if "://" not in value:
        return False
    try:
        return bool(_LOOPBACK.fullmatch(urlsplit(value).hostname or ""))
    except ValueError:
        return False


VARIABLE = "HSTDP_CONTAINER_ENGINE"
"""The environment variable that names the program."""


KNOWN = ("docker", "podman")


@dataclass(frozen=True, slots=True)
class ContainerRuntime:
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


def find_engine(named: str | None = None) -> ContainerRuntime:
    """Return the named engine, or that of HSTDP_CONTAINER_ENGINE, or the first one found.

    Raises
    ------
    UserError
        There is none.
    """
    wanted = named or os.environ.get(VARIABLE)
    for name in (wanted,) if wanted else KNOWN:
        if path := shutil.which(name):
            return ContainerRuntime(path)
    if wanted:
        raise UserError(f"{wanted!r} is not a container engine here: name docker or podman (--engine, {VARIABLE})")
    raise UserError(f"neither docker nor podman is on PATH: install one of them, or name it ({VARIABLE})")


def has_terminal() -> bool:
    """Tell whether this process has a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()
