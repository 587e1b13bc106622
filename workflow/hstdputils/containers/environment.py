"""The environment variables that a container gets from this process, by their names alone."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_PASSED = re.compile(
    r"AWS_.*|CRDS_.*|HSTDP_(?!CONTAINER_ENGINE$|IMAGE$).*|ASTROMETRY_.*|MAST_API_TOKEN|CSYS_VER|AWSDPVER|AWSYSVER|"
    r"(?:https?|all|no)_proxy|(?:REQUESTS|CURL)_CA_BUNDLE|SSL_CERT_FILE|TZ",
    re.IGNORECASE,
)
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")


@dataclass(frozen=True, slots=True)
class Environment:
    """What a container finds in its environment."""

    names: tuple[str, ...]
    """Variables whose values are those of this process; only their names are on the command line."""
    set: Mapping[str, str]
    """Variables with values of their own, none of them a secret."""

    @property
    def is_of_this_host(self) -> bool:
        """Tell whether a variable is the address of a server that only this machine itself reaches."""
        return any(_is_loopback(os.environ[name]) for name in self.names)

    def options(self) -> list[str]:
        """Return the options that pass the variables on."""
        return [f"--env={name}" for name in self.names] + [f"--env={key}={value}" for key, value in self.set.items()]


def environment(**more: str) -> Environment:
    """Return what a container gets: the variables of AWS, CRDS, MAST, proxies and certificates, and ``more``."""
    names = (name for name, value in os.environ.items() if _PASSED.fullmatch(name) and value)
    return Environment(tuple(sorted(name for name in names if name not in more)), more)


def _is_loopback(value: str) -> bool:
    if "://" not in value:
        return False
    try:
        return bool(_LOOPBACK.fullmatch(urlsplit(value).hostname or ""))
    except ValueError:
        return False
